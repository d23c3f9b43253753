//! Exchanges over streams: full states with a peer, joins, and pings that UDP did not answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use super::admission::NOT_ADMITTED;
use super::claims::{PROTOCOL_VERSION, raw_addr, versions_fit};
use super::incarnation::raised;
use super::roster::{LOCAL, Record, Slot};
use super::timer::{Due, Timer};
use super::{Membership, Presence};
use crate::engine::{Delivery, Output, Reply, RequestId, StreamId};
use crate::error::{Error, ErrorKind};
use crate::member::{Facts, Member, MemberState};
use crate::time::Instant;
use crate::wire::{
    Alive, COMPRESS_MIN, NodeState, Nodes, Ping, PushPull, STREAM_OVERHEAD, Side, StreamLimits,
    StreamMessage, StreamReader, Vsn, WireError, WireState, compress_stream, cover_stream,
    encode_push_pull, encode_stream_ack, encode_stream_err, encode_stream_ping, encode_stream_user,
    refused_for_keys,
};

/// One exchange over a stream.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) purpose: Purpose,
    /// The other end; its port is the member's only if this node opened the stream.
    pub(super) peer: SocketAddr,
    pub(super) reader: StreamReader,
    pub(super) deadline: Instant,
}

/// What an exchange is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A peer opened it; what it wants is what it sends.
    Serve,
    /// The periodic exchange with a member.
    Sync { with: Slot },
    /// The exchange with a member that was lost and answers again.
    Rejoin,
    /// A join through a seed.
    Join { request: RequestId, seed: String, addr: SocketAddr },
    /// The fallback of the probe of that number.
    Ping { seq: u32 },
    /// A message of a user to the member of that name.
    User { request: RequestId, to: String },
    /// A message that is passed on.
    Unasked,
    /// What is lacking of spaces.
    State { stream: StreamId },
}

/// Why an exchange came to nothing.
#[derive(Debug)]
pub(super) struct Failure {
    /// What it is about, when it is more than silence.
    pub(super) kind: Option<ErrorKind>,
    pub(super) cause: String,
}

impl From<String> for Failure {
    fn from(cause: String) -> Self {
        Self { kind: None, cause }
    }
}

/// Gossip intervals from a join to the exchange that brings what gossip has missed.
const SETTLE_TICKS: std::ops::Range<f64> = 1.0..3.0;
/// How often the wait for one more such exchange doubles at most.
const SETTLE_DOUBLINGS: u32 = 6;
/// Up to that size, all members of a cluster may exchange states at once.
const RALLY_SIZE: f64 = 64.0;
/// What a member's state takes beside its name and metadata, at most.
const STATE_OVERHEAD: usize = 96;
/// Streams for messages that are passed on.
const UNASKED_MAX: usize = 64;
/// Below this size of the cluster, every node exchanges states once an interval; above, the
/// interval grows with the logarithm.
const SCALE_FROM: usize = 32;

impl Membership {
    /// The interval between exchanges; zero when there are none.
    pub(super) fn push_pull_interval(&self) -> Duration {
        let members = self.roster.len();
        if members <= SCALE_FROM {
            return self.protocol.push_pull_interval;
        }
        let scale = ((members as f64).log2() - (SCALE_FROM as f64).log2()).ceil() as u32 + 1;
        self.protocol.push_pull_interval.saturating_mul(scale)
    }

    /// The next periodic exchange; nodes that joined together must not begin theirs in step.
    pub(super) fn plan_push_pull(&mut self, stagger: bool) {
        let interval = self.push_pull_interval();
        if interval == Duration::ZERO {
            return;
        }
        let wait = match stagger {
            true => interval + self.random_part(interval),
            false => interval,
        };
        self.timers.set(Timer::PushPull, self.now + wait);
    }

    /// When many join at once, gossip misses some: one exchange soon after brings them. If it did
    /// bring somebody, another follows after twice the time.
    pub(super) fn plan_settling(&mut self) {
        self.plan_settling_within(1.0);
    }

