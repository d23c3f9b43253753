//! Events as C sees them, and the functions that hand them out.

use std::ffi::{CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use chinwag::api::EVENTS;
use chinwag::event::Field;
use chinwag::{EventKind as What, Replay};

use crate::constants::{EVENT_KINDS, EventKind, Status};
use crate::error::{Error, status_of};
use crate::ffi::{c_text, given, shared, status, text, value};
use crate::member::{Member, MemberList};
use crate::node::Node;
use crate::ring::change::RingChange;

/// One event, numbered in the order in which it happened on this node. It never changes; any thread
/// may read it.
///
/// In a callback it is borrowed until the callback returns; one that a function gave you is freed
/// with chinwag_event_free().
pub struct Event {
    event: chinwag::Event,
    member: Option<Member>,
    previous: Option<Member>,
    members: Option<MemberList>,
    change: Option<RingChange>,
    /// Texts by the names of their fields.
    texts: Vec<(&'static str, CString)>,
}

impl Event {
    pub(crate) fn new(event: chinwag::Event) -> Self {
        let about = match &event.kind {
            What::Admission(admission) => Some(&admission.member),
            kind => kind.member(),
        };
        let member = about.cloned().map(Member::new);
        let (previous, members) = match &event.kind {
            What::MemberUpdate { previous, .. } | What::MemberMove { previous, .. } => {
                (Some(Member::new(previous.clone())), None)
            }
            What::EventsLost { members, .. } => (None, Some(MemberList::new(members.clone()))),
            _ => (None, None),
        };
        let named = event.kind.info().fields.iter().zip(event.kind.fields());
        let texts = named.filter_map(|((name, _), field)| match field {
            Field::Text(text) => Some((*name, c_text(&text))),
            _ => None,
        });
        let texts = texts.collect();
        let change = match &event.kind {
            What::RingChange(changed) => Some(RingChange::new(Arc::clone(changed))),
            _ => None,
        };
        Self { event, member, previous, members, change, texts }
    }

    /// Its bit in a mask of events.
    pub(crate) fn bit(event: &chinwag::Event) -> u32 {
        1 << event.kind.info().number
    }
}

/// Starts the events of chinwag_next_event() again from here. With `replay`, one "member-join" for
/// each member that is here and "replay-done" come first. Without this call they start, with a
/// replay, at the first use of chinwag_event_fd() or chinwag_next_event().
///
/// Those of the cluster's ring are among them once somebody has asked for it: see
/// chinwag_node_ring().
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

/// A descriptor for poll, epoll, libuv or GLib: readable while chinwag_next_event() has something
/// to say, now and then also when it has not. It tells of messages for servers, outcomes,
/// publications and changes of keys too: whenever it is readable, take events until there are none,
/// and only then chinwag_next_request(), chinwag_next_outcome() and their like. Borrowed: only wait
/// for it, do not read, write or close it; it is closed by chinwag_node_free(). A negative status
/// on failure.
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

/// What happened. "events-lost" for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_type(event: Option<&Event>) -> EventKind {
    let lost = EventKind::CHINWAG_EVENT_EVENTS_LOST;
    value(lost, || {
        let number = event.map_or(0, |event| event.event.kind.info().number);
        EVENT_KINDS.iter().copied().find(|kind| *kind as u32 == number).unwrap_or(lost)
    })
}

/// Number of the event, from 1. Events of a replay carry that of the last event before it, and
/// "events-lost" that of the last event which is missing. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_seq(event: Option<&Event>) -> u64 {
    value(0, || event.map_or(0, |event| event.event.seq))
}

/// The member that it is about, as it is after the event; of an "admission" the newcomer. Borrowed
/// from the event. NULL for those that are about none, such as "replay-done" and "events-lost".
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_member(event: Option<&Event>) -> Option<&Member> {
    value(None, || event.and_then(|event| event.member.as_ref()))
}

