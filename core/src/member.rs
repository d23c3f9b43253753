//! What is known about a member: a flat value, cheap to clone and to share between threads.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashTable;
use triomphe::ThinArc;

pub use crate::api::MemberState;
use crate::api::STATES;
use crate::wire::TagPairs;

/// Tags as every language shows them.
pub type Tags = BTreeMap<String, String>;

/// How the loop does on which a member runs its users' code, from good to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoopState {
    /// It turns, or is not watched.
    #[default]
    Ok,
    /// It is late, by a fifth of the option `loop_stuck` at least.
    Slow,
    /// It has not turned for as long as that option says.
    Stuck,
}

impl LoopState {
    /// The same in one word, as every language has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Stuck => "stuck",
        }
    }
}

/// One member, as it was when the value was taken.
///
/// Everything is in one allocation, without gaps, behind one pointer: a node of a large cluster
/// holds thousands.
#[derive(Clone, PartialEq, Eq)]
pub struct Member(ThinArc<Head, u8>);

/// What every member has, in the 8 bytes in front of the rest: the high byte of the length of its
/// name if it is long, its versions in 6 bytes unless they are the usual ones, the address in 4 or
/// 16, the name, then the metadata. Every byte counts: members are most of what a node of a large
/// cluster holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Head {
    incarnation: u32,
    port: u16,
    flags: u8,
    /// The low byte of the length of the name.
    name: u8,
}

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

/// The bits of the flags that have the state.
const STATE: u8 = 3;
/// The address has 16 bytes.
const V6: u8 = 4;
/// See [`Facts::mapped`].
const MAPPED: u8 = 8;
/// The versions are not the usual ones.
const VERSIONS: u8 = 16;
/// The name has more than 255 bytes.
const LONG: u8 = 32;
/// Those of nearly every member: memberlist's, and none of an application.
const USUAL_VERSIONS: [u8; 6] = [1, 5, 2, 0, 0, 0];

impl Member {
    pub(crate) fn new(facts: Facts<'_>) -> Self {
        // A name that does not fit into two bytes is not taken over from anybody.
        let [name, high] = u16::try_from(facts.name.len()).unwrap_or_default().to_le_bytes();
        let own_versions = facts.versions != USUAL_VERSIONS;
        let flags = [
            (V6, facts.addr.is_ipv6()),
            (MAPPED, facts.mapped),
            (VERSIONS, own_versions),
            (LONG, high != 0),
        ];
        let flags = flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag).sum::<u8>();
        let mut rest = Vec::with_capacity(1 + 6 + 16 + facts.name.len() + facts.meta.len());
        if high != 0 {
            rest.push(high);
        }
        if own_versions {
            rest.extend(facts.versions);
        }
        match facts.addr.ip() {
            IpAddr::V4(ip) => rest.extend(ip.octets()),
            IpAddr::V6(ip) => rest.extend(ip.octets()),
        }
        rest.extend_from_slice(facts.name.as_bytes());
        rest.extend_from_slice(facts.meta);
        let head = Head {
            incarnation: facts.incarnation,
            port: facts.addr.port(),
            flags: facts.state as u8 | flags,
            name,
        };
        Self(ThinArc::from_header_and_slice(head, &rest))
    }

    fn head(&self) -> &Head {
        &self.0.header.header
    }

    fn has(&self, flag: u8) -> bool {
        self.head().flags & flag != 0
    }

    /// The length of the name, and what follows it.
    fn name_len(&self) -> (usize, &[u8]) {
        let (low, rest) = (self.head().name, &self.0.slice);
        let (high, rest) = match self.has(LONG) {
            false => (0, rest),
            true => rest.split_first().map_or_else(never, |(high, rest)| (*high, rest)),
        };
        (u16::from_le_bytes([low, high]).into(), rest)
    }

    /// The versions, and the address with what follows it.
    fn versions_and_rest(&self) -> ([u8; 6], &[u8]) {
        let rest = self.name_len().1;
        match self.has(VERSIONS) {
            false => (USUAL_VERSIONS, rest),
            true => rest.split_first_chunk().map_or_else(never, |(own, rest)| (*own, rest)),
        }
    }

    /// The address, and the name with what follows it.
    fn address(&self) -> (IpAddr, &[u8]) {
        let rest = self.versions_and_rest().1;
        let parts = match self.has(V6) {
            false => rest.split_first_chunk::<4>().map(|(ip, rest)| ((*ip).into(), rest)),
            true => rest.split_first_chunk::<16>().map(|(ip, rest)| ((*ip).into(), rest)),
        };
        parts.unwrap_or_else(never)
    }

    /// The bytes of the name, and the metadata.
    fn texts(&self) -> (&[u8], &[u8]) {
        let (name, rest) = (self.name_len().0, self.address().1);
        rest.split_at(name)
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            name: self.name(),
            addr: self.addr(),
            state: self.state(),
            incarnation: self.incarnation(),
            versions: self.versions(),
            mapped: self.has(MAPPED),
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
        SocketAddr::new(self.address().0, self.head().port)
    }

    /// What was believed about it.
    pub fn state(&self) -> MemberState {
        let index = usize::from(self.head().flags & STATE);
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
        self.head().incarnation
    }

    /// Protocol versions: memberlist's min, max, current, then the application's three.
    pub fn versions(&self) -> [u8; 6] {
        self.versions_and_rest().0
    }
}

/// For what [`Member::new`] wrote.
fn never<T>() -> T {
    unreachable!("a member has all its parts")
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
        let hash = |member: &Member| self.key.hash_one(&member.0);
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
            held.members.retain(|member| ThinArc::strong_count(&member.0) > 1);
            held.full = HELD_MIN.max(2 * held.members.len());
        }
        held.members.insert_unique(at, member.clone(), hash);
        member
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_same(one: &Member, other: &Member) -> bool {
        one.0.slice.as_ptr() == other.0.slice.as_ptr()
    }

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
        assert!(!is_same(&alone, &pool.share(member(1))), "with nobody to share it");
        let other = Arc::clone(&pool);
        let known = pool.share(member(1));
        assert!(is_same(&known, &other.share(member(1))));
        assert_ne!(known, other.share(member(2)));
        (0..1_000).for_each(|incarnation| drop(pool.share(member(incarnation))));
        assert!(pool.held.lock().unwrap().members.len() <= HELD_MIN);
        assert!(is_same(&known, &other.share(member(1))), "what is known stays");
        drop(other);
        drop(pool.share(member(1)));
        assert_eq!(ThinArc::strong_count(&known.0), 1, "the last node holds its own alone");
    }

    #[test]
    fn what_went_in_comes_out() {
        for (addr, mapped) in
            [("10.1.2.3:7946", false), ("10.1.2.3:1", true), ("[2001:db8::9]:65535", false)]
        {
            let long = "n".repeat(1_000);
            for (state, _) in STATES {
                for (name, meta) in
                    [("a", &b""[..]), ("Grüße-9", &[0xff, 0, 1]), ("", b"m"), (&long, b"m")]
                {
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
