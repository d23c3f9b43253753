//! A peer that says whatever it is told to, on connections for messages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Overflow;
use crate::mesh::{Greeting, Header, Intro, Kind, encode};
use crate::messaging::{
    Limits, LinkId, MailboxLimits, Members, Messaging, Next, Output, Payload, Setup, StreamId,
    Whereabouts,
};
use crate::ring::Ring;
use crate::time::Instant;
use crate::wire::Security;

/// Payloads of the node that is spoken to; small, so that bounds are reached.
const MESSAGE_MAX: usize = 100_000;

/// Whoever there is: nobody.
#[derive(Debug)]
struct Nobody;

impl Members for Nobody {
    fn find(&self, name: &str) -> Option<Whereabouts> {
        let addr = SocketAddr::from(([10, 0, 0, 2], 7946));
        (name == "stranger").then_some(Whereabouts::Here(addr))
    }

    fn ring(&self) -> Option<Ring> {
        None
    }

    fn last_words(&self, _: &str, _: &str) -> Option<Arc<[u8]>> {
        None
    }
}

/// Speaks to a node that serves something: the first byte says how far the two have come, what
/// follows is what is said then. Panics when the node holds more than it may.
pub fn speak(bytes: &[u8]) {
    let Some((stage, bytes)) = bytes.split_first() else { return };
    if stage & 1 == 0 {
        greet(bytes);
        return;
    }
    let mut now = Instant::from_nanos(1);
    let setup = Setup {
        name: "node".to_owned(),
        run: 1,
        limits: Limits {
            message_max: MESSAGE_MAX,
            outbox_bytes: 1 << 20,
            outbox_age: Duration::from_secs(1),
            overflow: Overflow::Reject,
        },
        members: Box::new(Nobody),
        seed: 1,
    };
    let mut node = Messaging::new(now, setup);
    let limits = MailboxLimits { messages: 16, bytes: 1 << 20 };
    let server = node.serve("s", limits).ok();
    let link = node.accepted(now);
    if stage & 2 == 0 {
        introduce(&mut node, now, link);
    }
    for part in bytes.chunks(usize::from(*stage) + 1) {
        node.received(now, link, part);
        while let Some(output) = node.poll_output() {
            match output {
                Output::Ready(_) if stage & 4 == 0 => answer(&mut node, now, server),
                Output::Readable(id) => {
                    while let Next::Item(_) | Next::End(_) = node.next_item(now, id) {}
                }
                Output::GivenUp { tag, .. } => node.close_stream(now, StreamId::Asked(tag)),
                Output::Writable(id) => {
                    let _ = node.send_item(now, id, Payload::default());
                }
                _ => {}
            }
        }
        let mut out = Vec::new();
        node.transmit(now, link, &mut out);
        now = now + Duration::from_millis(10);
    }
    now = now + Duration::from_secs(60);
    node.on_deadline(now);
    while node.poll_output().is_some() {}
    assert!(node.held() <= 20 * MESSAGE_MAX + bytes.len() * 8 + (1 << 16), "it holds too much");
}

fn greet(bytes: &[u8]) {
    let mut greeting = Greeting::accept([3; 32], None);
    let mut out = Vec::new();
    for part in bytes.chunks(7) {
        let outcome = greeting.push(part, &Security::default(), &mut out);
        assert!(out.len() < 200, "it says more than it hears");
        if !matches!(outcome, Ok(None)) {
            return;
        }
    }
}

fn introduce(node: &mut Messaging, now: Instant, link: LinkId) {
    let intro = Intro {
        name: "stranger".to_owned(),
        run: 9,
        to: "node".to_owned(),
        message_max: 1 << 20,
        received: None,
        links: 1,
    };
    let mut frame = Vec::new();
    Header::new(Kind::Intro, 0).put(&mut frame, |out| encode(&intro, out));
    node.received(now, link, &frame);
}

fn answer(node: &mut Messaging, now: Instant, server: Option<crate::messaging::ServerId>) {
    let Some(server) = server else { return };
    while let Some(delivery) = node.take(now, server) {
        if let Some(tag) = delivery.tag {
            let stream = StreamId::Asked(tag);
            while delivery.streams && matches!(node.next_item(now, stream), Next::Item(_)) {}
            if delivery.streams && delivery.op.as_str().len() % 2 == 0 {
                // It is read, and answered later or never: as much is sent as there is credit for.
                while let Ok(None) =
                    node.send_item(now, stream, Payload { codec: 0, bytes: vec![7; 999] })
                {
                }
                continue;
            }
            node.reply(now, tag, Ok(Payload::default()));
            if delivery.streams {
                node.close_stream(now, stream);
            }
        }
    }
}
