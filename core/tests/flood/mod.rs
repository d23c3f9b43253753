//! Floods of bad input, for the tests beside this folder.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the attacker has sockets and threads of its own"
)]

mod inputs;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

pub(crate) use inputs::{spoil, vectors};

pub(crate) const DATAGRAMS: usize = 100_000;
pub(crate) const STREAMS: usize = 10_000;
/// What a flood may cost, names that it invents included.
pub(crate) const GROWTH_MAX_KIB: usize = 96 * 1024;

/// Memory of this process.
pub(crate) fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Sends datagrams as fast as the kernel's buffer takes them.
pub(crate) fn datagrams(target: SocketAddr, count: usize, mut make: impl FnMut() -> Vec<u8>) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for sent in 0..count {
        let _ = socket.send_to(&make(), target);
        // A full socket buffer would make it a test of the kernel.
        if sent % 64 == 0 {
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

/// Opens connections, sends, and behaves badly in several ways afterwards.
pub(crate) fn streams(target: SocketAddr, count: usize, mut make: impl FnMut() -> Vec<u8>) {
    for sent in 0..count {
        let Ok(mut stream) = TcpStream::connect(target) else { continue };
        let _ = stream.set_read_timeout(Some(Duration::from_millis(2)));
        let _ = stream.write_all(&make());
        match sent % 4 {
            0 => drop(stream.shutdown(std::net::Shutdown::Write)),
            1 => drop(stream.read(&mut [0; 256])),
            _ => {}
        }
    }
}

/// What makes the inputs of one attacker from its seed.
pub(crate) type Maker = Box<dyn FnMut() -> Vec<u8> + Send>;

/// One attacker with datagrams and four with connections, each with its own inputs, to the end.
pub(crate) async fn all_at_once(target: SocketAddr, make: impl Fn(u64, bool) -> Maker) {
    let threads: Vec<_> = (0..5)
        .map(|seed| {
            let make = make(seed + 1, seed == 0);
            std::thread::spawn(move || match seed {
                0 => datagrams(target, DATAGRAMS, make),
                _ => streams(target, STREAMS / 4, make),
            })
        })
        .collect();
    for thread in threads {
        tokio::task::spawn_blocking(move || thread.join().expect("the flood ends"))
            .await
            .expect("joined");
    }
}