    /// As [`Membership::plan_settling`], when the whole cluster does so at once: the larger it is,
    /// the longer it takes over it.
    pub(super) fn plan_rally(&mut self) {
        self.plan_settling_within((self.roster.present() as f64 / RALLY_SIZE).max(1.0));
    }

    fn plan_settling_within(&mut self, stretch: f64) {
        let interval = self.push_pull_interval();
        if interval == Duration::ZERO || self.settling {
            return;
        }
        self.settling = true;
        let ticks = self.rng.random_range(SETTLE_TICKS) * f64::from(1 << self.settled) * stretch;
        let wait = self.protocol.gossip_interval.mul_f64(ticks);
        self.settled = (self.settled + 1).min(SETTLE_DOUBLINGS);
        self.timers.set(Timer::PushPull, self.now + wait.min(interval));
    }

    pub(super) fn push_pull_round(&mut self) {
        self.sweep_troubles();
        let stagger = std::mem::take(&mut self.settling);
        self.plan_push_pull(stagger);
        let alive = |record: &Record| record.member.state() == MemberState::Alive;
        let doubted = self.healing.doubted.take();
        let doubted = doubted.filter(|slot| self.roster.get(*slot).is_some_and(alive));
        let with = doubted.or_else(|| self.roster.pick(1, &mut self.rng, alive).pop());
        let to = with.and_then(|slot| self.roster.get(slot)).map(|record| record.member.addr());
        if let (Some(with), Some(to)) = (with, to) {
            self.begin(Purpose::Sync { with }, to);
        }
    }

    /// Exchanges states with that member next, after that time at the latest.
    pub(super) fn sync_soon(&mut self, with: Slot, wait: Duration) {
        self.healing.doubted = Some(with);
        let at = self.timers.get(Timer::PushPull).min(self.now + wait);
        if self.push_pull_interval() > Duration::ZERO {
            self.timers.set(Timer::PushPull, at);
        }
    }

    /// A connection could not be made, or broke.
    fn connection_failed(&mut self, purpose: &Purpose) {
        if let Purpose::Sync { with } = purpose {
            self.tcp_failed(*with);
        }
    }

    /// Opens a stream to exchange states.
    pub(super) fn begin(&mut self, purpose: Purpose, to: SocketAddr) {
        let join = matches!(purpose, Purpose::Join { .. } | Purpose::Rejoin);
        let bytes = self.own_state(join);
        let stream = self.next_stream();
        self.open(stream, purpose, to, bytes);
    }

    /// Exchanges states with a member that was lost, unless that is being done with another.
    pub(super) fn rejoin(&mut self, addr: SocketAddr) {
        let rejoins = |exchange: &Exchange| matches!(exchange.purpose, Purpose::Rejoin);
        if self.presence == Presence::Here && !self.exchanges.values().any(|e| rejoins(e)) {
            self.begin(Purpose::Rejoin, addr);
        }
    }

    pub(super) fn open_tcp_ping(&mut self, stream: StreamId, seq: u32, node: &str, to: SocketAddr) {
        let (source, source_port) = self.own_addr();
        let own = Arc::clone(&self.name);
        let ping =
            Ping { seq, node, source_addr: source.as_bytes(), source_port, source_node: &own };
        let mut bytes = Vec::new();
        encode_stream_ping(&ping, &mut bytes);
        self.open(stream, Purpose::Ping { seq }, to, bytes);
    }

    /// Opens a stream for a message of a user.
    pub(super) fn open_user(
        &mut self,
        request: RequestId,
        to: &str,
        at: SocketAddr,
        bytes: Vec<u8>,
    ) {
        let stream = self.next_stream();
        self.open(stream, Purpose::User { request, to: to.to_owned() }, at, bytes);
    }

