//! Small versioned spaces of keys and values, one for each member, without I/O.
//!
//! Only the owner writes to its space, so nothing is ever in conflict: whoever has the greater
//! version knows more. Each write takes the next version, and a space remembers of each key the
//! version that it was last changed in. So what somebody lacks who knows a space up to a version is
//! what was changed since ([`Space::since`](space::Space::since)), in whatever order and however
//! often it comes: of the scuttlebutt reconciliation, the part that needs no more than a number for
//! each member.
//!
//! A deleted key leaves a grave, so that who has the key hears of it. Graves are forgotten in the
//! order of their versions, and `floor` is the last that was: who knows less than that may have a
//! key that nobody else remembers was deleted, and gets a full copy instead.
//!
//! Maps that all write to are made of spaces by [`Maps`].
//!
//! [`Own`] is the space that this node writes to, with times to live; [`Spaces`] has everybody's,
//! within bounds.

mod map;
mod own;
mod space;
mod spaces;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::map::{MAPS, Maps, Spoilt};
pub use self::map::{MapRecord, MapValue, MapWrite};
pub(crate) use self::own::Own;
pub(crate) use self::space::{Mark, Written};
pub(crate) use self::spaces::{Heard, Spaces, Standing, told};

/// Bytes that a member may have in its space: of keys, values, and [`ENTRY_COST`] each.
pub(crate) const QUOTA_BYTES: usize = 1 << 20;
/// Keys that a member may have.
pub(crate) const QUOTA_KEYS: usize = 65_536;
/// What an entry counts beside its key and value.
pub(crate) const ENTRY_COST: usize = 8;
/// Deleted keys that are remembered at most, and for how long by their owner.
pub(crate) const GRAVES_MAX: usize = 4_096;
pub(crate) const GRAVES_KEPT: Duration = Duration::from_secs(60 * 60);
/// Bytes of memory that the spaces of others may take, all together.
pub(crate) const OTHERS_BYTES: usize = 64 << 20;
/// Spaces of those who are no members yet.
pub(crate) const STRANGERS_MAX: usize = 64;
/// Bytes of each of them.
pub(crate) const STRANGER_BYTES: usize = 64 << 10;

/// A key of a member has another value than before, or none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// Whose it is.
    pub owner: Arc<str>,
    /// Which, with the namespace that it begins with.
    pub key: Arc<str>,
    /// None once it was deleted or has expired, and while its owner is not present.
    pub value: Option<Arc<[u8]>>,
    /// The version of the owner's space that made it so.
    pub version: u64,
}

/// What becomes of a key of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateWrite {
    /// Which: 1 to 256 bytes.
    pub key: String,
    /// None deletes it; at most 64 KiB.
    pub value: Option<Vec<u8>>,
    /// How long it is there, unless it is written again.
    pub ttl: Option<Duration>,
}
