//! Who wants to be told that a server is down, and of which.
//!
//! A monitor follows one instance of a server: of a name, on a member, from one registration to its
//! end. It is told of that end once, and is over then. Nothing is said to the other member: who
//! hosts what, and in which instance, is in the members' keys, and what becomes of members is the
//! membership's word.

mod acting;
#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

#[cfg(feature = "runtime")]
pub(crate) use self::words::{instance_value, words_value};
pub(crate) use self::words::{read_instance, read_words};

/// Names one monitor. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MonitorId(u64);

/// Why a server is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DownReason {
    /// There was none, as far as this node knew.
    NoServer,
    /// It was stopped, or its code has ended.
    Stopped,
    /// Its member has failed.
    NodeFailed,
    /// Its member has left.
    NodeLeft,
    /// The key that it was followed by has another owner.
    Moved,
    /// This node has left or was closed: nothing is known any more.
    Closed,
}

impl DownReason {
    /// The same in one word, as every language has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoServer => "no_server",
            Self::Stopped => "stopped",
            Self::NodeFailed => "node_failed",
            Self::NodeLeft => "node_left",
            Self::Moved => "moved",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A server that was followed is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// Its name.
    pub server: String,
    /// The member that had it; none where nobody was found to follow.
    pub member: Option<String>,
    /// Why it is down.
    pub reason: DownReason,
    /// More of that, for people: what a server said that has ended, 256 bytes at most; who owns a
    /// key now; who was looked for in vain. Often empty.
    pub text: String,
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, member, reason, text } = self;
        write!(f, "{server}")?;
        if let Some(member) = member {
            write!(f, "@{member}")?;
        }
        write!(f, " is down: {reason}")?;
        if text.is_empty() { Ok(()) } else { write!(f, ", {text}") }
    }
}

/// What a monitor follows.
#[derive(Clone, Debug)]
struct Followed {
    member: Arc<str>,
    server: Arc<str>,
    /// Which of those that have had that name on that member; 0 where an older version does not
    /// say.
    instance: u64,
    /// It was found by this key.
    key: Option<Box<[u8]>>,
}

/// The monitors of a node.
#[derive(Debug, Default)]
pub(super) struct Monitors {
    last: u64,
    followed: BTreeMap<MonitorId, Followed>,
    /// By member and server.
    places: BTreeSet<(Arc<str>, Arc<str>, MonitorId)>,
    /// Those that have a key, by server.
    keyed: BTreeSet<(Arc<str>, MonitorId)>,
}

impl Monitors {
    fn next(&mut self) -> MonitorId {
        self.last += 1;
        MonitorId(self.last)
    }

    fn insert(&mut self, id: MonitorId, followed: Followed) {
        let Followed { member, server, key, .. } = &followed;
        self.places.insert((Arc::clone(member), Arc::clone(server), id));
        if key.is_some() {
            self.keyed.insert((Arc::clone(server), id));
        }
        self.followed.insert(id, followed);
    }

    fn remove(&mut self, id: MonitorId) -> Option<Followed> {
        let followed = self.followed.remove(&id)?;
        let Followed { member, server, key, .. } = &followed;
        self.places.remove(&(Arc::clone(member), Arc::clone(server), id));
        if key.is_some() {
            self.keyed.remove(&(Arc::clone(server), id));
        }
        Some(followed)
    }

    fn get(&self, id: MonitorId) -> Option<&Followed> {
        self.followed.get(&id)
    }

    fn len(&self) -> usize {
        self.followed.len()
    }

    fn all(&self) -> Vec<MonitorId> {
        self.followed.keys().copied().collect()
    }

    /// Those of a server on a member.
    fn at(&self, member: &Arc<str>, server: &Arc<str>) -> Vec<MonitorId> {
        let of = |id| (Arc::clone(member), Arc::clone(server), MonitorId(id));
        self.places.range(of(0)..=of(u64::MAX)).map(|(_, _, id)| *id).collect()
    }

    /// Those of any server on a member.
    fn of_member(&self, member: &str) -> Vec<MonitorId> {
        let first = (Arc::from(member), Arc::from(""), MonitorId(0));
        let theirs = self.places.range(first..).take_while(|(held, ..)| **held == *member);
        theirs.map(|(_, _, id)| *id).collect()
    }

    /// Those that have a key, of one server or of any.
    fn with_key(&self, server: Option<&Arc<str>>) -> Vec<MonitorId> {
        let wanted = |held: &Arc<str>| server.is_none_or(|server| held == server);
        let first = (server.map_or_else(|| Arc::from(""), Arc::clone), MonitorId(0));
        let theirs = self.keyed.range(first..).take_while(|(held, _)| wanted(held));
        theirs.map(|(_, id)| *id).collect()
    }
}
