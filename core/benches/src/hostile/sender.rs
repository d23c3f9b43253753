//! Who sends the bad input, as a process of its own in the network of the node. It speaks line by
//! line on stdin like the children do.
//!
//! | command | answer |
//! |---|---|
//! | `packets COVER SEED COUNT` | [`Sent`]: spoilt messages as datagrams |
//! | `streams COVER SEED COUNT` | [`Sent`]: the same as connections that behave badly afterwards |
//! | `bomb NUMBER COUNT` | [`Sent`]: the same bomb again and again |
//! | `ask COVER` | [`Answered`]: a ping, as a datagram and on a connection |
//!
//! COVER is `clear` or `sealed`: encrypted with the key of the cluster.

use std::fs;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chinwag::wire::{
    Ack, Compression, Key, Keyring, Message, Nonces, PacketBuilder, Ping, Scratch, Security, Side,
    StreamLimits, StreamMessage, StreamReader, cover_stream, open, unseal,
};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::bombs::BOMBS;
use super::inputs;

/// The node that everything is sent to, and the member beside it.
pub(super) const NODE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 10, 0, 1), 7946);
pub(super) const BESIDE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 10, 0, 2), 7946);
/// What the node is called.
pub(super) const NAME: &str = "flooded";
/// And the member.
pub(super) const BESIDE_NAME: &str = "healthy";
/// The key of the cluster, where there is one.
pub(super) const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

const OWN: Ipv4Addr = Ipv4Addr::new(127, 10, 0, 3);
/// Datagrams between two looks at what the node has not read yet.
const BATCH: u64 = 32;
/// What may wait in its socket, as the kernel counts it: half of what fits by default.
const WAITING_MAX: u64 = 100_000;
const GLANCE: Duration = Duration::from_micros(50);
/// After this long without having read anything, the node counts as stuck.
const STUCK: Duration = Duration::from_secs(20);
/// How long an answer may take, and how soon it is asked for again.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(250);
const SEQ: u32 = 4_242;

/// The first line of the sender.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ready {}

/// What became of a round.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Datagrams that the kernel took, or connections that were opened.
    pub(super) sent: u64,
    /// Nothing listened there any more, or nothing was read.
    pub(super) over: bool,
}

/// Whether pings were answered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) udp: bool,
    pub(super) tcp: bool,
}

/// Serves until stdin ends.
pub(crate) fn serve() -> io::Result<()> {
    let vectors = inputs::vectors();
    say(&Ready {})?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word.parse::<u64>().map_err(io::Error::other);
        let answer = match words[..] {
            ["packets", cover, seed, count] => {
                let mut make = Maker::new(cover, &vectors, number(seed)?);
                value(packets(number(count)?, || make.packet()))
            }
            ["streams", cover, seed, count] => {
                let mut make = Maker::new(cover, &vectors, number(seed)?);
                value(Ok(streams(number(count)?, || make.stream())))
            }
            ["bomb", which, count] => {
                let (_, make) = BOMBS[usize::try_from(number(which)?).unwrap_or(0)];
                let bomb = make();
                value(packets(number(count)?, || bomb.clone()))
            }
            ["ask", cover] => value(ask(&mut Maker::new(cover, &[], 0))),
            _ => Err(io::Error::other("an unknown command")),
        };
        match answer {
            Ok(answer) => say(&answer)?,
            Err(error) => say(&serde_json::json!({ "error": error.to_string() }))?,
        }
    }
    Ok(())
}

fn value(answer: io::Result<impl Serialize>) -> io::Result<serde_json::Value> {
    Ok(serde_json::to_value(answer?)?)
}

fn say(answer: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    writeln!(out)?;
    out.flush()
}

/// Makes what is sent.
struct Maker<'a> {
    vectors: &'a [Vec<u8>],
    rng: Xoshiro256PlusPlus,
    security: Arc<Security>,
    nonces: Nonces,
    sealed: bool,
}

impl<'a> Maker<'a> {
    fn new(cover: &str, vectors: &'a [Vec<u8>], seed: u64) -> Self {
        let sealed = cover == "sealed";
        let keyring = sealed.then(|| Key::from_base64(KEY).ok().map(Keyring::new)).flatten();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut start = [0; 12];
        rng.fill_bytes(&mut start);
        let security = Arc::new(Security { keyring, ..Security::default() });
        Self { vectors, rng, security, nonces: Nonces::new(start), sealed }
    }

    fn packet(&mut self) -> Vec<u8> {
        let plain = inputs::spoil(self.vectors, &mut self.rng);
        self.cover(plain, false)
    }

    fn stream(&mut self) -> Vec<u8> {
        let plain = inputs::spoil(self.vectors, &mut self.rng);
        self.cover(plain, true)
    }

    fn cover(&mut self, plain: Vec<u8>, stream: bool) -> Vec<u8> {
        if !self.sealed {
            return plain;
        }
        let (mut out, cover) = (Vec::new(), self.security.cover(&mut self.nonces));
        match stream {
            true => cover_stream(cover, Side::Dialling, &plain, &mut out),
            false => {
                let builder = PacketBuilder::default();
                builder.single(cover, false, &plain, Compression::Off, &mut out);
            }
        }
        out
    }
}

/// Sends no faster than they are read, so that it is the node which is measured and not the room
/// in its socket.
fn packets(count: u64, mut make: impl FnMut() -> Vec<u8>) -> io::Result<Sent> {
    let socket = UdpSocket::bind((OWN, 0))?;
    socket.connect(NODE)?;
    let mut sent = 0;
    for number in 0..count {
        match socket.send(&make()) {
            Ok(_) => sent += 1,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                return Ok(Sent { sent, over: true });
            }
            // An empty one of some kinds is not taken.
            Err(_) => {}
        }
        if number % BATCH == BATCH - 1 && !has_read()? {
            return Ok(Sent { sent, over: true });
        }
    }
    Ok(Sent { sent, over: !has_read()? })
}

