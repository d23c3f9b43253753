//! Nodes: started, asked, told, left and closed.

use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chinwag::config::{Config as CoreConfig, Value};
use chinwag::error::Result;
use chinwag::host::{Host, Op, Reply};
use chinwag::signals::{self, Guard};
use chinwag::{Replay, Tags};

use crate::callbacks::{Callbacks, EventFn, FreeFn};
use crate::config::Config;
use crate::constants::{CHINWAG_MASK_REPLAY_DONE, Status};
use crate::error::{Error, status_of};
use crate::events::{Bell, Event, Queue, lock};
use crate::ffi::{self, Handler, given, items, optional_text, shared, status, text, value};
use crate::member::{Member, MemberList};

/// A running node. Any thread may use it. You free it with chinwag_node_free().
pub struct Node {
    host: Arc<Host>,
    bell: Arc<Bell>,
    queue: Queue,
    callbacks: Arc<Callbacks>,
    farewell: Mutex<Option<Guard>>,
}

/// A tag to set, or to remove when `value` is NULL.
#[repr(C)]
pub struct Tag {
    /// The key.
    pub key: *const c_char,
    /// The value, or NULL.
    pub value: *const c_char,
}

/// How long a change of the own metadata may take; it waits for nobody else.
const UPDATE_WAIT: Duration = Duration::from_secs(5);
/// How long a join may take. Each seed has the limit of the option "tcp_timeout"; looking a name up
/// has that of the system.
const JOIN_WAIT: Duration = Duration::from_secs(60);
/// How long the farewell after a signal may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// What a leave may take beyond its own limit until it counts as lost.
const GRACE: Duration = Duration::from_secs(1);

impl Node {
    fn start(options: &CoreConfig) -> Result<Self> {
        let host = Arc::new(Host::start(options)?);
        let bell = Arc::new(Bell::default());
        let wake = Arc::clone(&bell);
        host.set_wake(Some(Box::new(move || wake.ring())))?;
        let callbacks = Callbacks::new(Arc::clone(&bell));
        let farewell = match options.get("handle_signals") {
            Some(Value::Flag(true)) => Some(farewell(&host)?),
            _ => None,
        };
        let node =
            Self { host, bell, queue: Queue::default(), callbacks, farewell: Mutex::new(farewell) };
        match node.host.run(Op::Ready, Some(JOIN_WAIT)) {
            Ok(_) => Ok(node),
            Err(error) => {
                node.close()?;
                Err(error)
            }
        }
    }

    fn change(&self, op: Op) -> Result<()> {
        self.host.run(op, Some(UPDATE_WAIT)).map(drop)
    }

    fn descriptor(&self) -> Result<c_int> {
        self.queue.descriptor(&self.host, &self.bell)
    }

    fn close(&self) -> Result<()> {
        // First, so that a callback which waits for an operation is let go.
        self.host.close()?;
        let farewell = lock(&self.farewell).take();
        drop(farewell);
        self.callbacks.stop();
        Ok(())
    }
}

/// Leaves at the first SIGTERM or SIGINT.
fn farewell(host: &Arc<Host>) -> Result<Guard> {
    ffi::give_signals_back_after_fork();
    let host = Arc::clone(host);
    signals::on_terminate(move || {
        let _ = host.run(Op::Leave(FAREWELL), Some(FAREWELL + GRACE));
        let _ = host.close();
    })
}

/// Starts a node: binds its address, then tries the seeds. Being alone is success, unless
/// "require_join" is set; the seeds are tried again while it lasts.
///
/// `config` is borrowed; NULL stands for the defaults. `node` is yours: free it with
/// chinwag_node_free().
///
/// CHINWAG_EBADCONFIG, CHINWAG_ETOOLARGE, CHINWAG_EBINDFAILED, CHINWAG_EJOINFAILED.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_start(
    config: Option<&Config>,
    node: Option<&mut MaybeUninit<*mut Node>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let out = given(node, "node")?;
        let node = match config {
            Some(config) => Node::start(&config.options)?,
            None => Node::start(&CoreConfig::new())?,
        };
        out.write(Box::into_raw(Box::new(node)));
        Ok(())
    })
}

/// The members that are present, alive or suspect, the local one among them until it has left.
/// `members` is yours: free it with chinwag_member_list_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_members(
    node: Option<&Node>,
    members: Option<&mut MaybeUninit<*mut MemberList>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(members, "members")?);
        let list = MemberList::new(node.host.members()?);
        out.write(Box::into_raw(Box::new(list)));
        Ok(())
    })
}

