//! Nobody is silenced by a number.

use std::net::SocketAddr;

use chinwag::MemberState;
use chinwag::sim::{NodeId, Sim};
use chinwag::wire::{Alive, Dead, Message, Suspect, Vsn};

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
