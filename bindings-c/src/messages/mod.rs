//! Messages to named servers, wherever they live.

pub mod monitor;
pub mod serving;
pub mod streams;
pub mod topics;

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::time::Duration;

use chinwag::Payload;
use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::host::{Answer as Value, Message as CoreMessage, MultiCall, Op};

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{c_text, given, items, shared, status, text};
use crate::node::{Node, Tag};

/// Bytes as they are.
pub const CHINWAG_CODEC_RAW: u8 = 0;
/// MessagePack, as a chinwag_payload has it: what all languages send unless told otherwise.
pub const CHINWAG_CODEC_MSGPACK: u8 = 1;
/// A text in JSON.
pub const CHINWAG_CODEC_JSON: u8 = 2;
/// Erlang's external terms, between members of Elixir and Erlang.
pub const CHINWAG_CODEC_ETF: u8 = 3;
/// The first of those that the two sides agree on by themselves, up to 255.
pub const CHINWAG_CODEC_USER: u8 = 128;

/// A message to a server. Set what you do not need to zero: `chinwag_message m = {0};`.
#[repr(C)]
pub struct Message {
    /// Whom it is for: "name" for any server of that name, this node's first; "name@node" for the
    /// one on that member; "name#key" for the one on the member that owns the key. The key is
    /// whatever is behind the first "#".
    pub target: *const c_char,
    /// What is asked or told, such as "incr".
    pub op: *const c_char,
    /// What goes along; NULL for nothing, which other languages see as nil, whatever the codec.
    pub payload: *const u8,
    /// Bytes of that.
    pub length: usize,
    /// Texts that go along, such as "traceparent": 4,096 bytes at most in all.
    pub headers: *const Tag,
    /// How many of these.
    pub header_count: usize,
    /// How long a call waits; 0 for the option "call_timeout". For a cast, after which time it is
    /// of no use; 0 for never.
    pub timeout_ms: u32,
    /// How the payload is encoded: CHINWAG_CODEC_MSGPACK for what a chinwag_payload wrote.
    pub codec: u8,
    /// For a cast: it is about a state, so a newer one to the same server and operation takes its
    /// place while it waits to be sent.
    pub latest: bool,
}

/// A message that was read: texts are C's.
pub(crate) struct Sent<'a> {
    target: &'a str,
    op: &'a str,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
    latest: bool,
}

/// Nothing, in MessagePack.
const NIL: u8 = 0xc0;

/// A payload of C's.
///
/// # Safety
/// `payload` is NULL, or points to `length` bytes.
pub(crate) unsafe fn payload_of(payload: *const u8, length: usize, codec: u8) -> Result<Payload> {
    if payload.is_null() && length == 0 {
        return Ok(Payload { codec: Payload::MSGPACK, bytes: vec![NIL] });
    }
    // SAFETY: the caller's promise is the same.
    let bytes = unsafe { items(payload, length, "payload") }?.to_vec();
    Ok(Payload { codec, bytes })
}

/// Headers of C's.
///
/// # Safety
/// `first` is NULL, or points to `count` pairs of texts.
pub(crate) unsafe fn headers_of(first: *const Tag, count: usize) -> Result<Vec<(String, String)>> {
    // SAFETY: the caller's promise is the same.
    let pairs = unsafe { items(first, count, "headers") }?;
    let texts = pairs.iter().map(|pair| {
        // SAFETY: as above.
        let (name, value) = unsafe { (text(pair.key, "key")?, text(pair.value, "value")?) };
        Ok((name.to_owned(), value.to_owned()))
    });
    texts.collect()
}

/// Headers for C.
pub(crate) struct Headers(Vec<(CString, CString)>);

impl Headers {
    pub(crate) fn new(headers: Vec<(String, String)>) -> Self {
        let texts = |(name, value): (String, String)| (c_text(&name), c_text(&value));
        Self(headers.into_iter().map(texts).collect())
    }

    /// The one of that name.
    ///
    /// # Safety
    /// `name` is NULL or text.
    pub(crate) unsafe fn get(&self, name: *const c_char) -> Option<&CStr> {
        // SAFETY: the caller's promise is the same.
        let name = unsafe { text(name, "name") }.ok()?;
        let mut headers = self.0.iter();
        let found = headers.find(|(own, _)| own.as_bytes() == name.as_bytes());
        found.map(|(_, value)| &**value)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn name(&self, index: usize) -> Option<&CStr> {
        self.0.get(index).map(|(name, _)| &**name)
    }
}

impl Message {
    /// The message as the core has it.
    ///
    /// # Safety
    /// Every pointer in it is NULL or points to what its comment says.
    pub(crate) unsafe fn read(&self) -> Result<(Sent<'_>, Payload)> {
        // SAFETY: the caller's promise is the same for each.
        let (target, op, headers, payload) = unsafe {
            (
                text(self.target, "target")?,
                text(self.op, "op")?,
                headers_of(self.headers, self.header_count)?,
                payload_of(self.payload, self.length, self.codec)?,
            )
        };
        let timeout = Some(Duration::from_millis(self.timeout_ms.into()));
        let timeout = timeout.filter(|timeout| !timeout.is_zero());
        Ok((Sent { target, op, headers, timeout, latest: self.latest }, payload))
    }
}

impl Sent<'_> {
    pub(crate) fn lent(&self) -> CoreMessage<'_> {
        let Self { target, op, headers, timeout, latest } = self;
        CoreMessage { target, op, headers, timeout: *timeout, latest: *latest }
    }

    /// Refuses what only messages to one server have.
    fn for_all(&self) -> Result<()> {
        if self.headers.is_empty() && !self.latest {
            return Ok(());
        }
        let message = "a message to all servers of a name has no headers, and is not \"latest\"";
        Err(CoreError::new(ErrorKind::BadArgument, message))
    }
}

