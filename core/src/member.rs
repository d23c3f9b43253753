//! What is known about a member: a flat value, cheap to clone and to share between threads.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

pub use crate::api::MemberState;
use crate::api::STATES;
use crate::wire::decode_tags;

/// Tags as every language shows them.
pub type Tags = BTreeMap<String, String>;

/// One member, as it was when the value was taken.
#[derive(Clone, PartialEq, Eq)]
pub struct Member(Arc<Facts>);

/// The facts behind a [`Member`]. One allocation a member, names and metadata aside: a node of a
/// large cluster holds thousands.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) name: Arc<str>,
    pub(crate) addr: SocketAddr,
    pub(crate) state: MemberState,
    pub(crate) incarnation: u32,
    pub(crate) versions: [u8; 6],
    /// The address travelled in its 16-byte IPv4-mapped form, and must go on doing so.
    pub(crate) mapped: bool,
    pub(crate) meta: Box<[u8]>,
}

impl Member {
    pub(crate) fn new(facts: Facts) -> Self {
        Self(Arc::new(facts))
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.0
    }

    /// Its name, unique in the cluster.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The address it advertises, for UDP and TCP alike.
    pub fn addr(&self) -> SocketAddr {
        self.0.addr
    }

    /// What was believed about it.
    pub fn state(&self) -> MemberState {
        self.0.state
    }

    /// Its tags; empty when its metadata is not in serf's encoding. Decoded at each call.
    pub fn tags(&self) -> Tags {
        decode_tags(&self.0.meta).unwrap_or_default()
    }

    /// Its metadata as it travels.
    pub fn meta(&self) -> &[u8] {
        &self.0.meta
    }

    /// How often it has announced itself; grows with every change and refutation.
    pub fn incarnation(&self) -> u32 {
        self.0.incarnation
    }

    /// Protocol versions: memberlist's min, max, current, then the application's three.
    pub fn versions(&self) -> [u8; 6] {
        self.0.versions
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
