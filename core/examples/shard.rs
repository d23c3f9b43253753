//! A cache that is spread over its members: each has the keys of its slots, and hands them on.
//!
//!     cargo run -p chinwag --example shard ann -
//!     cargo run -p chinwag --example shard bob 127.0.0.1:40123
//!
//! Then type `put KEY VALUE`, `get KEY`, `keys`, `drain` (the others take over), or `leave`.

use std::collections::{BTreeMap, BTreeSet};

use chinwag::event::HandoffPrepared;
use chinwag::{Delivery, EventKind, Node, Replay};

struct Shard {
    node: Node,
    name: String,
    /// Slots that this node may write.
    held: BTreeSet<u32>,
    entries: BTreeMap<String, String>,
    /// Requests for slots that are about to come.
    waiting: Vec<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, seed] = &arguments[..] else { return Err("usage: shard NAME SEED|-".into()) };
    let node = Node::builder()
        .name(name)
        .bind("127.0.0.1:0")
        .seeds(Some(seed.as_str()).filter(|seed| *seed != "-"))
        .option("profile", &std::env::var("CHINWAG_PROFILE").unwrap_or_else(|_| "local".to_owned()))
        .option("handoff_timeout", "5s")
        .start()
        .await?;
    println!("ready {name} {}", node.local_member().addr());
    let mut events = node.events(Replay::No);
    node.ring(); // from now on it is kept, and told of
    let (sender, mut lines) = tokio::sync::mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        lines.take_while(|line| line != "leave").try_for_each(|line| sender.blocking_send(line))
    });
    let (held, entries, waiting) = Default::default();
    let mut shard = Shard { node, name: name.clone(), held, entries, waiting };
    loop {
        tokio::select! {
            Some(event) = events.next() => shard.hear(event.kind).await,
            line = lines.recv() => match line {
                Some(line) => shard.type_in(&line).await?,
                None => break,
            },
        }
    }
    Ok(shard.node.leave(std::time::Duration::from_secs(5)).await?)
}

impl Shard {
    async fn type_in(&mut self, line: &str) -> chinwag::Result<()> {
        match line.trim().split_once(' ').unwrap_or((line, "")) {
            (word @ ("put" | "get"), rest) => {
                self.ask(format!("{word} {} {rest}", self.name)).await
            }
            ("keys", _) => {
                let keys = self.entries.keys().map(|key| format!(" {key}"));
                println!("keys{}", keys.collect::<String>());
            }
            ("drain", _) => self.node.update_tags([("weight", Some("0"))]).await?,
            _ => {}
        }
        Ok(())
    }

    /// `put FROM KEY VALUE` or `get FROM KEY`, from here or from another member.
    async fn ask(&mut self, request: String) {
        let mut parts = request.splitn(4, ' ');
        let [word, asker, key, value] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        let ring = self.node.ring();
        let owner = ring.owner(key).unwrap_or(&self.name);
        if self.holds(key) {
            if word == "put" {
                self.entries.insert(key.to_owned(), value.to_owned());
                return self.answer(asker, &format!("stored {key}")).await;
            }
            let text = self.entries.get(key).map(|value| format!("value {key} {value}"));
            self.answer(asker, &text.unwrap_or_else(|| format!("none {key}"))).await;
        } else if owner == self.name {
            self.waiting.push(request);
        } else if asker == self.name {
            self.send(owner, &request).await;
        } else {
            // Who asks does not see the same members yet.
            self.answer(asker, &format!("moved {key}")).await;
        }
    }

    async fn answer(&self, asker: &str, text: &str) {
        match asker == self.name {
            true => println!("{text} at {asker}"),
            false => self.send(asker, &format!("say {text} at {}", self.name)).await,
        }
    }

    async fn send(&self, member: &str, text: &str) {
        let sent = self.node.send(member, text, Delivery::Reliable).await;
        sent.unwrap_or_else(|error| println!("{error}"));
    }

    async fn hear(&mut self, event: EventKind) {
        match event {
            EventKind::HandoffPrepare(handoff) => self.hand_on(&handoff).await,
            EventKind::HandoffAcquired(handoff) => {
                self.held.extend(&handoff.slots);
                let peer = if handoff.peer.is_empty() { "nobody" } else { &handoff.peer };
                let how = if handoff.clean { "clean" } else { "unclean" };
                println!("acquired {} slots from {peer} ({how})", handoff.slots.len());
            }
            EventKind::Message(message) => {
                self.read(&String::from_utf8_lossy(&message.payload)).await;
            }
            _ => {}
        }
        // Slots may have come, or be somebody else's now.
        for request in std::mem::take(&mut self.waiting) {
            self.ask(request).await;
        }
    }

    /// From now on nothing of these slots is written here; their next owner gets what is.
    async fn hand_on(&mut self, HandoffPrepared { id, peer, slots, .. }: &HandoffPrepared) {
        let going = |slot: &u32| slots.binary_search(slot).is_ok();
        self.held.retain(|slot| !going(slot));
        let ring = self.node.ring();
        let entries =
            self.entries.extract_if(.., |key, _| ring.slot(key).is_some_and(|s| going(&s)));
        let lines: String = entries.map(|(key, value)| format!("\n{key} {value}")).collect();
        if !lines.is_empty() {
            // It has arrived when this is over, and comes before what the release brings about.
            self.send(peer, &format!("take{lines}")).await;
        }
        match self.node.released(*id).await {
            Ok(()) => println!("released {} slots to {peer}", slots.len()),
            Err(error) => println!("{error}"), // its time is over
        }
    }

    async fn read(&mut self, message: &str) {
        let (head, lines) = message.split_once('\n').unwrap_or((message, ""));
        match head.split_once(' ').unwrap_or((head, "")) {
            ("put" | "get", _) => self.ask(head.to_owned()).await,
            ("say", text) => println!("{text}"),
            ("take", _) => {
                for (key, value) in lines.lines().filter_map(|line| line.split_once(' ')) {
                    // Else it comes too late, and there may be something newer.
                    if !self.holds(key) {
                        self.entries.insert(key.to_owned(), value.to_owned());
                    }
                }
            }
            _ => {}
        }
    }

    fn holds(&self, key: &str) -> bool {
        self.node.ring().slot(key).is_some_and(|slot| self.held.contains(&slot))
    }
}
