//! Serf agents and this library in one cluster.

use chinwag_peers::command::{self, members};
use chinwag_peers::ours::Ours;
use chinwag_peers::present;
use chinwag_peers::serf::Serf;

/// Base64 of 16 bytes.
const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

#[test]
fn everybody_sees_everybody_with_tags() {
    if !present("serf") {
        return;
    }
    let one = Serf::start("serf-1", None, &[]);
    let ours = Ours::start("ours-1", &[&one.addr], &[]);
    let two = Serf::start("serf-2", Some(&ours.addr()), &[]);
    let last = Ours::start("ours-2", &[&two.addr], &[]);
    let names = ["ours-1", "ours-2", "serf-1", "serf-2"];
    for member in [&ours, &last] {
        let seen = member.sees(&names);
        for (name, tags) in seen {
            assert_eq!(tags["of"], name);
        }
    }
    for serf in [&one, &two] {
        for name in names {
            assert_eq!(serf.expect(name, "alive")["of"], name);
        }
    }
    ours.tag("mood", "cheerful");
    chinwag_peers::eventually("serf hears of a changed tag", || {
        let tags = two.expect("ours-1", "alive");
        (tags.get("mood").map(String::as_str) == Some("cheerful")).then_some(())
    });
}

#[test]
fn a_leave_is_a_leave_on_both_sides() {
    if !present("serf") {
        return;
    }
    let watching = Serf::start("serf-1", None, &[]);
    let mut leaving = Serf::start("serf-2", Some(&watching.addr), &[]);
    // So many that serf's word of a leave often meets them only, and they must pass it on.
    let names = ["ours-1", "ours-2", "ours-3", "ours-4", "ours-5"];
    let mut ours: Vec<Ours> =
        names.iter().map(|name| Ours::start(name, &[&watching.addr], &[])).collect();
    for member in &ours {
        member.sees(&["ours-1", "ours-2", "ours-3", "ours-4", "ours-5", "serf-1", "serf-2"]);
    }
    for name in names {
        watching.expect(name, "alive");
    }

    leaving.leave();
    ours[0].expect("member-leave", "serf-2", "member-failed");
    watching.expect("serf-2", "left");
    for name in ["ours-5", "ours-4", "ours-3"] {
        ours.pop().into_iter().for_each(Ours::leave);
        ours[0].expect("member-leave", name, "member-failed");
        watching.expect(name, "left");
    }
}

#[test]
fn a_crash_is_a_failure_on_both_sides() {
    if !present("serf") {
        return;
    }
    let watching = Serf::start("serf-1", None, &[]);
    let mut dying = Serf::start("serf-2", Some(&watching.addr), &[]);
    let ours = Ours::start("ours-1", &[&watching.addr], &[]);
    let other = Ours::start("ours-2", &[&watching.addr], &[]);
    ours.sees(&["ours-1", "ours-2", "serf-1", "serf-2"]);
    other.sees(&["ours-1", "ours-2", "serf-1", "serf-2"]);
    watching.expect("ours-2", "alive");

    dying.kill();
    other.crash();
    ours.expect("member-failed", "serf-2", "member-leave");
    ours.expect("member-failed", "ours-2", "member-leave");
    watching.expect("serf-2", "failed");
    watching.expect("ours-2", "failed");
}

#[test]
fn its_list_can_be_read_without_a_trace() {
    if !present("serf") {
        return;
    }
    let one = Serf::start("serf-1", None, &[]);
    let mut two = Serf::start("serf-2", Some(&one.addr), &[]);
    one.expect("serf-2", "alive");
    let (before, log) = (one.members(), one.log());

    assert_eq!(members(&one.addr, &[]), before);
    assert_eq!(members(&two.addr, &[]), before);
    assert_eq!(members(&one.addr, &["--tag", "of=serf-2"]).keys().collect::<Vec<_>>(), ["serf-2"]);
    // Debian's serf knows no labels, and hangs up.
    let labelled = command::run(&["members", "--seed", &one.addr, "--cluster", "blue"]);
    assert_eq!(labelled.status, 4, "{labelled:?}");
    assert!(labelled.complaints.contains("another than \"blue\""), "{labelled:?}");
    let new = one.log().split_off(log.len());
    assert!(new.iter().all(|line| line.contains("invalid msgType (244)")), "{new:?}");

    two.kill();
    one.expect("serf-2", "failed");
    let failed = members(&one.addr, &[]);
    assert_eq!(failed["serf-2"].0, "failed");
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert_eq!(one.members().len(), 2);
}

#[test]
fn an_encrypted_cluster_says_so() {
    if !present("serf") {
        return;
    }
    let serf = Serf::start("serf-1", None, &[&format!("-encrypt={KEY}")]);
    let done = command::run(&["members", "--seed", &serf.addr]);
    assert_eq!(done.status, 4, "{done:?}");
    assert!(done.complaints.contains("encrypted"), "{done:?}");
    assert_eq!(done.output, "");
}