    /// Opens a stream for a message that nobody waits for.
    pub(super) fn open_unasked(&mut self, at: SocketAddr, bytes: Vec<u8>) {
        let unasked = |exchange: &Exchange| matches!(exchange.purpose, Purpose::Unasked);
        if self.exchanges.values().filter(|exchange| unasked(exchange)).count() >= UNASKED_MAX {
            self.stats.broadcasts_unpassed += 1;
            return;
        }
        let stream = self.next_stream();
        self.open(stream, Purpose::Unasked, at, bytes);
    }

    /// Opens a stream that asks for what is lacking of spaces.
    pub(super) fn open_state(&mut self, at: SocketAddr, payload: &[u8]) -> StreamId {
        let mut bytes = Vec::with_capacity(payload.len() + 32);
        encode_stream_user(payload, &mut bytes);
        let stream = self.next_stream();
        self.open(stream, Purpose::State { stream }, at, bytes);
        stream
    }

    fn open(&mut self, stream: StreamId, purpose: Purpose, to: SocketAddr, message: Vec<u8>) {
        self.expect(stream, purpose, to, Side::Dialling);
        let bytes = self.covered(Side::Dialling, &message);
        self.stats.streams_opened += 1;
        self.stats.stream_bytes_sent += bytes.len() as u64;
        self.out.push_back(Output::Connect { stream, to, bytes });
    }

    fn expect(&mut self, stream: StreamId, purpose: Purpose, peer: SocketAddr, side: Side) {
        let deadline = self.now + self.protocol.tcp_timeout;
        self.expect_by(stream, purpose, (peer, side), deadline);
    }

    pub(super) fn expect_by(
        &mut self,
        stream: StreamId,
        purpose: Purpose,
        (peer, side): (SocketAddr, Side),
        deadline: Instant,
    ) {
        let security = Arc::clone(&self.security);
        let reader = StreamReader::new(StreamLimits::default(), side, security);
        self.timers.add(Due::Exchange(stream), deadline);
        self.exchanges.insert(stream, Box::new(Exchange { purpose, peer, reader, deadline }));
    }

    /// A message as it is sent from that side of a stream.
    fn covered(&mut self, side: Side, message: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let message = match self.protocol.compression && message.len() >= COMPRESS_MIN {
            true => {
                compress_stream(message, &mut packed);
                &packed
            }
            false => message,
        };
        let mut bytes =
            Vec::with_capacity(message.len() + STREAM_OVERHEAD + self.security.overhead());
        cover_stream(self.security.cover(&mut self.nonces), side, message, &mut bytes);
        bytes
    }

    pub(super) fn answer(&mut self, stream: StreamId, message: &[u8]) {
        let bytes = self.covered(Side::Accepting, message);
        self.stats.stream_bytes_sent += bytes.len() as u64;
        self.out.push_back(Output::Send { stream, bytes });
    }

    /// Everything that is known, as a message.
    fn own_state(&mut self, join: bool) -> Vec<u8> {
        let members: Vec<&Member> = self.members().collect();
        let texts: usize = members.iter().map(|m| m.name_bytes().len() + m.meta().len()).sum();
        let mut bytes = Vec::with_capacity(members.len() * STATE_OVERHEAD + texts);
        let state = self.user_state();
        encode_push_pull(join, members.into_iter().map(node_state), &state, &mut bytes);
        self.stats.state_bytes_sent = bytes.len() as u64;
        bytes
    }

    pub(super) fn on_stream_bytes(&mut self, stream: StreamId, bytes: &[u8]) {
        self.stats.stream_bytes_received += bytes.len() as u64;
        self.first_bytes(stream);
        let Some(exchange) = self.exchanges.get_mut(&stream) else { return };
        match exchange.reader.push(bytes) {
            Ok(None) => {}
            Ok(Some(message)) => {
                let Some(exchange) = self.exchanges.remove(&stream) else { return };
                self.measure_exchange(&exchange, &message);
                if let (Purpose::Serve, StreamMessage::PushPull(state)) =
                    (&exchange.purpose, &message)
                    && self.holds(stream, exchange.peer, state)
                {
                    return;
                }
                self.on_stream_message(stream, *exchange, message);
                self.out.push_back(Output::Close { stream });
            }
            Err(error) => self.on_stream_malformed(stream, error),
        }
    }

