//! What engines tell, as the lines of an agent.

use std::net::SocketAddr;

use chinwag::engine::Reply;
use chinwag::event::Field;
use chinwag::ring::Ring;
use chinwag::{Answers, Error, EventKind, KeyOutcome, Member};

use super::Asked;
use crate::line::Line;

/// How many bytes of a payload are told; of a longer one, its length and checksum.
const WHOLE: usize = 1_024;

pub(super) fn started(addr: SocketAddr) -> Line {
    Line::new("ok").with("addr", &addr.to_string())
}

pub(super) fn refusal(error: &Error) -> Line {
    Line::new("error").with("code", error.kind().code()).with("message", error.message())
}

/// The number that an event gives to what is asked about it.
pub(super) fn id(kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::Admission(admission) => Some(admission.id.to_string()),
        EventKind::Query(query) => Some(query.id.to_string()),
        EventKind::HandoffPrepare(handoff) => Some(handoff.id.to_string()),
        _ => None,
    }
}

pub(super) fn describe(kind: &EventKind, number: usize) -> Line {
    let line = Line::new("event").with("type", kind.token()).with("seq", &number.to_string());
    let names = kind.info().fields.iter().map(|(name, _)| *name);
    names.zip(kind.fields()).fold(line, |line, (name, field)| match (name, field) {
        ("previous", Field::Member(member)) => with_tags(line, "prev_tag.", member),
        (_, Field::Member(member)) => with_facts(line, member),
        // The member has an address as well.
        ("addr", Field::Text(addr)) if kind.member().is_some() => line.with("other", &addr),
        (name, Field::Text(text)) => line.with(name, &text),
        (name, Field::Bytes(bytes)) if bytes.len() <= WHOLE => {
            line.with_bytes(name, bytes.to_vec())
        }
        (_, Field::Bytes(bytes)) => {
            let line = line.with("length", &bytes.len().to_string());
            line.with("crc32", &format!("{:08x}", crc32fast::hash(bytes)))
        }
        (name, Field::Count(count)) => line.with(name, &count.to_string()),
        (name, Field::Flag(flag)) => line.with(name, &flag.to_string()),
        (_, Field::Slots(slots)) => line.with("slots", &slots.len().to_string()),
        (_, Field::Change(changed)) => with_ring(line, changed.after()),
        (_, Field::Members(_) | Field::Duration(_)) => line,
    })
}

/// What is the same of a ring for all who have it.
pub(super) fn with_ring(line: Line, ring: &Ring) -> Line {
    let line = line.with("size", &ring.len().to_string());
    line.with("fingerprint", &format!("{:016x}", ring.fingerprint()))
}

pub(super) fn with_facts(line: Line, member: &Member) -> Line {
    let line = line.with("name", member.name()).with("addr", &member.addr().to_string());
    with_tags(line.with("state", member.state().as_str()), "tag.", member)
}

fn with_tags(line: Line, prefix: &str, member: &Member) -> Line {
    let tags = member.tags();
    tags.iter().fold(line, |line, (key, value)| line.with(&format!("{prefix}{key}"), value))
}

/// What a request came to: lines of data, then the final one.
pub(super) fn outcome(asked: &Asked, result: &Result<Reply, Error>) -> Vec<Line> {
    let ok = Line::new("ok");
    if let Asked::Reentry(word) = asked {
        let line = Line::new("reentered").with("do", word);
        return vec![match result {
            Ok(_) => line.with("ok", "true"),
            Err(error) => line.with("ok", "false").with("code", error.kind().code()),
        }];
    }
    let us = |line: Line, span: std::time::Duration| line.with("us", &span.as_micros().to_string());
    vec![match result {
        Err(error) => refusal(error),
        Ok(Reply::Answers(answers)) if *asked == Asked::ClusterKeys => return keyrings(answers),
        Ok(Reply::Answers(answers)) => return responses(answers),
        Ok(Reply::Joined(count)) => ok.with("contacted", &count.to_string()),
        Ok(Reply::Ponged(span)) => us(ok, *span),
        Ok(Reply::RoundTrip(told)) => {
            let line = told.smoothed.into_iter().fold(ok, us);
            line.with_bytes("payload", told.payload.clone())
        }
        Ok(_) => ok,
    }]
}

fn responses(answers: &Answers) -> Vec<Line> {
    let response = |response: &chinwag::Response| {
        let line = Line::new("response").with("sender", &response.from);
        line.with_bytes("payload", response.payload.clone())
    };
    let lines = answers.responses.iter().map(response);
    let ok = Line::new("ok").with("count", &answers.responses.len().to_string());
    lines.chain([ok.with("complete", &answers.complete.to_string())]).collect()
}

fn keyrings(answers: &Answers) -> Vec<Line> {
    let keyring = |response: &chinwag::Response| {
        let outcome = KeyOutcome::read(&response.payload).unwrap_or_default();
        let line = Line::new("keyring").with("name", &response.from);
        let line = line.with("done", &outcome.done.to_string());
        line.with("keys", &outcome.keys.len().to_string())
    };
    let lines = answers.responses.iter().map(keyring);
    let ok = Line::new("ok").with("count", &answers.responses.len().to_string());
    lines.chain([ok]).collect()
}
