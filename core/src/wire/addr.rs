//! Addresses as they travel: raw IP bytes beside a port.
//!
//! The same IPv4 address travels in 4 bytes or in the 16 of its IPv6-mapped form, and Go compares
//! the bytes. So bytes are kept and passed on exactly as received, and put into one form only to
//! open a socket or to compare two addresses here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::WireError;

/// The socket address behind raw bytes, or `None` unless there are 4 or 16 of them.
///
/// An IPv4-mapped IPv6 address becomes the IPv4 address.
pub fn to_socket_addr(raw: &[u8], port: u16) -> Option<SocketAddr> {
    to_ip(raw).map(|ip| SocketAddr::new(ip, port))
}

/// An IP address exactly as it was sent: 4 bytes, 16, or none.
///
/// `==` compares bytes, as Go does; compare [`RawAddr::ip`] to ask whether two name one host.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RawAddr {
    // Bytes past `len` are zero, so that derived equality is equality of what was sent.
    bytes: [u8; 16],
    len: u8,
}

impl RawAddr {
    /// Keeps the bytes of an address: none, 4 or 16.
    pub fn new(raw: &[u8]) -> Result<Self, WireError> {
        if !matches!(raw.len(), 0 | 4 | 16) {
            return Err(WireError::BadAddress);
        }
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(raw) {
            *to = *from;
        }
        // One of 0, 4 and 16, as checked above.
        Ok(Self { bytes, len: raw.len() as u8 })
    }

    /// The bytes as received.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether there is no address at all.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The address in canonical form, or `None` if empty.
    pub fn ip(&self) -> Option<IpAddr> {
        to_ip(self.as_bytes())
    }

    /// The canonical socket address at `port`, or `None` if empty.
    pub fn socket_addr(&self, port: u16) -> Option<SocketAddr> {
        to_socket_addr(self.as_bytes(), port)
    }
}

/// The short form: 4 bytes for IPv4, also when it came as an IPv4-mapped IPv6 address.
impl From<IpAddr> for RawAddr {
    fn from(ip: IpAddr) -> Self {
        let mut bytes = [0; 16];
        let len = match ip.to_canonical() {
            IpAddr::V4(v4) => {
                for (to, from) in bytes.iter_mut().zip(v4.octets()) {
                    *to = from;
                }
                4
            }
            IpAddr::V6(v6) => {
                bytes = v6.octets();
                16
            }
        };
        Self { bytes, len }
    }
}

impl fmt::Debug for RawAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip() {
            Some(ip) => write!(f, "{ip}/{}", self.len),
            None => f.write_str("none"),
        }
    }
}

fn to_ip(raw: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(raw) {
        return Some(IpAddr::V4(Ipv4Addr::from(v4)));
    }
    let v6 = <[u8; 16]>::try_from(raw).ok()?;
    Some(IpAddr::V6(Ipv6Addr::from(v6)).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_ipv4_is_canonical_for_sockets_but_kept_as_sent() {
        let short = RawAddr::new(&[10, 77, 0, 1]).expect("4 bytes");
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, 1];
        let long = RawAddr::new(&mapped).expect("16 bytes");
        assert_ne!(short, long);
        assert_eq!(short.ip(), long.ip());
        assert_eq!(long.as_bytes(), mapped);
        assert_eq!(to_socket_addr(&mapped, 7946), "10.77.0.1:7946".parse().ok());
        assert_eq!(RawAddr::from(IpAddr::from(mapped)), short);
    }

    #[test]
    fn only_4_and_16_bytes_are_addresses() {
        for len in 0..40 {
            let raw = vec![1; len];
            assert_eq!(to_socket_addr(&raw, 1).is_some(), matches!(len, 4 | 16), "{len}");
            assert_eq!(RawAddr::new(&raw).is_ok(), matches!(len, 0 | 4 | 16), "{len}");
        }
        assert!(RawAddr::default().is_empty());
        assert_eq!(RawAddr::default().socket_addr(1), None);
        let v6 = RawAddr::new(&[0x20; 16]).expect("16 bytes");
        assert!(v6.ip().is_some_and(|ip| ip.is_ipv6()));
    }
}
