//! Nodes: started, asked, told, left and closed.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chinwag::Tags;
use chinwag::config::{Config as CoreConfig, Value as Setting};
use chinwag::error::Result;
use chinwag::host::{Answer as Value, Host, Op};
use chinwag::signals::{self, Guard};

use crate::answer::Answer;
use crate::callbacks::Callbacks;
use crate::config::Config;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{self, c_text, given, items, optional_text, pointer, shared, status, text, value};
use crate::member::{Member, MemberList};
use crate::queue::{Bell, Queue, lock};
use crate::ring::cluster::LastNames;
use crate::talk::outcomes::Outcomes;

/// A running node. Any thread may use it. You free it with chinwag_node_free().
pub struct Node {
    pub(crate) host: Arc<Host>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) queue: Queue,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) outcomes: Arc<Outcomes>,
    pub(crate) names: LastNames,
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

/// Counters of a node, as they were when they were taken. You free them with
/// chinwag_counters_free().
pub struct Counters {
    rows: Vec<(CString, u64)>,
}

/// How long a change of what the node says may take; it waits for nobody else.
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
        ffi::notice_forks();
        let (host, farewell) = match options.get("handle_signals") {
            Some(Setting::Flag(true)) => start_with_farewell(options)?,
            _ => (Arc::new(Host::start(options)?), None),
        };
        let bell = Arc::new(Bell::default());
        let outcomes = Arc::<Outcomes>::default();
        let (wake, settled) = (Arc::clone(&bell), Arc::clone(&outcomes));
        // Weak: the host owns what is called.
        let poked = Arc::downgrade(&host);
        host.set_wake(Some(Box::new(move || {
            if poked.upgrade().is_none_or(|host| settled.settle(&host)) {
                wake.ring();
            }
        })))?;
        let (rung, told) = (Arc::clone(&bell), Arc::clone(&outcomes));
        let callbacks = Callbacks::new(Arc::downgrade(&host), rung, told);
        let farewell = Mutex::new(farewell);
        let (queue, names) = (Queue::new(), LastNames::default());
        let node = Self { host, bell, queue, callbacks, outcomes, names, farewell };
        match node.host.run(Op::Ready, Some(JOIN_WAIT)) {
            Ok(_) => Ok(node),
            Err(error) => {
                node.close()?;
                Err(error)
            }
        }
    }

    /// Does what waits for nobody else.
    pub(crate) fn change(&self, op: Op) -> Result<()> {
        self.ask(op).map(drop)
    }

    /// As [`Node::change`], where there is something to tell.
    pub(crate) fn ask(&self, op: Op) -> Result<Value> {
        self.host.run(op, Some(UPDATE_WAIT))
    }

    pub(crate) fn descriptor(&self) -> Result<c_int> {
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

/// Starts a node that leaves at the first SIGTERM or SIGINT, be it the very next moment.
fn start_with_farewell(options: &CoreConfig) -> Result<(Arc<Host>, Option<Guard>)> {
    let place: Arc<Mutex<Option<Arc<Host>>>> = Arc::default();
    // A signal that comes while the node starts waits for it: others may know of it already.
    let mut started = lock(&place);
    let guard = signals::on_terminate_knowing(ffi::before, {
        let place = Arc::clone(&place);
        move || {
            if let Some(host) = lock(&place).take() {
                say_goodbye(&host);
            }
        }
    })?;
    let host = Arc::new(Host::start(options)?);
    *started = Some(Arc::clone(&host));
    drop(started);
    Ok((host, Some(guard)))
}

/// Leaves, without a close: a thread that heard of one could end the process in another way than
/// the signal does.
fn say_goodbye(host: &Host) {
    let _ = host.run(Op::Leave(FAREWELL), Some(FAREWELL + GRACE));
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

/// The counters of the node since its start. `counters` is yours: free it with
/// chinwag_counters_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stats(
    node: Option<&Node>,
    counters: Option<&mut MaybeUninit<*mut Counters>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(counters, "counters")?);
        let stats = node.host.stats()?;
        let rows = stats.rows().into_iter().map(|(name, count)| (c_text(name), count)).collect();
        out.write(Box::into_raw(Box::new(Counters { rows })));
        Ok(())
    })
}

/// How many counters there are.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_counters_count(counters: Option<&Counters>) -> usize {
    value(0, || counters.map_or(0, |counters| counters.rows.len()))
}

/// The name of counter `index`, counted from 0, such as "probes_failed". Borrowed from the
/// counters. NULL when there is no such counter.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_counters_name(
    counters: Option<&Counters>,
    index: usize,
) -> *const c_char {
    value(std::ptr::null(), || {
        pointer(counters.and_then(|counters| counters.rows.get(index)).map(|row| &*row.0))
    })
}

/// The value of counter `index`, counted from 0; 0 when there is no such counter.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_counters_value(counters: Option<&Counters>, index: usize) -> u64 {
    value(0, || counters.and_then(|counters| counters.rows.get(index)).map_or(0, |row| row.1))
}

/// Frees counters. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_counters_free(counters: Option<Box<Counters>>) {
    value((), || drop(counters));
}

/// The counters, and how many members are in which state, as OpenMetrics text, which Prometheus and
/// its kin read: `answer` is a text, for chinwag_answer_text(). Its media type is
/// "application/openmetrics-text; version=1.0.0; charset=utf-8". It is yours: free it with
/// chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_metrics(
    node: Option<&Node>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        out.write(Answer::boxed(Value::Text(node.host.metrics()?)));
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
            Value::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            _ => 0,
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
        let mut changes = BTreeMap::new();
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
/// was known. Events that no callback has got yet are dropped; callbacks of calls are told
/// CHINWAG_ECLOSED. Closing again does nothing.
///
/// When this returns, no callback runs, and the data of all is freed; so do not hold a lock that a
/// callback waits for. From within a callback it does not wait: then that holds once the running
/// callback has returned.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_close(node: *mut Node) -> Status {
    status(None, || shared(node, "node")?.close())
}

/// Whether the node is closed; also true for NULL and in a forked child.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_is_closed(node: Option<&Node>) -> bool {
    value(true, || node.is_none_or(|node| node.host.is_closed().unwrap_or(true)))
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
