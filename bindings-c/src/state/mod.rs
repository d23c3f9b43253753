//! Keys of members: written, looked up and followed.

pub mod map;

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use chinwag::error::{Error as CoreError, Result};
use chinwag::host::{Answer as Value, Op, Watching as CoreWatching};
use chinwag::{Entry, Replay, Watched};

use crate::answer::Answer;
use crate::callbacks::FreeFn;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{Out, c_text, given, items, pointer, shared, status, text, value};
use crate::node::Node;
use crate::queue::feeds::{self, Feed, Flow, told};

/// What happened to a key.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "these are C's names")]
pub enum ChangeKind {
    /// It has this value now.
    CHINWAG_CHANGE_PUT = 0,
    /// It has none any more: it was deleted or has expired, or its member has failed or left.
    /// Should that recover, its keys are put again.
    CHINWAG_CHANGE_DELETED = 1,
    /// What was there when the watch began has been told.
    CHINWAG_CHANGE_REPLAY_DONE = 2,
    /// The reader was too slow: chinwag_change_count() changes were not told. What follows comes
    /// after all that there is now, which is in chinwag_change_entries().
    CHINWAG_CHANGE_LOST = 3,
}

/// What happened to keys that are watched. It never changes; any thread may read it.
///
/// In a callback it is borrowed until the callback returns; one that a function gave you is freed
/// with chinwag_change_free().
pub struct Change {
    kind: ChangeKind,
    member: Option<CString>,
    key: Option<CString>,
    count: u64,
    /// Of a put, as in a list of entries.
    entry: Option<Answer>,
    value: Option<Arc<[u8]>>,
    entries: Option<Answer>,
}

/// Gets changes of keys: on the node's dispatcher thread, one at a time. `change` is borrowed until
/// it returns. What holds for a chinwag_event_fn holds for it.
pub type ChangeFn = Option<unsafe extern "C" fn(change: *const Change, user_data: *mut c_void)>;

/// How keys are watched. Set what you do not need to zero: `chinwag_watching w = {0};`.
#[repr(C)]
pub struct Watching {
    /// Gets the changes; NULL when they are taken with chinwag_next_change().
    pub callback: ChangeFn,
    /// Its data. Taken if the watcher is there.
    pub user_data: *mut c_void,
    /// Frees that once nothing can follow; may be NULL.
    pub free_user_data: FreeFn,
    /// The keys that are there come first, then CHINWAG_CHANGE_REPLAY_DONE.
    pub replay: bool,
}

/// A watch of keys. You free it with chinwag_watcher_free(). It may outlive its node, and has
/// nothing to give then.
pub struct Watcher {
    feed: Feed<Box<dyn Flow<Item = Change>>>,
}

impl Flow for Box<dyn Flow<Item = Change>> {
    type Item = Change;

    fn take(&mut self) -> Result<Option<Change>> {
        (**self).take()
    }
}

impl Flow for CoreWatching {
    type Item = Change;

    fn take(&mut self) -> Result<Option<Change>> {
        // One by one: what was not taken yet waits in the node, which bounds it.
        let mut taken = self.drain(1)?;
        told_next(taken.changes.pop().map(Change::from), taken.ended)
    }
}

/// What a watch tells, or that it tells no more.
pub(crate) fn told_next(change: Option<Change>, ended: bool) -> Result<Option<Change>> {
    if change.is_none() && ended {
        return Err(CoreError::closed());
    }
    Ok(change)
}

impl Change {
    pub(crate) fn of(kind: ChangeKind) -> Self {
        let (member, key, value) = (None, None, None);
        Self { kind, member, key, value, count: 0, entry: None, entries: None }
    }

    /// A key has a value; the newest one, where there are several.
    pub(crate) fn put(key: &str, value: Option<Arc<[u8]>>, entry: Value) -> Self {
        let (key, entry) = (Some(c_text(key)), Some(Answer::new(entry)));
        Self { key, value, entry, ..Self::of(ChangeKind::CHINWAG_CHANGE_PUT) }
    }

    pub(crate) fn deleted(key: &str) -> Self {
        Self { key: Some(c_text(key)), ..Self::of(ChangeKind::CHINWAG_CHANGE_DELETED) }
    }

