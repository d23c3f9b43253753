//! Encrypted clusters of real peers and this library.

use std::path::PathBuf;

use chinwag::ErrorKind;
use chinwag::api::WarningCode;
use chinwag_peers::command::{self, members};
use chinwag_peers::go::{AGENT, Go, OLD_AGENT};
use chinwag_peers::ours::Ours;
use chinwag_peers::serf::Serf;
use chinwag_peers::{eventually, present};

/// Base64 of 16, 24 and 32 bytes.
const KEYS: [&str; 3] = [
    "MDEyMzQ1Njc4OWFiY2RlZg==",
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
];

/// Waits until memberlist's own list has these names.
fn sees(go: &mut Go, names: &[&str]) {
    eventually(&format!("memberlist lists {names:?}"), || {
        let listed = go.members();
        let tagged = listed.iter().all(|(name, (_, tags))| tags["of"] == *name);
        (listed.keys().eq(names) && tagged).then_some(())
    });
}

/// Waits until some of its probes were answered; all of them over UDP, and nothing was refused.
fn is_at_home(ours: &Ours) {
    let stats = eventually("probes are answered", || {
        let stats = ours.stats();
        (stats.probes_answered >= 3).then_some(stats)
    });
    assert_eq!(stats.probes_saved_by_tcp, 0, "{stats:?}");
    let refused = stats.packets_undecryptable
        + stats.packets_plaintext_refused
        + stats.packets_mislabelled
        + stats.packets_malformed;
    assert_eq!(refused, 0, "{stats:?}");
}

/// Joins from either side, tags, a leave and a crash.
fn live_together(agent: &str, options: &[(&str, &str)]) {
    let words: String = options.iter().map(|(key, text)| format!(" opt.{key}={text}")).collect();
    let mut one = Go::start_with(agent, "go-1", None, &words);
    let ours = Ours::start("ours-1", &[&one.addr], options);
    let mut two = Go::start_with(agent, "go-2", Some(&ours.addr()), &words);
    let other = Ours::start("ours-2", &[&two.addr], options);
    let names = ["go-1", "go-2", "ours-1", "ours-2"];
    for member in [&ours, &other] {
        assert!(member.sees(&names).iter().all(|(name, tags)| tags["of"] == *name));
    }
    sees(&mut one, &names);
    sees(&mut two, &names);
    ours.tag("mood", "cheerful");
    assert!(two.expect("member-update", "ours-1").contains("tag.mood=cheerful"));
    is_at_home(&ours);
    two.leave();
    ours.expect("member-leave", "go-2", "member-failed");
    other.leave();
    one.expect("member-leave", "ours-2");
    one.kill();
    ours.expect("member-failed", "go-1", "member-leave");
}

#[test]
fn every_length_of_key_works_with_memberlist() {
    for agent in [AGENT, OLD_AGENT].into_iter().filter(|agent| present(agent)) {
        for (key, compression) in KEYS.into_iter().zip(["true", "false", "true"]) {
            live_together(agent, &[("keys", key), ("compression", compression)]);
        }
    }
}

#[test]
fn labels_and_keys_work_together() {
    if present(AGENT) {
        live_together(AGENT, &[("cluster", "blue")]);
        live_together(AGENT, &[("cluster", "blue"), ("keys", KEYS[2])]);
    }
}

#[test]
fn each_step_from_plain_to_encrypted_goes_with_the_next() {
    for agent in [AGENT, OLD_AGENT].into_iter().filter(|agent| present(agent)) {
        roll_with(agent);
    }
}

fn roll_with(agent: &str) {
    let (keys, lax) = (("keys", KEYS[1]), ("verify_incoming", "false"));
    let steps: [&[(&str, &str)]; 4] =
        [&[], &[keys, lax, ("verify_outgoing", "false")], &[keys, lax], &[keys]];
    let words = |options: &[(&str, &str)]| -> String {
        options.iter().map(|(key, text)| format!(" opt.{key}={text}")).collect()
    };
    for pair in steps.windows(2) {
        for (theirs, own) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            let mut one = Go::start_with(agent, "go-1", None, &words(theirs));
            let ours = Ours::start("ours-1", &[&one.addr], own);
            let mut two = Go::start_with(agent, "go-2", Some(&ours.addr()), &words(theirs));
            let names = ["go-1", "go-2", "ours-1"];
            ours.sees(&names);
            sees(&mut one, &names);
            sees(&mut two, &names);
            is_at_home(&ours);
        }
    }
}

