//! Go memberlist's newest release and this library in one cluster.

use chinwag_peers::command::{self, members};
use chinwag_peers::go::{AGENT, Go};
use chinwag_peers::ours::Ours;
use chinwag_peers::{Listed, eventually, present};

/// Waits until memberlist's own list has these names.
fn sees(go: &mut Go, names: &[&str]) -> Listed {
    eventually(&format!("memberlist lists {names:?}"), || {
        let listed = go.members();
        listed.keys().eq(names).then_some(listed)
    })
}

#[test]
fn everybody_sees_everybody_with_tags() {
    if !present(AGENT) {
        return;
    }
    let mut one = Go::start("go-1", None, "");
    let ours = Ours::start("ours-1", &[&one.addr], &[]);
    let mut two = Go::start("go-2", Some(&ours.addr()), "");
    let names = ["go-1", "go-2", "ours-1"];
    for listed in [sees(&mut one, &names), sees(&mut two, &names)] {
        assert!(listed.iter().all(|(name, (_, tags))| tags["of"] == *name), "{listed:?}");
    }
    assert!(ours.sees(&names).iter().all(|(name, tags)| tags["of"] == *name));
    ours.tag("mood", "cheerful");
    assert!(two.expect("member-update", "ours-1").contains("tag.mood=cheerful"));
}

#[test]
fn leaves_and_crashes_are_told_apart() {
    if !present(AGENT) {
        return;
    }
    let mut watching = Go::start("go-1", None, "");
    let mut leaving = Go::start("go-2", Some(&watching.addr), "");
    let mut dying = Go::start("go-3", Some(&watching.addr), "");
    let ours = Ours::start("ours-1", &[&watching.addr], &[]);
    let leaver = Ours::start("ours-2", &[&watching.addr], &[]);
    let victim = Ours::start("ours-3", &[&watching.addr], &[]);
    let names = ["go-1", "go-2", "go-3", "ours-1", "ours-2", "ours-3"];
    for member in [&ours, &leaver, &victim] {
        member.sees(&names);
    }
    sees(&mut watching, &names);

    leaving.leave();
    ours.expect("member-leave", "go-2", "member-failed");
    leaver.leave();
    ours.expect("member-leave", "ours-2", "member-failed");
    watching.expect("member-leave", "ours-2");
    dying.kill();
    victim.crash();
    ours.expect("member-failed", "go-3", "member-leave");
    ours.expect("member-failed", "ours-3", "member-leave");
    watching.expect("member-failed", "ours-3");
}

#[test]
fn its_list_can_be_read_without_a_trace() {
    if !present(AGENT) {
        return;
    }
    let mut one = Go::start("go-1", None, " opt.label=blue");
    let _two = Go::start("go-2", Some(&one.addr), " opt.label=blue");
    let before = sees(&mut one, &["go-1", "go-2"]);
    assert_eq!(members(&one.addr, &["--cluster", "blue"]), before);
    for (arguments, says) in [
        (&["members", "--seed", &one.addr][..], "may have a label"),
        (&["members", "--seed", &one.addr, "--cluster", "green"], "another than \"green\""),
    ] {
        let done = command::run(arguments);
        assert_eq!(done.status, 4, "{done:?}");
        assert!(done.complaints.contains(says), "{done:?}");
    }
    assert_eq!(one.members(), before);
}

#[test]
fn a_list_that_is_not_compressed_is_read_as_well() {
    if !present(AGENT) {
        return;
    }
    let mut go = Go::start("go-1", None, " opt.enable_compression=false");
    assert_eq!(members(&go.addr, &[]), go.members());
}
