//! The client's side in Rust: it obeys the commands, whatever carries the messages.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::ours::{self, Way};
use super::{Counted, Ready, Spans, echo};
use crate::stats::percentile;

/// Who carries messages.
pub(super) trait Carrier {
    /// So many callers call for so long; how long each call took, in nanoseconds.
    fn call(&mut self, callers: usize, length: Duration) -> io::Result<Vec<u32>>;

    /// Sends so many messages of that length; how many have been processed since the beginning.
    fn cast(&mut self, bytes: usize, count: usize) -> io::Result<u64>;
}

/// Listens until it is ended; files that it needs are in `place`.
pub(crate) fn serve(kind: &str, place: &Path) -> io::Result<()> {
    match (kind, way(kind)) {
        (_, Some(way)) => ours::serve(way, place),
        ("tokio", _) => echo::serve(),
        ("blocking", _) => echo::serve_blocking(),
        _ => Err(unknown(kind)),
    }
}

/// Runs until stdin ends.
pub(crate) fn run(kind: &str, address: &str, place: &Path) -> io::Result<()> {
    match (kind, way(kind)) {
        (_, Some(way)) => obey("tokio", &mut ours::Client::open(address, way, place)?),
        ("tokio", _) => obey("tokio", &mut echo::Tokio::open(address)?),
        ("blocking", _) => obey("threads", &mut echo::Blocking::open(address)?),
        _ => Err(unknown(kind)),
    }
}

fn way(kind: &str) -> Option<Way> {
    Some(match kind {
        "chinwag" => Way::Plain,
        "chinwag-key" => Way::Keyed,
        "chinwag-tls" => Way::Certified,
        "chinwag-worker" => Way::Worker,
        "chinwag-publish" => Way::Published,
        "chinwag-stream" => Way::Streamed,
        _ => return None,
    })
}

fn unknown(what: &str) -> io::Error {
    io::Error::other(format!("{what} is not known"))
}

fn obey(runtime: &str, carrier: &mut impl Carrier) -> io::Result<()> {
    say(&Ready { runtime: format!("Rust, {runtime}") })?;
    let (mut spans, mut processed) = (Vec::new(), 0);
    for line in io::stdin().lock().lines() {
        let line = line?;
        match *line.split(' ').collect::<Vec<_>>() {
            ["call", callers, seconds] => {
                let began = Instant::now();
                spans = carrier.call(number(callers)?, length(seconds)?)?;
                let seconds = began.elapsed().as_secs_f64();
                say(&Counted { count: spans.len() as u64, seconds, lost: 0 })?;
            }
            ["spans"] => {
                let mut us: Vec<f64> = spans.iter().map(|ns| f64::from(*ns) / 1e3).collect();
                let mut of = |share| percentile(&mut us, share).unwrap_or(f64::NAN);
                say(&Spans { p50_us: of(0.50), p99_us: of(0.99) })?;
            }
            ["cast", bytes, batch, seconds] => {
                let (bytes, batch, length) = (number(bytes)?, number(batch)?, length(seconds)?);
                let (began, before, mut sent) = (Instant::now(), processed, 0);
                while began.elapsed() < length {
                    processed = carrier.cast(bytes, batch)?;
                    sent += batch as u64;
                }
                let (count, seconds) = (processed - before, began.elapsed().as_secs_f64());
                say(&Counted { count, seconds, lost: sent - count })?;
            }
            _ => return Err(unknown(&line)),
        }
    }
    Ok(())
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(io::Error::other)
}

fn length(text: &str) -> io::Result<Duration> {
    let seconds = text.parse().map_err(io::Error::other)?;
    Duration::try_from_secs_f64(seconds).map_err(io::Error::other)
}

pub(super) fn say(answer: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    writeln!(out)?;
    out.flush()
}

/// Notes how long each call takes, until the time is over.
pub(super) struct Watch {
    ends: Instant,
    began: Instant,
    spans: Vec<u32>,
}

impl Watch {
    pub(super) fn start(length: Duration) -> Self {
        let began = Instant::now();
        Self { ends: began + length, began, spans: Vec::with_capacity(1 << 16) }
    }

    /// A call is over; whether there is time for another one.
    pub(super) fn lap(&mut self) -> bool {
        let now = Instant::now();
        let span = now - std::mem::replace(&mut self.began, now);
        self.spans.push(u32::try_from(span.as_nanos()).unwrap_or(u32::MAX));
        now < self.ends
    }

    pub(super) fn spans(self) -> Vec<u32> {
        self.spans
    }
}
