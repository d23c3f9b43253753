//! What somebody without a key can make a node in clear do: less than it is asked for. The engine
//! alone, given datagrams and connections by hand.

use std::net::SocketAddr;
use std::time::Duration;

use chinwag::config::Protocol;
use chinwag::engine::{Engine, Input, Output, Setup, StreamId};
use chinwag::time::Instant;
use chinwag::wire::{
    Alive, Compression, IndirectPing, Message, PacketBuilder, Ping, RawAddr, Security, Vsn,
    encode_stream_ping,
};

const NODE: &str = "10.0.0.1:7946";
const MEMBER: &str = "10.0.0.2:7946";
const STRANGER: &str = "192.0.2.1:53";

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

struct Node {
    engine: Engine,
    now: Instant,
}

impl Node {
    /// A node that knows one member.
    fn new() -> Self {
        let setup = Setup {
            name: "node".to_owned(),
            advertise: addr(NODE),
            meta: Vec::new(),
            security: Security::default(),
            nonce: [1; 12],
            incarnation: 90_000_000,
            started: 90_000_000_000_000,
            clocks: [0; 3],
            protocol: Protocol::default(),
            seed: 1,
        };
        let now = Instant::from_nanos(1);
        let mut node = Self { engine: Engine::new(now, setup), now };
        let ip = RawAddr::from(addr(MEMBER).ip());
        let alive = Message::Alive(Alive {
            incarnation: 90_000_000,
            node: "member",
            addr: ip.as_bytes(),
            port: 7946,
            meta: &[7; 500],
            vsn: Vsn::MEMBERLIST,
        });
        node.datagram(MEMBER, &[alive]);
        assert_eq!(node.engine.members().count(), 2);
        node
    }

    fn input(&mut self, input: Input<'_>) -> Vec<Output> {
        self.engine.handle(self.now, input);
        let next = || match self.engine.poll_output() {
            Output::Idle(_) => None,
            output => Some(output),
        };
        std::iter::from_fn(next).collect()
    }

    /// Gives it these messages in one datagram; its size, and the sizes of what is sent where.
    fn datagram(
        &mut self,
        from: &str,
        messages: &[Message<'_>],
    ) -> (usize, Vec<(SocketAddr, usize)>) {
        let encode = |message: &Message<'_>| {
            let mut bytes = Vec::new();
            message.encode(&mut bytes);
            bytes
        };
        let parts: Vec<Vec<u8>> = messages.iter().map(encode).collect();
        let (mut bytes, parts) = (Vec::new(), parts.iter().map(Vec::as_slice));
        let cover = Security::default();
        let mut nonces = chinwag::wire::Nonces::new([2; 12]);
        let builder = PacketBuilder::new(60_000);
        let taken =
            builder.compound(cover.cover(&mut nonces), false, parts, Compression::Off, &mut bytes);
        assert_eq!(taken, messages.len());
        let sent = self.input(Input::Packet { from: addr(from), bytes: &bytes });
        let sent = sent.into_iter().filter_map(|output| match output {
            Output::Packet { to, bytes } => Some((to, bytes.len())),
            Output::Connect { to, .. } => Some((to, usize::MAX)),
            _ => None,
        });
        (bytes.len(), sent.collect())
    }

    /// Lets time pass; the connections that it closes.
    fn wait(&mut self, span: Duration) -> Vec<StreamId> {
        self.now = self.now + span;
        closed(self.input(Input::Deadline))
    }

    fn connect(&mut self, from: SocketAddr) -> (StreamId, Vec<StreamId>) {
        let stream = self.engine.next_stream();
        (stream, closed(self.input(Input::Accepted { stream, from })))
    }
}

fn closed(outputs: Vec<Output>) -> Vec<StreamId> {
    let close = |output| match output {
        Output::Close { stream } => Some(stream),
        _ => None,
    };
    outputs.into_iter().filter_map(close).collect()
}