    fn on_stream_malformed(&mut self, stream: StreamId, error: WireError) {
        self.stats.streams_failed += 1;
        let Some(exchange) = self.exchanges.remove(&stream) else { return };
        if matches!(exchange.purpose, Purpose::Serve) {
            self.stream_refused(exchange.peer, error);
            // As memberlist does: say why, except to those who do not even know the label.
            if error != WireError::BadLabel {
                let mut bytes = Vec::new();
                encode_stream_err(error.as_str(), &mut bytes);
                self.answer(stream, &bytes);
            }
        }
        self.out.push_back(Output::Close { stream });
        let kind = error.is_about_keys().then_some(ErrorKind::KeyMismatch);
        let failure = Failure { kind, cause: self.explained(error) };
        self.exchange_failed(exchange.purpose, failure);
    }

    fn on_stream_message(&mut self, stream: StreamId, exchange: Exchange, message: StreamMessage) {
        let Exchange { purpose, peer, .. } = exchange;
        match (purpose, message) {
            (Purpose::Serve, StreamMessage::PushPull(state)) => {
                self.exchange(stream, peer, &state);
            }
            (Purpose::Serve, StreamMessage::Ping { seq, node, .. }) => {
                if node.is_empty() || *node == *self.name {
                    let mut bytes = Vec::new();
                    encode_stream_ack(seq, &mut bytes);
                    self.answer(stream, &bytes);
                }
            }
            (Purpose::Serve, StreamMessage::User(payload)) => {
                if !self.serve_state(stream, &payload) {
                    self.on_user(peer, &payload, Delivery::Reliable);
                }
            }
            (Purpose::State { stream }, StreamMessage::User(payload)) => {
                self.state_answered(stream, &payload);
            }
            (Purpose::Ping { seq }, StreamMessage::Ack { seq: answered }) if seq == answered => {
                self.on_tcp_ack(seq);
            }
            (Purpose::Sync { with }, StreamMessage::PushPull(state)) => {
                self.tcp_worked(with);
                let known = self.roster.present();
                // A refusal is counted; there is nobody to tell.
                let _ = self.merge(peer, &state, false);
                self.greet(with, true);
                match self.roster.present() > known {
                    true => self.plan_settling(),
                    false => self.settled = 0,
                }
            }
            (Purpose::Rejoin, StreamMessage::PushPull(state)) => {
                if self.merge(peer, &state, false).is_ok() {
                    self.greet_seed(peer, true);
                    self.plan_settling();
                }
            }
            (Purpose::Join { request, seed, addr }, StreamMessage::PushPull(state)) => {
                self.joined(request, seed, addr, state);
            }
            (purpose, StreamMessage::Err(cause)) => {
                self.stats.streams_failed += 1;
                let kind = match refused_for_keys(&cause) {
                    true => Some(ErrorKind::KeyMismatch),
                    false => cause.starts_with(NOT_ADMITTED).then_some(ErrorKind::NotAdmitted),
                };
                let failure = Failure { kind, cause: format!("refused: {cause}") };
                self.exchange_failed(purpose, failure);
            }
            (purpose, _) => {
                self.stats.streams_failed += 1;
                self.exchange_failed(purpose, "answered with something else".to_owned().into());
            }
        }
    }

    /// A peer wants to exchange states.
    pub(super) fn exchange(&mut self, stream: StreamId, peer: SocketAddr, state: &PushPull) {
        self.adopt_versions(state);
        let own = self.own_state(state.join);
        self.answer(stream, &own);
        // As memberlist: answered first, so that the peer learns who is here, then judged.
        let _ = self.merge(peer, state, false);
    }

