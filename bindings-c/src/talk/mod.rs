//! What users say to each other: messages, broadcasts, a state, and what answers to pings carry.

pub mod outcomes;
pub mod serf;

use std::ffi::c_char;
use std::mem::MaybeUninit;

use chinwag::host::{Answer as Value, Op};

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{given, items, optional_text, shared, status, text};
use crate::node::Node;

/// Sends `length` bytes to the present member of that name, who gets a "message" event; a member
/// on memberlist gets it as NotifyMsg. `payload` may be NULL when there are none.
///
/// With `reliable`, over a connection for this one message of at most 20 MiB: returns once the
/// member has read all of it, or after the option "tcp_timeout". Otherwise in one datagram, which
/// may be lost or come twice, and which the option "packet_size" limits.
///
/// CHINWAG_EUNKNOWNMEMBER and CHINWAG_ETOOLARGE: nothing was sent. CHINWAG_ENODEDOWN: the member
/// may have got it all the same.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_send(
    node: *mut Node,
    member: *const c_char,
    payload: *const u8,
    length: usize,
    reliable: bool,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text, and NULL or that many bytes.
        let (to, payload) =
            unsafe { (text(member, "member")?, items(payload, length, "payload")?) };
        // The core gives up by itself.
        let op = Op::send(to.to_owned(), payload.to_vec(), reliable);
        node.host.run(op, None).map(drop)
    })
}

/// Gossips `length` bytes to all members, each of whom gets one "broadcast" event; this node gets
/// none, and who joins within a minute may still get it. At most what fits into one packet beside
/// the names. Members on memberlist are not shown it.
///
/// `name` may be NULL. Otherwise a newer one of this node and name takes the place of this one
/// where it still waits; with `supersede`, whoever has got the newer one does not get this one any
/// more.
///
/// CHINWAG_ETOOLARGE, CHINWAG_EBADARGUMENT, CHINWAG_EOVERLOADED: nothing was sent.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_broadcast(
    node: *mut Node,
    payload: *const u8,
    length: usize,
    name: *const c_char,
    supersede: bool,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text, and NULL or that many bytes.
        let (name, payload) =
            unsafe { (optional_text(name, "name")?, items(payload, length, "payload")?) };
        node.change(Op::broadcast(payload.to_vec(), name.map(str::to_owned), supersede))
    })
}

/// Replaces the state that this node hands on with every exchange of states; the other side gets a
/// "remote-state" event. At most 20 MiB. With 0 bytes, none is handed on.
///
/// CHINWAG_ETOOLARGE; nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_set_state(
    node: *mut Node,
    bytes: *const u8,
    length: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or that many bytes.
        let state = unsafe { items(bytes, length, "bytes") }?.to_vec();
        node.change(Op::SetState(state))
    })
}

/// Replaces what this node adds to its answers to pings, of at most 512 bytes. Others find it with
/// chinwag_round_trip().
///
/// CHINWAG_ETOOLARGE; nothing is changed then.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_set_ping_payload(
    node: *mut Node,
    bytes: *const u8,
    length: usize,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or that many bytes.
        let payload = unsafe { items(bytes, length, "bytes") }?.to_vec();
        node.change(Op::SetPingPayload(payload))
    })
}

/// Lets a newcomer in, with the option "admission" at "ask": `id` is the number of that name in its
/// "admission" event. From then on it is a member like all others.
///
/// Who waits when nobody listens yet is refused in the end, so start the node without the option
/// "seeds", and call chinwag_join() once you listen.
///
/// CHINWAG_EBADARGUMENT when it is decided already: by somebody else, or because half of the option
/// "tcp_timeout" is over.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_admit(
    node: *mut Node,
    id: u64,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || shared(node, "node")?.change(Op::Admit(id)))
}

/// Keeps a newcomer out, for 30 seconds without asking again. A joiner gets CHINWAG_ENOTADMITTED
/// with the reason, of which 256 bytes travel.
///
/// CHINWAG_EBADARGUMENT as for chinwag_admit().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_refuse(
    node: *mut Node,
    id: u64,
    reason: *const c_char,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        let reason = unsafe { text(reason, "reason") }?;
        node.change(Op::Refuse(id, reason.to_owned()))
    })
}

/// What this node knows of a member, and why, as a record: the text "state", the durations "since"
/// and "fails_in", of which any may be none; and "observed", a list of records of the duration
/// "ago", the text "kind", which is a stable word, and the text "text", which is a sentence.
/// `answer` is yours: free it with chinwag_answer_free().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_explain(
    node: *mut Node,
    member: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let member = unsafe { text(member, "member") }?.to_owned();
        let told = node.ask(Op::Explain(member))?;
        out.write(Answer::boxed(told));
        Ok(())
    })
}

/// Pings the present member of that name, in a datagram, and waits for the answer. `time_ns`, which
/// may be NULL, is set to the nanoseconds that it took.
///
/// CHINWAG_EUNKNOWNMEMBER; CHINWAG_ETIMEOUT after the option "probe_timeout".
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_ping(
    node: *mut Node,
    member: *const c_char,
    time_ns: Option<&mut MaybeUninit<u64>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let node = shared(node, "node")?;
        // SAFETY: C passes NULL or text.
        let member = unsafe { text(member, "member") }?.to_owned();
        let span = match node.host.run(Op::Ping(member), None)? {
            Value::Duration(span) => span,
            _ => Default::default(),
        };
        if let Some(out) = time_ns {
            out.write(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
        }
        Ok(())
    })
}

/// What the last answers of the present member of that name told, as a record: "smoothed", the
/// duration of a round trip as TCP smooths it, or none before the first; and "payload", the bytes
/// that the member added to the last one. Measured with each probe. `answer` is yours: free it with
/// chinwag_answer_free().
///
/// CHINWAG_EUNKNOWNMEMBER.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_round_trip(
    node: *mut Node,
    member: *const c_char,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(answer, "answer")?);
        // SAFETY: C passes NULL or text.
        let member = unsafe { text(member, "member") }?.to_owned();
        let told = node.ask(Op::RoundTrip(member))?;
        out.write(Answer::boxed(told));
        Ok(())
    })
}