fn ping(node: &'static str, source: &'static [u8], name: &'static str) -> Message<'static> {
    let source_port = if source.is_empty() { 0 } else { 7946 };
    Message::Ping(Ping { seq: 1, node, source_addr: source, source_port, source_node: name })
}

/// memberlist answers 17 bytes with 150 or more, and where it is told to.
#[test]
fn a_stranger_is_sent_no_more_than_it_sent_and_nobody_else_is_sent_anything() {
    let pings = [
        ping("", &[], ""),
        ping("node", &[], ""),
        ping("node", &[192, 0, 2, 99], "x"),
        ping("node", &[10, 0, 0, 2], "stranger"),
        ping("node", &[192, 0, 2, 1], "stranger-with-a-name"),
    ];
    let mut answered = 0;
    for ping in pings {
        for times in [1, 3, 100] {
            let (received, sent) = Node::new().datagram(STRANGER, &vec![ping; times]);
            assert!(sent.iter().all(|(to, _)| *to == addr(STRANGER)), "{ping:?}: {sent:?}");
            let size: usize = sent.iter().map(|(_, size)| size).sum();
            assert!(sent.len() <= 1 && size <= received, "{received} bytes, then {sent:?}");
            answered += sent.len();
        }
    }
    assert!(answered >= 9, "honest strangers get an answer: {answered}");
}

/// The address of a member can be forged, and a datagram can unfold.
#[test]
fn a_datagram_of_many_pings_is_answered_a_few_times() {
    let indirect = Message::IndirectPing(IndirectPing {
        seq: 1,
        target: &[10, 0, 0, 2],
        port: 7946,
        node: "member",
        nack: true,
        source_addr: &[10, 0, 0, 2],
        source_port: 7946,
        source_node: "member",
    });
    for message in [ping("", &[], ""), ping("node", &[10, 0, 0, 2], "member"), indirect] {
        let mut node = Node::new();
        let (_, sent) = node.datagram(MEMBER, &vec![message; 120]);
        assert_eq!(sent.len(), 8, "{message:?}");
        assert_eq!(node.engine.stats().messages_refused, 112, "{message:?}");
        let (_, again) = node.datagram(MEMBER, &[message]);
        assert_eq!(again.len(), 1, "the next datagram is another one: {message:?}");
    }
}

#[test]
fn a_member_is_answered_each_time_and_with_gossip() {
    let mut node = Node::new();
    let (received, sent) = node.datagram(MEMBER, &[ping("node", &[10, 0, 0, 2], "member"); 3]);
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert!(sent.iter().any(|(_, size)| *size > received), "no gossip beside it: {sent:?}");
}

#[test]
fn only_members_have_others_probed_and_only_members_are() {
    let request = |target: &'static [u8], node| {
        Message::IndirectPing(IndirectPing {
            seq: 1,
            target,
            port: 7946,
            node,
            nack: true,
            source_addr: &[],
            source_port: 0,
            source_node: "",
        })
    };
    let member = request(&[10, 0, 0, 2], "member");
    let nobody = request(&[192, 0, 2, 99], "member");
    for (from, message, probed) in
        [(STRANGER, member, 0), (STRANGER, nobody, 0), (MEMBER, nobody, 0), (MEMBER, member, 1)]
    {
        let (_, sent) = Node::new().datagram(from, &[message]);
        let to = sent.iter().filter(|(to, _)| *to == addr(MEMBER)).count();
        assert_eq!((to, sent.len()), (probed, probed), "{from}: {message:?}: {sent:?}");
    }
}

#[test]
fn idle_connections_are_few_and_soon_gone_and_one_host_has_not_all_places() {
    let mut node = Node::new();
    let greedy = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
    let mut open: Vec<StreamId> = Vec::new();
    for port in 1..=1_000 {
        let (stream, closed) = node.connect(greedy(port));
        open.push(stream);
        open.retain(|stream| !closed.contains(stream));
    }
    assert!((64..=256).contains(&open.len()), "{} are held", open.len());
    // Somebody else gets a place, and is served.
    let (honest, closed) = node.connect(addr("10.0.0.2:40000"));
    assert!(!closed.contains(&honest) && closed.len() == 1, "{closed:?}");
    let mut bytes = Vec::new();
    let ping = Ping { seq: 9, node: "node", ..Ping::default() };
    encode_stream_ping(&ping, &mut bytes);
    let answer = node.input(Input::StreamBytes { stream: honest, bytes: &bytes });
    assert!(answer.iter().any(|output| matches!(output, Output::Send { .. })), "{answer:?}");
    open.retain(|stream| !closed.contains(stream));
    // What the flood holds is given up together.
    let gone = node.wait(Duration::from_secs(3));
    assert!(open.iter().all(|stream| gone.contains(stream)), "{} of {}", gone.len(), open.len());
}

/// A slow peer that has begun to speak has the time that the option gives it.
#[test]
fn a_slow_peer_is_given_its_time() {
    let mut node = Node::new();
    let (stream, _) = node.connect(addr("10.0.0.2:40000"));
    node.input(Input::StreamBytes { stream, bytes: &[6] });
    assert_eq!(node.wait(Duration::from_secs(9)), []);
    assert_eq!(node.wait(Duration::from_secs(2)), [stream]);
}
