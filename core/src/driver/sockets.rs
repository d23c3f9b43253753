//! Binding, the host's name and entropy: everything that is asked of the system once.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use super::refusals;
use crate::config::{DEFAULT_PORT, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::Entropy;
use crate::wire::Nonce;

/// The sockets of a node, on one port.
pub(super) struct Bound {
    pub(super) udp: UdpSocket,
    pub(super) tcp: TcpListener,
    pub(super) advertise: SocketAddr,
}

/// Ports tried when any free one will do: UDP and TCP must both have it.
const TRIES: usize = 16;
/// memberlist's receive buffer, so that a storm of joins is not lost in the kernel.
const RECEIVE_BUFFER: usize = 2 * 1024 * 1024;
const BACKLOG: u32 = 1024;

pub(super) fn bind(settings: &Settings) -> Result<Bound> {
    let mut addr = settings.bind;
    let refusals = !settings.protocol.refused_timeout.is_zero();
    let mut outcome = bind_both(addr, refusals);
    if !settings.bind_given && matches!(&outcome, Err(e) if e.kind() == io::ErrorKind::AddrInUse) {
        addr.set_port(0);
        outcome = bind_both(addr, refusals);
        if let Ok((_, _, addr)) = &outcome {
            tracing::warn!(%addr, "port {DEFAULT_PORT} is taken; listening on another one");
        }
    }
    let (udp, tcp, local) = outcome.map_err(|cause| {
        let hint = match cause.kind() {
            io::ErrorKind::AddrInUse => "; use port 0 for a free one, or another port",
            io::ErrorKind::AddrNotAvailable => "; no interface of this machine has it",
            io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege",
            _ => "",
        };
        Error::new(ErrorKind::BindFailed, format!("{addr} cannot be bound: {cause}{hint}"))
    })?;
    let advertise = advertised(settings.advertise, local)?;
    let nets = &settings.protocol.cidrs_allowed;
    if !nets.is_empty() && !nets.iter().any(|net| net.contains(&advertise.ip().to_canonical())) {
        let message = format!(
            "this node's own address {advertise} is not within cidrs_allowed; the others would \
             most likely not be either"
        );
        return Err(Error::new(ErrorKind::BadConfig, message));
    }
    Ok(Bound { udp, tcp, advertise })
}

/// What the others are told: the option, else the bound address, else the address that the
/// system would use to reach the outside.
fn advertised(option: Option<SocketAddr>, local: SocketAddr) -> Result<SocketAddr> {
    let mut addr = option.unwrap_or(local);
    if addr.port() == 0 {
        addr.set_port(local.port());
    }
    if addr.ip().is_unspecified() {
        let ip = outward(local.is_ipv6()).ok_or_else(|| {
            let message =
                format!("{local} stands for every interface; set advertise to one of them");
            Error::new(ErrorKind::BadConfig, message)
        })?;
        addr.set_ip(ip);
    }
    Ok(addr)
}

/// Connecting a UDP socket sends nothing; it makes the system choose a source address.
fn outward(v6: bool) -> Option<IpAddr> {
    let (any, target) = match v6 {
        true => ("[::]:0", "[2001:db8::1]:9"),
        false => ("0.0.0.0:0", "192.0.2.1:9"),
    };
    let probe = std::net::UdpSocket::bind(any).ok()?;
    probe.connect(target).ok()?;
    Some(probe.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

fn bind_both(addr: SocketAddr, refusals: bool) -> io::Result<(UdpSocket, TcpListener, SocketAddr)> {
    let mut last = None;
    for _ in 0..TRIES {
        let tcp = bind_tcp(addr)?;
        let local = tcp.local_addr()?;
        match bind_udp(local, refusals) {
            Ok(udp) => return Ok((udp, tcp, local)),
            Err(error) if addr.port() == 0 && error.kind() == io::ErrorKind::AddrInUse => {
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

fn bind_tcp(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = match addr.is_ipv6() {
        true => TcpSocket::new_v6()?,
        false => TcpSocket::new_v4()?,
    };
    // A restarted node must get its port back while old connections linger.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// With `refusals`, the system keeps what comes back.
pub(super) fn bind_udp(addr: SocketAddr, refusals: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    // The system may grant less; that is its business.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    if refusals {
        refusals::ask_for(&socket);
    }
    socket.bind(&addr.into())?;
    let socket = std::net::UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

/// The host's name and six random hexadecimal digits: several processes of one host may each
/// start a node without thinking of a name.
pub(super) fn default_name() -> String {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let suffix = getrandom::u32().unwrap_or_else(|_| std::process::id()) & 0x00ff_ffff;
    format!("{host}-{suffix:06x}")
}

/// A seed for the engine's random choices.
pub(super) fn entropy() -> Result<u64> {
    getrandom::u64().map_err(no_entropy)
}

/// Where a node's nonces begin.
pub(crate) fn nonce() -> Result<Nonce> {
    let mut nonce = Nonce::default();
    getrandom::fill(&mut nonce).map_err(no_entropy)?;
    Ok(nonce)
}

/// Random bytes for one side of a handshake.
pub(super) fn secret() -> Result<Entropy> {
    let mut secret = Entropy::default();
    getrandom::fill(&mut secret).map_err(no_entropy)?;
    Ok(secret)
}

pub(super) fn no_entropy(cause: getrandom::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("the system gives no random numbers: {cause}"))
}

/// A factor between a half and one and a half, so that many nodes do not retry in step.
pub(super) fn jitter() -> f64 {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    0.5 + f64::from(random) / f64::from(u32::MAX)
}
