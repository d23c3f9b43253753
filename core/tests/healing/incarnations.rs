//! Nobody is silenced by a number.

use std::net::SocketAddr;

use chinwag::sim::{NodeId, Sim};
use chinwag::wire::{Alive, Dead, Message, Suspect, Vsn};
use chinwag::{EventKind, MemberState};

use crate::shared::{every_seed, seconds, tags, together};

const STRANGER: ([u8; 4], u16) = ([10, 9, 9, 9], 7946);

fn inject(sim: &mut Sim, nodes: &[NodeId], message: &Message<'_>) {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    for &node in nodes {
        sim.inject(node, SocketAddr::from(STRANGER), &bytes);
    }
}

/// One forged claim of each kind about `victim`, told to everybody.
fn attack(sim: &mut Sim, nodes: &[NodeId], victim: NodeId, incarnation: u32) {
    let (node, from) = (sim.name(victim).to_owned(), sim.name(nodes[0]).to_owned());
    let addr = match sim.addr(victim) {
        SocketAddr::V4(addr) => addr.ip().octets(),
        SocketAddr::V6(_) => unreachable!("simulated hosts have IPv4 addresses"),
    };
    let forged = Alive {
        incarnation,
        node: &node,
        addr: &addr,
        port: 7946,
        meta: b"forged",
        vsn: Vsn::MEMBERLIST,
    };
    inject(sim, nodes, &Message::Suspect(Suspect { incarnation, node: &node, from: &from }));
    inject(sim, nodes, &Message::Alive(forged));
    inject(sim, nodes, &Message::Dead(Dead { incarnation, node: &node, from: &from }));
}

/// The attack of memberlist's issue 358, which silences a Go member for good.
#[test]
fn a_member_whose_incarnation_is_driven_up_stays_visible() {
    let ends = [u32::MAX, u32::MAX - 1, u32::MAX - 2, 1 << 31, (1 << 29) + 50_000_000, 200_000_000];
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        let victim = nodes[2];
        for incarnation in ends {
            attack(&mut sim, &nodes, victim, incarnation);
            sim.run_for(seconds(0.3));
        }
        // Step by step, each as large as is believed.
        for _ in 0..2000 {
            let known = sim.view(nodes[0], victim).map_or(1, |member| member.incarnation());
            attack(&mut sim, &nodes, victim, known.saturating_add(1 << 10));
        }
        let visible = |sim: &Sim| sim.believers(victim, MemberState::Alive) == nodes.len() - 1;
        assert!(sim.run_until(seconds(10.0), visible), "it was silenced");
        sim.set_tags(victim, &tags(&[("still", "heard")]));
        let heard = |sim: &Sim| {
            nodes.iter().all(|node| {
                sim.view(*node, victim).is_some_and(|member| member.tag("still").is_some())
            })
        };
        assert!(sim.run_until(seconds(10.0), heard), "its announcements are not believed");
        assert!(sim.stats(nodes[0]).messages_refused > 0);
    });
}

fn tell_of_death(sim: &mut Sim, nodes: &[NodeId], victim: NodeId) {
    let (node, from) = (sim.name(victim).to_owned(), sim.name(nodes[0]).to_owned());
    let incarnation = sim.view(nodes[0], victim).expect("it is known").incarnation();
    inject(sim, nodes, &Message::Dead(Dead { incarnation, node: &node, from: &from }));
}

/// A death that somebody tells of is no more than an accusation to whoever has not seen the member
/// suspected for as long as it has to refute.
#[test]
fn a_death_that_is_told_can_be_refuted() {
    every_seed(50, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 5);
        for _ in 0..5 {
            tell_of_death(&mut sim, &nodes[..2], nodes[4]);
            let suspected = |sim: &Sim| sim.believers(nodes[4], MemberState::Suspect) > 0;
            assert!(sim.run_until(seconds(0.5), suspected), "nobody believed any of it");
            let refuted = |sim: &Sim| sim.believers(nodes[4], MemberState::Alive) == 4;
            assert!(sim.run_until(seconds(1.0), refuted), "it was not refuted at once");
        }
        let failed = |kind: &EventKind| matches!(kind, EventKind::MemberFailed(_));
        let logs = nodes.iter().flat_map(|node| sim.log(*node));
        assert_eq!(logs.filter(|(_, kind)| failed(kind)).count(), 0);
    });
}

/// And it needs no other: who is gone indeed has the time to refute, and not more.
#[test]
fn a_death_that_is_told_is_believed_when_the_time_to_refute_is_over() {
    every_seed(20, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, 20);
        // With its host, so that nothing refuses.
        sim.power_off(nodes[4]);
        tell_of_death(&mut sim, &nodes[..1], nodes[4]);
        let failed = |sim: &Sim| sim.believers(nodes[4], MemberState::Failed);
        // The minimum for 20 members, as memberlist has it, is 4 probe intervals times log10(20);
        // the maximum is six times as long. Who misses the first rounds of gossip is later.
        sim.run_for(seconds(5.1));
        assert_eq!(failed(&sim), 0, "without the time to refute");
        assert!(sim.run_until(seconds(2.0), |sim| failed(sim) == 19), "{}", failed(&sim));
    });
}

/// Nobody looks for who has left, so who has not must hear of it: the other of two, too, to whom
/// nobody else could tell it.
#[test]
fn a_goodbye_that_is_forged_is_taken_back() {
    every_seed(50, |seed| {
        let mut sim = Sim::new(seed);
        let nodes = together(&mut sim, [2, 5][(seed % 2) as usize]);
        let incarnations: Vec<u32> = nodes
            .iter()
            .map(|node| sim.view(*node, *node).map_or(1, |member| member.incarnation()))
            .collect();
        // Everybody else hears it of the first, and all at once; the first hears it of the last.
        let last = nodes.len() - 1;
        for (victim, told) in [(0, &nodes[1..]), (last, &nodes[..last])] {
            let (node, incarnation) = (sim.name(nodes[victim]).to_owned(), incarnations[victim]);
            let goodbye = Dead { incarnation, node: &node, from: &node };
            inject(&mut sim, told, &Message::Dead(goodbye));
        }
        assert_eq!(sim.believers(nodes[0], MemberState::Left), last, "it was not believed");
        assert!(sim.run_until(seconds(1.0), Sim::all_see_all), "it was not taken back");
    });
}
