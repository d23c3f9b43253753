//! What of a latency is the machine's: the reader's own loop, woken by a bare datagram.
//!
//! One wake-up is the least that any library can do which reads the network on the runtime's loop;
//! two are the least for one that has a thread of its own, as ours does. The thread in between
//! belongs to this process and hands the datagram on as it is.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use super::peer::monotonic_ns;

/// Where a reader listens after `floor`.
pub(crate) const BARE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 20, 0, 1), 7947);
/// Where the thread in between does.
const RELAY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 20, 0, 3), 7947);

/// Sends stamps to the reader.
pub(super) struct Floor {
    socket: UdpSocket,
}

impl Floor {
    /// Starts the thread in between, which ends with the process.
    pub(super) fn open() -> io::Result<Self> {
        let relay = UdpSocket::bind(RELAY)?;
        thread::spawn(move || hand_on(&relay));
        Ok(Self { socket: UdpSocket::bind((Ipv4Addr::new(127, 20, 0, 4), 0))? })
    }

    /// Straight to the reader.
    pub(super) fn play(&self, count: usize, apart: Duration) -> io::Result<()> {
        self.send(count, apart, BARE)
    }

    /// By way of the thread.
    pub(super) fn play_relayed(&self, count: usize, apart: Duration) -> io::Result<()> {
        self.send(count, apart, RELAY)
    }

    fn send(&self, count: usize, apart: Duration, to: SocketAddrV4) -> io::Result<()> {
        let mut due = Instant::now();
        for _ in 0..count {
            self.socket.send_to(monotonic_ns().to_string().as_bytes(), to)?;
            due += apart;
            sleep(due.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }
}

fn hand_on(relay: &UdpSocket) {
    let mut datagram = [0; 64];
    loop {
        // A reader that is gone refuses what was sent to it; the next one will hear.
        let Ok(length) = relay.recv(&mut datagram) else { continue };
        let _ = relay.send_to(&datagram[..length], BARE);
    }
}
