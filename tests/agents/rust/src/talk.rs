//! The words of what members say to each other, and of keys and newcomers.

use std::time::Duration;

use chinwag::{Broadcast, BroadcastKind, Delivery, Error, KeyOp, Node, Question};

use crate::line::{Line, push, push_bytes};
use crate::{rings, say};

/// Makes one call on an open node; the final line if it succeeds.
pub(crate) async fn call(node: &Node, word: &str, command: &Line) -> Result<String, Error> {
    let mut line = "ok".to_owned();
    let payload = || payload(command);
    let id = || command.get("id").parse().unwrap_or_default();
    match word {
        "send" => {
            let delivery = match command.get("reliable") {
                "false" => Delivery::BestEffort,
                _ => Delivery::Reliable,
            };
            node.send(command.get("to"), payload(), delivery).await?;
        }
        "broadcast" => node.broadcast(broadcast(command)).await?,
        "set_state" => node.set_state(payload()).await?,
        "set_ping_payload" => node.set_ping_payload(payload()).await?,
        "ping" => push_time(&mut line, node.ping(command.get("member")).await?),
        "round_trip" => {
            let told = node.round_trip(command.get("member")).await?;
            told.smoothed.into_iter().for_each(|span| push_time(&mut line, span));
            push_bytes(&mut line, "payload", &told.payload);
        }
        "user_event" => {
            let coalesce = command.get("coalesce") == "true";
            node.user_event(command.get("name"), payload(), coalesce).await?;
        }
        "query" => line.push_str(&query(node, command).await?),
        "respond" => node.respond(id(), payload()).await?,
        "admit" => node.admit(id()).await?,
        "refuse" => node.refuse(id(), command.get("reason")).await?,
        "keys" => push(&mut line, "count", &node.keys().len().to_string()),
        "add_key" => node.add_key(command.get("key")).await?,
        "use_key" => node.use_key(command.get("key")).await?,
        "remove_key" => node.remove_key(command.get("key")).await?,
        "cluster_keys" => push(&mut line, "count", &cluster_keys(node, command).await?.to_string()),
        _ => return rings::call(node, word, command).await,
    }
    Ok(line)
}

fn payload(command: &Line) -> Vec<u8> {
    command.bytes("payload").repeat(command.get("repeat").parse().unwrap_or(1))
}

fn push_time(line: &mut String, span: Duration) {
    push(line, "us", &span.as_micros().to_string());
}

fn broadcast(command: &Line) -> Broadcast {
    let (name, payload) = (command.get("name").to_owned(), payload(command));
    let kind = match (command.get("supersede"), name.as_str()) {
        ("true", _) => BroadcastKind::Superseding,
        (_, "") => BroadcastKind::Unique,
        _ => BroadcastKind::Named,
    };
    Broadcast { kind, name, payload }
}

/// Asks, and says the answers; how many they are, and whether that is all.
async fn query(node: &Node, command: &Line) -> Result<String, Error> {
    let question = Question {
        name: command.get("name").to_owned(),
        payload: payload(command),
        timeout: command.get("timeout_ms").parse().ok().map(Duration::from_millis),
        ..Question::default()
    };
    let answers = node.query(question).await?;
    for response in &answers.responses {
        let mut line = "response".to_owned();
        push(&mut line, "sender", &response.from);
        push_bytes(&mut line, "payload", &response.payload);
        say(&line);
    }
    let mut line = String::new();
    push(&mut line, "count", &answers.responses.len().to_string());
    push(&mut line, "complete", &answers.complete.to_string());
    Ok(line)
}

/// Has every member change its keys, and says what came of it; how many answered.
async fn cluster_keys(node: &Node, command: &Line) -> Result<usize, Error> {
    let op = match command.get("op") {
        "install" => KeyOp::Install,
        "use" => KeyOp::Use,
        "remove" => KeyOp::Remove,
        _ => KeyOp::List,
    };
    let key = Some(command.get("key")).filter(|key| !key.is_empty());
    let outcomes = node.cluster_keys(op, key).await?;
    for (name, outcome) in &outcomes {
        let mut line = "keyring".to_owned();
        push(&mut line, "name", name);
        push(&mut line, "done", &outcome.done.to_string());
        push(&mut line, "keys", &outcome.keys.len().to_string());
        say(&line);
    }
    Ok(outcomes.len())
}
