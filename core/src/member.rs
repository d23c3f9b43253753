//! What is known about a member: a flat value, cheap to clone and to share between threads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashTable;

pub use crate::api::MemberState;
use crate::api::STATES;
use crate::wire::TagPairs;

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

/// In front of every member: flags, port, incarnation, length of the name. Its versions follow in 6
/// bytes unless they are the usual ones, the address in 4 or 16, the name, then the metadata. Every
/// byte counts: members are most of what a node of a large cluster holds.
const HEADER: usize = 9;
/// The bits of the flags that have the state.
const STATE: u8 = 3;
/// The address has 16 bytes.
const V6: u8 = 4;
/// See [`Facts::mapped`].
const MAPPED: u8 = 8;
/// The versions are not the usual ones.
const VERSIONS: u8 = 16;
/// Those of nearly every member: memberlist's, and none of an application.
const USUAL_VERSIONS: [u8; 6] = [1, 5, 2, 0, 0, 0];

impl Member {
    pub(crate) fn new(facts: Facts<'_>) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + 6 + 16 + facts.name.len() + facts.meta.len());
        let own_versions = facts.versions != USUAL_VERSIONS;
        let flags = [(V6, facts.addr.is_ipv6()), (MAPPED, facts.mapped), (VERSIONS, own_versions)];
        let flags = flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag).sum::<u8>();
        bytes.push(facts.state as u8 | flags);
        bytes.extend(facts.addr.port().to_le_bytes());
        bytes.extend(facts.incarnation.to_le_bytes());
        // A name that long is not taken over from anybody.
        let name = u16::try_from(facts.name.len()).unwrap_or_default();
        bytes.extend(name.to_le_bytes());
        if own_versions {
            bytes.extend(facts.versions);
        }
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

    fn flags(&self) -> u8 {
        self.header().0[0]
    }

    /// The versions, and the address with what follows it.
    fn versions_and_rest(&self) -> ([u8; 6], &[u8]) {
        let rest = self.header().1;
        match self.flags() & VERSIONS {
            0 => (USUAL_VERSIONS, rest),
            _ => match rest.split_first_chunk() {
                Some((versions, rest)) => (*versions, rest),
                None => unreachable!("`new` wrote it"),
            },
        }
    }

    /// The address, and the name with what follows it.
    fn address(&self) -> (IpAddr, &[u8]) {
        let rest = self.versions_and_rest().1;
        let parts = match self.flags() & V6 {
            0 => rest.split_first_chunk().map(|(ip, rest)| (IpAddr::from(*ip as [u8; 4]), rest)),
            _ => rest.split_first_chunk().map(|(ip, rest)| (IpAddr::from(*ip as [u8; 16]), rest)),
        };
        parts.unwrap_or_else(|| unreachable!("`new` wrote it"))
    }

    /// The bytes of the name, and the metadata.
    fn texts(&self) -> (&[u8], &[u8]) {
        let (header, (_, rest)) = (self.header().0, self.address());
        rest.split_at(u16::from_le_bytes([header[7], header[8]]).into())
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            name: self.name(),
            addr: self.addr(),
            state: self.state(),
            incarnation: self.incarnation(),
            versions: self.versions(),
            mapped: self.flags() & MAPPED != 0,
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
        SocketAddr::new(self.address().0, u16::from_le_bytes([header[1], header[2]]))
    }

    /// What was believed about it.
    pub fn state(&self) -> MemberState {
        let index = usize::from(self.flags() & STATE);
        STATES.get(index).map_or(MemberState::Alive, |(state, _)| *state)
    }

    /// Its tags; empty when its metadata is not in serf's encoding. Decoded at each call.
    pub fn tags(&self) -> Tags {
        self.tag_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
    }

    /// The value of one of its [`tags`](Self::tags), without decoding the others into a map.
    pub fn tag(&self, key: &str) -> Option<Cow<'_, str>> {
        self.tag_pairs().find(|(k, _)| k == key).map(|(_, value)| value)
    }

    /// What [`Member::tags`] holds, in that order.
    pub(crate) fn tag_pairs(&self) -> TagPairs<'_> {
        TagPairs::decode(self.meta()).unwrap_or_default()
    }

    /// Its metadata as it travels.
    pub fn meta(&self) -> &[u8] {
        self.texts().1
    }

    /// How often it has announced itself; grows with every change and refutation.
    pub fn incarnation(&self) -> u32 {
        let header = self.header().0;
        u32::from_le_bytes([header[3], header[4], header[5], header[6]])
    }

    /// Protocol versions: memberlist's min, max, current, then the application's three.
    pub fn versions(&self) -> [u8; 6] {
        self.versions_and_rest().0
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

/// The members that the nodes of a process know: in a cluster they know the same ones, and what
/// they know of them is held once.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    held: Mutex<Held>,
    /// Members come from outside, so their hashes are keyed.
    key: RandomState,
}