#[test]
fn other_keys_are_refused_on_either_side() {
    for agent in [AGENT, OLD_AGENT].into_iter().filter(|agent| present(agent)) {
        let with = |key: &str| format!(" opt.keys={key}");
        let mut go = Go::start_with(agent, "go-1", None, &with(KEYS[0]));
        let mut plain_go = Go::start_with(agent, "go-2", None, "");
        let keyed = Ours::start("ours-1", &[], &[("keys", KEYS[2])]);
        let plain = Ours::start("ours-2", &[], &[]);
        for (joiner, seed, says) in [
            (&keyed, &go.addr, "under another key"),
            (&keyed, &plain_go.addr, "in clear"),
            (&plain, &go.addr, "answered encrypted, and this node has no keys"),
        ] {
            let error = joiner.join(seed).expect_err("keys differ");
            assert_eq!(error.kind(), ErrorKind::KeyMismatch, "{error}");
            assert!(error.message().contains(says), "{error}");
        }
        assert!(go.join(&keyed.addr()).starts_with("error code=join_failed"));
        keyed.warns(WarningCode::KeyMismatch);
        assert_eq!(keyed.stats().streams_undecryptable, 1);
        assert!(plain_go.join(&keyed.addr()).starts_with("error code=join_failed"));
        keyed.warns(WarningCode::PlaintextRefused);
        assert_eq!(keyed.stats().streams_plaintext_refused, 1);
        assert!(go.join(&plain.addr()).starts_with("error code=join_failed"));
        plain.warns(WarningCode::KeyMismatch);
        keyed.sees(&["ours-1"]);
        plain.sees(&["ours-2"]);
        sees(&mut go, &["go-1"]);
        sees(&mut plain_go, &["go-2"]);
    }
}

#[test]
fn another_label_is_refused_on_either_side() {
    if !present(AGENT) {
        return;
    }
    let mut go = Go::start("go-1", None, &format!(" opt.keys={} opt.cluster=red", KEYS[0]));
    let ours = Ours::start("ours-1", &[], &[("keys", KEYS[0]), ("cluster", "blue")]);
    let error = ours.join(&go.addr).expect_err("labels differ");
    assert_eq!(error.kind(), ErrorKind::JoinFailed, "{error}");
    assert!(error.message().contains("label may be another than \"blue\""), "{error}");
    assert!(go.join(&ours.addr()).starts_with("error code=join_failed"));
    ours.warns(WarningCode::LabelMismatch);
    assert_eq!(ours.stats().streams_mislabelled, 1);
    ours.sees(&["ours-1"]);
}

#[test]
fn serf_and_this_library_share_a_key() {
    if !present("serf") {
        return;
    }
    for key in [KEYS[0], KEYS[2]] {
        let encrypt = format!("-encrypt={key}");
        let one = Serf::start("serf-1", None, &[&encrypt]);
        let ours = Ours::start("ours-1", &[&one.addr], &[("keys", key)]);
        let mut two = Serf::start("serf-2", Some(&ours.addr()), &[&encrypt]);
        let mut three = Serf::start("serf-3", Some(&ours.addr()), &[&encrypt]);
        let leaver = Ours::start("ours-2", &[&two.addr], &[("keys", key)]);
        let names = ["ours-1", "ours-2", "serf-1", "serf-2", "serf-3"];
        assert!(ours.sees(&names).iter().all(|(name, tags)| tags["of"] == *name));
        for name in names {
            assert_eq!(one.expect(name, "alive")["of"], name);
        }
        is_at_home(&ours);
        two.leave();
        ours.expect("member-leave", "serf-2", "member-failed");
        leaver.leave();
        one.expect("ours-2", "left");
        three.kill();
        ours.expect("member-failed", "serf-3", "member-leave");
        ours.crash();
        one.expect("ours-1", "failed");
    }
}

/// A file that goes with the test.
struct KeyFile(PathBuf);

impl KeyFile {
    fn of(keys: &[&str]) -> Self {
        let name = format!("chinwag-keys-{}-{}", std::process::id(), keys.len());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, keys.join("\n")).expect("a file");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("plain letters")
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn the_list_of_an_encrypted_cluster_is_read_with_its_key() {
    let (right, wrong) = (KeyFile::of(&[KEYS[2], KEYS[0]]), KeyFile::of(&[KEYS[1]]));
    let refused = |addr: &str, more: &[&str], says: &str| {
        let mut words = vec!["members", "--seed", addr];
        words.extend(more);
        let done = command::run(&words);
        assert_eq!((done.status, &*done.output), (4, ""), "{done:?}");
        assert!(done.complaints.contains(says), "{done:?}");
        assert!(KEYS.iter().all(|key| !done.complaints.contains(key)), "{done:?}");
    };
    if present("serf") {
        let serf = Serf::start("serf-1", None, &[&format!("-encrypt={}", KEYS[2])]);
        assert_eq!(members(&serf.addr, &["--key-file", right.path()]), serf.members());
        refused(&serf.addr, &["--key-file", wrong.path()], "under another key");
        refused(&serf.addr, &[], "its cluster is encrypted");
    }
    if present(AGENT) {
        let options = format!(" opt.keys={} opt.cluster=blue", KEYS[2]);
        let mut go = Go::start("go-1", None, &options);
        let with = ["--key-file", right.path(), "--cluster", "blue"];
        assert_eq!(members(&go.addr, &with), go.members());
        let wrong = ["--key-file", wrong.path(), "--cluster", "blue"];
        refused(&go.addr, &wrong, "under another key");
        refused(&go.addr, &["--key-file", right.path()], "may have a label");
    }
}
