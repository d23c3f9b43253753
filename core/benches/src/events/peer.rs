//! A fake memberlist peer: it keeps some members alive, and changes their tags to order.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::wire::{PARTS_MAX, alive, answer, compound};
use super::{FAKE, NODE};

/// How the changes come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// One by one, this long apart: the node sleeps in between.
    Singly(Duration),
    /// In packets as full as they may be, at so many changes a second.
    Packed(u32),
}

/// The members that do not exist. Its pings are answered until the process ends.
pub(super) struct FakePeer {
    socket: Arc<UdpSocket>,
    names: Vec<String>,
    incarnations: Vec<u32>,
    next: usize,
}

impl FakePeer {
    /// Starts to answer for `members` members, of which nobody knows yet.
    pub(super) fn open(members: usize) -> io::Result<Self> {
        let socket = Arc::new(UdpSocket::bind(FAKE)?);
        let ears = Arc::clone(&socket);
        thread::spawn(move || listen(&ears));
        Ok(Self {
            socket,
            names: (0..members).map(|index| format!("fake-{index}")).collect(),
            incarnations: vec![0; members],
            next: 0,
        })
    }

    /// Makes every member known, or known again after they have been given up.
    pub(super) fn introduce(&mut self) -> io::Result<()> {
        for _ in 0..self.names.len() {
            let message = self.change("0");
            self.send(&message)?;
        }
        Ok(())
    }

    /// Sends `count` changes, each stamped with the time at which its packet is made.
    pub(super) fn play(&mut self, count: usize, pace: Pace) -> io::Result<()> {
        let began = Instant::now();
        let mut sent = 0;
        while sent < count {
            let (packet, changes, due) = match pace {
                Pace::Singly(apart) => (self.stamped(), 1, apart * u32_of(sent + 1)),
                Pace::Packed(rate) => {
                    let changes = PARTS_MAX.min(count - sent);
                    let parts: Vec<Vec<u8>> = (0..changes).map(|_| self.stamped()).collect();
                    let due = f64::from(u32_of(sent + changes)) / f64::from(rate);
                    (compound(&parts), changes, Duration::from_secs_f64(due))
                }
            };
            self.send(&packet)?;
            sent += changes;
            sleep((began + due).saturating_duration_since(Instant::now()));
        }
        Ok(())
    }

    fn stamped(&mut self) -> Vec<u8> {
        self.change(&monotonic_ns().to_string())
    }

    /// The next member in turn, in its next incarnation.
    fn change(&mut self, stamp: &str) -> Vec<u8> {
        let index = self.next;
        self.next = (index + 1) % self.names.len();
        self.incarnations[index] += 1;
        alive(&self.names[index], FAKE, self.incarnations[index], stamp)
    }

    fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.socket.send_to(packet, NODE).map(drop)
    }
}

/// Nanoseconds of the clock that every runtime can read: `CLOCK_MONOTONIC`.
pub(super) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap_or(0)
}

fn u32_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn listen(socket: &UdpSocket) {
    let mut buffer = vec![0; 65_536];
    loop {
        // A node that is gone refuses what was sent to it; the next one will be heard.
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        if let Some(ack) = answer(&buffer[..len]) {
            let _ = socket.send_to(&ack, from);
        }
    }
}
