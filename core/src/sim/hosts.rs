//! Processes that end or stand still, and what their hosts say then.

use std::net::SocketAddr;

use super::agenda::Happening;
use super::{NodeId, Sim};
use crate::engine::{Input, StreamId};

impl Sim {
    /// Ends the process without a word. Its host goes on: datagrams and connections to it are
    /// refused.
    pub fn crash(&mut self, id: NodeId) {
        self.end(id, false);
    }

    /// Takes the power off the host of a node: nothing is heard of it any more.
    pub fn power_off(&mut self, id: NodeId) {
        self.end(id, true);
    }

    fn end(&mut self, id: NodeId, dark: bool) {
        let node = &mut self.nodes[id.0];
        node.dark = dark;
        node.engine = None;
        (node.paused, node.held) = (None, None);
        node.run += 1;
        let gone: Vec<_> = self
            .links
            .range((id, StreamId(0))..=(id, StreamId(u64::MAX)))
            .map(|(near, far)| (*near, *far))
            .collect();
        for (near, far) in gone {
            self.links.remove(&near);
            self.links.remove(&far);
            if !dark {
                let cause = Some("connection reset".to_owned());
                let reset = Happening::Closed { stream: far.1, cause, refused: false };
                self.deliver_reliably(id, far.0, reset);
            }
        }
    }

    /// Stops the process without ending it.
    pub fn pause(&mut self, id: NodeId) {
        self.nodes[id.0].paused.get_or_insert_with(Vec::new);
    }

    /// Holds up every message of a process, in both directions, while its timers run: the slowness
    /// that Lifeguard was made against.
    pub fn block(&mut self, id: NodeId) {
        self.pause(id);
        self.nodes[id.0].held.get_or_insert_with(Vec::new);
    }

    /// Lets a stopped process, or its messages, go on.
    pub fn resume(&mut self, id: NodeId) {
        let (held, missed) = (self.nodes[id.0].held.take(), self.nodes[id.0].paused.take());
        for output in held.unwrap_or_default() {
            self.carry_out(id, output);
        }
        for happening in missed.unwrap_or_default() {
            self.happen(id, happening);
        }
        self.happen(id, Happening::Wake);
    }

    /// Tells `id` that a datagram to `to` came back, though none did.
    pub fn forge_refusal(&mut self, id: NodeId, to: NodeId) {
        let to = self.nodes[to.0].addr;
        self.input(id, Input::PacketRefused { to });
    }

    /// A datagram is for nobody; its sender is told.
    pub(super) fn come_back(&mut self, host: NodeId, from: SocketAddr) {
        let Some(sender) = self.node_at(from).filter(|_| !self.nodes[host.0].dark) else { return };
        let to = self.nodes[host.0].addr;
        let [first, _] = self.network.datagram(host, sender, &mut self.rng);
        if let Some(delay) = first {
            self.put(self.now + delay, sender, Happening::Refused { to });
        }
    }
}

/// Nothing accepts the connection.
pub(super) fn refused(stream: StreamId) -> Happening {
    let cause = Some("connection refused".to_owned());
    Happening::Closed { stream, cause, refused: true }
}
