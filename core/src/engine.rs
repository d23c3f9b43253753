//! The protocol as a state machine without I/O.
//!
//! Two methods: [`Engine::handle`] takes one [`Input`] and the time; [`Engine::poll_output`] gives
//! the next [`Output`].
//!
//! **One law.** After each input, call `poll_output` until it returns [`Output::Idle`], carry out
//! what it asked for, and only then give the next input. `Idle` names the time at which the engine
//! wants an [`Input::Deadline`] if nothing else comes first. Time never runs backwards. The engine
//! reads no clock, opens no socket and starts no thread; its randomness comes from the seed that it
//! is made with, so the same inputs give the same outputs, byte for byte.

use std::net::SocketAddr;
#[cfg(any(feature = "runtime", feature = "sim"))]
use std::sync::Arc;
use std::time::Duration;

use crate::config::Protocol;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::event::EventKind;
use crate::member::Member;
#[cfg(any(feature = "runtime", feature = "sim"))]
use crate::member::Pool;
#[cfg(feature = "sim")]
pub(crate) use crate::membership::Acquaintance;
use crate::membership::Membership;
use crate::ring::RingChange;
pub use crate::serf::{Answers, Coordinate, Question, Response};
pub use crate::state::{MapRecord, MapValue, MapWrite, StateChange, StateWrite};
use crate::stats::Stats;
use crate::time::Instant;
pub use crate::wire::BroadcastKind;
use crate::wire::{Fingerprint, Key, KeyError, KeyInfo, Nonce, Security};

/// Names one TCP connection between an engine and its driver. Numbers are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// Names one request of the facade, so that its reply can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What an engine is made with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The local member's name.
    pub name: String,
    /// The address it advertises.
    pub advertise: SocketAddr,
    /// Metadata to announce.
    pub meta: Vec<u8>,
    /// Cluster label and keys.
    pub security: Security,
    /// Where the nonces of this run begin: random, and used for no other run.
    pub nonce: Nonce,
    /// The incarnation to start with, at least 1: seconds of the wall clock since the beginning of
    /// 2024, so that a restarted member is always newer than it was before.
    pub incarnation: u32,
    /// The wall clock: microseconds since the beginning of 2024. Epochs of hand-offs begin there.
    pub started: u64,
    /// serf's clocks of members, events and queries as the last run left them; 0 for none.
    pub clocks: [u64; 3],
    /// The protocol's constants.
    pub protocol: Protocol,
    /// Seed of every random choice.
    pub seed: u64,
}

/// Something that happened outside.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram arrived.
    Packet {
        /// Where it came from.
        from: SocketAddr,
        /// The whole of it.
        bytes: &'a [u8],
    },
    /// The host refused to send a datagram there: no route, say.
    PacketFailed {
        /// Where it should have gone.
        to: SocketAddr,
    },
    /// A datagram came back: nothing listens there, says the host that has the address, or a
    /// firewall, or somebody who forges. Told by systems that tell of it.
    PacketRefused {
        /// Where it should have gone.
        to: SocketAddr,
    },
    /// A peer opened a connection; the driver names it with [`Engine::next_stream`].
    Accepted {
        /// Its new name.
        stream: StreamId,
        /// The peer.
        from: SocketAddr,
    },
    /// Bytes arrived on a connection.
    StreamBytes {
        /// Which.
        stream: StreamId,
        /// As many as came.
        bytes: &'a [u8],
    },
    /// The connection is over: refused, reset, or ended by the peer. Not sent after `Close`.
    StreamClosed {
        /// Which.
        stream: StreamId,
        /// Why, when it did not end in good order.
        cause: Option<String>,
        /// Whether nothing listened at the other end, so that it never began.
        refused: bool,
    },
    /// A connection for messages to that address broke.
    ConnectionLost {
        /// A member's.
        to: SocketAddr,
    },
    /// A connection that a peer opened is not for the engine. It is not heard of again.
    HandedOver {
        /// Which.
        stream: StreamId,
    },
    /// The time that `Idle` named has come.
    Deadline,
    /// The facade asks for something; a [`Output::Reply`] follows, at once or later.
    Request {
        /// Its name.
        id: RequestId,
        /// What.
        request: Request,
    },
    /// The facade no longer waits for a request: a join ends, anything else may still happen. No
    /// reply follows a join then.
    Cancelled {
        /// Its name.
        id: RequestId,
    },
}

