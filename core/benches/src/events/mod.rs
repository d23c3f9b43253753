//! `events`: from a packet on the wire to the callback of each runtime.
//!
//! A fake member (`peer.rs`) changes a tag to the time at which it does so; the callback of a node
//! under test looks at the clock again. The nodes are programs of their own, one a runtime, beside
//! variants that hand events over the naive way, one wake-up each. All of them answer the same
//! commands on stdin with one line of JSON:
//!
//! | command | answer |
//! |---|---|
//! | (once the node listens) | [`Hello`] |
//! | `reset` | `{}`; forgets what was seen, and starts the CPU clock again |
//! | `count` | [`Count`] since the last `reset` |
//! | `report` | [`Seen`] since the last `reset` |
//! | `hold` | `{}`, then the event loop stands still |
//! | `go` | `{}`; the loop moves on, and the CPU clock starts again |
//! | `floor` | `{}`; from now on each datagram to [`floor::BARE`] is a stamp to note |
//! | `own` | [`Own`]; notes an event that is there, again and again |
//!
//! The last two are for readers that name them in their [`Hello`].
//!
//! Three phases: *idle* (one change a millisecond into a sleeping loop: latency), *stream* (full
//! packets at a fixed rate: latency and CPU from the packet on) and *drain* (the loop stands still
//! until all changes are queued: what handing over alone costs). Every callback reads the tag, so
//! building the values that the runtime shows is part of all three.
//!
//! Two more figures tell what of that is not ours: `floor.rs` wakes the same loop with nothing in
//! between, and `own` is what the callback costs for an event that is already there.

pub(crate) mod child;
mod floor;
mod peer;
mod readers;
mod report;
mod wire;

use std::env::args_os;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::counters::Load;
use crate::process::{Peer, Program};
use crate::report::write_json;
use crate::rival::Machine;
use floor::Floor;
use peer::{FakePeer, Pace};
use readers::Reader;
use report::Report;

/// Where the node under test listens.
pub(crate) const NODE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 20, 0, 1), 7946);
/// Where the members that do not exist listen.
const FAKE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 20, 0, 2), 7946);
/// How many of them there are: no member changes twice within a packet.
const FAKES: usize = 256;
/// Events that the node keeps for its reader: more than any phase sends.
pub(crate) const EVENT_BUFFER: usize = 1 << 20;
/// Between two changes of the idle phase.
const APART: Duration = Duration::from_millis(1);
/// How many events `own` is about.
pub(crate) const OWN: usize = 200_000;
/// How long an answer may take.
const AT_ONCE: Duration = Duration::from_secs(60);
/// A phase is over when this long nothing more came.
const SILENCE: Duration = Duration::from_secs(2);
/// How often that is looked at.
const GLANCE: Duration = Duration::from_millis(100);
/// Between the last packet and the end of a hold. An event that is not queued by then makes the
/// drain longer, never shorter.
const DIGEST: Duration = Duration::from_millis(300);

/// The first line of a child.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Hello {
    /// The runtime and its version.
    pub(crate) runtime: String,
    /// Which of the commands that not all readers know it does.
    #[serde(default)]
    pub(crate) also: Vec<String>,
}

/// An answer that says nothing.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Done {}

/// How many events came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Count {
    /// Changes that reached the callback.
    pub(crate) events: usize,
    /// Changes of which only the number reached it.
    pub(crate) lost: usize,
}

/// What a child saw.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Seen {
    pub(crate) events: usize,
    pub(crate) lost: usize,
    /// From the stamp in the packet to the clock in the callback.
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    /// From the first callback to the last.
    pub(crate) span_us: Option<f64>,
    /// CPU of the process since the CPU clock was started.
    pub(crate) cpu_us: f64,
}

/// What the callback itself costs.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Own {
    pub(crate) events: usize,
    pub(crate) cpu_us: f64,
}

/// Measures event delivery in each runtime.
#[derive(Args, Debug)]
pub(crate) struct Events {
    /// Whom to run.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Reader::ALL)]
    readers: Vec<Reader>,
    /// Repetitions; the readers take turns within each. Five or more before anything is published.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Changes of the idle phase, one a millisecond.
    #[arg(long, default_value_t = 3_000)]
    idle: usize,
    /// Changes a second in the stream phase.
    #[arg(long, default_value_t = 50_000)]
    rate: u32,
    /// Seconds of the stream phase.
    #[arg(long, default_value_t = 3)]
    stream: u32,
    /// Changes that are queued and drained.
    #[arg(long, default_value_t = 200_000)]
    drain: usize,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/events.json")]
    out: PathBuf,
    /// Set by the program itself once it is in a network of its own.
    #[arg(long, hide = true)]
    inside: bool,
    /// Set by the program itself: readers that could not be built.
    #[arg(long, hide = true, value_enum)]
    absent: Vec<Reader>,
}

