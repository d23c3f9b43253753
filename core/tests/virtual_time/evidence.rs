//! Why a member was declared failed, as the others tell it. In virtual time.

use std::time::Duration;

use chinwag::engine::{Reply, Request};
use chinwag::sim::{NodeId, Sim};
use chinwag::{Explanation, MemberState};

fn explain(sim: &mut Sim, observer: NodeId, name: &str) -> Explanation {
    let id = sim.request(observer, Request::Explain(name.to_owned()));
    match sim.reply(observer, id).expect("at once").clone().expect("never refused") {
        Reply::Explained(explanation) => *explanation,
        other => panic!("{other:?}"),
    }
}

fn six(seed: u64) -> (Sim, Vec<NodeId>) {
    let mut sim = Sim::new(seed);
    let nodes: Vec<NodeId> = (0..6).map(|i| sim.start(&format!("n{i}"))).collect();
    for &node in &nodes[1..] {
        sim.join(node, &nodes[..1]);
    }
    assert!(sim.run_until(Duration::from_secs(60), Sim::all_see_all));
    (sim, nodes)
}

#[test]
fn a_failure_is_explained_from_the_probe_to_the_verdict() {
    let (mut sim, nodes) = six(1);
    assert_eq!(explain(&mut sim, nodes[0], "n5").observed, [], "nothing was wrong yet");
    sim.power_off(nodes[5]);
    let failed = |sim: &Sim| sim.believers(nodes[5], MemberState::Failed) == 5;
    assert!(sim.run_until(Duration::from_secs(60), failed));
    let mut accusers = 0;
    for &node in &nodes[..5] {
        let told = explain(&mut sim, node, "n5");
        assert_eq!(told.member.as_ref().map(chinwag::Member::state), Some(MemberState::Failed));
        let kinds: Vec<&str> = told.observed.iter().map(|o| o.kind).collect();
        let at = |kind: &str| kinds.iter().position(|k| *k == kind);
        assert!(at("suspected") < at("failed") && at("suspected").is_some(), "{kinds:?}");
        assert!(told.observed.is_sorted_by(|a, b| a.ago >= b.ago), "{told:?}");
        let Some(probe) = told.observed.iter().find(|o| o.kind == "probe-failed") else { continue };
        accusers += 1;
        // Three others were asked, none of them got an answer, and neither did TCP.
        let asked = (0..5).filter(|i| probe.text.contains(&format!("n{i}"))).count();
        assert!(asked == 3 && probe.text.contains("3 of 3"), "{}", probe.text);
        assert!(probe.text.contains("nor over TCP"), "{}", probe.text);
    }
    assert!(accusers > 0, "nobody probed it");
}

#[test]
fn a_suspect_is_told_with_its_deadline_and_its_refutation() {
    let (mut sim, nodes) = six(2);
    sim.pause(nodes[5]);
    let suspected = |sim: &Sim| sim.believers(nodes[5], MemberState::Suspect) == 5;
    assert!(sim.run_until(Duration::from_secs(30), suspected));
    let told = explain(&mut sim, nodes[0], "n5");
    let left = told.fails_in.expect("a suspicion is under way");
    assert!(left > Duration::ZERO && left <= Duration::from_secs(24), "{left:?}");
    sim.resume(nodes[5]);
    let back = |sim: &Sim| sim.believers(nodes[5], MemberState::Alive) == 5;
    assert!(sim.run_until(Duration::from_secs(30), back));
    let told = explain(&mut sim, nodes[0], "n5");
    assert_eq!(told.fails_in, None);
    assert_eq!(told.observed.last().map(|o| o.kind), Some("refuted"));
}

#[test]
fn a_leave_and_a_return_are_told() {
    let (mut sim, nodes) = six(3);
    sim.leave(nodes[5], Duration::from_secs(5));
    let left = |sim: &Sim| sim.believers(nodes[5], MemberState::Left) == 5;
    assert!(sim.run_until(Duration::from_secs(30), left));
    sim.join(nodes[5], &nodes[..1]);
    assert!(sim.run_until(Duration::from_secs(30), Sim::all_see_all));
    let kinds: Vec<&str> =
        explain(&mut sim, nodes[1], "n5").observed.iter().map(|o| o.kind).collect();
    assert_eq!(kinds, ["left", "back"]);
    assert_eq!(explain(&mut sim, nodes[1], "nobody"), Explanation::default());
}