/// The member before a "member-update" or "member-move". Borrowed from the event. NULL for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_previous(event: Option<&Event>) -> Option<&Member> {
    value(None, || event.and_then(|event| event.previous.as_ref()))
}

/// A text that the event carries under that name, such as "code" of a "warning" or "addr" of a
/// "member-conflict". Borrowed from the event. NULL where it carries none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_text(event: Option<&Event>, name: *const c_char) -> *const c_char {
    value(std::ptr::null(), || {
        let Some(event) = event else { return std::ptr::null() };
        // SAFETY: C promises NULL or a text that lives as long as the call.
        let Ok(name) = (unsafe { text(name, "name") }) else { return std::ptr::null() };
        let found = event.texts.iter().find(|(known, _)| *known == name);
        found.map_or(std::ptr::null(), |(_, text)| text.as_ptr())
    })
}

/// The bytes that the event carries, such as the payload of a "message"; `len` gets their number.
/// Borrowed from the event. NULL where it carries none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_bytes(
    event: Option<&Event>,
    len: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    value(std::ptr::null(), || {
        let found = event.and_then(|event| {
            event.event.kind.fields().into_iter().find_map(|field| match field {
                Field::Bytes(bytes) => Some((bytes.as_ptr(), bytes.len())),
                _ => None,
            })
        });
        if let Some(len) = len {
            len.write(found.map_or(0, |(_, len)| len));
        }
        found.map_or(std::ptr::null(), |(first, _)| first)
    })
}

/// From which ring of the cluster to which, of a "ring-change"; its keys are this node's where a
/// question does not say. Borrowed from the event: to keep it, keep a chinwag_event_copy(). NULL
/// for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_ring_change(event: Option<&Event>) -> Option<&RingChange> {
    value(None, || event.and_then(|event| event.change.as_ref()))
}

/// The slots of the cluster's ring that a "handoff-prepare" or "handoff-acquired" is about, in
/// order; `count`, which may be NULL, is set to how many. Borrowed from the event. NULL for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_slots(
    event: Option<&Event>,
    count: Option<&mut MaybeUninit<usize>>,
) -> *const u32 {
    value(std::ptr::null(), || {
        let found = event.and_then(|event| {
            event.event.kind.fields().into_iter().find_map(|field| match field {
                Field::Slots(slots) => Some((slots.as_ptr(), slots.len())),
                _ => None,
            })
        });
        if let Some(count) = count {
            count.write(found.map_or(0, |(_, count)| count));
        }
        found.map_or(std::ptr::null(), |(first, _)| first)
    })
}

/// Whether a flag of that name is set in the event, such as "reliable" of a "message".
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_flag(event: Option<&Event>, name: *const c_char) -> bool {
    value(false, || {
        // SAFETY: C promises NULL or a text that lives as long as the call.
        let (Some(event), Ok(name)) = (event, unsafe { text(name, "name") }) else { return false };
        let mut named = event.event.kind.info().fields.iter().zip(event.event.kind.fields());
        named.any(|((known, _), field)| *known == name && field == Field::Flag(true))
    })
}

/// A whole number that the event carries under that name, such as "count" of an "events-lost" or
/// "id" of a "query"; a span of time, such as "timeout" of a "query", in nanoseconds. 0 where it
/// carries none.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_number(event: Option<&Event>, name: *const c_char) -> u64 {
    value(0, || {
        // SAFETY: C promises NULL or a text that lives as long as the call.
        let (Some(event), Ok(name)) = (event, unsafe { text(name, "name") }) else { return 0 };
        let named = event.event.kind.info().fields.iter().zip(event.event.kind.fields());
        let mut found = named.filter(|((known, _), _)| *known == name).map(|(_, field)| field);
        match found.next() {
            Some(Field::Count(count)) => count,
            Some(Field::Duration(span)) => u64::try_from(span.as_nanos()).unwrap_or(u64::MAX),
            _ => 0,
        }
    })
}