/// What one run gave.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Run {
    pub(crate) reader: String,
    pub(crate) runtime: String,
    pub(crate) round: u64,
    /// As idle, with nothing between the datagram and the loop.
    pub(crate) floor: Option<Seen>,
    /// As that, with a thread in between which does nothing else.
    pub(crate) relayed: Option<Seen>,
    pub(crate) idle: Option<Seen>,
    pub(crate) stream: Option<Seen>,
    pub(crate) drain: Option<Seen>,
    pub(crate) own: Option<Own>,
    pub(crate) foreign_cores: Option<f64>,
    pub(crate) notes: Vec<String>,
}

impl Events {
    /// Runs it, and prints the table.
    pub(crate) fn play(&self) -> io::Result<()> {
        let folder = self.out.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        if !self.inside {
            return self.go_inside(&folder);
        }
        let machine = Machine::look()?;
        let mut fakes = FakePeer::open(FAKES)?;
        let floor = Floor::open()?;
        let mut runs = Vec::new();
        for round in 0..self.rounds {
            for reader in &self.readers {
                eprintln!("round {round}: {}", reader.name());
                let mut run = Run { reader: reader.name().into(), round, ..Run::default() };
                let outcome = match self.absent.contains(reader) {
                    true => Err(io::Error::other("could not be built")),
                    false => self.measure(&reader.program(&folder)?, &mut fakes, &floor, &mut run),
                };
                if let Err(error) = outcome {
                    eprintln!("  {error}");
                    run.notes.push(error.to_string());
                }
                runs.push(run);
                write_json(&self.out, &Report::of(&runs, &machine))?;
            }
        }
        println!("{}", Report::of(&runs, &machine).markdown());
        Ok(())
    }

    fn measure(
        &self,
        reader: &Program,
        fakes: &mut FakePeer,
        floor: &Floor,
        run: &mut Run,
    ) -> io::Result<()> {
        let hard_limit = Duration::from_secs(300);
        let mut node = Peer::spawn_here(reader, hard_limit)?;
        let hello = node.hear::<Hello>(AT_ONCE)?;
        let can = |command: &str| hello.also.iter().any(|known| known == command);
        run.runtime.clone_from(&hello.runtime);
        let (load, began) = (Load::read(&[node.pid()])?, Instant::now());
        fakes.introduce()?;
        settle(&mut node, usize::MAX)?;
        let idle = self.idle;
        run.idle = Some(phase(&mut node, idle, || fakes.play(idle, Pace::Singly(APART)))?);
        if can("floor") {
            node.ask::<Done>("floor", AT_ONCE)?;
            run.floor = Some(phase(&mut node, idle, || floor.play(idle, APART))?);
            run.relayed = Some(phase(&mut node, idle, || floor.play_relayed(idle, APART))?);
        }
        let (count, pace) = ((self.rate * self.stream) as usize, Pace::Packed(self.rate));
        run.stream = Some(phase(&mut node, count, || fakes.play(count, pace))?);
        run.drain = Some(drain(&mut node, fakes, self.drain, pace)?);
        if can("own") {
            run.own = Some(node.ask("own", AT_ONCE)?);
        }
        let seconds = began.elapsed().as_secs_f64();
        run.foreign_cores = Some(Load::read(&[node.pid()])?.foreign_since(load, seconds));
        Ok(())
    }

    /// Builds the readers, and starts the same command again in a network namespace that it shares
    /// with them. What is built may have to be fetched, which only works outside.
    fn go_inside(&self, folder: &Path) -> io::Result<()> {
        let mut command = Command::new("unshare");
        command.args(["-n", "--", "sh", "-c", r#"ip link set lo up && exec "$@""#, "sh"]);
        command.arg(std::env::current_exe()?).args(args_os().skip(1)).arg("--inside");
        for reader in &self.readers {
            if let Err(error) = reader.build(folder) {
                eprintln!("{}: {error}", reader.name());
                command.args(["--absent", reader.name()]);
            }
        }
        let status = command.status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("inside: {status}"))) }
    }
}

fn phase(node: &mut Peer, count: usize, play: impl FnOnce() -> io::Result<()>) -> io::Result<Seen> {
    node.ask::<Done>("reset", AT_ONCE)?;
    play()?;
    settle(node, count)?;
    node.ask("report", AT_ONCE)
}

fn drain(node: &mut Peer, fakes: &mut FakePeer, count: usize, pace: Pace) -> io::Result<Seen> {
    node.ask::<Done>("reset", AT_ONCE)?;
    node.ask::<Done>("hold", AT_ONCE)?;
    fakes.play(count, pace)?;
    sleep(DIGEST);
    node.ask::<Done>("go", AT_ONCE)?;
    settle(node, count)?;
    node.ask("report", AT_ONCE)
}

/// Waits until `expected` changes were seen or lost, or no more come.
fn settle(node: &mut Peer, expected: usize) -> io::Result<()> {
    let mut last = node.ask::<Count>("count", AT_ONCE)?;
    let mut since = Instant::now();
    while last.events + last.lost < expected && since.elapsed() < SILENCE {
        sleep(GLANCE);
        let now = node.ask::<Count>("count", AT_ONCE)?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    Ok(())
}
