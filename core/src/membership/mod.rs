//! SWIM with Lifeguard, as memberlist speaks it, without I/O.
//!
//! [`Membership`] routes; each part beside it knows one thing. `broadcast` and `timer` are values
//! that import next to nothing. `roster` knows everybody and which claim wins. `claims`,
//! `farewell`, `gossip`, `push_pull` and the parts of `detection` and `healing` are what the node
//! does with them; `talk` is what its users say, `state` the border to the keys of members, and
//! `serf` that to serf's layer; `security` knows who is kept out. The names are those of the papers
//! and of memberlist, so that the two can be read side by side.

mod admission;
mod broadcast;
mod claims;
mod detection;
mod farewell;
mod gossip;
mod healing;
mod incarnation;
mod joining;
mod placement;
mod push_pull;
mod roster;
mod security;
mod serf;
mod served;
mod state;
mod talk;
mod timer;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};

use self::admission::Gate;
use self::broadcast::Broadcasts;
use self::detection::awareness::Awareness;
use self::detection::evidence::{Evidence, Fact};
use self::detection::probe::Probe;
use self::detection::relay::Relay;
use self::farewell::Stage;
use self::healing::Healing;
use self::incarnation::{Horizon, INCARNATION_MAX};
use self::joining::Joining;
use self::placement::Placements;
use self::push_pull::Exchange;
#[cfg(feature = "sim")]
pub(crate) use self::roster::Acquaintance;
use self::roster::{LOCAL, Record, Roster};
use self::state::State;
use self::talk::{RoundTrips, Talk};
use self::timer::{Due, Fired, Timer, Timers};
use crate::api::WARNINGS;
use crate::config::Protocol;
use crate::engine::{Delivery, Input, Output, Reply, Request, RequestId, Setup, StreamId};
use crate::error::Result;
use crate::event::{EventKind, Warning, WarningCode};
use crate::member::{Facts, Member, MemberState, Pool};
use crate::serf::Serf;
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::{self, Message, Nonces, PacketBuilder, Scratch, Security, Vsn};

/// The membership of one node.
#[derive(Debug)]
pub(crate) struct Membership {
    /// Time of the input that is being handled.
    now: Instant,
    name: Arc<str>,
    /// Shared with the streams that are open.
    security: Arc<Security>,
    nonces: Nonces,
    /// Room for what datagrams decrypt to.
    plain: Vec<u8>,
    protocol: Protocol,
    rng: Xoshiro256PlusPlus,
    roster: Roster,
    /// Shared with the other nodes of the process.
    pool: Option<Arc<Pool>>,
    horizon: Horizon,
    presence: Presence,
    /// Who waits for the farewell.
    leavers: Vec<RequestId>,
    awareness: Awareness,
    evidence: Evidence,
    broadcasts: Broadcasts,
    gate: Gate,
    /// What users say.
    talk: Talk,
    round_trips: RoundTrips,
    /// The ring, as far as others are concerned with it.
    placements: Placements,
    /// The keys and values of all.
    state: Box<State>,
    /// Tells this run of the process from others of the same name.
    run: u32,
    /// There while this node speaks serf's versions.
    serf: Option<Box<Serf>>,
    /// serf's clocks as the last run left them.
    clocks: [u64; 3],
    last_gossip: Instant,
    probe: Option<Probe>,
    relays: BTreeMap<u32, Relay>,
    /// Bytes that the sender of the datagram at hand may be answered if it is no member.
    stranger_room: usize,
    /// Whether the address that it came from is a member's, once that was looked up.
    from_member: Option<bool>,
    /// Pings in it, own and for others, that may still be acted on.
    pings_left: u8,
    /// Number of the last probe.
    seq: u32,
    exchanges: BTreeMap<StreamId, Box<Exchange>>,
    joins: BTreeMap<RequestId, Joining>,
    /// The next exchange of states is the one soon after a join.
    settling: bool,
    /// How many such exchanges in a row brought somebody.
    settled: u32,
    healing: Healing,
    /// Number of the last connection.
    streams: u64,
    timers: Timers,
    builder: PacketBuilder,
    out: VecDeque<Output>,
    stats: Stats,
    /// When each warning was last told of.
    warned: [Instant; WARNINGS.len()],
}

/// Between two warnings of the same code: whoever can cause them must not flood whoever listens.
const WARNING_PAUSE: Duration = Duration::from_secs(10);

/// Room for a decrypted datagram that is kept from one to the next.
const PLAIN_KEPT: usize = 2048;

/// Moments in each probe interval at which a round may begin.
const PROBE_PHASES: u32 = 4;

