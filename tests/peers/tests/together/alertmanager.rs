//! Alertmanagers and this library in one cluster.

use chinwag_peers::alertmanager::Alertmanager;
use chinwag_peers::command::members;
use chinwag_peers::ours::Ours;
use chinwag_peers::present;

const PROGRAM: &str = "prometheus-alertmanager";

#[test]
fn everybody_sees_everybody() {
    if !present(PROGRAM) {
        return;
    }
    let one = Alertmanager::start(None);
    let ours = Ours::start("ours-1", &[&one.addr], &[]);
    let two = Alertmanager::start(Some(&ours.addr()));
    let last = Ours::start("ours-2", &[&two.addr], &[]);
    let mut names = ["ours-1", "ours-2", &one.name, &two.name];
    names.sort_unstable();
    assert_eq!(ours.sees(&names)["ours-2"]["of"], "ours-2");
    assert_eq!(last.sees(&names)["ours-1"]["of"], "ours-1");
    one.expect(&names);
    two.expect(&names);
    assert!(one.peers().contains(&("ours-2".to_owned(), last.addr())));
}

#[test]
fn leaves_and_crashes_are_told_apart() {
    if !present(PROGRAM) {
        return;
    }
    let watching = Alertmanager::start(None);
    let mut leaving = Alertmanager::start(Some(&watching.addr));
    let mut dying = Alertmanager::start(Some(&watching.addr));
    let ours = Ours::start("ours-1", &[&watching.addr], &[]);
    let (second, third) = ("ours-2", "ours-3");
    let leaver = Ours::start(second, &[&watching.addr], &[]);
    let victim = Ours::start(third, &[&watching.addr], &[]);
    let mut names = [&watching.name, &leaving.name, &dying.name, "ours-1", second, third];
    names.sort_unstable();
    ours.sees(&names);
    leaver.sees(&names);
    victim.sees(&names);

    leaving.leave();
    ours.expect("member-leave", &leaving.name, "member-failed");
    leaver.leave();
    ours.expect("member-leave", second, "member-failed");
    watching.expect(&[&watching.name, &dying.name, "ours-1", third]);
    dying.kill();
    victim.crash();
    ours.expect("member-failed", &dying.name, "member-leave");
    ours.expect("member-failed", third, "member-leave");
    watching.expect(&[&watching.name, "ours-1"]);
}

#[test]
fn its_list_can_be_read_without_a_trace() {
    if !present(PROGRAM) {
        return;
    }
    let one = Alertmanager::start(None);
    let two = Alertmanager::start(Some(&one.addr));
    one.expect(&[&one.name, &two.name]);
    let before = one.peers();
    let listed = members(&one.addr, &[]);
    let names = |list: &chinwag_peers::Listed| list.keys().cloned().collect::<Vec<_>>();
    let mut wanted = vec![one.name.clone(), two.name.clone()];
    wanted.sort_unstable();
    assert_eq!(names(&listed), wanted);
    assert!(listed.values().all(|(state, tags)| state == "alive" && tags.is_empty()), "{listed:?}");
    assert_eq!(one.peers(), before);
}
