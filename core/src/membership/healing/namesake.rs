//! A joiner whose name is taken. Nobody but the joiner can refuse a duplicate so that the one who
//! has the name does not suffer: a Go seed knows nothing of it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::super::Membership;
use super::super::push_pull::Purpose;
use super::check::Errand;
use crate::engine::RequestId;
use crate::event::WarningCode;
use crate::wire::{Ping, PushPull, WireState, to_socket_addr};

/// A contact to a seed that waits for whether somebody else has this node's name.
#[derive(Debug)]
pub(crate) struct Waiting {
    request: RequestId,
    seed: String,
    addr: SocketAddr,
    holder: SocketAddr,
    /// What the seed has answered, if it was asked.
    state: Option<PushPull>,
}

impl Waiting {
    pub(super) fn is_of(&self, request: RequestId) -> bool {
        self.request == request
    }
}

/// Seeds remembered at most in whose cluster somebody has this node's name.
const HOLDERS_MAX: usize = 64;

impl Membership {
    /// Where the name of this node is in use, by what a seed says.
    pub(crate) fn namesake(&self, state: &PushPull) -> Option<SocketAddr> {
        let own = self.local().addr();
        let same = state.nodes.iter().find(|node| {
            *node.name == *self.name
                && matches!(node.state, WireState::Alive | WireState::Suspect)
                && to_socket_addr(node.addr.as_bytes(), node.port) != Some(own)
        })?;
        to_socket_addr(same.addr.as_bytes(), same.port)
    }

    /// Joins under a name that somebody had who is not there any more: as what is told of that one
    /// would seem to be about this node, it has to be louder.
    pub(crate) fn outgrow_namesake(&mut self, state: &PushPull) {
        let own = self.local();
        let held = state
            .nodes
            .iter()
            .filter(|node| *node.name == *self.name && node.incarnation >= own.incarnation());
        if let Some(held) = held.map(|node| node.incarnation).max()
            && self.believable(held, self.local().incarnation())
        {
            self.outgrow(held);
        }
    }

    /// Who had this node's name in the cluster of that seed when it was last contacted.
    pub(crate) fn known_holder(&self, seed: SocketAddr) -> Option<SocketAddr> {
        self.healing.holders.get(&seed).copied()
    }

    /// Whether somebody there has kept this node from joining, and nobody else is with it. The news
    /// that memberlist sends along with an answer are of a cluster that it is not a member of.
    pub(crate) fn was_refused_by(&self, from: SocketAddr) -> bool {
        self.roster.present() == 1 && self.healing.holders.values().any(|holder| *holder == from)
    }

    /// Asks whoever has the name of this node whether it is there. It may be an earlier run of this
    /// node.
    pub(crate) fn ask_holder(
        &mut self,
        (request, seed, addr): (RequestId, String, SocketAddr),
        holder: SocketAddr,
        state: Option<PushPull>,
    ) {
        let own = Arc::clone(&self.name);
        let waiting = Waiting { request, seed: seed.clone(), addr, holder, state };
        if !self.check(&own, holder, Errand::Join(Box::new(waiting))) {
            let cause = format!("lists this name at {holder}, and too much is being asked already");
            self.seed_failed(request, seed, cause.into());
            self.check_join(request);
        }
    }

    /// Whether somebody else has the name is known now.
    pub(super) fn holder_asked(&mut self, waiting: Waiting, answered: bool) {
        let Waiting { request, seed, addr, holder, state } = waiting;
        let Some(joining) = self.joins.get_mut(&request) else { return };
        if answered {
            joining.holder = Some(holder);
            if self.healing.holders.len() >= HOLDERS_MAX {
                self.healing.holders.clear();
            }
            self.healing.holders.insert(addr, holder);
            self.tell_of_holder(holder);
            let cause = format!("lists this node's name at {holder}, which answers");
            self.seed_failed(request, seed, cause.into());
            return self.check_join(request);
        }
        joining.silent = Some(holder);
        self.healing.holders.remove(&addr);
        match state {
            Some(state) => self.joined(request, seed, addr, state),
            None => self.begin(Purpose::Join { request, seed, addr }, addr),
        }
    }

    fn tell_of_holder(&mut self, holder: SocketAddr) {
        self.stats.conflicts += 1;
        let own = Arc::clone(&self.name);
        self.warn(WarningCode::NameConflict, &own, || {
            format!(
                "{holder} has the name of this node and answers, so this node did not join; give \
                 one of the two another name"
            )
        });
    }

    /// Whether that ping was sent by this node to see who has its name: the address is one of its
    /// own, and an answer would be its own.
    pub(crate) fn is_own_check(&self, ping: &Ping<'_>) -> bool {
        self.healing.checks.contains_key(&ping.seq)
            && ping.node == &*self.name
            && ping.source_node == &*self.name
            && to_socket_addr(ping.source_addr, ping.source_port) == Some(self.local().addr())
    }
}
