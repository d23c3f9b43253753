//! Drives the Rust library by the protocol in `../README.md`.

mod line;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chinwag::{Delivery, Error, Event, EventKind, Events, Member, Node, Replay};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use line::{Line, push, push_bytes, push_tags};

/// A call to be made from inside the event loop.
type Reentry = Arc<Mutex<Option<Line>>>;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut commands = BufReader::new(stdin()).lines();
    let mut node = None;
    let reentry = Reentry::default();
    while let Some(text) = commands.next_line().await? {
        match Line::parse(&text) {
            Some(command) if command.word == "exit" => break,
            Some(command) => say(&answer(&mut node, &reentry, &command).await),
            None => say("error code=bad_request message=not%20a%20line"),
        }
    }
    if let Some(node) = node {
        node.close().await;
    }
    Ok(())
}

/// Writes one whole line, at once.
fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    // When nobody reads any more, stdin ends too.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Carries out one command; its final line.
async fn answer(node: &mut Option<Node>, reentry: &Reentry, command: &Line) -> String {
    let open = node.as_ref().filter(|node| !node.is_closed());
    let outcome = match (command.word.as_str(), open) {
        ("version", _) => Ok(format!("ok version={} runtime=rust", env!("CARGO_PKG_VERSION"))),
        ("start", None) => start(command).await.map(|started| {
            let mut line = "ok".to_owned();
            push(&mut line, "addr", &started.local_member().addr().to_string());
            *node = Some(started);
            line
        }),
        ("start", Some(_)) => Ok("error code=bad_request message=a%20node%20is%20open".to_owned()),
        ("close", None) => Ok("ok".to_owned()),
        (_, None) => Err(Error::closed()),
        ("subscribe", Some(node)) => {
            let replay = if command.get("replay") == "true" { Replay::Yes } else { Replay::No };
            tokio::spawn(tell(node.clone(), node.events(replay), Arc::clone(reentry)));
            Ok("ok".to_owned())
        }
        ("reenter", Some(_)) => {
            *reentry.lock().unwrap_or_else(PoisonError::into_inner) = Some(command.clone());
            Ok("ok".to_owned())
        }
        (word, Some(node)) => call(node, word, command).await,
    };
    outcome.unwrap_or_else(|error| failure("error", &error))
}

async fn start(command: &Line) -> Result<Node, Error> {
    let mut builder = Node::builder().name(command.get("name")).bind(command.get("bind"));
    builder = builder.option("profile", command.get("profile")).seeds(command.list("seeds"));
    builder = builder.tags(command.under("tag."));
    for (option, text) in command.under("opt.") {
        builder = builder.option(&option, &text);
    }
    builder.start().await
}

/// Makes one call on an open node; the final line if it succeeds.
async fn call(node: &Node, word: &str, command: &Line) -> Result<String, Error> {
    let mut line = "ok".to_owned();
    match word {
        "members" => {
            let members = node.members();
            if command.word == word {
                members.iter().for_each(|member| say(&format!("member{}", facts(member))));
            }
            push(&mut line, "count", &members.len().to_string());
        }
        "local" => line.push_str(&facts(&node.local_member())),
        "join" => {
            let contacted = node.join(command.list("seeds")).await?;
            push(&mut line, "contacted", &contacted.to_string());
        }
        "update_tags" => {
            let set = command.under("tag.").map(|(key, value)| (key, Some(value)));
            let unset = command.under("untag.").map(|(key, _)| (key, None));
            node.update_tags(set.chain(unset)).await?;
        }
        "leave" => {
            let timeout = command.get("timeout_ms").parse().unwrap_or(5_000);
            node.leave(Duration::from_millis(timeout)).await?;
        }
        "close" => node.close().await,
        "send" => {
            let repeat = command.get("repeat").parse().unwrap_or(1);
            let payload = command.bytes("payload").repeat(repeat);
            let delivery = match command.get("reliable") {
                "false" => Delivery::BestEffort,
                _ => Delivery::Reliable,
            };
            node.send(command.get("to"), payload, delivery).await?;
        }
        "user_event" => {
            let coalesce = command.get("coalesce") == "true";
            node.user_event(command.get("name"), command.bytes("payload"), coalesce).await?;
        }
        "keys" => push(&mut line, "count", &node.keys().len().to_string()),
        "add_key" => node.add_key(command.get("key")).await?,
        "use_key" => node.use_key(command.get("key")).await?,
        "remove_key" => node.remove_key(command.get("key")).await?,
        _ => line = "unsupported".to_owned(),
    }
    Ok(line)
}

/// Prints events until the node is closed, and makes the call that is waiting for one of them.
async fn tell(node: Node, mut events: Events, reentry: Reentry) {
    while let Some(event) = events.next().await {
        say(&describe(&event));
        let waiting = {
            let mut reentry = reentry.lock().unwrap_or_else(PoisonError::into_inner);
            reentry.take_if(|call| call.get("on") == event.kind.token())
        };
        if let Some(command) = waiting {
            let word = command.get("do");
            say(&match call(&node, word, &command).await {
                Ok(_) => format!("reentered do={word} ok=true"),
                Err(error) => failure(&format!("reentered do={word} ok=false"), &error),
            });
        }
    }
}

fn describe(event: &Event) -> String {
    let mut line = format!("event type={} seq={}", event.kind.token(), event.seq);
    if let Some(member) = event.kind.member() {
        line.push_str(&facts(member));
    }
    match &event.kind {
        EventKind::MemberUpdate { previous, .. } => {
            push_tags(&mut line, "prev_tag.", &previous.tags());
        }
        EventKind::EventsLost { count, .. } => push(&mut line, "count", &count.to_string()),
        EventKind::Message(message) => {
            push(&mut line, "sender", &message.sender);
            push(&mut line, "addr", &message.addr.to_string());
            push(&mut line, "reliable", &message.reliable.to_string());
            push_payload(&mut line, &message.payload);
        }
        EventKind::UserEvent(event) => {
            push(&mut line, "name", &event.name);
            push_payload(&mut line, &event.payload);
        }
        _ => {}
    }
    line
}

/// The bytes of a short payload; the length and checksum of a longer one.
fn push_payload(line: &mut String, payload: &[u8]) {
    if payload.len() <= 1_024 {
        return push_bytes(line, "payload", payload);
    }
    push(line, "length", &payload.len().to_string());
    push(line, "crc32", &format!("{:08x}", crc32fast::hash(payload)));
}

fn facts(member: &Member) -> String {
    let mut line = String::new();
    push(&mut line, "name", member.name());
    push(&mut line, "addr", &member.addr().to_string());
    push(&mut line, "state", member.state().as_str());
    push_tags(&mut line, "tag.", &member.tags());
    line
}

fn failure(word: &str, error: &Error) -> String {
    let mut line = word.to_owned();
    push(&mut line, "code", error.kind().code());
    push(&mut line, "message", error.message());
    line
}