/// What the facade may ask for.
#[derive(Clone, Debug)]
pub enum Request {
    /// Exchange states with each target.
    Join {
        /// The seed as the user wrote it, and the address it stands for.
        targets: Vec<(String, SocketAddr)>,
        /// Seeds that were not found.
        failed: Vec<Attempt>,
        /// Whether it only repeats what was asked for: then a node that has left stays away.
        again: bool,
    },
    /// Announce new metadata.
    SetMeta(Vec<u8>),
    /// Send a message to one member.
    Send {
        /// Its name.
        to: String,
        /// What.
        payload: Vec<u8>,
        /// How.
        delivery: Delivery,
    },
    /// Gossip a message to everybody.
    Broadcast(Broadcast),
    /// Replace the state that is handed on with every exchange of states.
    SetState(Vec<u8>),
    /// Write to the keys of this node, all or nothing.
    Write(Vec<StateWrite>),
    /// Write to a key of a shared map.
    WriteMap(Box<MapWrite>),
    /// Replace what is added to every answer to a ping.
    SetPingPayload(Vec<u8>),
    /// The members make another ring: compare it with those of others, and hand slots off.
    Placed(Box<RingChange>),
    /// Slots have been released, in answer to a `handoff-prepare` of that number.
    Released(u64),
    /// Let a newcomer in, or not.
    Decide {
        /// Number of the question.
        question: u64,
        /// Why not; none to let it in.
        refusal: Option<String>,
    },
    /// Ping a member; replied with the time that it took.
    Ping(String),
    /// What the last answers of a member told.
    RoundTrip(String),
    /// What is known of a member, and why.
    Explain(String),
    /// Change the keys.
    Keyring(KeyChange),
    /// Something of serf's layer.
    Serf(SerfRequest),
    /// Say goodbye; replied once the farewell has been sent often enough.
    Leave {
        /// How long the farewell may take.
        timeout: Duration,
    },
}

/// What may be asked of serf's layer.
#[derive(Clone, Debug)]
pub enum SerfRequest {
    /// Tell everybody something.
    UserEvent {
        /// Its name.
        name: String,
        /// What comes with it.
        payload: Vec<u8>,
        /// Whether a receiver may show the last of several events of this name only.
        coalesce: bool,
    },
    /// Ask everybody something; replied when all have answered, or when its time is over.
    Query(Question),
    /// Answer a query.
    Respond {
        /// The query, by the name that its event gave it.
        query: u64,
        /// The answer.
        payload: Vec<u8>,
    },
    /// Have everybody take a member that has failed for one that has left.
    ForceLeave {
        /// Its name.
        name: String,
        /// Whether it is to be forgotten as well.
        prune: bool,
    },
    /// Where this node stands.
    Coordinate,
    /// The estimated round-trip time between two members.
    Distance(String, String),
}

/// How a message to one member travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// In a datagram, which may be lost.
    BestEffort,
    /// Over a connection; settled once the member has taken it.
    #[default]
    Reliable,
}

/// A message for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broadcast {
    /// What a newer one of the same name does to it.
    pub kind: BroadcastKind,
    /// What it is about; empty for a unique one.
    pub name: String,
    /// For the application.
    pub payload: Vec<u8>,
}

impl<P: Into<Vec<u8>>> From<P> for Broadcast {
    fn from(payload: P) -> Self {
        Self { payload: payload.into(), ..Self::default() }
    }
}

/// What the answers of a member told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoundTrip {
    /// How long they took, smoothed as TCP smooths it (RFC 6298); none before the first.
    pub smoothed: Option<Duration>,
    /// What it added to the last one; mostly nothing.
    pub payload: Vec<u8>,
}

/// A change of a node's keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// Install a key: what is encrypted under it is understood.
    Add(Key),
    /// Encrypt under this key from now on.
    Use(Fingerprint),
    /// Forget a key that is not the primary.
    Remove(Fingerprint),
}

impl KeyChange {
    /// Installs the key that is written so in base64.
    ///
    /// # Errors
    /// `bad_argument`, which does not show what was given.
    pub fn add(key: &str) -> Result<Self> {
        Self::key(key).map(Self::Add)
    }

    /// The key that is written so in base64.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn key(key: &str) -> Result<Key> {
        Key::from_base64(key).map_err(bad_key)
    }

    /// Encrypts under a key of the ring, named by its fingerprint or written in base64.
    ///
    /// # Errors
    /// As above.
    pub fn activate(key: &str) -> Result<Self> {
        named(key).map(Self::Use)
    }

    /// Removes a key, named by its fingerprint or written in base64.
    ///
    /// # Errors
    /// As above.
    pub fn remove(key: &str) -> Result<Self> {
        named(key).map(Self::Remove)
    }
}

fn named(key: &str) -> Result<Fingerprint> {
    let written = || Key::from_base64(key).map(|key| key.fingerprint());
    key.parse().or_else(|_| written()).map_err(bad_key)
}

fn bad_key(error: KeyError) -> Error {
    Error::new(ErrorKind::BadArgument, format!("the key {error}"))
}

/// What this node knows of a member, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// As it is remembered; none when it is not.
    pub member: Option<Member>,
    /// How long it has been in its state.
    pub since: Option<Duration>,
    /// How long a suspect has to refute, as things stand.
    pub fails_in: Option<Duration>,
    /// What was observed of it while it was in trouble, the oldest first: the last 32 things at
    /// most. Members that never were have none.
    pub observed: Vec<Observed>,
}