/// Pings of one datagram that are acted on. Honest members send one; compressed, 25 kB can hold
/// sixteen thousand, and each would have a datagram sent.
const PINGS_MAX: u8 = 8;

/// Whether the local member takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Here,
    Leaving(Stage),
    Gone,
}

impl Membership {
    pub(crate) fn new(now: Instant, setup: Setup) -> Self {
        let Setup { incarnation, started, clocks, .. } = setup;
        let Setup { name, advertise, meta, security, nonce, protocol, seed, .. } = setup;
        let incarnation = incarnation.clamp(1, INCARNATION_MAX);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let name: Arc<str> = name.into();
        let mut versions = Vsn::MEMBERLIST.to_array();
        if let Some(delegate) = protocol.delegate_versions {
            versions[3..].copy_from_slice(&delegate);
        }
        let member = Member::new(Facts {
            name: &name,
            addr: advertise,
            state: MemberState::Alive,
            incarnation,
            versions,
            mapped: false,
            meta: &meta,
        });
        let local = Record::new(member, now);
        let roster = Roster::new(local, rng.next_u64());
        let run = rng.next_u32();
        let mut membership = Self {
            now,
            name: Arc::clone(&name),
            roster,
            pool: None,
            horizon: Horizon::new(now, incarnation),
            presence: Presence::Here,
            leavers: Vec::new(),
            awareness: Awareness::new(protocol.awareness_max_multiplier),
            evidence: Evidence::default(),
            broadcasts: Broadcasts::default(),
            gate: Gate::default(),
            talk: Talk::default(),
            round_trips: RoundTrips::default(),
            placements: Placements::new(now, started),
            state: Box::new(State::new(Arc::clone(&name), started, run)),
            run,
            serf: None,
            clocks,
            last_gossip: now,
            probe: None,
            relays: BTreeMap::new(),
            stranger_room: 0,
            from_member: None,
            pings_left: 0,
            seq: 0,
            exchanges: BTreeMap::new(),
            joins: BTreeMap::new(),
            settling: false,
            settled: 0,
            healing: Healing::default(),
            streams: 0,
            timers: Timers::new(),
            builder: PacketBuilder::new(protocol.packet_size),
            out: VecDeque::new(),
            stats: Stats::default(),
            warned: [Instant::NEVER; WARNINGS.len()],
            security: Arc::new(security),
            nonces: Nonces::new(nonce),
            plain: Vec::new(),
            protocol,
            rng,
        };
        membership.set_up_serf();
        membership.announce();
        membership.start_rounds();
        membership
    }

    /// Starts probing and exchanging states, each after a random part of its interval, so that
    /// nodes which start together do not act in step.
    fn start_rounds(&mut self) {
        let probe = self.random_part(self.protocol.probe_interval);
        self.plan_probe(self.now + probe);
        self.plan_push_pull(true);
    }

    /// Rounds of probing begin on a grid of the time, which the nodes of a process share: waking up
    /// is nearly all that an idle node costs.
    fn plan_probe(&mut self, at: Instant) {
        let grid = self.protocol.probe_interval / PROBE_PHASES;
        self.timers.set(Timer::Probe, at.aligned(grid));
    }

    fn random_part(&mut self, span: Duration) -> Duration {
        span.mul_f64(self.rng.random_range(0.0..1.0))
    }

    pub(crate) fn handle(&mut self, now: Instant, input: Input<'_>) {
        debug_assert!(now >= self.now, "time runs forward");
        self.now = now.max(self.now);
        self.wake_up();
        match input {
            Input::Packet { from, bytes } => self.on_packet(from, bytes),
            Input::PacketFailed { to } => self.on_packet_failed(to),
            Input::PacketRefused { to } => self.on_packet_refused(to),
            Input::Accepted { stream, from } => self.on_accepted(stream, from),
            Input::StreamBytes { stream, bytes } => self.on_stream_bytes(stream, bytes),
            Input::StreamClosed { stream, cause, refused } => {
                self.on_stream_closed(stream, cause, refused);
            }
            Input::ConnectionLost { to } => self.suspect_addr(to),
            Input::HandedOver { stream } => self.hand_over(stream),
            Input::Deadline => {}
            Input::Request { id, request } => self.on_request(id, request),
            Input::Cancelled { id } => self.cancel(id),
        }
        while let Some(fired) = self.timers.pop(self.now) {
            self.on_timer(fired);
        }
        self.grant_wishes();
        self.plan_state();
        self.plan_gossip();
    }

    pub(crate) fn poll_output(&mut self) -> Output {
        if let Some(output) = self.out.pop_front() {
            return output;
        }
        self.give_back();
        Output::Idle(self.timers.next())
    }