#[derive(Debug, Default)]
struct Held {
    members: HashTable<Member>,
    /// With so many, those are dropped that nobody knows any more.
    full: usize,
}

/// A pool that has fewer is not looked through for what may be dropped.
const HELD_MIN: usize = 64;

impl Pool {
    /// The same member, as it is held already.
    pub(crate) fn share(self: &Arc<Self>, member: Member) -> Member {
        let hash = |member: &Member| self.key.hash_one(&*member.0);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // A node that is alone in its process, or is left alone, holds nothing here.
        if Arc::strong_count(self) == 1 {
            *held = Held::default();
            return member;
        }
        let at = hash(&member);
        if let Some(known) = held.members.find(at, |other| *other == member) {
            return known.clone();
        }
        if held.members.len() >= held.full {
            held.members.retain(|member| Arc::strong_count(&member.0) > 1);
            held.full = HELD_MIN.max(2 * held.members.len());
        }
        held.members.insert_unique(at, member.clone(), hash);
        member
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_nodes_know_is_held_once_and_dropped_with_them() {
        let pool = Arc::new(Pool::default());
        let member = |incarnation| {
            let addr = "10.1.2.3:7946".parse().unwrap();
            let (state, versions) = (MemberState::Alive, USUAL_VERSIONS);
            let (name, mapped, meta) = ("a", false, &b"meta"[..]);
            Member::new(Facts { name, addr, state, incarnation, versions, mapped, meta })
        };
        let alone = pool.share(member(1));
        assert!(!Arc::ptr_eq(&alone.0, &pool.share(member(1)).0), "with nobody to share it");
        let other = Arc::clone(&pool);
        let known = pool.share(member(1));
        assert!(Arc::ptr_eq(&known.0, &other.share(member(1)).0));
        assert_ne!(known, other.share(member(2)));
        (0..1_000).for_each(|incarnation| drop(pool.share(member(incarnation))));
        assert!(pool.held.lock().unwrap().members.len() <= HELD_MIN);
        assert!(Arc::ptr_eq(&known.0, &other.share(member(1)).0), "what is known stays");
        drop(other);
        drop(pool.share(member(1)));
        assert_eq!(Arc::strong_count(&known.0), 1, "the last node holds its own alone");
    }

    #[test]
    fn what_went_in_comes_out() {
        for (addr, mapped) in
            [("10.1.2.3:7946", false), ("10.1.2.3:1", true), ("[2001:db8::9]:65535", false)]
        {
            for (state, _) in STATES {
                for (name, meta) in [("a", &b""[..]), ("Grüße-9", &[0xff, 0, 1]), ("", b"m")] {
                    let addr = addr.parse().unwrap();
                    for versions in [[1, 5, 2, 3, 4, 255], USUAL_VERSIONS] {
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

    #[test]
    fn a_tag_is_what_the_tags_hold() {
        for (meta, held) in [
            (&b"\xff\x82\xa1a\xa11\xa1b\xa12"[..], [Some("1"), Some("2"), None]),
            (b"\xff\x83\xa1b\xa11\xa1a\xa12\xa1b\xa2\xff3", [Some("2"), Some("\u{fffd}3"), None]),
            (b"\xff\x82\xa1a\xa11\xa1b", [None; 3]),
            (b"a=1", [None; 3]),
        ] {
            let member = Member::new(Facts {
                name: "a",
                addr: "10.1.2.3:7946".parse().unwrap(),
                state: MemberState::Alive,
                incarnation: 1,
                versions: [1, 5, 2, 0, 0, 0],
                mapped: false,
                meta,
            });
            for (key, value) in ["a", "b", "c"].into_iter().zip(held) {
                assert_eq!(member.tag(key).as_deref(), value);
                assert_eq!(member.tags().get(key).map(String::as_str), value);
            }
        }
    }
}
