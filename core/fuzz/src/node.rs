//! A node that knows a few members, what it is given, and what must hold whatever that is.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::engine::{Engine, Input, Output, Setup, StreamId};
use chinwag::time::Instant;
use chinwag::wire::{
    Alive, Compression, Key, Keyring, Message, Nonces, PacketBuilder, Ping, RawAddr, Security,
    Side, Vsn, cover_stream, encode_push_pull,
};
use chinwag::{Member, MemberState};

/// Who sends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// One of the members that were there from the beginning, from 1.
    Member(u8),
    /// Nobody whom the node knows, unless the input makes it so.
    Stranger,
}

/// How bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Datagram,
    Stream,
}

/// The node under test.
pub(crate) struct Subject {
    engine: Engine,
    now: Instant,
    wake: Instant,
    security: Security,
    nonces: Nonces,
    /// Where it may send to: to whoever is or was a member, and to where something came from.
    reachable: BTreeSet<SocketAddr>,
    /// Bytes of datagrams from a stranger, less what it was answered.
    owed: i64,
    /// The connection that the input speaks on.
    open: Option<StreamId>,
}

/// Members besides the node itself.
const MEMBERS: u8 = 4;
/// Happenings of one input.
const STEPS_MAX: usize = 24;
/// Deadlines that are kept after one happening.
const DEADLINES_MAX: usize = 16;
/// Steps in time, chosen by three bits.
const WAITS_MS: [u64; 8] = [0, 1, 20, 200, 500, 1_000, 5_000, 30_000];
/// Names that an input can invent at most: one needs more than that many bytes.
const BYTES_PER_NAME: usize = 4;

pub(crate) fn keyed() -> Security {
    let key = Key::from_bytes(&[7; 32]).expect("a length of AES");
    Security { keyring: Some(Keyring::new(key)), ..Security::default() }
}

fn addr(peer: Peer) -> SocketAddr {
    match peer {
        Peer::Member(number) => SocketAddr::from(([10, 0, 0, 1 + number], 7946)),
        Peer::Stranger => SocketAddr::from(([192, 0, 2, 1], 53)),
    }
}

impl Subject {
    pub(crate) fn new(security: &Security, serf: bool) -> Self {
        let setup = Setup {
            name: "n0".to_owned(),
            advertise: addr(Peer::Member(0)),
            meta: Vec::new(),
            security: security.clone(),
            nonce: [1; 12],
            incarnation: 90_000_000,
            started: 90_000_000_000_000,
            clocks: [0; 3],
            protocol: Protocol {
                delegate_versions: serf.then_some([2, 5, 5]),
                ..Protocol::default()
            },
            seed: 1,
        };
        let now = Instant::from_nanos(1);
        let mut subject = Self {
            engine: Engine::new(now, setup),
            now,
            wake: now,
            security: security.clone(),
            nonces: Nonces::new([9; 12]),
            reachable: BTreeSet::new(),
            owed: 0,
            open: None,
        };
        subject.drain();
        for number in 1..=MEMBERS {
            subject.introduce(number, serf);
        }
        assert_eq!(subject.engine.members().count(), usize::from(MEMBERS) + 1);
        subject
    }

    fn introduce(&mut self, number: u8, serf: bool) {
        let at = addr(Peer::Member(number));
        let ip = RawAddr::from(at.ip());
        let name = format!("n{number}");
        let vsn = if serf { Vsn::new([1, 5, 2, 2, 5, 5]) } else { Vsn::MEMBERLIST };
        let alive = Message::Alive(Alive {
            incarnation: 90_000_000,
            node: &name,
            addr: ip.as_bytes(),
            port: at.port(),
            meta: &[],
            vsn,
        });
        let bytes = self.packet(&alive);
        self.datagram(Peer::Member(number), &bytes);
    }

    /// A datagram as an honest member sends it.
    fn packet(&mut self, message: &Message<'_>) -> Vec<u8> {
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        message.encode(&mut plain);
        let cover = self.security.cover(&mut self.nonces);
        PacketBuilder::default().single(cover, true, &plain, Compression::Off, &mut out);
        out
    }

    /// Plays the happenings of an input. Each has a byte of who (two bits), when (three) and what
    /// (three), two of a length, and so many bytes or the rest.
    pub(crate) fn play(&mut self, data: &[u8]) {
        self.play_with(data, |_, bytes| bytes.to_vec());
    }