/// Waits until little is left to be read; whether it came to that.
fn has_read() -> io::Result<bool> {
    let (mut last, mut moved) = (u64::MAX, Instant::now());
    loop {
        let Some(queue) = queue("self")? else { return Ok(false) };
        if queue.waiting < WAITING_MAX {
            return Ok(true);
        }
        if queue.waiting != last {
            (last, moved) = (queue.waiting, Instant::now());
        }
        if moved.elapsed() > STUCK {
            return Ok(false);
        }
        sleep(GLANCE);
    }
}

/// What the kernel says of the node's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queue {
    /// Bytes that were not read yet, and what the kernel needs around them.
    waiting: u64,
    /// Datagrams for which there was no room.
    pub(super) dropped: u64,
}

/// That of the node in the network of a process, as long as it is open.
pub(super) fn queue(process: &str) -> io::Result<Option<Queue>> {
    let ip = u32::from_le_bytes(NODE.ip().octets());
    let own = format!("{ip:08X}:{:04X}", NODE.port());
    Ok(read_queue(&fs::read_to_string(format!("/proc/{process}/net/udp"))?, &own))
}

fn read_queue(table: &str, own: &str) -> Option<Queue> {
    let of = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, waiting) = columns.get(4)?.split_once(':')?;
        let waiting = u64::from_str_radix(waiting, 16).ok()?;
        let dropped = columns.last()?.parse().ok()?;
        (*columns.get(1)? == own).then_some(Queue { waiting, dropped })
    };
    table.lines().find_map(of)
}

/// Opens connections, sends, and behaves badly in several ways afterwards.
fn streams(count: u64, mut make: impl FnMut() -> Vec<u8>) -> Sent {
    let mut opened = 0;
    for number in 0..count {
        let mut stream = match TcpStream::connect(NODE) {
            Ok(stream) => stream,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                return Sent { sent: opened, over: true };
            }
            Err(_) => continue,
        };
        opened += 1;
        // What they answer, and whether, is of no interest.
        let _ = stream.set_read_timeout(Some(Duration::from_millis(2)));
        let _ = stream.write_all(&make());
        match number % 4 {
            0 => drop(stream.shutdown(Shutdown::Write)),
            1 => drop(stream.read(&mut [0; 256])),
            _ => {}
        }
    }
    Sent { sent: opened, over: false }
}

/// Whether a ping is answered, over UDP and over TCP.
fn ask(maker: &mut Maker<'_>) -> io::Result<Answered> {
    let udp = ask_udp(maker)?;
    // What goes wrong here is an answer.
    let tcp = ask_tcp(maker).unwrap_or(false);
    Ok(Answered { udp, tcp })
}

fn ping(port: u16) -> Vec<u8> {
    let mut out = Vec::new();
    let own = OWN.octets();
    let ping =
        Ping { seq: SEQ, node: NAME, source_addr: &own, source_port: port, source_node: "asker" };
    Message::Ping(ping).encode(&mut out);
    out
}

fn ask_udp(maker: &mut Maker<'_>) -> io::Result<bool> {
    let socket = UdpSocket::bind((OWN, 0))?;
    socket.set_read_timeout(Some(AGAIN))?;
    let port = socket.local_addr()?.port();
    let began = Instant::now();
    let (mut packet, mut plain, mut scratch) = (vec![0; 65_536], Vec::new(), Scratch::new());
    while began.elapsed() < PATIENCE {
        // One that cannot be sent now may be later.
        let _ = socket.send_to(&maker.cover(ping(port), false), NODE);
        let Ok(length) = socket.recv(&mut packet) else { continue };
        let Ok(bytes) = unseal(&packet[..length], &maker.security, &mut plain) else { continue };
        let mut answered = false;
        let _ = open(bytes, &mut scratch, |message| {
            answered |= matches!(message, Message::Ack(Ack { seq: SEQ, .. }));
        });
        if answered {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ask_tcp(maker: &mut Maker<'_>) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&NODE.into(), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&maker.cover(ping(0), true))?;
    let security = Arc::clone(&maker.security);
    let mut reader = StreamReader::new(StreamLimits::default(), Side::Dialling, security);
    let mut piece = [0; 1_024];
    loop {
        let count = stream.read(&mut piece)?;
        match reader.push(&piece[..count]) {
            Ok(Some(message)) => return Ok(matches!(message, StreamMessage::Ack { seq: SEQ, .. })),
            Ok(None) if count > 0 => {}
            _ => return Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_found_in_the_table_of_the_kernel() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid drops\n\
            5: 01000A7F:1F0A 00000000:0000 07 00000000:00000300 00:00000000 00000000 0 0 \
            1 2 0000000000000000 9\n";
        let queue = Some(Queue { waiting: 768, dropped: 9 });
        assert_eq!(read_queue(table, "01000A7F:1F0A"), queue);
        assert_eq!(read_queue(table, "02000A7F:1F0A"), None);
    }

    #[test]
    fn what_is_sealed_opens_with_the_key_and_the_same_seed_makes_the_same() {
        let vectors = inputs::vectors();
        let mut makers = [1, 1, 2].map(|seed| Maker::new("sealed", &vectors, seed));
        let [one, same, other] = makers.each_mut().map(Maker::packet);
        assert_eq!(one, same);
        assert_ne!(one, other);
        let maker = &mut makers[0];
        let sealed = maker.cover(ping(7), false);
        let mut plain = Vec::new();
        assert_eq!(unseal(&sealed, &maker.security, &mut plain).unwrap(), ping(7));
    }
}
