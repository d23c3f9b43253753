//! Maps that all members read and write.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::{Node, Replay};
use crate::clock::VectorClock;
use crate::driver::{ShownRead, ShownReader};
use crate::engine::{MapRecord, MapValue, MapWrite, Request, StateChange};
use crate::error::Result;

/// In front of the keys of maps, where a node shows them.
const MAPS: &str = "m:";
/// Whose they are there: nobody's.
const NOBODY: &str = "";

/// A map that all members read and write, by its name. Clones are the same map.
///
/// Every member has all of it, and what is written goes to all within milliseconds, without a
/// leader: also while the cluster is cut in parts. Where two members put a key without having heard
/// of each other, both values stay, side by side; [`get`](Self::get) gives the one that was put
/// last, and whoever puts next replaces all that it knows.
///
/// ```no_run
/// # async fn run(node: chinwag::Node) -> chinwag::Result<()> {
/// let carts = node.map("carts")?;
/// carts.put("alice", "tea").await?;
/// // Read, change, and write what replaces what was read, and nothing else.
/// if let Some(found) = carts.read("alice") {
///     let all: Vec<&[u8]> = found.values.iter().map(|value| &*value.bytes).collect();
///     carts.put_after(&found, [&all.join(&b"+"[..]), &b"+milk"[..]].concat()).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// A key lives for as long as one member is present that has heard of it, whoever put it. It is for
/// what is small: all values of a key with their history have 64 KiB at most, and what a member put
/// last, or keeps for one that has gone, counts among its 1 MiB of keys.
#[derive(Clone, Debug)]
pub struct Map {
    node: Node,
    name: Arc<str>,
}

/// A key of a map, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapEntry {
    /// Which.
    pub key: String,
    /// The newest first, by the clocks of who put them; never none. More than one: they were put
    /// without knowing of each other.
    pub values: Vec<MapValue>,
    /// All that was known of the key: whoever writes with it replaces that. It may have been
    /// elsewhere meanwhile, as [`VectorClock::to_bytes`].
    pub context: VectorClock,
}

/// What happens to the keys of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapWatched {
    /// A key has these values now.
    Put(MapEntry),
    /// It has none any more.
    Deleted {
        /// Which.
        key: String,
    },
    /// What was there when the watch began has been told.
    ReplayDone,
    /// The reader was too slow: so many changes were not told, of these or of other keys. What
    /// follows comes after all that there is now.
    Lost {
        /// How many.
        count: u64,
        /// All keys that are watched, as they are.
        entries: Vec<MapEntry>,
    },
}

/// A watch of keys of a map: ordered, never concurrent. Also a [`Stream`]. Ends when the node is
/// closed.
#[derive(Debug)]
pub struct MapWatch {
    reader: ShownReader,
    /// What the keys begin with that are not the user's part.
    before: usize,
}

impl Node {
    /// The map of that name: 1 to 64 letters, digits and `._:-`. It is there for all as soon as
    /// somebody puts something.
    ///
    /// # Errors
    /// `bad_argument` for any other name.
    pub fn map(&self, name: &str) -> Result<Map> {
        MapWrite::check_name(name)?;
        Ok(Map { node: self.clone(), name: name.into() })
    }
}

impl Map {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives a key a value, in place of all values that this node knows. Returns once others are
    /// told, not once they have it.
    ///
    /// # Errors
    /// `too_large`, with nothing changed: the key, the values of it together, or all keys of this
    /// node; `bad_argument` for an empty key; `closed`.
    pub async fn put(&self, key: &str, value: impl Into<Vec<u8>>) -> Result<()> {
        self.write(key, Some(value.into()), None).await
    }

    /// Gives a key a value in place of those that were read, and nothing else: what was put
    /// meanwhile stays beside it.
    ///
    /// # Errors
    /// As [`Map::put`].
    pub async fn put_after(&self, read: &MapEntry, value: impl Into<Vec<u8>>) -> Result<()> {
        self.write(&read.key, Some(value.into()), Some(read.context.clone())).await
    }

