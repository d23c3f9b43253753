//! One of the processes: a node whose servers write down what they get, and who calls and casts.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chinwag::{Answer, Node, Payload, Request, Server};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::record::{Event, Got, Id, Pen, path};
use super::sender::Sender;
use super::{AT_ONCE, HEALED, name};
use crate::faults::address;

/// The server of every node, and one that only the first two have.
pub(super) const ALL: &str = "all";
pub(super) const SOME: &str = "some";
/// How many have that.
pub(super) const SOME_SEATS: usize = 2;
/// What is asked to learn that everything before has come or will not.
const FENCE: &str = "fence";
/// Bytes that may wait for one member. Less than what comes together in a cut.
pub(super) const OUTBOX: usize = 256 * 1024;

/// Which one it is.
#[derive(Args, Clone, Debug)]
pub(crate) struct Agent {
    pub(super) seat: usize,
    pub(super) seats: usize,
    pub(super) run: usize,
    /// Where it writes.
    pub(super) folder: PathBuf,
    /// What it draws from.
    pub(super) seed: u64,
    /// How soon members find out about each other.
    pub(super) profile: String,
}

/// The first line: it listens.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Ready {}

/// How often something was tried in vain.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Took {
    pub(super) failed: u64,
    /// What was in the way last.
    pub(super) trouble: Option<String>,
}

/// The node's own counters.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Told {
    pub(super) casts_sent: u64,
    pub(super) casts_served: u64,
    pub(super) casts_dropped: u64,
    pub(super) casts_lost: u64,
    pub(super) casts_in_doubt: u64,
    pub(super) replies_unwanted: u64,
    pub(super) frames_malformed: u64,
    pub(super) links_lost: u64,
}

/// Obeys until stdin ends.
pub(crate) fn serve(agent: &Agent) -> io::Result<()> {
    let pen = Arc::new(Pen::create(&path(&agent.folder, agent.seat, agent.run))?);
    let runtime = Runtime::new()?;
    let node = runtime.block_on(start(agent, &pen))?;
    say(&Ready {})?;
    let (mut load, ends) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for line in io::stdin().lock().lines() {
        match &*line? {
            "load" => runtime.block_on(async {
                Sender::begin(agent, &node, &pen, &ends, &mut load);
                say(&Ready {})
            })?,
            "calm" => {
                ends.store(true, Ordering::Relaxed);
                runtime.block_on(async { while load.join_next().await.is_some() {} });
                say(&Ready {})?;
            }
            "fence" => say(&runtime.block_on(fence(agent, &node))?)?,
            "told" => say(&told(&node))?,
            other => return Err(io::Error::other(format!("{other} is not known"))),
        }
    }
    Ok(())
}

fn say(answer: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    writeln!(out)?;
    out.flush()
}

async fn start(agent: &Agent, pen: &Arc<Pen>) -> io::Result<Node> {
    let others = (0..agent.seats).filter(|seat| *seat != agent.seat);
    let seeds: Vec<String> = others.map(|seat| address(seat).to_string()).collect();
    let builder = Node::builder()
        .name(name(agent.seat))
        .bind(&address(agent.seat).to_string())
        .option("profile", &agent.profile)
        .option("insecure", "true")
        .option("seeds", &seeds.join(","))
        .option("outbox_bytes", &OUTBOX.to_string())
        .option("outbox_overflow", "drop-oldest")
        // Fewer than what comes at once after a pause.
        .option("mailbox", "128")
        // What waits is bounded in bytes, so it may as well wait.
        .option("outbox_age", "30s");
    let node = builder.start().await.map_err(io::Error::other)?;
    let serial = Arc::new(AtomicU64::new(0));
    let book = || Book {
        seat: agent.seat as u8,
        run: agent.run as u8,
        pen: Arc::clone(pen),
        serial: Arc::clone(&serial),
    };
    node.serve(ALL, book()).await.map_err(io::Error::other)?;
    if agent.seat < SOME_SEATS {
        node.serve(SOME, book()).await.map_err(io::Error::other)?;
    }
    Ok(node)
}

/// Writes down what it gets, and says in an answer what was asked and who it is.
struct Book {
    seat: u8,
    run: u8,
    pen: Arc<Pen>,
    serial: Arc<AtomicU64>,
}

impl Server for Book {
    async fn call(&mut self, request: &mut Request) -> Answer {
        if request.op() == FENCE {
            return Ok(Payload::raw([]));
        }
        let (id, _) = Id::take(&request.payload().bytes).ok_or("it has no number")?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        self.pen.note(id, Event::Ran(serial));
        let mut answer = Vec::new();
        id.put(&mut answer);
        Got { seat: self.seat, run: self.run, serial }.put(&mut answer);
        Ok(Payload::raw(answer))
    }

    async fn cast(&mut self, request: &mut Request) {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        if let Some((id, _)) = Id::take(&request.payload().bytes) {
            self.pen.note(id, Event::Heard(serial));
        }
    }
}

/// Calls every node until it answers: what was sent to it before has come, or will not.
async fn fence(agent: &Agent, node: &Node) -> io::Result<Took> {
    let (began, mut failed, mut trouble) = (Instant::now(), 0, None);
    for seat in 0..agent.seats {
        let target = format!("{ALL}@{}", name(seat));
        loop {
            match node.call(&target, FENCE, Payload::raw([])).timeout(AT_ONCE).await {
                Ok(_) => break,
                Err(error) if began.elapsed() > HEALED => {
                    return Err(io::Error::other(format!("{target}: {error}")));
                }
                Err(error) => {
                    failed += 1;
                    let at = began.elapsed();
                    trouble = Some(format!("{} to {target} after {at:.1?}: {error}", agent.seat));
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(Took { failed, trouble })
}

fn told(node: &Node) -> Told {
    let stats = node.stats();
    Told {
        casts_sent: stats.casts_sent,
        casts_served: stats.casts_served,
        casts_dropped: stats.casts_dropped,
        casts_lost: stats.casts_lost,
        casts_in_doubt: stats.casts_in_doubt,
        replies_unwanted: stats.replies_unwanted,
        frames_malformed: stats.frames_malformed,
        links_lost: stats.links_lost,
    }
}