    /// With `delegate_versions` at `auto`, a node that is still alone takes over the application
    /// versions of the cluster that it meets: serf's, say. Whether anything changed.
    pub(super) fn adopt_versions(&mut self, state: &PushPull) -> bool {
        if self.protocol.delegate_versions.is_some() || self.roster.present() > 1 {
            return false;
        }
        let others = state.nodes.iter().filter(|node| {
            *node.name != *self.name && node.state == WireState::Alive && node.vsn.is_complete()
        });
        let mut theirs = others.map(|node| node.vsn.to_array());
        let Some(first) = theirs.next() else { return false };
        let agreed = theirs.all(|versions| versions[3..] == first[3..]);
        let own = self.local().versions();
        let sane = first[3] <= first[5] && first[5] <= first[4];
        if !agreed || !sane || own[3..] == first[3..] {
            return false;
        }
        let [min, max, current, ..] = own;
        let versions = [min, max, current, first[3], first[4], first[5]];
        let incarnation = raised(self.local().incarnation());
        self.set_local(Member::new(Facts { versions, incarnation, ..self.local().facts() }));
        self.set_up_serf();
        self.announce();
        true
    }

    /// Takes over what a peer knows, unless the versions of somebody exclude somebody else's.
    fn measure_exchange(&mut self, exchange: &Exchange, message: &StreamMessage) {
        if !matches!(message, StreamMessage::PushPull(_)) {
            return;
        }
        self.stats.state_bytes_received = exchange.reader.received() as u64;
        if !matches!(exchange.purpose, Purpose::Serve) {
            let begun = exchange.deadline - self.protocol.tcp_timeout;
            let micros = u64::try_from(self.now.since(begun).as_micros());
            self.stats.push_pull_micros += micros.unwrap_or_default();
        }
    }

    pub(super) fn merge(
        &mut self,
        peer: SocketAddr,
        state: &PushPull,
        joining: bool,
    ) -> Result<(), String> {
        self.check_versions(&state.nodes).inspect_err(|_| self.stats.push_pulls_refused += 1)?;
        self.stats.push_pulls += 1;
        self.stats.messages_refused += u64::from(state.skipped);
        let own = Arc::clone(&self.name);
        let mut next = LOCAL;
        for node in state.nodes.iter() {
            match node.state {
                WireState::Alive => {
                    self.stats.alive_messages += 1;
                    let found = self.roster.find_at(next, node.name);
                    next = found.map_or(next, |slot| slot.saturating_add(1));
                    self.on_alive_of(found, &alive(&node));
                }
                WireState::Left => {
                    self.stats.dead_messages += 1;
                    self.on_dead(node.incarnation, node.name, node.name);
                }
                // Hearsay: who saw it fail is not known, so it gets the time to refute.
                WireState::Dead | WireState::Suspect => {
                    self.stats.suspect_messages += 1;
                    self.on_suspect(node.incarnation, node.name, &own);
                }
            }
        }
        let user_state = self.merge_serf_state(&state.user_state, joining);
        self.on_user_state(peer, state.join, user_state);
        Ok(())
    }

    /// Whether anybody there speaks what this node understands, and the other way round.
    ///
    /// memberlist refuses the whole exchange when any two of all members exclude each other, so a
    /// single forged one keeps everybody from joining. Here, such a member alone is left out (see
    /// `is_sane`), and the exchange is refused only if nobody is left.
    fn check_versions(&self, nodes: &Nodes) -> Result<(), String> {
        let own = self.local().versions();
        let mut misfit = None;
        for node in nodes.iter().filter(|node| node.state == WireState::Alive) {
            if !node.vsn.is_complete() || versions_fit(own, node.vsn.to_array()) {
                return Ok(());
            }
            misfit = Some((node.name, node.vsn));
        }
        let Some((name, vsn)) = misfit else { return Ok(()) };
        let [.., delegate_min, delegate_max, delegate] = own;
        Err(format!(
            "is of another kind: {name} speaks protocol {} and delegate {} ({} to {}), this node \
             {PROTOCOL_VERSION} and {delegate} ({delegate_min} to {delegate_max})",
            vsn.pcur(),
            vsn.dcur(),
            vsn.dmin(),
            vsn.dmax(),
        ))
    }

