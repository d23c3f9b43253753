//! Keys and values that each member has, and all can read.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;

use super::{Node, Replay};
use crate::driver::{ShownRead, ShownReader};
use crate::engine::{Request, StateChange, StateWrite};
use crate::error::{Error, ErrorKind, Result};

/// In front of the keys of users; others are Chinwag's own.
const USERS: &str = "u:";

/// A key of a member, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose it is.
    pub member: Arc<str>,
    /// Which.
    pub key: String,
    /// As it was put.
    pub value: Arc<[u8]>,
}

/// What happens to the keys of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// A key has this value now.
    Put(Entry),
    /// It has none any more: it was deleted or has expired, or its member has failed or left.
    /// Should that recover, its keys are put again.
    Deleted {
        /// Whose it was.
        member: Arc<str>,
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
        entries: Vec<Entry>,
    },
}

/// A watch of keys: ordered for each member, never concurrent. Also a [`Stream`]. Ends when the
/// node is closed.
#[derive(Debug)]
pub struct Watch {
    reader: ShownReader,
}

impl Node {
    /// Gives a key of this node a value, for all members to read: where this node is known, within
    /// milliseconds; who joins has it soon after. Only this node changes it; when it leaves, fails
    /// or ends, its keys are gone for the others. With `ttl`, the key is deleted after that time,
    /// unless it is put again. It returns once the value is told to others, not once they have it.
    ///
    /// For what is small and changes now and then: a key of at most 254 bytes, a value of at most
    /// 64 KiB, all keys and values of a node together 1 MiB, which every member holds. Members in
    /// Go do not.
    ///
    /// # Errors
    /// `too_large`, with nothing changed; `bad_argument` for an empty key or a `ttl` of nothing;
    /// `closed`.
    pub async fn put(
        &self,
        key: &str,
        value: impl Into<Vec<u8>>,
        ttl: Option<Duration>,
    ) -> Result<()> {
        self.write_keys(vec![StateWrite { key: users(key)?, value: Some(value.into()), ttl }]).await
    }

    /// Deletes a key of this node; one that it does not have, too.
    ///
    /// # Errors
    /// As [`Node::put`].
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.write_keys(vec![StateWrite { key: users(key)?, value: None, ttl: None }]).await
    }

    /// Writes keys of any namespace: all, or nothing.
    pub(crate) async fn write_keys(&self, writes: Vec<StateWrite>) -> Result<()> {
        self.request(Request::Write(writes)).await
    }

    /// The value that a key of a present member has, this one's as well, as far as this node has
    /// heard.
    pub fn get(&self, member: &str, key: &str) -> Option<Arc<[u8]>> {
        self.board().shown().get(member, &format!("{USERS}{key}"))
    }

    /// The keys of all present members that begin so, in the order of the members' names and of the
    /// keys.
    pub fn entries(&self, prefix: &str) -> Vec<Entry> {
        let entries = self.board().shown().entries(&format!("{USERS}{prefix}"));
        entries.into_iter().filter_map(entry).collect()
    }

    /// Follows the keys of all members that begin so. With a replay, those that are there come
    /// first, then [`Watched::ReplayDone`]. A reader that falls further behind than `event_buffer`
    /// gets one [`Watched::Lost`] in place of what it missed.
    pub fn watch(&self, prefix: &str, replay: Replay) -> Watch {
        let (shown, prefix) = (Arc::clone(self.board().shown()), format!("{USERS}{prefix}"));
        Watch { reader: ShownReader::new(shown, &prefix, replay == Replay::Yes) }
    }
}

fn users(key: &str) -> Result<String> {
    match key {
        "" => Err(Error::new(ErrorKind::BadArgument, "a key has one byte at least")),
        key => Ok(format!("{USERS}{key}")),
    }
}

fn entry(change: StateChange) -> Option<Entry> {
    let StateChange { owner, key, value, .. } = change;
    Some(Entry { member: owner, key: key.strip_prefix(USERS)?.to_owned(), value: value? })
}

fn watched(change: StateChange) -> Option<Watched> {
    if change.value.is_some() {
        return entry(change).map(Watched::Put);
    }
    let key = change.key.strip_prefix(USERS)?.to_owned();
    Some(Watched::Deleted { member: change.owner, key })
}

impl Watch {
    /// What happens next; `None` once the node is closed. Safe to cancel.
    pub async fn next(&mut self) -> Option<Watched> {
        poll_fn(|context| self.poll_watched(context)).await
    }

    /// [`Watch::next`] for those who poll by hand: `context`'s waker is called once, when there is
    /// something after an empty answer.
    pub fn poll_watched(&mut self, context: &mut Context<'_>) -> Poll<Option<Watched>> {
        loop {
            let told = match self.reader.next(Some(context.waker())) {
                ShownRead::Change(change) => watched(change),
                ShownRead::ReplayDone => Some(Watched::ReplayDone),
                ShownRead::Lost(count, entries) => {
                    let entries = entries.into_iter().filter_map(entry).collect();
                    Some(Watched::Lost { count, entries })
                }
                ShownRead::Waiting => return Poll::Pending,
                ShownRead::Closed => return Poll::Ready(None),
            };
            if told.is_some() {
                return Poll::Ready(told);
            }
        }
    }
}

impl Stream for Watch {
    type Item = Watched;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Watched>> {
        self.get_mut().poll_watched(context)
    }
}
