//! A key of a shared map as bytes: a record of siblings in the form of `docs/CLOCKS.md`, in which
//! each value begins with the eight bytes of its stamp.

use std::borrow::Cow;
use std::sync::Arc;

use crate::clock::{HybridTime, Siblings, VectorClock, split_actor};
use crate::error::Result;

/// Bytes of a stamp.
const STAMP: usize = 8;

/// The history of a record, and which of its events have a value.
pub(super) type Shape = Siblings<()>;

/// The record of these bytes; none if they are of no record. Bounded by their length.
pub(super) fn decode(bytes: &[u8]) -> Option<Siblings<&[u8]>> {
    let record = Siblings::borrowed(bytes).ok()?;
    let whole = record.values().all(|value| value.len() >= STAMP);
    whole.then_some(record)
}

pub(super) fn shape(bytes: &[u8]) -> Option<Shape> {
    decode(bytes).map(|record| record.map(|_| ()))
}

/// The stamp of the last of its values.
pub(super) fn newest(bytes: &[u8]) -> Option<HybridTime> {
    decode(bytes)?.values().filter_map(|value| split(value)).map(|(stamp, _)| stamp).max()
}

/// A value as it is in a record.
pub(super) fn stamped(stamp: HybridTime, value: &[u8]) -> Cow<'static, [u8]> {
    Cow::Owned([&stamp.to_bytes(), value].concat())
}

fn split(value: &[u8]) -> Option<(HybridTime, &[u8])> {
    let (stamp, rest) = value.split_at_checked(STAMP)?;
    Some((HybridTime::from_bytes(stamp).ok()?, rest))
}

/// A record that knows what either does; none if either is none, or its names take too much.
pub(super) fn join(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut record = decode(one)?;
    record.merge(decode(other)?).ok()?;
    Some(record.to_bytes())
}

/// A value of a key of a shared map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapValue {
    /// As it was put.
    pub bytes: Arc<[u8]>,
    /// When, by the hybrid clock of who put it: milliseconds since 1970, and a counter.
    pub stamp: HybridTime,
    /// The member that put it.
    pub writer: String,
}

/// The values of a key, and the history that they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRecord {
    /// The newest first, by their stamps; of equal ones, in an order that all members have. More
    /// than one: they were put without knowing of each other.
    pub values: Vec<MapValue>,
    /// All that was known of the key when it was read: whoever writes with it replaces that.
    pub context: VectorClock,
}

impl MapRecord {
    /// The record of the bytes that a node shows.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let record = Siblings::borrowed(bytes)?;
        let value = |(dot, value): (crate::clock::Dot<'_>, &&[u8])| {
            let (stamp, bytes) = split(value)?;
            let writer = split_actor(dot.actor).map_or(dot.actor, |(name, _)| name).to_owned();
            Some(MapValue { bytes: bytes.into(), stamp, writer })
        };
        let mut values: Vec<MapValue> = record.dots().filter_map(value).collect();
        values.reverse();
        values.sort_by_key(|value| std::cmp::Reverse(value.stamp));
        Ok(Self { values, context: record.context().clone() })
    }
}
