//! The Rust reader: a task that looks at the clock for every change it hears of.

use std::io::{self, BufRead, Write};
use std::thread;

use chinwag::{Event, EventKind, Node, Replay};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::floor::BARE;
use super::peer::monotonic_ns;
use super::{Count, Done, EVENT_BUFFER, Hello, NODE, OWN, Own, Seen};
use crate::stats::percentile;

/// The tag that carries the time.
const STAMP: &str = "t";

/// Runs until stdin ends.
pub(crate) fn serve() -> io::Result<()> {
    let (sender, commands) = unbounded_channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(runtime.spawn(read(commands)))?
}

async fn read(mut commands: UnboundedReceiver<String>) -> io::Result<()> {
    let builder = Node::builder().name("under-test").bind(&NODE.to_string());
    let builder = builder.option("event_buffer", &EVENT_BUFFER.to_string());
    let node = builder.start().await.map_err(io::Error::other)?;
    let mut events = node.events(Replay::No);
    let also = vec!["floor".to_owned(), "own".to_owned()];
    say(&Hello { runtime: "Rust, tokio".to_owned(), also })?;
    let (mut stamps, mut bare) = (Stamps::new(), None);
    let mut datagram = [0; 64];
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => stamps.note(&event),
                None => return Ok(()),
            },
            length = heard(bare.as_ref(), &mut datagram) => {
                let text = std::str::from_utf8(&datagram[..length?]);
                stamps.note_stamp(monotonic_ns(), text.ok().and_then(|text| text.parse().ok()));
            }
            command = commands.recv() => match command.as_deref() {
                None => return Ok(()),
                Some("floor") => {
                    bare = Some(UdpSocket::bind(BARE).await?);
                    say(&Done {})?;
                }
                Some("hold") => hold(&mut commands, &mut stamps).await?,
                Some(command) => stamps.obey(command)?,
            },
        }
    }
}

/// The next datagram; never, without a socket.
async fn heard(bare: Option<&UdpSocket>, datagram: &mut [u8]) -> io::Result<usize> {
    match bare {
        Some(bare) => bare.recv(datagram).await,
        None => std::future::pending().await,
    }
}

/// Reads no event until told to go on.
async fn hold(commands: &mut UnboundedReceiver<String>, stamps: &mut Stamps) -> io::Result<()> {
    say(&Done {})?;
    while let Some(command) = commands.recv().await {
        if command == "go" {
            stamps.cpu_us = cpu_us();
            return say(&Done {});
        }
        stamps.obey(&command)?;
    }
    Ok(())
}

/// What was seen since the last `reset`.
struct Stamps {
    taken_ns: Vec<u64>,
    /// A change, for `own`.
    sample: Option<Event>,
    lost: usize,
    first_ns: u64,
    last_ns: u64,
    cpu_us: f64,
}

impl Stamps {
    fn new() -> Self {
        let taken_ns = Vec::with_capacity(EVENT_BUFFER);
        Self { taken_ns, sample: None, lost: 0, first_ns: 0, last_ns: 0, cpu_us: cpu_us() }
    }

    fn note(&mut self, event: &Event) {
        match &event.kind {
            EventKind::MemberUpdate { member, .. } => {
                let now = monotonic_ns();
                self.note_stamp(now, member.tag(STAMP).and_then(|stamp| stamp.parse().ok()));
                self.sample.get_or_insert_with(|| event.clone());
            }
            EventKind::EventsLost { count, .. } => {
                self.lost += usize::try_from(*count).unwrap_or(usize::MAX);
            }
            _ => {}
        }
    }

    fn note_stamp(&mut self, now: u64, stamp: Option<u64>) {
        let Some(sent) = stamp else { return };
        if self.taken_ns.is_empty() {
            self.first_ns = now;
        }
        self.last_ns = now;
        self.taken_ns.push(now.saturating_sub(sent));
    }

    fn own(&mut self) -> Own {
        let Some(event) = self.sample.clone() else { return Own { events: 0, cpu_us: 0.0 } };
        let began = cpu_us();
        for _ in 0..OWN {
            self.note(&event);
        }
        Own { events: OWN, cpu_us: cpu_us() - began }
    }

    fn obey(&mut self, command: &str) -> io::Result<()> {
        match command {
            "reset" => {
                self.taken_ns.clear();
                (self.lost, self.cpu_us) = (0, cpu_us());
                say(&Done {})
            }
            "count" => say(&Count { events: self.taken_ns.len(), lost: self.lost }),
            "report" => say(&self.report()),
            "own" => say(&self.own()),
            other => Err(io::Error::other(format!("unknown command {other}"))),
        }
    }

    fn report(&self) -> Seen {
        let cpu_us = cpu_us() - self.cpu_us;
        let mut taken_us: Vec<f64> = self.taken_ns.iter().map(|ns| *ns as f64 / 1e3).collect();
        let span_us = (self.last_ns - self.first_ns) as f64 / 1e3;
        Seen {
            events: taken_us.len(),
            lost: self.lost,
            p50_us: percentile(&mut taken_us, 0.50),
            p99_us: percentile(&mut taken_us, 0.99),
            span_us: Some(span_us).filter(|_| taken_us.len() > 1),
            cpu_us,
        }
    }
}

fn cpu_us() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 * 1e6 + spent.tv_nsec as f64 / 1e3
}

fn say(answer: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    writeln!(out)?;
    out.flush()
}