    /// Frees the room of what is over: mostly there is nothing to do, and a process may run a
    /// thousand nodes. What the next input needs for a moment, the allocator has at hand.
    fn give_back(&mut self) {
        self.out = VecDeque::new();
        if self.exchanges.is_empty() {
            self.exchanges = BTreeMap::new();
        }
        if self.joins.is_empty() {
            self.joins = BTreeMap::new();
        }
        if self.relays.is_empty() {
            self.relays = BTreeMap::new();
        }
    }

    fn on_packet(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.stats.packets_received += 1;
        self.stats.bytes_received += bytes.len() as u64;
        (self.stranger_room, self.from_member) = (bytes.len(), None);
        self.pings_left = PINGS_MAX;
        if !self.allows(from.ip()) {
            return self.address_refused(from, "a datagram came from there");
        }
        let mut scratch = Scratch::new();
        // Needed while messages are handled, and not touched by that.
        let mut plain = mem::take(&mut self.plain);
        match wire::unseal(bytes, &self.security, &mut plain) {
            Ok(message) => {
                let opened = wire::open(message, &mut scratch, |message| {
                    self.on_message(from, message);
                });
                self.stats.packets_malformed += (opened.dropped + opened.cut) as u64;
            }
            Err(error) => self.packet_refused(from, error),
        }
        // One large datagram must not make it large for ever.
        plain.shrink_to(PLAIN_KEPT);
        self.plain = plain;
    }

    fn on_message(&mut self, from: SocketAddr, message: Message<'_>) {
        let asks_or_answers = matches!(
            message,
            Message::Ping(_) | Message::IndirectPing(_) | Message::Ack(_) | Message::Nack { .. }
        );
        if !asks_or_answers && self.was_refused_by(from) {
            self.stats.messages_refused += 1;
            return;
        }
        match message {
            Message::Ping(_) | Message::IndirectPing(_) if self.pings_left == 0 => {
                self.stats.messages_refused += 1;
            }
            Message::Ping(ping) => {
                self.pings_left -= 1;
                self.on_ping(from, &ping);
            }
            Message::IndirectPing(ping) => {
                self.pings_left -= 1;
                self.on_indirect_ping(from, &ping);
            }
            Message::Ack(ack) => self.on_ack(from, &ack),
            Message::Nack { seq } => self.on_nack(from, seq),
            Message::Suspect(claim) => {
                self.stats.suspect_messages += 1;
                self.on_suspect(claim.incarnation, claim.node, claim.from);
            }
            Message::Alive(claim) => {
                self.stats.alive_messages += 1;
                self.on_alive(&claim);
            }
            Message::Dead(claim) => {
                self.stats.dead_messages += 1;
                self.on_dead(claim.incarnation, claim.node, claim.from);
            }
            Message::User(payload) => self.on_user(from, payload, Delivery::BestEffort),
        }
    }

    fn on_timer(&mut self, fired: Fired) {
        match fired {
            Fired::Timer(Timer::Probe, due) => self.start_probe(due),
            Fired::Timer(Timer::ProbeIndirect, _) => self.probe_indirectly(),
            Fired::Timer(Timer::ProbeRefused, _) => self.conclude_refused(),
            Fired::Timer(Timer::ProbeEnd, _) => self.end_probe(),
            Fired::Timer(Timer::Gossip, _) => self.gossip(),
            Fired::Timer(Timer::PushPull, _) => self.push_pull_round(),
            Fired::Timer(Timer::Redial, _) => self.redial(),
            Fired::Timer(Timer::Farewell, _) => self.farewell_due(),
            Fired::Timer(Timer::Leave, _) => self.leave_timed_out(),
            Fired::Timer(Timer::Query, _) => self.serf_timer(),
            Fired::Timer(Timer::Handoff, _) => self.handoff_due(),
            Fired::Timer(Timer::State, _) => self.state_due(),
            Fired::Due(Due::Suspicion(slot)) => self.suspicion_ended(slot),
            Fired::Due(Due::Forget(slot)) => self.forget(slot),
            Fired::Due(Due::Relay(seq)) => self.relay_timed_out(seq),
            Fired::Due(Due::Ping(seq)) => self.ping_timed_out(seq),
            Fired::Due(Due::Admission(id)) => self.admission_due(id),
            Fired::Due(Due::Check(seq)) => self.check_due(seq),
            Fired::Due(Due::Exchange(stream)) => self.exchange_timed_out(stream),
        }
    }

