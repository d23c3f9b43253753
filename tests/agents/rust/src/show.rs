//! How events, members and errors are written.

use chinwag::{Error, Event, EventKind, Member};

use crate::line::{push, push_bytes, push_tags};
use crate::rings::push_ring;

pub(crate) fn describe(event: &Event) -> String {
    let mut line = format!("event type={} seq={}", event.kind.token(), event.seq);
    if let Some(id) = id(&event.kind) {
        push(&mut line, "id", &id.to_string());
    }
    if let Some(member) = event.kind.member() {
        line.push_str(&facts(member));
    }
    push_rest(&mut line, &event.kind);
    line
}

/// The number that an event gives to what is asked about it.
pub(crate) fn id(kind: &EventKind) -> Option<u64> {
    match kind {
        EventKind::Admission(admission) => Some(admission.id),
        EventKind::Query(query) => Some(query.id),
        EventKind::HandoffPrepare(handoff) => Some(handoff.id),
        _ => None,
    }
}

/// What an event tells beside the member that it is about.
fn push_rest(line: &mut String, kind: &EventKind) {
    match kind {
        EventKind::MemberUpdate { previous, .. } => push_tags(line, "prev_tag.", &previous.tags()),
        EventKind::MemberConflict { addr, .. } => push(line, "other", &addr.to_string()),
        EventKind::EventsLost { count, .. } => push(line, "count", &count.to_string()),
        EventKind::Warning(warning) => {
            push(line, "code", warning.code.as_str());
            push(line, "subject", &warning.subject);
        }
        EventKind::Message(message) => {
            push(line, "sender", &message.sender);
            push(line, "addr", &message.addr.to_string());
            push(line, "reliable", &message.reliable.to_string());
            push_payload(line, &message.payload);
        }
        EventKind::Broadcast(broadcast) => {
            push(line, "sender", &broadcast.sender);
            push(line, "name", &broadcast.name);
            push_payload(line, &broadcast.payload);
        }
        EventKind::RemoteState(state) => {
            push(line, "sender", &state.sender);
            push_payload(line, &state.payload);
        }
        EventKind::Admission(admission) => line.push_str(&facts(&admission.member)),
        EventKind::UserEvent(event) => {
            push(line, "name", &event.name);
            push_payload(line, &event.payload);
        }
        EventKind::Query(query) => {
            push(line, "sender", &query.sender);
            push(line, "name", &query.name);
            push_payload(line, &query.payload);
        }
        EventKind::RingChange(changed) => push_ring(line, changed.after()),
        EventKind::HandoffPrepare(handoff) => {
            push(line, "peer", &handoff.peer);
            push(line, "slots", &handoff.slots.len().to_string());
        }
        EventKind::HandoffAcquired(handoff) => {
            push(line, "peer", &handoff.peer);
            push(line, "slots", &handoff.slots.len().to_string());
            push(line, "clean", &handoff.clean.to_string());
        }
        _ => {}
    }
}

/// The bytes of a short payload; the length and checksum of a longer one.
fn push_payload(line: &mut String, payload: &[u8]) {
    if payload.len() <= 1_024 {
        return push_bytes(line, "payload", payload);
    }
    push(line, "length", &payload.len().to_string());
    push(line, "crc32", &format!("{:08x}", crc32fast::hash(payload)));
}

pub(crate) fn facts(member: &Member) -> String {
    let mut line = String::new();
    push(&mut line, "name", member.name());
    push(&mut line, "addr", &member.addr().to_string());
    push(&mut line, "state", member.state().as_str());
    push_tags(&mut line, "tag.", &member.tags());
    line
}

pub(crate) fn failure(word: &str, error: &Error) -> String {
    let mut line = word.to_owned();
    push(&mut line, "code", error.kind().code());
    push(&mut line, "message", error.message());
    push(&mut line, "maybe_executed", &error.maybe_executed().to_string());
    line
}