    /// As [`Subject::play`], with what each payload becomes on its way.
    pub(crate) fn play_with(&mut self, data: &[u8], mut cover: impl FnMut(Way, &[u8]) -> Vec<u8>) {
        let before = self.engine.members().count();
        let mut rest = data;
        for _ in 0..STEPS_MAX {
            let [head, low, high, tail @ ..] = rest else { break };
            let length = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
            let (payload, tail) = tail.split_at(length);
            rest = tail;
            let peer = match head & 3 {
                0 => Peer::Stranger,
                number => Peer::Member(number),
            };
            self.wait(WAITS_MS[usize::from(head >> 2 & 7)]);
            match head >> 5 {
                0..=3 => self.datagram(peer, &cover(Way::Datagram, payload)),
                4 => {
                    self.accept(peer);
                    self.bytes(&cover(Way::Stream, payload));
                }
                5 => self.bytes(payload),
                6 => self.hang_up(),
                _ => self.input(Input::PacketFailed { to: addr(peer) }),
            }
        }
        let names = self.engine.members().count();
        assert!(names <= before + 32 * data.len() / BYTES_PER_NAME, "{names} members");
    }

    /// Somebody sends a datagram.
    pub(crate) fn datagram(&mut self, peer: Peer, bytes: &[u8]) {
        let from = addr(peer);
        self.reachable.insert(from);
        if peer == Peer::Stranger {
            self.owed += bytes.len() as i64;
        }
        self.input(Input::Packet { from, bytes });
    }

    fn accept(&mut self, peer: Peer) {
        let stream = self.engine.next_stream();
        self.open = Some(stream);
        self.reachable.insert(addr(peer));
        self.input(Input::Accepted { stream, from: addr(peer) });
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(stream) = self.open {
            self.input(Input::StreamBytes { stream, bytes });
        }
    }

    fn hang_up(&mut self) {
        if let Some(stream) = self.open.take() {
            self.input(Input::StreamClosed { stream, cause: None, refused: false });
        }
    }

    /// A member exchanges states, and `state` is what its user adds.
    pub(crate) fn exchange_with(&mut self, state: &[u8]) {
        let (mut message, mut bytes) = (Vec::new(), Vec::new());
        encode_push_pull(false, std::iter::empty(), state, &mut message);
        let cover = self.security.cover(&mut self.nonces);
        cover_stream(cover, Side::Dialling, &message, &mut bytes);
        self.accept(Peer::Member(2));
        self.bytes(&bytes);
    }

    /// Time passes, and every deadline is kept, the last ones late.
    pub(crate) fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        for _ in 0..DEADLINES_MAX {
            if self.wake > end {
                break;
            }
            self.now = self.now.max(self.wake);
            self.input(Input::Deadline);
        }
        self.now = end;
        if self.wake <= end {
            self.input(Input::Deadline);
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.engine.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        let mut sent = Vec::new();
        loop {
            match self.engine.poll_output() {
                Output::Idle(at) => {
                    self.wake = at;
                    break;
                }
                Output::Packet { to, bytes } => sent.push((to, Some(bytes.len()))),
                Output::Connect { to, .. } => sent.push((to, None)),
                Output::Close { stream } if self.open == Some(stream) => self.open = None,
                _ => {}
            }
        }
        self.reachable.extend(self.engine.members().map(Member::addr));
        let stranger = addr(Peer::Stranger);
        let known = self.engine.members().any(|member| member.addr() == stranger);
        for (to, datagram) in sent {
            assert!(self.reachable.contains(&to), "sent to {to}, which nobody is at");
            match datagram {
                Some(size) if to == stranger && !known => self.owed -= size as i64,
                None => assert!(known || to != stranger, "connected to a stranger"),
                _ => {}
            }
        }
        assert!(known || self.owed >= 0, "a stranger was sent {} bytes more", -self.owed);
        if known {
            self.owed = i64::MAX / 2;
        }
    }

    /// Who is known, and what their owners said last.
    pub(crate) fn known(&self) -> Vec<(String, SocketAddr, u32)> {
        let known = self.engine.members();
        let known = known.map(|m| (m.name().to_owned(), m.addr(), m.incarnation()));
        let mut known: Vec<_> = known.collect();
        known.sort();
        known
    }

    /// So long has passed that members which answered nothing may have been forgotten.
    pub(crate) fn may_forget(&self) -> bool {
        self.now.since(Instant::from_nanos(1)) >= Protocol::default().gossip_to_the_dead_time
    }

    /// The node is itself, and answers.
    pub(crate) fn must_live(&mut self) {
        let local = self.engine.local();
        assert_eq!((local.name(), local.state()), ("n0", MemberState::Alive));
        assert_eq!(local.addr(), addr(Peer::Member(0)));
        self.hang_up();
        let before = self.engine.stats().packets_sent;
        let source = RawAddr::from(addr(Peer::Member(1)).ip());
        let ping = Message::Ping(Ping {
            seq: 77,
            node: "n0",
            source_addr: source.as_bytes(),
            source_port: 7946,
            source_node: "n1",
        });
        let bytes = self.packet(&ping);
        self.datagram(Peer::Member(1), &bytes);
        assert!(self.engine.stats().packets_sent > before, "a ping was not answered");
    }
}