/// Everybody remembered, failed and departed members included. `members` is yours: free it with
/// chinwag_member_list_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_known_members(
    node: Option<&Node>,
    members: Option<&mut MaybeUninit<*mut MemberList>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(members, "members")?);
        let list = MemberList::new(node.host.known_members()?);
        out.write(Box::into_raw(Box::new(list)));
        Ok(())
    })
}

/// The member of that name, in whatever state it is remembered; `member` is set to NULL when there
/// is none. It is yours: free it with chinwag_member_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_find_member(
    node: Option<&Node>,
    name: *const c_char,
    member: Option<&mut MaybeUninit<*mut Member>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(member, "member")?);
        // SAFETY: C passes NULL or text.
        let found = node.host.member(unsafe { text(name, "name") }?)?;
        let boxed = found.map(|facts| Box::into_raw(Box::new(Member::new(facts))));
        out.write(boxed.unwrap_or(std::ptr::null_mut()));
        Ok(())
    })
}

/// The local member. It is yours: free it with chinwag_member_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_local_member(
    node: Option<&Node>,
    member: Option<&mut MaybeUninit<*mut Member>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(member, "member")?);
        let member = Member::new(node.host.local_member()?);
        out.write(Box::into_raw(Box::new(member)));
        Ok(())
    })
}

/// Joins through `seeds`, "host[:port],…", all at once, and waits. `contacted`, which may be NULL,
/// is set to how many of them answered.
///
/// CHINWAG_EJOINFAILED when none did; the error lists what was tried and the cause for each.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_join(
    node: *mut Node,
    seeds: *const c_char,
    contacted: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        let seeds = unsafe { text(seeds, "seeds") }?.split(',').map(str::trim);
        let seeds = seeds.filter(|seed| !seed.is_empty()).map(str::to_owned).collect();
        let count = match node.host.run(Op::Join(seeds), Some(JOIN_WAIT))? {
            Reply::Joined(count) => count,
            Reply::Done => 0,
        };
        if let Some(out) = contacted {
            out.write(count);
        }
        Ok(())
    })
}

/// Sets one tag of the local member, or removes it when `value` is NULL. The others stay.
///
/// CHINWAG_ETOOLARGE when the tags would not fit into 512 bytes; nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_update_tag(
    node: *mut Node,
    key: *const c_char,
    value: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    chinwag_update_tags(node, &Tag { key, value }, 1, err)
}

/// As chinwag_update_tag() for `count` tags in one step: all are changed, or none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_update_tags(
    node: *mut Node,
    tags: *const Tag,
    count: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        let mut changes = std::collections::BTreeMap::new();
        // SAFETY: C passes NULL or that many tags, and NULL or text in each.
        for tag in unsafe { items(tags, count, "tags") }? {
            let key = unsafe { text(tag.key, "key") }?;
            let value = unsafe { optional_text(tag.value, "value") }?;
            changes.insert(key.to_owned(), value.map(str::to_owned));
        }
        node.change(Op::UpdateTags(changes))
    })
}

/// Replaces all tags of the local member by `count` others, none of which has a NULL.
///
/// CHINWAG_ETOOLARGE when they do not fit into 512 bytes; nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_set_tags(
    node: *mut Node,
    tags: *const Tag,
    count: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        let mut all = Tags::new();
        // SAFETY: C passes NULL or that many tags, and NULL or text in each.
        for tag in unsafe { items(tags, count, "tags") }? {
            let (key, value) = unsafe { (text(tag.key, "key")?, text(tag.value, "value")?) };
            all.insert(key.to_owned(), value.to_owned());
        }
        node.change(Op::SetTags(all))
    })
}

/// Replaces the metadata of the local member by `length` bytes, for peers that do not use tags.
///
/// CHINWAG_ETOOLARGE when there are more than 512; nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_set_meta(
    node: *mut Node,
    bytes: *const u8,
    length: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or that many bytes.
        let meta = unsafe { items(bytes, length, "bytes") }?.to_vec();
        node.change(Op::SetMeta(meta))
    })
}