/// Something that this node observed of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// How long ago.
    pub ago: Duration,
    /// A stable word: `probe-failed`, `saved-by-tcp`, `refused`, `refused-here`, `answered`,
    /// `suspected`, `confirmed`, `refuted`, `failed`, `left`, `back` or `moved`.
    pub kind: &'static str,
    /// A sentence: who did what, and what was missing.
    pub text: String,
}

/// What a request came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Done.
    Done,
    /// Joined through that many seeds.
    Joined(usize),
    /// A ping was answered after that time.
    Ponged(Duration),
    /// What the answers of a member told.
    RoundTrip(RoundTrip),
    /// What is known of a member, and why.
    Explained(Box<Explanation>),
    /// What came back to a query.
    Answers(Answers),
    /// Where this node stands.
    Coordinate(Coordinate),
    /// The estimated round-trip time between two members.
    Distance(Duration),
}

/// Something to be done outside.
#[derive(Debug)]
pub enum Output {
    /// Send a datagram.
    Packet {
        /// Where to.
        to: SocketAddr,
        /// The whole of it.
        bytes: Vec<u8>,
    },
    /// Connect, then send these bytes. The engine watches the deadline itself.
    Connect {
        /// Name of the new connection.
        stream: StreamId,
        /// Where to.
        to: SocketAddr,
        /// What to send first.
        bytes: Vec<u8>,
    },
    /// Send bytes on a connection.
    Send {
        /// Which.
        stream: StreamId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Close a connection once everything sent on it is out. Nothing more is heard of it.
    Close {
        /// Which.
        stream: StreamId,
    },
    /// Tell the subscribers.
    Event(EventKind),
    /// The local member changed.
    Local(Member),
    /// The keyring changed.
    Keys(Vec<KeyInfo>),
    /// A key of a member has another value; what was told adds up to what is shown.
    State(StateChange),
    /// A request is settled.
    Reply {
        /// Which.
        id: RequestId,
        /// How.
        result: Result<Reply>,
    },
    /// Nothing more until that time, or until the next input.
    Idle(Instant),
}

#[cfg(feature = "sim")]
impl Output {
    /// Whether it goes to the network.
    pub(crate) const fn is_sent(&self) -> bool {
        matches!(
            self,
            Self::Packet { .. } | Self::Connect { .. } | Self::Send { .. } | Self::Close { .. }
        )
    }
}

/// What carries an engine's outputs out: the driver's sockets, or the simulator's network.
pub trait Shell {
    /// Carries out one output, which is never [`Output::Idle`].
    fn carry_out(&mut self, output: Output);
}

/// The state machine of one node. See the module for the law.
#[derive(Debug)]
pub struct Engine {
    membership: Membership,
}

impl Engine {
    /// A node that knows only itself. Announces itself at the first output.
    pub fn new(now: Instant, setup: Setup) -> Self {
        Self { membership: Membership::new(now, setup) }
    }

    /// A node that is the member of that number in a cluster where all know each other.
    #[cfg(feature = "sim")]
    pub(crate) fn acquainted(
        now: Instant,
        setup: Setup,
        common: &Acquaintance,
        number: usize,
    ) -> Self {
        Self { membership: Membership::acquainted(now, setup, common, number) }
    }

    /// Has what it knows of members shared with other nodes.
    #[cfg(any(feature = "runtime", feature = "sim"))]
    pub(crate) fn share_members(&mut self, pool: Arc<Pool>) {
        self.membership.share_members(pool);
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.membership.handle(now, input);
    }

    /// The next output.
    pub fn poll_output(&mut self) -> Output {
        self.membership.poll_output()
    }

    /// Carries out every output; the time of the next deadline. The one loop of driver and
    /// simulator.
    pub fn drain(&mut self, shell: &mut impl Shell) -> Instant {
        loop {
            match self.poll_output() {
                Output::Idle(at) => return at,
                output => shell.carry_out(output),
            }
        }
    }

    /// A name for a connection that a peer opened.
    pub fn next_stream(&mut self) -> StreamId {
        self.membership.next_stream()
    }

    /// Counters since the start.
    pub fn stats(&self) -> Stats {
        self.membership.stats()
    }

    /// Label and keys, as they are now.
    #[cfg(feature = "runtime")]
    pub(crate) fn security(&self) -> &Arc<Security> {
        self.membership.security()
    }

    /// Everybody known, the local member included, in no order.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.membership.members()
    }

    /// How many are alive or suspect, the local member included.
    #[cfg(feature = "sim")]
    pub(crate) fn present(&self) -> usize {
        self.membership.present()
    }

    /// The member of that name, whatever its state.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.membership.member(name)
    }

    /// The keys and values of members that are shown: owner, key, value.
    #[cfg(feature = "sim")]
    pub(crate) fn shown_state(&self) -> Vec<(String, String, Vec<u8>)> {
        self.membership.shown_state()
    }

    /// What may be shown of the keys, the primary first.
    pub fn keys(&self) -> Vec<KeyInfo> {
        self.membership.keys()
    }

    /// The local member.
    pub fn local(&self) -> &Member {
        self.membership.local()
    }
}
