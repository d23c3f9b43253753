//! What is known about a member: a flat value, cheap to clone and to share between threads.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub use crate::api::MemberState;
use crate::api::STATES;
use crate::wire::decode_tags;

/// Tags as every language shows them.
pub type Tags = BTreeMap<String, String>;

/// One member, as it was when the value was taken.
///
/// Everything is in one allocation, without gaps: a node of a large cluster holds thousands.
#[derive(Clone, PartialEq, Eq)]
pub struct Member(Arc<[u8]>);

/// What a [`Member`] is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) name: &'a str,
    pub(crate) addr: SocketAddr,
    pub(crate) state: MemberState,
    pub(crate) incarnation: u32,
    pub(crate) versions: [u8; 6],
    /// The address travelled in its 16-byte IPv4-mapped form, and must go on doing so.
    pub(crate) mapped: bool,
    pub(crate) meta: &'a [u8],
}

/// In front of every member: state, flags, versions, port, incarnation, length of the name. The
/// address follows in 4 or 16 bytes, then the name, then the metadata.
const HEADER: usize = 18;
/// The address has 16 bytes.
const V6: u8 = 1;
/// See [`Facts::mapped`].
const MAPPED: u8 = 2;

impl Member {
    pub(crate) fn new(facts: Facts<'_>) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + 16 + facts.name.len() + facts.meta.len());
        let v6 = if facts.addr.is_ipv6() { V6 } else { 0 };
        let mapped = if facts.mapped { MAPPED } else { 0 };
        bytes.extend([facts.state as u8, v6 | mapped]);
        bytes.extend(facts.versions);
        bytes.extend(facts.addr.port().to_le_bytes());
        bytes.extend(facts.incarnation.to_le_bytes());
        // A name that long does not fit into any message.
        let name = u32::try_from(facts.name.len()).unwrap_or_default();
        bytes.extend(name.to_le_bytes());
        match facts.addr.ip() {
            IpAddr::V4(ip) => bytes.extend(ip.octets()),
            IpAddr::V6(ip) => bytes.extend(ip.octets()),
        }
        bytes.extend_from_slice(facts.name.as_bytes());
        bytes.extend_from_slice(facts.meta);
        Self(bytes.into())
    }

    /// The fields of the header, and what follows it.
    fn header(&self) -> (&[u8; HEADER], &[u8]) {
        match self.0.split_first_chunk() {
            Some(parts) => parts,
            None => unreachable!("`new` wrote it"),
        }
    }

    /// The address, and the name with what follows it.
    fn address(&self) -> (IpAddr, &[u8]) {
        let (header, rest) = self.header();
        let parts = match header[1] & V6 {
            0 => rest.split_first_chunk().map(|(ip, rest)| (IpAddr::from(*ip as [u8; 4]), rest)),
            _ => rest.split_first_chunk().map(|(ip, rest)| (IpAddr::from(*ip as [u8; 16]), rest)),
        };
        parts.unwrap_or_else(|| unreachable!("`new` wrote it"))
    }

    /// The bytes of the name, and the metadata.
    fn texts(&self) -> (&[u8], &[u8]) {
        let (header, (_, rest)) = (self.header().0, self.address());
        let length = u32::from_le_bytes([header[14], header[15], header[16], header[17]]);
        rest.split_at(length as usize)
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            name: self.name(),
            addr: self.addr(),
            state: self.state(),
            incarnation: self.incarnation(),
            versions: self.versions(),
            mapped: self.header().0[1] & MAPPED != 0,
            meta: self.meta(),
        }
    }

    /// Its name, for comparing: cheaper than [`Member::name`], and in the same order.
    pub(crate) fn name_bytes(&self) -> &[u8] {
        self.texts().0
    }

    /// Its name, unique in the cluster.
    pub fn name(&self) -> &str {
        std::str::from_utf8(self.name_bytes()).unwrap_or_default()
    }

    /// The address it advertises, for UDP and TCP alike.
    pub fn addr(&self) -> SocketAddr {
        let header = self.header().0;
        SocketAddr::new(self.address().0, u16::from_le_bytes([header[8], header[9]]))
    }

    /// What was believed about it.
    pub fn state(&self) -> MemberState {
        let index = usize::from(self.header().0[0]);
        STATES.get(index).map_or(MemberState::Alive, |(state, _)| *state)
    }

    /// Its tags; empty when its metadata is not in serf's encoding. Decoded at each call.
    pub fn tags(&self) -> Tags {
        decode_tags(self.meta()).unwrap_or_default()
    }

    /// Its metadata as it travels.
    pub fn meta(&self) -> &[u8] {
        self.texts().1
    }

    /// How often it has announced itself; grows with every change and refutation.
    pub fn incarnation(&self) -> u32 {
        let header = self.header().0;
        u32::from_le_bytes([header[10], header[11], header[12], header[13]])
    }

    /// Protocol versions: memberlist's min, max, current, then the application's three.
    pub fn versions(&self) -> [u8; 6] {
        let header = self.header().0;
        [header[2], header[3], header[4], header[5], header[6], header[7]]
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("name", &self.name())
            .field("addr", &self.addr())
            .field("state", &self.state().as_str())
            .field("incarnation", &self.incarnation())
            .field("tags", &self.tags())
            .finish()
    }
}

impl MemberState {
    /// The permanent word: `alive`, `suspect`, `failed` or `left`.
    pub fn as_str(self) -> &'static str {
        // The table is written from the same rows as the enum, in the same order.
        STATES[self as usize].1
    }

    /// Whether it counts as present: a suspect does until it has failed.
    pub const fn is_present(self) -> bool {
        matches!(self, Self::Alive | Self::Suspect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_in_comes_out() {
        for (addr, mapped) in
            [("10.1.2.3:7946", false), ("10.1.2.3:1", true), ("[2001:db8::9]:65535", false)]
        {
            for (state, _) in STATES {
                for (name, meta) in [("a", &b""[..]), ("Grüße-9", &[0xff, 0, 1]), ("", b"m")] {
                    let addr = addr.parse().unwrap();
                    let versions = [1, 5, 2, 3, 4, 255];
                    let facts = Facts {
                        name,
                        addr,
                        state: *state,
                        incarnation: 0x0102_0304,
                        versions,
                        mapped,
                        meta,
                    };
                    let member = Member::new(facts);
                    assert_eq!(format!("{:?}", member.facts()), format!("{facts:?}"));
                    assert_eq!(member, Member::new(member.facts()));
                }
            }
        }
    }
}