/// How many events an "events-lost" stands for; 0 for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_count(event: Option<&Event>) -> u64 {
    value(0, || match event.map(|event| &event.event.kind) {
        Some(What::EventsLost { count, .. }) => *count,
        _ => 0,
    })
}

/// The other members as they were when an "events-lost" was made, whatever their state. Borrowed
/// from the event. NULL for others.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_members(event: Option<&Event>) -> Option<&MemberList> {
    value(None, || event.and_then(|event| event.members.as_ref()))
}

/// An event of your own, to be kept beyond the callback. You free it with chinwag_event_free().
/// NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_copy(event: Option<&Event>) -> Option<Box<Event>> {
    value(None, || event.map(|event| Box::new(Event::new(event.event.clone()))))
}

/// Frees an event that a function gave you. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_event_free(event: Option<Box<Event>>) {
    value((), || drop(event));
}

/// The word for any type of event, such as "member-join". Never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_strevent(kind: u32) -> *const c_char {
    static WORDS: LazyLock<Vec<(u32, CString)>> =
        LazyLock::new(|| EVENTS.iter().map(|row| (row.number, c_text(row.token))).collect());
    let unknown = c"unknown event".as_ptr();
    value(unknown, || WORDS.iter().find(|row| row.0 == kind).map_or(unknown, |row| row.1.as_ptr()))
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use chinwag::event::{HandoffAcquired, HandoffPrepared};

    use super::*;

    fn slots(event: &Event) -> Vec<u32> {
        let mut count = MaybeUninit::new(7);
        let first = chinwag_event_slots(Some(event), Some(&mut count));
        // SAFETY: it was written by the call, and before it; so many are there while the event is.
        unsafe {
            let count = count.assume_init();
            assert_eq!(first.is_null(), count == 0);
            (0..count).map(|at| *first.add(at)).collect()
        }
    }

    /// A number, a flag and a text of that event.
    fn said(event: &Event, name: &CStr) -> (u64, bool, String) {
        let (event, name) = (Some(event), name.as_ptr());
        let text = chinwag_event_text(event, name);
        // SAFETY: the event that it is from is alive, or it is NULL.
        let text = (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) });
        let text = text.map_or_else(String::new, |text| text.to_string_lossy().into_owned());
        (chinwag_event_number(event, name), chinwag_event_flag(event, name), text)
    }

    #[test]
    fn hand_offs_carry_their_slots() {
        let prepare = HandoffPrepared {
            id: 3,
            peer: "b".to_owned(),
            slots: [4, 7, 65_535].into(),
            epoch: 1 << 40,
            timeout: Duration::from_millis(1_500),
        };
        let event = |kind| Event::new(chinwag::Event { seq: 1, kind });
        let prepare = event(What::HandoffPrepare(prepare.into()));
        assert_eq!(chinwag_event_type(Some(&prepare)), EventKind::CHINWAG_EVENT_HANDOFF_PREPARE);
        assert_eq!(slots(&prepare), [4, 7, 65_535]);
        assert_eq!((said(&prepare, c"id").0, said(&prepare, c"epoch").0), (3, 1 << 40));
        assert_eq!(said(&prepare, c"timeout").0, 1_500_000_000);
        assert_eq!(said(&prepare, c"peer").2, "b");
        let copy = chinwag_event_copy(Some(&prepare)).expect("an event");
        chinwag_event_free(Some(Box::new(prepare)));
        assert_eq!(slots(&copy), [4, 7, 65_535]);
        assert!(chinwag_event_ring_change(Some(&copy)).is_none());

        let (peer, slots_of_it) = (String::new(), Box::from([9]));
        let acquired = HandoffAcquired { peer, slots: slots_of_it, epoch: 2, clean: true };
        let acquired = event(What::HandoffAcquired(acquired.into()));
        assert_eq!(slots(&acquired), [9]);
        assert!(said(&acquired, c"clean").1);
        assert!(slots(&event(What::ReplayDone)).is_empty());
        assert!(chinwag_event_slots(None, None).is_null());
    }
}
