//! Connections that peers open: how many, for how long, and whose.
//!
//! Whoever connects wants something and says so at once. One that says nothing is let go long
//! before an exchange would be over; and when all places are taken, whoever has most of them gives
//! one to somebody who has fewer, so that no single host keeps the others out.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Membership;
use super::push_pull::{Exchange, Purpose};
use super::timer::Due;
use crate::engine::{Output, StreamId};
use crate::wire::Side;

/// Streams that peers may have open at the same time; memberlist's limit.
const SERVED_MAX: usize = 128;
/// The share of the time for an exchange in which the first bytes have to come.
const FIRST_SHARE: u32 = 5;
/// But that long in any case: a large state takes a peer a while to write down.
const FIRST_MIN: Duration = Duration::from_secs(1);

impl Membership {
    pub(super) fn on_accepted(&mut self, stream: StreamId, from: SocketAddr) {
        self.stats.streams_accepted += 1;
        if !self.allows(from.ip()) {
            self.address_refused(from, "a connection came from there");
            self.out.push_back(Output::Close { stream });
            return;
        }
        if !self.has_place(from.ip()) {
            self.stats.streams_refused += 1;
            self.out.push_back(Output::Close { stream });
            return;
        }
        let deadline = self.now + self.first_bytes_limit();
        self.expect_by(stream, Purpose::Serve, (from, Side::Accepting), deadline);
    }

    fn first_bytes_limit(&self) -> Duration {
        let whole = self.protocol.tcp_timeout;
        (whole / FIRST_SHARE).max(FIRST_MIN).min(whole)
    }

    /// The peer has begun to speak: it has the whole time for an exchange, since it connected.
    pub(super) fn first_bytes(&mut self, stream: StreamId) {
        let more = self.protocol.tcp_timeout.saturating_sub(self.first_bytes_limit());
        let Some(exchange) = self.exchanges.get_mut(&stream) else { return };
        if matches!(exchange.purpose, Purpose::Serve) && exchange.reader.received() == 0 {
            exchange.deadline = exchange.deadline + more;
            self.timers.add(Due::Exchange(stream), exchange.deadline);
        }
    }

    /// Whether there is a place for a connection from there. If there is none, whoever has most is
    /// made to give up its oldest, unless it has no more than this one would have then.
    fn has_place(&mut self, source: IpAddr) -> bool {
        let serves = |exchange: &Exchange| matches!(exchange.purpose, Purpose::Serve);
        let mut held: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for exchange in self.exchanges.values().filter(|exchange| serves(exchange)) {
            *held.entry(exchange.peer.ip()).or_default() += 1;
        }
        if held.values().sum::<usize>() < SERVED_MAX {
            return true;
        }
        let own = held.get(&source).copied().unwrap_or(0);
        let most = held.into_iter().max_by_key(|(_, count)| *count);
        let Some((greedy, _)) = most.filter(|(_, count)| *count > own + 1) else { return false };
        let of_it = |exchange: &Exchange| serves(exchange) && exchange.peer.ip() == greedy;
        let mut oldest = self.exchanges.iter().filter(|(_, exchange)| of_it(exchange));
        let Some(oldest) = oldest.next().map(|(stream, _)| *stream) else { return false };
        self.exchanges.remove(&oldest);
        self.stats.streams_refused += 1;
        self.out.push_back(Output::Close { stream: oldest });
        true
    }
}
