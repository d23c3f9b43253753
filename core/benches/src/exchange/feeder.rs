//! A peer that knows thousands of members which do not exist, in the network of a child. It speaks
//! line by line on stdin like the children do, and answers the pings to its members.
//!
//! | command | answer |
//! |---|---|
//! | `tell MEMBERS META` | [`Exchanged`]: a state of that many members, with that much metadata |
//! | `ask` | [`Exchanged`]: as somebody who knows nobody and wants to join |

use std::io::{self, BufRead, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use chinwag::wire::{
    Ack, Message, NodeState, RawAddr, Scratch, Security, Side, StreamLimits, StreamMessage,
    StreamReader, Vsn, WireState, compress_stream, encode_push_pull, open,
};
use serde::{Deserialize, Serialize};

use crate::child::address;

/// Where the members listen, each at an address of its own.
const PORT: u16 = 7947;
/// Members that share the third octet of the address.
const PER_SUBNET: usize = 250;
/// How long an exchange may take.
const LIMIT: Duration = Duration::from_secs(30);
/// The most that a datagram has.
const DATAGRAM: usize = 65_536;

/// The first line of the feeder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ready {}

/// What an exchange came to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Exchanged {
    /// From the attempt to connect until the whole answer was there.
    pub(super) us: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    /// Members in the answer.
    pub(super) members: usize,
}

/// Serves until stdin ends.
pub(crate) fn serve() -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
    thread::spawn(move || answer_pings(&socket));
    say(&Ready {})?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let exchanged = match words[..] {
            ["tell", members, meta] => match (members.parse(), meta.parse()) {
                (Ok(members), Ok(meta)) => exchange(false, members, meta),
                _ => Err(io::Error::other("not a number")),
            },
            ["ask"] => exchange(true, 1, 0),
            _ => Err(io::Error::other("an unknown command")),
        };
        match exchanged {
            Ok(exchanged) => say(&exchanged)?,
            Err(error) => say(&serde_json::json!({ "error": error.to_string() }))?,
        }
    }
    Ok(())
}

fn say(answer: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    writeln!(out)?;
    out.flush()
}

/// One exchange with the first node of the child; as all do, compressed.
fn exchange(join: bool, members: usize, meta: usize) -> io::Result<Exchanged> {
    let (mut message, mut bytes) = (Vec::new(), Vec::new());
    let names: Vec<String> = (0..members).map(|number| format!("member-{number:05}")).collect();
    let meta: Vec<u8> = (0..meta).map(|at| b'a' + u8::try_from(at % 26).unwrap_or(0)).collect();
    let nodes = names.iter().enumerate().map(|(number, name)| NodeState {
        name,
        addr: RawAddr::from(IpAddr::from(host(number))),
        port: PORT,
        meta: &meta,
        incarnation: 1,
        state: WireState::Alive,
        vsn: Vsn::MEMBERLIST,
    });
    encode_push_pull(join, nodes, &[], &mut message);
    compress_stream(&message, &mut bytes);
    let began = Instant::now();
    let mut stream = TcpStream::connect_timeout(&SocketAddr::V4(address(0)), LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(&bytes)?;
    let mut answer = vec![0; DATAGRAM];
    let in_clear = Arc::new(Security::default());
    let mut reader = StreamReader::new(StreamLimits::default(), Side::Dialling, in_clear);
    let mut received = 0;
    loop {
        let count = stream.read(&mut answer)?;
        if count == 0 {
            return Err(io::Error::other("closed before the answer was whole"));
        }
        received += count as u64;
        let piece = reader.push(&answer[..count]);
        if let Some(message) = piece.map_err(|error| io::Error::other(error.as_str()))? {
            let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            let members = match message {
                StreamMessage::PushPull(state) => state.nodes.len(),
                _ => return Err(io::Error::other("answered with something else")),
            };
            let sent_bytes = bytes.len() as u64;
            return Ok(Exchanged { us, sent_bytes, received_bytes: received, members });
        }
    }
}

fn host(number: usize) -> Ipv4Addr {
    let [subnet, host] = [number / PER_SUBNET, 1 + number % PER_SUBNET]
        .map(|part| u8::try_from(part).unwrap_or(u8::MAX));
    Ipv4Addr::new(127, 30, subnet, host)
}

/// The members live.
fn answer_pings(socket: &UdpSocket) {
    let (mut packet, mut scratch) = (vec![0; DATAGRAM], Scratch::new());
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let mut asked = Vec::new();
        // What is no ping is of no interest.
        let _ = open(&packet[..length], &mut scratch, |message| {
            if let Message::Ping(ping) = message {
                asked.push(ping.seq);
            }
        });
        for seq in asked {
            let mut ack = Vec::new();
            Message::Ack(Ack { seq, payload: &[] }).encode(&mut ack);
            // One that is lost is lost, as on any network.
            let _ = socket.send_to(&ack, from);
        }
    }
}
