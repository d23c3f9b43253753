//! Maps that all members read and write: looked up at once, written by operations that settle,
//! followed one by one.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::Arc;

use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::host::{Answer as Value, Op, Watching as CoreWatching};
use chinwag::{MapEntry, MapValue, MapWatch, MapWatched};

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, items, shared, status, text};
use crate::node::Node;
use crate::queue::feeds::Flow;
use crate::state::{Change, ChangeKind, Watcher, Watching, told_next};

/// What is written to a key of a shared map. Set what you do not need to zero:
/// `chinwag_map_write w = {0};`.
#[repr(C)]
pub struct MapWrite {
    /// The name of the map, as a server's is: 1 to 64 letters, digits and ._:/-
    pub map: *const c_char,
    /// The key.
    pub key: *const c_char,
    /// Its new value; of chinwag_map_delete(), nothing.
    pub value: *const u8,
    /// Bytes of that.
    pub length: usize,
    /// The "context" of an entry that was read: what is written is in place of that, and nothing
    /// else. NULL: in place of all that this node knows.
    pub context: *const u8,
    /// Bytes of that.
    pub context_length: usize,
}

impl MapWrite {
    /// The operation that the core has for it.
    ///
    /// # Safety
    /// Every pointer in it is NULL or points to what its comment says.
    unsafe fn read(&self, puts: bool) -> Result<Op> {
        // SAFETY: the caller's promise is the same for each.
        let (map, key, value, context) = unsafe {
            (
                text(self.map, "map")?,
                text(self.key, "key")?,
                items(self.value, self.length, "value")?,
                items(self.context, self.context_length, "context")?,
            )
        };
        if !puts && !value.is_empty() {
            let message = "what is deleted has no value";
            return Err(CoreError::new(ErrorKind::BadArgument, message));
        }
        let value = puts.then(|| value.to_vec());
        let context = (!self.context.is_null()).then_some(context);
        Op::write_map(map.to_owned(), key.to_owned(), value, context)
    }
}

impl Flow for CoreWatching<MapWatch> {
    type Item = Change;

    fn take(&mut self) -> Result<Option<Change>> {
        // One by one: what was not taken yet waits in the node, which bounds it.
        let mut taken = self.drain(1)?;
        told_next(taken.changes.pop().map(Change::from), taken.ended)
    }
}

impl From<MapWatched> for Change {
    fn from(watched: MapWatched) -> Self {
        match watched {
            MapWatched::Put(entry) => {
                let newest = entry.values.first().map(|value| Arc::clone(&value.bytes));
                let key = entry.key.clone();
                Self::put(&key, newest, record(entry))
            }
            MapWatched::Deleted { key } => Self::deleted(&key),
            MapWatched::ReplayDone => Self::of(ChangeKind::CHINWAG_CHANGE_REPLAY_DONE),
            MapWatched::Lost { count, entries } => Self::lost(count, list(entries)),
        }
    }
}

fn record(entry: MapEntry) -> Value {
    let value = |value: MapValue| {
        Value::Record(vec![
            ("value", Value::Bytes(value.bytes.to_vec())),
            ("stamp", Value::Count(value.stamp.as_u64())),
            ("writer", Value::Text(value.writer)),
        ])
    };
    Value::Record(vec![
        ("key", Value::Text(entry.key)),
        ("values", Value::List(entry.values.into_iter().map(value).collect())),
        ("context", Value::Bytes(entry.context.to_bytes())),
    ])
}

fn list(entries: Vec<MapEntry>) -> Value {
    Value::List(entries.into_iter().map(record).collect())
}

fn write(node: *mut Node, said: Option<&MapWrite>, puts: bool) -> Result<()> {
    let (node, said) = (shared(node, "node")?, given(said, "write")?);
    // SAFETY: C passes what the comments of the fields say.
    node.change(unsafe { said.read(puts) }?)
}

/// Gives a key of a map that all members read and write a value. What two members put without
/// having heard of each other stays side by side, until somebody who knows of both puts something.
/// A key outlives who wrote it.
///
/// CHINWAG_EBADARGUMENT for what is no name of a map, an empty key, and bytes that are no context;
/// CHINWAG_ETOOLARGE.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_map_put(
    node: *mut Node,
    write: Option<&MapWrite>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || self::write(node, write, true))
}

/// Deletes a key of a map, likewise; one that is not there, too.
///
/// As for chinwag_map_put().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_map_delete(
    node: *mut Node,
    write: Option<&MapWrite>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || self::write(node, write, false))
}

/// The newest value of a key of a map, as far as this node has heard: bytes, for
/// chinwag_answer_bytes(), or CHINWAG_ANSWER_NONE. `answer` is yours: free it with
/// chinwag_answer_free().
///
/// CHINWAG_EBADARGUMENT for what is no name of a map.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_map_get(
    node: Option<&Node>,
    map: *const c_char,
    key: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let (map, key) = unsafe { (text(map, "map")?, text(key, "key")?) };
        let newest =
            node.host.map_read(map, key)?.and_then(|entry| entry.values.into_iter().next());
        let value = newest.map_or(Value::None, |value| Value::Bytes(value.bytes.to_vec()));
        out.write(Answer::boxed(value));
        Ok(())
    })
}

/// All of a key of a map: a record of "key", "values" and "context", or CHINWAG_ANSWER_NONE. The
/// values are a list, the newest first, of records of "value", "stamp" (of a chinwag_hybrid) and
/// "writer". The context is bytes for a chinwag_map_write, which replaces just these values.
/// `answer` is yours: free it with chinwag_answer_free().
///
/// As for chinwag_map_get().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_map_read(
    node: Option<&Node>,
    map: *const c_char,
    key: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let (map, key) = unsafe { (text(map, "map")?, text(key, "key")?) };
        let entry = node.host.map_read(map, key)?;
        out.write(Answer::boxed(entry.map_or(Value::None, record)));
        Ok(())
    })
}

/// The keys of a map that begin so, in their order: a list of records as of chinwag_map_read().
/// `answer` is yours: free it with chinwag_answer_free().
///
/// As for chinwag_map_get().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_map_entries(
    node: Option<&Node>,
    map: *const c_char,
    prefix: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let (map, prefix) = unsafe { (text(map, "map")?, text(prefix, "prefix")?) };
        out.write(Answer::boxed(list(node.host.map_entries(map, prefix)?)));
        Ok(())
    })
}

/// Follows the keys of a map that begin so, as chinwag_watch() does those of members.
///
/// As for chinwag_map_get().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_map_watch(
    node: *mut Node,
    map: *const c_char,
    prefix: *const c_char,
    watching: Option<&Watching>,
    watcher: Option<&mut MaybeUninit<*mut Watcher>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        let (map, prefix) = unsafe { (text(map, "map")?, text(prefix, "prefix")?) };
        Watcher::begin(node, watching, watcher, |replay| {
            Ok(Box::new(node.host.map_watch(map, prefix, replay)?))
        })
    })
}
