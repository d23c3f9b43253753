//! Nodes that begin in the midst of a cluster where everybody knows everybody, for the simulator.
//!
//! A join of thousands is an experiment of its own; what comes after it should not have to wait
//! for it. Such a node is any other one, and goes on as if it had been there for a while.

use std::net::SocketAddr;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::order::Order;
use super::{LOCAL, Record, Roster, Slot};
use crate::engine::Setup;
use crate::member::{Facts, Member, MemberState};
use crate::membership::Membership;
use crate::membership::broadcast::Broadcasts;
use crate::membership::timer::Timer;
use crate::time::Instant;
use crate::wire::Vsn;

/// What all members of a cluster know of each other.
#[derive(Debug)]
pub(crate) struct Acquaintance {
    roster: Roster,
    /// Orders in which to probe and to tell, which the members share. With a single one, nobody
    /// would be left to probe a member at whose place all have passed.
    orders: Vec<Order>,
}

/// Orders that are shared: so many that it makes no difference to an order for each.
const ORDERS: usize = 64;

impl Acquaintance {
    /// A cluster of these names, addresses and metadata, each in its first incarnation.
    pub(crate) fn new<'a>(
        now: Instant,
        seed: u64,
        incarnation: u32,
        members: impl Iterator<Item = (&'a str, SocketAddr, &'a [u8])>,
    ) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let record = |name, addr, meta| {
            let member = Member::new(Facts {
                name,
                addr,
                state: MemberState::Alive,
                incarnation,
                versions: Vsn::MEMBERLIST.to_array(),
                mapped: false,
                meta,
            });
            Record::new(member, now)
        };
        let nobody = record("", ([0, 0, 0, 0], 0).into(), &[]);
        let mut roster = Roster::new(nobody, seed);
        for (name, addr, meta) in members {
            roster.insert(record(name, addr, meta), &mut rng);
        }
        let orders = (0..ORDERS).map(|_| roster.order.shuffled(&mut rng)).collect();
        Self { orders, roster }
    }

    /// The roster of the member in `slot`. All share what they know until they learn something of
    /// their own, and the order of their probes until they have come through it; each begins at a
    /// place of its own. The local member of the common roster stands for nobody.
    fn roster_of(&self, slot: Slot, rng: &mut Xoshiro256PlusPlus) -> Roster {
        let common = &self.roster;
        let mut records = common.records.clone();
        // The index and the orders go on naming its slot, so nobody else may get it.
        if let Some(own) = records.take(slot as usize) {
            records.put(LOCAL as usize, own);
        }
        Roster {
            records,
            free: Vec::new(),
            void: 1,
            index: Arc::clone(&common.index),
            hash_key: common.hash_key,
            present: common.present - 1,
            order: self.orders[slot as usize % ORDERS].begun_anywhere(rng),
        }
    }
}

impl Membership {
    /// The member of that number in `common`, which `setup` describes.
    pub(crate) fn acquainted(
        now: Instant,
        setup: Setup,
        common: &Acquaintance,
        number: usize,
    ) -> Self {
        let mut membership = Self::new(now, setup);
        let slot = Slot::try_from(number + 1).unwrap_or(Slot::MAX);
        membership.roster = common.roster_of(slot, &mut membership.rng);
        debug_assert_eq!(membership.local().name(), &*membership.name);
        // All have long heard of it, and the first exchange is not the first.
        membership.broadcasts = Broadcasts::default();
        let exchange = membership.random_part(membership.push_pull_interval());
        membership.timers.set(Timer::PushPull, now + exchange);
        membership
    }
}