/// Asks a server, here or elsewhere, and waits for its answer: a payload, for
/// chinwag_answer_codec() and chinwag_answer_bytes(). `answer` is yours: free it with
/// chinwag_answer_free(). Called from within a callback, it keeps the servers of this node that
/// have callbacks from answering meanwhile.
///
/// CHINWAG_ENOSERVER, CHINWAG_EUNKNOWNMEMBER, CHINWAG_EOVERLOADED, CHINWAG_ETOOLARGE,
/// CHINWAG_EBADARGUMENT: nothing was sent. CHINWAG_ETIMEOUT; CHINWAG_ENODEDOWN when the member
/// fails meanwhile; CHINWAG_EREMOTEERROR, CHINWAG_EUNKNOWNOP and whatever else the server answers.
/// See chinwag_error_maybe_executed().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_call(
    node: *mut Node,
    message: Option<&Message>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes what the comments of the fields say.
        let (message, payload) = unsafe { given(message, "message")?.read() }?;
        let call = node.host.call(&message.lent(), payload)?;
        let told = node.outcomes.wait(call)?;
        out.write(Answer::boxed(told));
        Ok(())
    })
}

/// Tells a server something, here or elsewhere; nobody answers. It waits for a connection if there
/// is none, for the option "outbox_age" at most; what is dropped is counted. This call does not
/// wait, except for room with the option "outbox_overflow" at "block", if the message has neither
/// headers nor a time and is not "latest".
///
/// The errors of a chinwag_call() that are known at once: nothing was sent then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_cast(
    node: *mut Node,
    message: Option<&Message>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        let message = given(message, "message")?;
        // SAFETY: C passes what the comments of the fields say.
        let (sent, payload) = unsafe { message.read() }?;
        let outcome = node.host.cast(&sent.lent(), payload);
        let plain = sent.for_all().is_ok() && sent.timeout.is_none();
        match outcome {
            // Whether it may wait is the core's to say.
            Err(error) if error.kind() == ErrorKind::Overloaded && plain => {
                // SAFETY: as above, until the call returns.
                let (sent, payload) = unsafe { message.read() }?;
                let op = Op::Cast(sent.target.to_owned(), sent.op.to_owned(), payload);
                node.host.run(op, None).map(drop)
            }
            outcome => outcome,
        }
    })
}

/// Asks the servers of a name on all members, this one included, and waits until `min_ok` have
/// answered, or all if that is 0. The target is the name alone; there are no headers.
///
/// `answer` is a record of two maps by the names of members: "replies", of payloads, and "failed",
/// of errors for chinwag_answer_error(). It is yours: free it with chinwag_answer_free().
///
/// CHINWAG_ENOQUORUM when fewer than `min_ok` answer; CHINWAG_ENOSERVER when there is none, and
/// the errors of a chinwag_call() that are about what is asked.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_multi_call(
    node: *mut Node,
    message: Option<&Message>,
    min_ok: usize,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes what the comments of the fields say.
        let (message, payload) = unsafe { given(message, "message")?.read() }?;
        message.for_all()?;
        let op = Op::MultiCall(MultiCall {
            server: message.target.to_owned(),
            op: message.op.to_owned(),
            payload,
            min_ok: Some(min_ok).filter(|least| *least > 0),
            timeout: message.timeout,
        });
        // The core gives up by itself.
        let told = node.host.run(op, None)?;
        out.write(Answer::boxed(told));
        Ok(())
    })
}

/// Tells the servers of a name on all members something. The target is the name alone; there are no
/// headers, and no time. `count`, which may be NULL, is set to how many it was sent to.
///
/// CHINWAG_ENOSERVER when there is none, and the errors of a chinwag_cast() that are about what is
/// said.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_abcast(
    node: *mut Node,
    message: Option<&Message>,
    count: Option<&mut MaybeUninit<usize>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes what the comments of the fields say.
        let (message, payload) = unsafe { given(message, "message")?.read() }?;
        message.for_all()?;
        let op = Op::Abcast(message.target.to_owned(), message.op.to_owned(), payload);
        let sent = match node.host.run(op, None)? {
            Value::Count(sent) => usize::try_from(sent).unwrap_or(usize::MAX),
            _ => 0,
        };
        if let Some(count) = count {
            count.write(sent);
        }
        Ok(())
    })
}

/// The members that host a server, this one included, as a list of their names in order. `answer`
/// is yours: free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_hosts(
    node: Option<&Node>,
    server: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let hosts = node.host.hosts(unsafe { text(server, "server") }?)?;
        let names = hosts.into_iter().map(Value::Text).collect();
        out.write(Answer::boxed(Value::List(names)));
        Ok(())
    })
}

/// Every server that this node knows of, as a map of its name to a count: how many members host it.
/// `answer` is yours: free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_servers(
    node: Option<&Node>,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (given(node, "node")?, given(answer, "answer")?);
        let servers = node.host.servers()?.into_iter();
        let counts = servers.map(|(name, count)| (name, Value::from(count))).collect();
        out.write(Answer::boxed(Value::Map(counts)));
        Ok(())
    })
}