    pub(super) fn on_stream_closed(
        &mut self,
        stream: StreamId,
        cause: Option<String>,
        refused: bool,
    ) {
        self.let_go(stream);
        let Some(exchange) = self.exchanges.remove(&stream) else { return };
        // It reads to the end, then closes: that is all the answer there is.
        match (&exchange.purpose, &cause) {
            (Purpose::User { request, .. }, None) => return self.reply(*request, Ok(Reply::Done)),
            (Purpose::Unasked, None) => return,
            _ => {}
        }
        self.stats.streams_failed += 1;
        if cause.is_some() {
            self.connection_failed(&exchange.purpose);
        }
        if let (Purpose::Ping { seq }, true) = (&exchange.purpose, refused) {
            self.tcp_ping_refused(*seq);
        }
        let received = exchange.reader.received();
        let cause = cause.unwrap_or_else(|| self.explained_end(received));
        self.exchange_failed(exchange.purpose, cause.into());
    }

    /// It was opened for messages, which are not for the membership.
    pub(super) fn hand_over(&mut self, stream: StreamId) {
        self.let_go(stream);
        self.exchanges.remove(&stream);
    }

    pub(super) fn exchange_timed_out(&mut self, stream: StreamId) {
        if self.exchanges.get(&stream).is_none_or(|exchange| exchange.deadline > self.now) {
            return;
        }
        let Some(exchange) = self.exchanges.remove(&stream) else { return };
        self.stats.streams_failed += 1;
        self.out.push_back(Output::Close { stream });
        self.connection_failed(&exchange.purpose);
        let cause = format!("did not answer within {:?}", self.protocol.tcp_timeout);
        self.exchange_failed(exchange.purpose, cause.into());
    }

    fn exchange_failed(&mut self, purpose: Purpose, failure: Failure) {
        match purpose {
            Purpose::User { request, to } => {
                let kind = failure.kind.unwrap_or(ErrorKind::NodeDown);
                let error = Error::new(kind, format!("{to} {}", failure.cause));
                self.reply(request, Err(error));
            }
            Purpose::Join { request, seed, .. } => {
                self.seed_failed(request, seed, failure);
                self.check_join(request);
            }
            Purpose::Ping { seq } => self.check_refused(seq),
            Purpose::Serve | Purpose::Sync { .. } | Purpose::Rejoin | Purpose::Unasked => {}
            Purpose::State { stream } => self.state_asked(stream),
        }
    }

    /// The exchanges of a join.
    pub(super) fn exchanges_of(&self, join: RequestId) -> Vec<StreamId> {
        let is_of = |purpose: &Purpose| match purpose {
            Purpose::Join { request, .. } => *request == join,
            _ => false,
        };
        let exchanges = self.exchanges.iter().filter(|(_, exchange)| is_of(&exchange.purpose));
        exchanges.map(|(stream, _)| *stream).collect()
    }

    /// Ends an exchange whose outcome no longer matters.
    pub(super) fn drop_exchange(&mut self, stream: StreamId) {
        if self.exchanges.remove(&stream).is_some() {
            self.out.push_back(Output::Close { stream });
        }
    }
}

fn node_state(member: &Member) -> NodeState<'_> {
    let facts = member.facts();
    NodeState {
        name: facts.name,
        addr: raw_addr(&facts),
        port: facts.addr.port(),
        meta: facts.meta,
        incarnation: facts.incarnation,
        state: match facts.state {
            MemberState::Alive => WireState::Alive,
            MemberState::Suspect => WireState::Suspect,
            MemberState::Failed => WireState::Dead,
            MemberState::Left => WireState::Left,
        },
        vsn: Vsn::new(facts.versions),
    }
}

pub(super) fn alive<'a>(node: &'a NodeState<'_>) -> Alive<'a> {
    Alive {
        incarnation: node.incarnation,
        node: node.name,
        addr: node.addr.as_bytes(),
        port: node.port,
        meta: node.meta,
        vsn: node.vsn,
    }
}
