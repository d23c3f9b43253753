//! Datagrams that came back: the host that they were for says that nothing listens there (ICMP port
//! unreachable). Linux keeps such errors for a socket that asks for them, with the address that was
//! meant. Of other systems this is not asked, and nothing is heard there.
//!
//! The price is that the system hands the next call on the socket an error that is about an earlier
//! one; [`send`] and [`receive`] know. Whoever can guess the addresses can forge such errors.

use std::io;
use std::net::SocketAddr;

use socket2::Socket;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Calls in a row that may be handed an error of an earlier one.
const STALE_MAX: usize = 4;

/// Sends a datagram, whatever became of earlier ones.
pub(super) fn send(udp: &UdpSocket, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
    let mut outcome = udp.try_send_to(bytes, to);
    // Handed over, an error is gone; one that is about this datagram comes again.
    for _ in 1..STALE_MAX {
        match &outcome {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                outcome = udp.try_send_to(bytes, to);
            }
            _ => break,
        }
    }
    outcome
}

/// The next datagram, whatever became of those that were sent.
pub(super) fn receive(udp: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    for _ in 0..STALE_MAX {
        match udp.try_recv_from(buffer) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(_) => {}
        }
    }
    None
}

/// Waits until there is something to receive, or to hear of with [`next`].
pub(super) async fn ready(udp: &UdpSocket) -> io::Result<()> {
    udp.ready(Interest::READABLE | Interest::ERROR).await.map(drop)
}

/// Asks the system to keep what comes back. If it cannot, nothing is heard.
#[cfg(target_os = "linux")]
pub(super) fn ask_for(socket: &Socket) {
    use nix::sys::socket::{setsockopt, sockopt};

    // A socket for IPv6 also sends to IPv4 addresses; one for IPv4 has no such option.
    let _ = setsockopt(socket, sockopt::Ipv4RecvErr, &true);
    let _ = setsockopt(socket, sockopt::Ipv6RecvErr, &true);
}

#[cfg(not(target_os = "linux"))]
pub(super) fn ask_for(_: &Socket) {}

/// The next error that is kept: where nothing listens, or none when it says anything else. The
/// outer none: there are no more.
#[cfg(target_os = "linux")]
pub(super) fn next(udp: &UdpSocket) -> Option<Option<SocketAddr>> {
    // Anything but an error that is kept ends the wait for the next one.
    let none = || io::ErrorKind::WouldBlock.into();
    udp.try_io(Interest::ERROR, || linux::take(udp).ok_or_else(none)).ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn next(_: &UdpSocket) -> Option<Option<SocketAddr>> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::IoSliceMut;
    use std::net::SocketAddr;
    use std::os::fd::AsRawFd;

    use nix::cmsg_space;
    use nix::errno::Errno;
    use nix::libc::{
        SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6, sock_extended_err, sockaddr_in, sockaddr_in6,
    };
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, RecvMsg, SockaddrStorage, recvmsg};
    use tokio::net::UdpSocket;

    /// Takes an error out of the queue of the socket.
    pub(super) fn take(udp: &UdpSocket) -> Option<Option<SocketAddr>> {
        // Of the datagram itself, nothing is wanted.
        let mut head = [0; 1];
        let mut parts = [IoSliceMut::new(&mut head)];
        let mut room = cmsg_space!(sock_extended_err, sockaddr_in, sockaddr_in6);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let taken = recvmsg(udp.as_raw_fd(), &mut parts, Some(&mut room), flags).ok()?;
        Some(refused(&taken))
    }

    /// Where the datagram was to go, if that host says that nothing listens there. Routers that
    /// know no way, and firewalls that forbid it, say something else.
    fn refused(taken: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<SocketAddr> {
        let error = taken.cmsgs().ok()?.find_map(|message| match message {
            ControlMessageOwned::Ipv4RecvErr(error, _)
            | ControlMessageOwned::Ipv6RecvErr(error, _) => Some(error),
            _ => None,
        })?;
        let far = matches!(error.ee_origin, SO_EE_ORIGIN_ICMP | SO_EE_ORIGIN_ICMP6);
        if !far || error.ee_errno != Errno::ECONNREFUSED as u32 {
            return None;
        }
        let to = taken.address.as_ref()?;
        let v4 = to.as_sockaddr_in().map(|to| SocketAddr::from(*to));
        let mut to = v4.or_else(|| to.as_sockaddr_in6().map(|to| SocketAddr::from(*to)))?;
        to.set_ip(to.ip().to_canonical());
        Some(to)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::driver::sockets::bind_udp;

    /// A socket that hears of refusals, and one that there is to send to.
    async fn pair(own: &str, other: &str) -> (UdpSocket, UdpSocket) {
        let bind = |addr: &str| bind_udp(addr.parse().expect("an address"), true).expect("bound");
        let (own, other) = (bind(own), bind(other));
        for udp in [&own, &other] {
            timeout(Duration::from_secs(10), udp.writable()).await.expect("in time").expect("open");
        }
        (own, other)
    }

    /// Where nothing listens any more.
    async fn closed(like: &UdpSocket) -> SocketAddr {
        let mut addr = like.local_addr().expect("bound");
        addr.set_port(0);
        bind_udp(addr, false).expect("bound").local_addr().expect("bound")
    }

    async fn heard(udp: &UdpSocket) -> Vec<SocketAddr> {
        timeout(Duration::from_secs(10), ready(udp)).await.expect("in time").expect("ready");
        std::iter::from_fn(|| next(udp)).flatten().collect()
    }

    #[tokio::test]
    async fn a_datagram_that_nobody_takes_is_heard_of() {
        for (own, other) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:0", "[::1]:0"),
            // As IPv4, though the socket speaks of it as IPv6.
            ("[::]:0", "127.0.0.1:0"),
        ] {
            let (udp, there) = pair(own, other).await;
            let gone = closed(&there).await;
            send(&udp, b"anybody?", gone).expect("sent");
            assert_eq!(heard(&udp).await, [gone], "{own}");
            assert_eq!(next(&udp), None, "once");
        }
    }

    #[tokio::test]
    async fn a_refusal_neither_stops_what_is_sent_nor_what_is_received() {
        let (udp, there) = pair("127.0.0.1:0", "127.0.0.1:0").await;
        let (own, other) = (udp.local_addr().expect("bound"), there.local_addr().expect("bound"));
        let gone = closed(&there).await;
        let mut buffer = [0; 16];
        for round in 0..100_u8 {
            // One error waits for each of the calls that follow.
            send(&udp, b"anybody?", gone).expect("sent");
            send(&udp, &[round], other).expect("an earlier error is not of this datagram");
            timeout(Duration::from_secs(10), there.readable()).await.expect("in time").ok();
            assert_eq!(receive(&there, &mut buffer), Some((1, own)));
            assert_eq!(buffer[0], round, "each is sent once");
            assert_eq!(receive(&there, &mut buffer), None);
            send(&udp, b"anybody?", gone).expect("sent");
            there.try_send_to(&[round], own).expect("sent");
            timeout(Duration::from_secs(10), udp.readable()).await.expect("in time").ok();
            assert_eq!(receive(&udp, &mut buffer), Some((1, other)));
            assert_eq!(heard(&udp).await, [gone, gone]);
        }
    }
}