    /// Deletes all values of a key that this node knows; a key that is not there, too.
    ///
    /// # Errors
    /// As [`Map::put`].
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.write(key, None, None).await
    }

    /// Deletes the values that were read, and nothing else: what was put meanwhile stays.
    ///
    /// # Errors
    /// As [`Map::put`].
    pub async fn delete_after(&self, read: &MapEntry) -> Result<()> {
        self.write(&read.key, None, Some(read.context.clone())).await
    }

    /// Replaces the values of a key that stand side by side by the one that `decide` makes of them,
    /// the newest first; whether there was anything to decide.
    ///
    /// # Errors
    /// As [`Map::put`].
    pub async fn resolve(
        &self,
        key: &str,
        decide: impl FnOnce(&[MapValue]) -> Vec<u8>,
    ) -> Result<bool> {
        let Some(read) = self.read(key).filter(|read| read.values.len() > 1) else {
            return Ok(false);
        };
        let value = decide(&read.values);
        self.put_after(&read, value).await.map(|()| true)
    }

    /// As [`Map::put`], or [`Map::put_after`] with a context: `None` deletes.
    pub(crate) async fn write(
        &self,
        key: &str,
        value: Option<Vec<u8>>,
        context: Option<VectorClock>,
    ) -> Result<()> {
        let (map, key) = (self.name.to_string(), key.to_owned());
        let write = Box::new(MapWrite { map, key, value, context });
        self.node.request(Request::WriteMap(write)).await
    }

    /// The value of a key, as far as this node has heard: of several, that of the last writer.
    pub fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        self.read(key)?.values.into_iter().next().map(|value| value.bytes)
    }

    /// All values of a key that stand side by side, and what is needed to replace them.
    pub fn read(&self, key: &str) -> Option<MapEntry> {
        let full = format!("{MAPS}{}/{key}", self.name);
        let record = self.node.board().shown().get(NOBODY, &full)?;
        entry(key, &record)
    }

    /// The keys that begin so and have a value, in their order.
    pub fn entries(&self, prefix: &str) -> Vec<MapEntry> {
        let before = self.before();
        let found = self.node.board().shown().entries(&format!("{before}{prefix}"));
        found.into_iter().filter_map(|change| entry_of(change, before.len())).collect()
    }

    /// Follows the keys that begin so. With a replay, those that are there come first, then
    /// [`MapWatched::ReplayDone`]. A reader that falls further behind than `event_buffer` gets one
    /// [`MapWatched::Lost`] in place of what it missed.
    pub fn watch(&self, prefix: &str, replay: Replay) -> MapWatch {
        let (shown, before) = (Arc::clone(self.node.board().shown()), self.before());
        let prefix = format!("{before}{prefix}");
        let reader = ShownReader::new(shown, &prefix, replay == Replay::Yes);
        MapWatch { reader, before: before.len() }
    }

    fn before(&self) -> String {
        format!("{MAPS}{}/", self.name)
    }
}

fn entry(key: &str, record: &[u8]) -> Option<MapEntry> {
    // The engine has checked it.
    let MapRecord { values, context } = MapRecord::from_bytes(record).ok()?;
    let key = key.to_owned();
    (!values.is_empty()).then_some(MapEntry { key, values, context })
}

fn entry_of(change: StateChange, before: usize) -> Option<MapEntry> {
    entry(change.key.get(before..)?, &change.value?)
}

impl MapWatch {
    /// What happens next; `None` once the node is closed. Safe to cancel.
    pub async fn next(&mut self) -> Option<MapWatched> {
        poll_fn(|context| self.poll_watched(context)).await
    }

    /// [`MapWatch::next`] for those who poll by hand: `context`'s waker is called once, when there
    /// is something after an empty answer.
    pub fn poll_watched(&mut self, context: &mut Context<'_>) -> Poll<Option<MapWatched>> {
        loop {
            let told = match self.reader.next(Some(context.waker())) {
                ShownRead::Change(change) => self.watched(change),
                ShownRead::ReplayDone => Some(MapWatched::ReplayDone),
                ShownRead::Lost(count, entries) => {
                    let of = |change| entry_of(change, self.before);
                    let entries = entries.into_iter().filter_map(of).collect();
                    Some(MapWatched::Lost { count, entries })
                }
                ShownRead::Waiting => return Poll::Pending,
                ShownRead::Closed => return Poll::Ready(None),
            };
            if told.is_some() {
                return Poll::Ready(told);
            }
        }
    }

    fn watched(&self, change: StateChange) -> Option<MapWatched> {
        if change.value.is_some() {
            return entry_of(change, self.before).map(MapWatched::Put);
        }
        Some(MapWatched::Deleted { key: change.key.get(self.before..)?.to_owned() })
    }
}

impl Stream for MapWatch {
    type Item = MapWatched;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<MapWatched>> {
        self.get_mut().poll_watched(context)
    }
}