/// Calls `callback` for the events whose bits are set in `mask`; "events-lost" is told whatever the
/// mask. A mask with CHINWAG_MASK_REPLAY_DONE, as ~0u has, asks for a replay: first one
/// "member-join" for each member that is here, then "replay-done", then what happens.
///
/// Returns a number above 0, for chinwag_off_event(), or a negative status. On success `user_data`
/// is taken: `free_user_data`, if not NULL, is called with it once no event can follow. On failure
/// it stays yours.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_on_event(
    node: *mut Node,
    mask: u32,
    callback: EventFn,
    user_data: *mut c_void,
    free_user_data: FreeFn,
) -> i32 {
    let add = || {
        let node = shared(node, "node")?;
        let handler = given(callback, "callback")?;
        if node.host.is_closed()? {
            return Err(chinwag::Error::closed());
        }
        let replay = match mask & CHINWAG_MASK_REPLAY_DONE {
            0 => Replay::No,
            _ => Replay::Yes,
        };
        let subscription = node.host.subscribe(replay)?;
        let handler = Handler::new(handler, user_data, free_user_data);
        node.callbacks.add(mask, subscription, handler)
    };
    value(Status::CHINWAG_EINTERNAL as i32, || {
        add().unwrap_or_else(|error| status_of(&error) as i32)
    })
}

/// Ends the callback of that number. When this returns, the callback does not run and will not run
/// again, and its data is freed; so do not hold a lock that it waits for. From within a callback it
/// does not wait: then that holds once the running callback has returned.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_off_event(node: *mut Node, number: i32) -> Status {
    status(None, || {
        let node = shared(node, "node")?;
        node.host.is_closed()?;
        node.callbacks.remove(number)
    })
}

/// Starts the events of chinwag_next_event() again from here. With `replay`, one "member-join" for
/// each member that is here and "replay-done" come first. Without this call they start, with a
/// replay, at the first use of chinwag_event_fd() or chinwag_next_event().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_subscribe(
    node: *mut Node,
    replay: bool,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        let replay = if replay { Replay::Yes } else { Replay::No };
        node.queue.subscribe(&node.host, &node.bell, replay)
    })
}

/// A descriptor for poll, epoll, libuv or GLib: readable while chinwag_next_event() has something to
/// say, now and then also when it has not. Borrowed: only wait for it, do not read, write or close
/// it; it is closed by chinwag_node_free(). A negative status on failure.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_fd(node: *mut Node) -> c_int {
    let descriptor = || shared(node, "node")?.descriptor();
    value(Status::CHINWAG_EINTERNAL as c_int, || {
        descriptor().unwrap_or_else(|error| status_of(&error) as c_int)
    })
}

/// Takes the next event. Waits for it up to `timeout_ms` milliseconds; 0 does not wait, a negative
/// number waits for ever. `event` is yours: free it with chinwag_event_free().
///
/// CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when none will come any more.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_next_event(
    node: *mut Node,
    timeout_ms: i32,
    event: Option<&mut MaybeUninit<*mut Event>>,
) -> Status {
    status(None, || {
        let (node, out) = (shared(node, "node")?, given(event, "event")?);
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let event = node.queue.next(&node.host, &node.bell, deadline)?;
        out.write(Box::into_raw(Box::new(Event::new(event))));
        Ok(())
    })
}

/// Says goodbye, so that the others see "member-leave" and not "member-failed". The node stays
/// open, alone and silent, until it is closed or joins again.
///
/// CHINWAG_ETIMEOUT when the farewell could not be sent often enough within `timeout_ms`; 5000 is a
/// good limit.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_leave(
    node: *mut Node,
    timeout_ms: u32,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        let timeout = Duration::from_millis(timeout_ms.into());
        node.host.run(Op::Leave(timeout), Some(timeout + GRACE)).map(drop)
    })
}

/// Frees sockets and threads. Without a chinwag_leave() before it, the others see a failure. Calls
/// that are waiting return CHINWAG_ECLOSED, and so do all later ones, except those that tell what
/// was known. Events that no callback has got yet are dropped. Closing again does nothing.
///
/// When this returns, no callback runs, and the data of all is freed; so do not hold a lock that a
/// callback waits for. From within a callback it does not wait: then that holds once the running
/// callback has returned.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_close(node: *mut Node) -> Status {
    status(None, || shared(node, "node")?.close())
}

/// Closes the node if it is not closed, and frees it. It must be the last call with this node: none
/// may be under way on another thread. NULL is allowed.
///
/// In a forked child it only forgets the node: memory stays taken and no callback's data is freed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_node_free(node: Option<Box<Node>>) {
    value((), || {
        let Some(node) = node else { return };
        if node.close().is_err() {
            // Whatever a thread of the parent had locked stays locked here for ever.
            std::mem::forget(node);
        }
    });
}
