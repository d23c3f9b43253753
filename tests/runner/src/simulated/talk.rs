//! The words of messages, as requests to an engine.

use std::time::Duration;

use chinwag::engine::{KeyChange, Request, SerfRequest};
use chinwag::{Broadcast, BroadcastKind, Delivery, Error, KeyOp, Question};

use crate::line::Line;

/// Whether that word is the answer to an event. Nothing else can be asked for from inside one:
/// engines have no callbacks.
pub(super) fn answers_events(word: Option<&str>) -> bool {
    matches!(word, Some("admit" | "refuse" | "respond" | "released"))
}

/// What an engine is asked for by that word, if it can do that.
pub(super) fn request(word: &str, command: &Line) -> Result<Option<Request>, Error> {
    let text = |key: &str| command.get(key).unwrap_or_default().to_owned();
    let payload = || command.bytes("payload").repeat(text("repeat").parse().unwrap_or(1));
    let id = || text("id").parse().unwrap_or_default();
    Ok(Some(match word {
        "send" => {
            let delivery = match command.get("reliable") {
                Some("false") => Delivery::BestEffort,
                _ => Delivery::Reliable,
            };
            Request::Send { to: text("to"), payload: payload(), delivery }
        }
        "broadcast" => {
            let kind = match (command.get("supersede"), command.get("name")) {
                (Some("true"), _) => BroadcastKind::Superseding,
                (_, Some(_)) => BroadcastKind::Named,
                _ => BroadcastKind::Unique,
            };
            Request::Broadcast(Broadcast { kind, name: text("name"), payload: payload() })
        }
        "set_state" => Request::SetState(payload()),
        "set_ping_payload" => Request::SetPingPayload(payload()),
        "ping" => Request::Ping(text("member")),
        "round_trip" => Request::RoundTrip(text("member")),
        "admit" => Request::Decide { question: id(), refusal: None },
        "refuse" => Request::Decide { question: id(), refusal: Some(text("reason")) },
        "released" => Request::Released(id()),
        "add_key" => Request::Keyring(KeyChange::add(&text("key"))?),
        "use_key" => Request::Keyring(KeyChange::activate(&text("key"))?),
        "remove_key" => Request::Keyring(KeyChange::remove(&text("key"))?),
        "user_event" => Request::Serf(SerfRequest::UserEvent {
            name: text("name"),
            payload: payload(),
            coalesce: command.get("coalesce") == Some("true"),
        }),
        "query" => Request::Serf(SerfRequest::Query(Question {
            name: text("name"),
            payload: payload(),
            timeout: text("timeout_ms").parse().ok().map(Duration::from_millis),
            ..Question::default()
        })),
        "respond" => Request::Serf(SerfRequest::Respond { query: id(), payload: payload() }),
        _ => return Ok(None),
    }))
}

pub(super) fn key_op(word: &str) -> KeyOp {
    match word {
        "install" => KeyOp::Install,
        "use" => KeyOp::Use,
        "remove" => KeyOp::Remove,
        _ => KeyOp::List,
    }
}
