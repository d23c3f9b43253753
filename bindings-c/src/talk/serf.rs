//! What members say in serf's way: user events, queries, and where they stand.

use std::collections::BTreeMap;
use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::time::Duration;

use chinwag::error::Result;
use chinwag::host::{Answer as Value, Op, Question as CoreQuestion};

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, items, shared, status, text};
use crate::node::{Node, Tag};

/// A question to the members. Set what you do not need to zero: `chinwag_question q = {0};`.
#[repr(C)]
pub struct Question {
    /// Its name.
    pub name: *const c_char,
    /// What comes with it; NULL when that is nothing.
    pub payload: *const u8,
    /// Bytes of that.
    pub length: usize,
    /// Names of the members who are meant; NULL for everybody.
    pub nodes: *const *const c_char,
    /// How many names.
    pub node_count: usize,
    /// Tags that those who are meant have, with regular expressions that the values match.
    pub tags: *const Tag,
    /// How many tags.
    pub tag_count: usize,
    /// Whether everybody who is meant acknowledges it.
    pub ack: bool,
    /// Through how many other members a copy of each answer is sent.
    pub relay_factor: u8,
    /// How long answers are waited for; 0 for a time that grows with the cluster.
    pub timeout_ms: u32,
}

impl Question {
    /// The question as the core has it.
    ///
    /// # Safety
    /// Every pointer in it is NULL or points to what its comment says.
    unsafe fn read(&self) -> Result<CoreQuestion> {
        // SAFETY: the caller's promise is the same for each.
        let (name, payload, nodes, tags) = unsafe {
            (
                text(self.name, "name")?,
                items(self.payload, self.length, "payload")?,
                items(self.nodes, self.node_count, "nodes")?,
                items(self.tags, self.tag_count, "tags")?,
            )
        };
        let mut wanted = BTreeMap::new();
        for tag in tags {
            // SAFETY: as above.
            let (key, value) = unsafe { (text(tag.key, "key")?, text(tag.value, "value")?) };
            wanted.insert(key.to_owned(), value.to_owned());
        }
        // SAFETY: as above.
        let meant = nodes.iter().map(|name| unsafe { text(*name, "nodes") }.map(str::to_owned));
        let timeout = Duration::from_millis(self.timeout_ms.into());
        Ok(CoreQuestion {
            name: name.to_owned(),
            payload: payload.to_vec(),
            nodes: meant.collect::<Result<_>>()?,
            tags: wanted,
            ack: self.ack,
            relay_factor: self.relay_factor,
            timeout: Some(timeout).filter(|timeout| !timeout.is_zero()),
        })
    }
}

/// Tells everybody something, serf agents too: each member gets one "user-event", this node as
/// well, and who joins later gets the recent ones. With `coalesce`, the last of several events of
/// this name is enough.
///
/// CHINWAG_ETOOLARGE, CHINWAG_EOVERLOADED; CHINWAG_EUNSUPPORTED while this node does not speak
/// serf's versions.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_user_event(
    node: *mut Node,
    name: *const c_char,
    payload: *const u8,
    length: usize,
    coalesce: bool,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text, and NULL or that many bytes.
        let (name, payload) = unsafe { (text(name, "name")?, items(payload, length, "payload")?) };
        node.change(Op::UserEvent(name.to_owned(), payload.to_vec(), coalesce))
    })
}

/// Asks everybody who is meant, serf agents too: each gets a "query" event and may answer, this
/// node as well. Waits until all who are known to be meant have answered, or its time is over;
/// called from within a callback, it keeps the callbacks of this node from answering meanwhile.
///
/// `answer` is a record: "acks", a list of names; "responses", a list of records of "sender" and
/// "payload"; and the flag "complete". It is yours: free it with chinwag_answer_free().
///
/// CHINWAG_ETOOLARGE, CHINWAG_EBADARGUMENT, CHINWAG_EOVERLOADED; CHINWAG_EUNSUPPORTED while this
/// node does not speak serf's versions.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_query(
    node: *mut Node,
    question: Option<&Question>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes what the comments of the fields say.
        let question = unsafe { given(question, "question")?.read() }?;
        // The core gives up by itself.
        let told = node.host.run(Op::Query(question), None)?;
        out.write(Answer::boxed(told));
        Ok(())
    })
}

/// Answers a query, by the "id" of its event; once, and before its time is over.
///
/// CHINWAG_ETOOLARGE; CHINWAG_ETIMEOUT when the query is over, or was answered already.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_respond(
    node: *mut Node,
    id: u64,
    payload: *const u8,
    length: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or that many bytes.
        let payload = unsafe { items(payload, length, "payload") }?;
        node.change(Op::Respond(id, payload.to_vec()))
    })
}

/// Has everybody take a failed member for one that has left, serf agents too; with `prune`, forget
/// it at once.
///
/// CHINWAG_EBADARGUMENT when the member is present; CHINWAG_EUNSUPPORTED.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_force_leave(
    node: *mut Node,
    member: *const c_char,
    prune: bool,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        let member = unsafe { text(member, "member") }?;
        node.change(Op::ForceLeave(member.to_owned(), prune))
    })
}

/// Where this node stands in serf's coordinate space, as a record: "vec", a list of numbers, and
/// the numbers "error", "adjustment" and "height". `answer` is yours: free it with
/// chinwag_answer_free().
///
/// CHINWAG_EUNSUPPORTED while this node does not speak serf's versions.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_coordinate(
    node: *mut Node,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(answer, "answer")?);
        let told = node.ask(Op::Coordinate)?;
        out.write(Answer::boxed(told));
        Ok(())
    })
}

/// The estimated round-trip time between two members, neither of which has to be this node.
/// `time_ns` is set to its nanoseconds.
///
/// CHINWAG_EUNKNOWNMEMBER while it is not known where one of them stands; CHINWAG_EUNSUPPORTED.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_rtt(
    node: *mut Node,
    from: *const c_char,
    to: *const c_char,
    time_ns: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(time_ns, "time_ns")?);
        // SAFETY: C passes NULL or text.
        let (from, to) = unsafe { (text(from, "from")?, text(to, "to")?) };
        let span = match node.ask(Op::Rtt(from.to_owned(), to.to_owned()))? {
            Value::Duration(span) => span,
            _ => Duration::ZERO,
        };
        out.write(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
        Ok(())
    })
}