    pub(crate) fn lost(count: u64, entries: Value) -> Self {
        let entries = Some(Answer::new(entries));
        Self { count, entries, ..Self::of(ChangeKind::CHINWAG_CHANGE_LOST) }
    }
}

impl From<Watched> for Change {
    fn from(watched: Watched) -> Self {
        match watched {
            Watched::Put(entry) => {
                let (member, value) = (Some(c_text(&entry.member)), Arc::clone(&entry.value));
                let key = entry.key.clone();
                Self { member, ..Self::put(&key, Some(value), record(entry)) }
            }
            Watched::Deleted { member, key } => {
                Self { member: Some(c_text(&member)), ..Self::deleted(&key) }
            }
            Watched::ReplayDone => Self::of(ChangeKind::CHINWAG_CHANGE_REPLAY_DONE),
            Watched::Lost { count, entries } => Self::lost(count, list(entries)),
        }
    }
}

fn record(entry: Entry) -> Value {
    Value::Record(vec![
        ("member", Value::Text(entry.member.to_string())),
        ("key", Value::Text(entry.key)),
        ("value", Value::Bytes(entry.value.to_vec())),
    ])
}

fn list(entries: Vec<Entry>) -> Value {
    Value::List(entries.into_iter().map(record).collect())
}

impl Watcher {
    /// Begins a watch for C; its place may be empty if there is a callback.
    pub(crate) fn begin(
        node: &Node,
        watching: Option<&Watching>,
        watcher: Out<'_, *mut Self>,
        watch: impl FnOnce(Replay) -> Result<Box<dyn Flow<Item = Change>>>,
    ) -> Result<()> {
        let how = watching.unwrap_or(&Watching::BY_HAND);
        if how.callback.is_none() {
            given(watcher.as_ref(), "watcher")?;
        }
        let flow = watch(if how.replay { Replay::Yes } else { Replay::No })?;
        let slot = told(how.callback, how.user_data, how.free_user_data);
        let made = Self { feed: Feed::new(node, flow, slot)? };
        if let Some(watcher) = watcher {
            watcher.write(Box::into_raw(Box::new(made)));
        }
        Ok(())
    }
}

impl Watching {
    const BY_HAND: Self = Self {
        callback: None,
        user_data: std::ptr::null_mut(),
        free_user_data: None,
        replay: false,
    };
}

/// Gives a key of this node a value of `length` bytes, which all members read: for `ttl_ms`
/// milliseconds, or, with 0, until it is deleted or the node is gone.
///
/// CHINWAG_ETOOLARGE for a key of more than 254 bytes, a value of more than 64 KiB, and when all of
/// this node would be more than 1 MiB; CHINWAG_EBADARGUMENT for an empty key.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_put(
    node: *mut Node,
    key: *const c_char,
    value: *const u8,
    length: usize,
    ttl_ms: u64,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text, and NULL or that many bytes.
        let (key, bytes) = unsafe { (text(key, "key")?, items(value, length, "value")?) };
        let ttl = Some(Duration::from_millis(ttl_ms)).filter(|ttl| !ttl.is_zero());
        node.change(Op::Put(key.to_owned(), bytes.to_vec(), ttl))
    })
}

/// Deletes a key of this node; one that is not there, too.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_delete(
    node: *mut Node,
    key: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        node.change(Op::Delete(unsafe { text(key, "key") }?.to_owned()))
    })
}

/// The value that a key of a present member has, as far as this node has heard: bytes, for
/// chinwag_answer_bytes(), or CHINWAG_ANSWER_NONE. `answer` is yours: free it with
/// chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_get(
    node: Option<&Node>,
    member: *const c_char,
    key: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let (member, key) = unsafe { (text(member, "member")?, text(key, "key")?) };
        let found = node.host.get(member, key)?;
        out.write(Answer::boxed(found.map_or(Value::None, |found| Value::Bytes(found.to_vec()))));
        Ok(())
    })
}

/// The keys of all present members that begin so, as a list of records of "member", "key" and
/// "value", in the order of the members' names and of the keys. `answer` is yours: free it with
/// chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_entries(
    node: Option<&Node>,
    prefix: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let entries = node.host.entries(unsafe { text(prefix, "prefix") }?)?;
        out.write(Answer::boxed(list(entries)));
        Ok(())
    })
}

