//! Somebody on the network who is no member: what it sends, and what it is sent for that.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use chinwag::wire::{
    Alive, Compression, Key, Keyring, Message, Nonces, PacketBuilder, RawAddr, Security, Side, Vsn,
    cover_stream,
};

/// What encoded messages of a datagram may take together.
const ROOM: usize = 60_000;
/// How long a connection may take to be answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// A socket, and how it covers what it sends.
#[derive(Debug)]
pub struct Attacker {
    socket: UdpSocket,
    security: Security,
    nonces: Nonces,
    /// Bytes of datagrams that it has sent.
    pub sent: usize,
}

impl Attacker {
    /// At an address of its own, and without a key or with that one.
    ///
    /// # Panics
    /// When it cannot listen there.
    pub fn at(addr: &str, key: Option<&str>) -> Self {
        let socket = UdpSocket::bind(addr).expect("an address on loopback");
        socket.set_nonblocking(true).expect("a socket");
        let key = key.map(|text| Key::from_base64(text).expect("a key"));
        let security = Security { keyring: key.map(Keyring::new), ..Security::default() };
        Self { socket, security, nonces: Nonces::new([7; 12]), sent: 0 }
    }

    /// Where it is.
    ///
    /// # Panics
    /// Never: it is bound.
    pub fn addr(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    /// Sends these in one datagram.
    ///
    /// # Panics
    /// When they do not fit in one.
    pub fn send(&mut self, to: &str, messages: &[Message<'_>]) {
        let encode = |message: &Message<'_>| {
            let mut bytes = Vec::new();
            message.encode(&mut bytes);
            bytes
        };
        let parts: Vec<Vec<u8>> = messages.iter().map(encode).collect();
        let (mut bytes, parts) = (Vec::new(), parts.iter().map(Vec::as_slice));
        let builder = PacketBuilder::new(ROOM);
        let cover = self.security.cover(&mut self.nonces);
        let taken = builder.compound(cover, false, parts, Compression::Off, &mut bytes);
        assert_eq!(taken, messages.len(), "they do not fit");
        // One that comes back as nobody listens is the target's end, which is asked for elsewhere.
        if self.socket.send_to(&bytes, to).is_ok() {
            self.sent += bytes.len();
        }
    }

    /// Sends a message on a connection; what is answered until that ends.
    pub fn connect(&mut self, to: &str, message: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        cover_stream(self.security.cover(&mut self.nonces), Side::Dialling, message, &mut bytes);
        let mut answer = Vec::new();
        let mut talk = || -> std::io::Result<()> {
            let mut stream = TcpStream::connect(to)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(&bytes)?;
            stream.read_to_end(&mut answer).map(drop)
        };
        // That it is cut off is an answer as well.
        let _ = talk();
        answer
    }

    /// Datagrams that have come, and bytes in them.
    pub fn received(&self) -> (usize, usize) {
        let (mut count, mut bytes, mut room) = (0, 0, vec![0; 1 << 16]);
        while let Ok((length, _)) = self.socket.recv_from(&mut room) {
            count += 1;
            bytes += length;
        }
        (count, bytes)
    }
}

/// The address as messages have it.
///
/// # Panics
/// When it is none.
pub fn raw(addr: &str) -> (RawAddr, u16) {
    let addr: SocketAddr = addr.parse().expect("an address");
    (RawAddr::from(addr.ip()), addr.port())
}

/// Announcements of as many members as fit in a datagram, who are not there.
pub fn invented<'a>(names: &'a [String], addr: &'a (RawAddr, u16)) -> Vec<Message<'a>> {
    let one = |name: &'a String| {
        Message::Alive(Alive {
            incarnation: 1,
            node: name,
            addr: addr.0.as_bytes(),
            port: addr.1,
            meta: &[],
            vsn: Vsn::MEMBERLIST,
        })
    };
    names.iter().map(one).collect()
}
