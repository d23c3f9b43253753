//! Drives the Rust library by the protocol in `../README.md`.

mod line;
mod maps;
mod messages;
mod monitors;
mod rings;
mod show;
mod state;
mod streams;
mod talk;
mod topics;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chinwag::{Error, Events, Node, Replay};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use line::{Line, push};
use show::{describe, facts, failure, id};

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
            if command.get("rings") == "true" {
                node.ring();
            }
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
        "counter" => {
            let stats = node.stats();
            let wanted = command.get("name");
            let found = stats.rows().into_iter().find(|(name, _)| *name == wanted);
            let Some((_, value)) = found else { return Ok("unsupported".to_owned()) };
            push(&mut line, "value", &value.to_string());
        }
        "close" => node.close().await,
        "loop_state" => {
            let state = node.loop_state(command.get("member"));
            state.iter().for_each(|state| push(&mut line, "state", state.as_str()));
        }
        word if word.starts_with("map_") => return maps::call(node, word, command).await,
        "monitor" | "demonitor" => return monitors::call(node, word, command),
        "put" | "delete" | "get" | "entries" | "watch" => {
            return state::call(node, word, command).await;
        }
        _ => return talk::call(node, word, command).await,
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
        if let Some(mut command) = waiting {
            if let Some(id) = id(&event.kind) {
                command.add("id", &id.to_string());
            }
            let word = command.get("do");
            say(&match call(&node, word, &command).await {
                Ok(_) => format!("reentered do={word} ok=true"),
                Err(error) => failure(&format!("reentered do={word} ok=false"), &error),
            });
        }
    }
}