/// Follows the keys of all members that begin so, from now on. Changes go to the callback of
/// `watching`, or, without one or when that is NULL, wait for chinwag_next_change(): as many as the
/// option "event_buffer" says.
///
/// `watcher` is yours: free it with chinwag_watcher_free(), which ends it. It may be NULL if there
/// is a callback: then it lasts until the node is closed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_watch(
    node: *mut Node,
    prefix: *const c_char,
    watching: Option<&Watching>,
    watcher: Option<&mut MaybeUninit<*mut Watcher>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        let prefix = unsafe { text(prefix, "prefix") }?;
        Watcher::begin(node, watching, watcher, |replay| {
            Ok(Box::new(node.host.watch(prefix, replay)?))
        })
    })
}

/// Takes the next change for a watcher that has no callback. Waits for it up to `timeout_ms`
/// milliseconds; 0 does not wait, a negative number waits for ever. `change` is yours: free it with
/// chinwag_change_free().
///
/// CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when none will come any more: the
/// watcher was closed, or the node.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_next_change(
    watcher: *mut Watcher,
    timeout_ms: i32,
    change: Option<&mut MaybeUninit<*mut Change>>,
) -> Status {
    status(None, || {
        let (watcher, out) = (shared(watcher, "watcher")?, given(change, "change")?);
        out.write(Box::into_raw(Box::new(watcher.feed.next(timeout_ms)?)));
        Ok(())
    })
}

/// Watches no longer. When this returns, its callback does not run and will not run again, and its
/// data is freed; so do not hold a lock that it waits for. From within a callback it does not wait:
/// then that holds once the running callback has returned. Closing again does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_watcher_close(watcher: *mut Watcher) -> Status {
    status(None, || shared(watcher, "watcher")?.feed.close())
}

/// Closes the watcher if it is not closed, and frees it. It must be the last call with this
/// watcher. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_watcher_free(watcher: Option<Box<Watcher>>) {
    value((), || feeds::free(watcher, |watcher| watcher.feed.close()));
}

/// What happened. CHINWAG_CHANGE_LOST for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_change_type(change: Option<&Change>) -> ChangeKind {
    let lost = ChangeKind::CHINWAG_CHANGE_LOST;
    value(lost, || change.map_or(lost, |change| change.kind))
}

/// Whose key it is. Borrowed. NULL for those of a map, and for what is about no single key.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_change_member(change: Option<&Change>) -> *const c_char {
    let member = || change?.member.as_deref();
    value(std::ptr::null(), || pointer(member()))
}

/// Which key. Borrowed. NULL for what is about no single one.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_change_key(change: Option<&Change>) -> *const c_char {
    let key = || change?.key.as_deref();
    value(std::ptr::null(), || pointer(key()))
}

/// The value that was put, of a map the newest one; `length`, which may be NULL, is set to its
/// bytes. Borrowed. NULL for all but CHINWAG_CHANGE_PUT.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_change_value(
    change: Option<&Change>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    value(std::ptr::null(), || {
        let bytes = change.and_then(|change| change.value.as_deref());
        if let Some(length) = length {
            length.write(bytes.map_or(0, <[u8]>::len));
        }
        bytes.map_or(std::ptr::null(), <[u8]>::as_ptr)
    })
}

/// The whole entry that was put, as in the list of chinwag_entries() or chinwag_map_entries().
/// Borrowed. NULL for all but CHINWAG_CHANGE_PUT.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_change_entry(change: Option<&Change>) -> Option<&Answer> {
    value(None, || change?.entry.as_ref())
}

/// How many changes a CHINWAG_CHANGE_LOST stands for; 0 for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_change_count(change: Option<&Change>) -> u64 {
    value(0, || change.map_or(0, |change| change.count))
}

/// All keys that are watched, as they were when a CHINWAG_CHANGE_LOST was made: a list as of
/// chinwag_entries() or chinwag_map_entries(). Borrowed. NULL for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_change_entries(change: Option<&Change>) -> Option<&Answer> {
    value(None, || change?.entries.as_ref())
}

/// Frees a change that a function gave you. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_change_free(change: Option<Box<Change>>) {
    value((), || drop(change));
}
