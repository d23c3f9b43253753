//! What a joiner is told, and what it does not do to others.

use chinwag::sim::{Faults, NodeId, Sim};
use chinwag::{ErrorKind, EventKind};

use crate::shared::{every_seed, seconds, together};

/// What `observer` has told, by name.
fn tokens(sim: &Sim, observer: NodeId) -> Vec<&'static str> {
    sim.log(observer).iter().map(|(_, kind)| kind.token()).collect()
}

#[test]
fn a_joiner_whose_name_is_taken_is_refused_and_nobody_else_suffers() {
    every_seed(60, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let loss = if seed % 2 == 0 { 0.2 } else { 0.0 };
        sim.network().set_faults(Faults { loss, ..Faults::default() });
        let namesake = sim.start("n2");
        let seeds = if seed % 3 == 0 { vec![nodes[2]] } else { nodes[..3].to_vec() };
        let before: Vec<usize> = nodes.iter().map(|node| sim.log(*node).len()).collect();
        let request = sim.join(namesake, &seeds);
        assert!(sim.run_until(seconds(15.0), |sim| sim.reply(namesake, request).is_some()));
        let Some(Err(error)) = sim.reply(namesake, request) else { panic!("it joined") };
        assert_eq!(error.kind(), ErrorKind::NameConflict);
        let holder = sim.addr(nodes[2]).to_string();
        assert!(error.message().contains("\"n2\"") && error.message().contains(&holder), "{error}");
        assert_eq!(error.attempts().len(), seeds.len());
        assert_eq!(sim.members(namesake).len(), 1, "it has taken members over");
        sim.run_for(seconds(30.0));
        assert_eq!(sim.members(namesake).len(), 1, "it was taken over");
        for (node, before) in nodes.iter().zip(before) {
            assert_eq!(sim.members(*node).len(), 5);
            let addr = sim.view(*node, nodes[2]).map(|member| member.addr());
            assert_eq!(addr, Some(sim.addr(nodes[2])));
            let told = &sim.log(*node)[before..];
            assert!(
                told.iter().all(|(_, kind)| matches!(
                    kind,
                    EventKind::MemberConflict { .. }
                        | EventKind::Warning(_)
                        | EventKind::MemberSuspect(_)
                        | EventKind::MemberRecover(_)
                )),
                "{told:?}"
            );
        }
        // Tried again, it asks the holder and leaves the seeds alone.
        let streams = |sim: &Sim| seeds.iter().map(|n| sim.stats(*n).streams_accepted).sum::<u64>();
        sim.network().set_faults(Faults::default());
        let (before, holders) = (streams(&sim), u64::from(seeds.contains(&nodes[2])));
        let again = sim.join(namesake, &seeds);
        assert!(sim.run_until(seconds(0.3), |sim| sim.reply(namesake, again).is_some()));
        assert!(sim.reply(namesake, again).is_some_and(Result::is_err));
        assert!(streams(&sim) - before <= holders);
    });
}

/// The name is free as soon as its holder is gone.
#[test]
fn a_refused_joiner_joins_once_the_name_is_free() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 4);
        let namesake = sim.start("n2");
        let first = sim.join(namesake, &nodes[..2]);
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(namesake, first).is_some()));
        assert!(sim.reply(namesake, first).is_some_and(Result::is_err));
        sim.crash(nodes[2]);
        let second = sim.join(namesake, &nodes[..2]);
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(namesake, second).is_some()));
        assert!(sim.reply(namesake, second).is_some_and(Result::is_ok));
        assert!(sim.run_until(seconds(6.0), Sim::all_see_all));
    });
}

#[test]
fn a_join_that_reached_some_tells_why_it_did_not_reach_the_others() {
    every_seed(10, |seed| {
        let mut sim = Sim::new(seed);
        let (a, b, c) = (sim.start("a"), sim.start("b"), sim.start("c"));
        sim.crash(b);
        let request = sim.join(a, &[b, c, a]);
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(a, request).is_some()));
        assert!(sim.reply(a, request).is_some_and(Result::is_ok));
        let told = sim.log(a).iter().find_map(|(_, kind)| match kind {
            EventKind::Warning(warning) => Some(warning.clone()),
            _ => None,
        });
        let told = told.expect("a warning");
        assert_eq!((told.code.as_str(), &*told.subject), ("seed-failed", "b"));
        assert!(told.text.contains("joined through c"), "{}", told.text);
        assert!(told.text.contains("b connection refused"), "{}", told.text);
        assert!(!told.text.contains("itself"), "{}", told.text);
        // And not a word when all is well.
        let fine = sim.join(c, &[a, c]);
        assert!(sim.run_until(seconds(5.0), |sim| sim.reply(c, fine).is_some()));
        assert!(!tokens(&sim, c).contains(&"warning"));
    });
}

/// A join that nobody waits for ends, and a farewell that waited for it goes on.
#[test]
fn a_join_that_is_given_up_sends_nothing_more() {
    every_seed(60, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 3);
        let (a, silent) = (sim.start("a"), sim.start("silent"));
        let namesake = sim.start("n1");
        sim.network().cut(a, silent);
        // The holder of its name does not answer for now.
        sim.network().partition(&[namesake], &nodes[1..2]);
        let request = sim.join(a, &[silent]);
        let asking = sim.join(namesake, &nodes[..1]);
        sim.run_for(std::time::Duration::from_micros(200 + seed * 30));
        let leave = sim.leave(a, seconds(5.0));
        assert!(sim.reply(a, leave).is_none(), "it did not wait for the join");
        sim.cancel(a, request);
        sim.cancel(namesake, asking);
        assert!(sim.reply(a, leave).is_some(), "it went on waiting");
        sim.network().heal();
        let sent = |sim: &Sim| (sim.stats(namesake).packets_sent, sim.stats(a).packets_sent);
        let before = sent(&sim);
        sim.run_for(seconds(20.0));
        assert!(sim.reply(a, request).is_none() && sim.reply(namesake, asking).is_none());
        let replied = sim.stats(silent).streams_accepted;
        assert_eq!(replied, 0, "a connection came about after all");
        assert_eq!(sim.members(a).len(), 1);
        assert_eq!(sim.members(namesake).len(), 1);
        assert_eq!(sent(&sim), before, "packets were sent for a join that is over");
    });
}