    fn on_request(&mut self, id: RequestId, request: Request) {
        match request {
            Request::Join { targets, failed, again } => self.join(id, targets, failed, again),
            Request::SetMeta(meta) => {
                self.set_meta(meta);
                self.reply(id, Ok(Reply::Done));
            }
            Request::Send { to, payload, delivery } => {
                self.send_user(id, &to, &payload, delivery);
            }
            Request::Broadcast(broadcast) => {
                let result = self.broadcast_user(&broadcast);
                self.reply(id, result);
            }
            Request::SetState(state) => {
                let result = self.set_state(state);
                self.reply(id, result);
            }
            Request::WriteMap(write) => {
                let result = self.write_map(*write);
                self.reply(id, result);
            }
            Request::Write(writes) => {
                let result = self.write_state(writes);
                self.reply(id, result);
            }
            Request::SetPingPayload(payload) => {
                let result = self.set_ping_payload(payload);
                self.reply(id, result);
            }
            Request::Placed(change) => {
                self.place(&change);
                self.reply(id, Ok(Reply::Done));
            }
            Request::Released(handoff) => {
                let result = self.release(handoff);
                self.reply(id, result);
            }
            Request::Ping(name) => self.ping(id, &name),
            Request::Explain(name) => {
                let explanation = self.explain(&name);
                self.reply(id, Ok(Reply::Explained(Box::new(explanation))));
            }
            Request::RoundTrip(name) => {
                let result = self.round_trip(&name);
                self.reply(id, result);
            }
            Request::Decide { question, refusal } => {
                let result = self.decide(question, refusal.as_deref());
                self.reply(id, result);
            }
            Request::Serf(request) => self.on_serf_request(id, request),
            Request::Leave { timeout } => self.leave(id, timeout),
            Request::Keyring(change) => {
                let result = self.change_keys(change).map(|()| Reply::Done);
                self.reply(id, result);
            }
        }
    }

    fn reply(&mut self, id: RequestId, result: Result<Reply>) {
        self.out.push_back(Output::Reply { id, result });
    }

    fn event(&mut self, kind: EventKind) {
        let about = kind.member().is_some().then(|| kind.clone());
        self.out.push_back(Output::Event(kind));
        if let Some(kind) = about {
            self.show_state(&kind);
        }
    }

    /// Tells that something is wrong, unless the same was told of a moment ago.
    fn warn(&mut self, code: WarningCode, subject: &str, text: impl FnOnce() -> String) {
        let told = &mut self.warned[code as usize - 1];
        if *told != Instant::NEVER && self.now < *told + WARNING_PAUSE {
            self.stats.warnings_suppressed += 1;
            return;
        }
        *told = self.now;
        self.report(code, subject, text());
    }

    /// As [`Membership::warn`], for what nobody outside can cause at will.
    fn report(&mut self, code: WarningCode, subject: &str, text: String) {
        let warning = Warning { code, subject: subject.to_owned(), text };
        self.event(EventKind::Warning(Arc::new(warning)));
    }

    /// Notes something for those who ask why.
    fn note(&mut self, member: &str, fact: Fact) {
        self.evidence.note(self.now, member, fact);
    }

    /// A name for a new connection.
    pub(crate) fn next_stream(&mut self) -> StreamId {
        self.streams += 1;
        StreamId(self.streams)
    }

    fn next_seq(&mut self) -> u32 {
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.stats.clone();
        stats.queue_depth = self.broadcasts.len() as u64;
        stats.user_queue_depth = self.talk.queue().len() as u64;
        stats.space_memory = self.state.memory();
        stats.health_score = u64::from(self.awareness.score());
        if let Some(serf) = &self.serf {
            serf.count(&mut stats);
        }
        stats
    }

    #[cfg(feature = "runtime")]
    pub(crate) const fn security(&self) -> &Arc<Security> {
        &self.security
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.roster.iter().map(|record| &record.member)
    }

    #[cfg(feature = "sim")]
    pub(crate) fn present(&self) -> usize {
        self.roster.present()
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        let slot = self.roster.find(name)?;
        self.roster.get(slot).map(|record| &record.member)
    }

    pub(crate) fn local(&self) -> &Member {
        self.roster.local()
    }

    /// Has what it knows of members shared with other nodes.
    #[cfg(any(feature = "runtime", feature = "sim"))]
    pub(crate) fn share_members(&mut self, pool: Arc<Pool>) {
        self.pool = Some(pool);
        let local = self.share(self.local().clone());
        self.roster.update(LOCAL, local, None);
    }

    /// The same member, as other nodes of the process hold it.
    fn share(&self, member: Member) -> Member {
        match &self.pool {
            Some(pool) => pool.share(member),
            None => member,
        }
    }

    /// Replaces what is known about the local member, and says so.
    fn set_local(&mut self, member: Member) {
        let member = self.share(member);
        self.roster.update(LOCAL, member.clone(), Some(self.now));
        self.out.push_back(Output::Local(member));
    }
}
