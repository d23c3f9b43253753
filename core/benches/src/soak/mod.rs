//! `soak`: calls, casts and registrations for an hour, in which nothing may grow and nothing be
//! lost.
//!
//! Three processes on the loopback call and cast to each other at a tenth of the rate that they
//! reach at most, and register and unregister names meanwhile, none of them twice. Their memory is
//! read from outside. All that is sent has a number, and whoever gets it tells what is missing
//! (`served.rs`); the nodes' own counters have to say the same.

pub(crate) mod child;
mod judge;
mod served;
mod tally;

use std::env::current_exe;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::counters::{Load, anonymous_kib, process_s};
use crate::process::{Peer, Program};
use crate::report::write_json;
use crate::rival::Machine;
use judge::Verdict;
use tally::Told;

/// Bytes of a cast's payload.
const CAST: usize = 64;
/// How long an answer may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is left of the run's beginning: lists and caches fill up.
const WARM_SHARE: f64 = 0.2;

/// The first line of a child.
#[derive(Debug, Deserialize, Serialize)]
struct Listening {
    address: String,
}

/// What all children together do in a second.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Rates {
    processes: usize,
    calls: f64,
    casts: f64,
    registrations: f64,
}

/// Runs for an hour, and fails if memory grows or anything is lost.
#[derive(Args, Debug)]
pub(crate) struct Soak {
    /// How long.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Processes.
    #[arg(long, default_value_t = 3)]
    processes: usize,
    /// Calls a second.
    #[arg(long, default_value_t = 50_000.0)]
    calls: f64,
    /// Casts a second.
    #[arg(long, default_value_t = 117_000.0)]
    casts: f64,
    /// Names that are registered a second, and as many that are taken off.
    #[arg(long, default_value_t = 1_000.0)]
    registrations: f64,
    /// How much a process may grow after the first fifth, in KiB.
    #[arg(long, default_value_t = 2_048.0)]
    growth: f64,
    /// Where the results go.
    #[arg(long, default_value = "target/bench/soak.json")]
    out: PathBuf,
}

/// One look at a process.
#[derive(Clone, Debug, Serialize)]
struct Look {
    at_s: f64,
    memory_kib: u64,
    cpu_s: f64,
    told: Told,
}

/// The whole file.
#[derive(Serialize)]
struct Report<'a> {
    rates: Rates,
    machine: &'a Machine,
    /// Cores that others used meanwhile.
    foreign_cores: f64,
    looks: &'a [Vec<Look>],
    verdict: Option<&'a Verdict>,
}

impl Soak {
    /// Runs it, and prints what came of it.
    pub(crate) fn play(&self) -> io::Result<()> {
        let machine = Machine::look()?;
        let length = Duration::from_secs_f64(self.minutes * 60.0);
        let rates = Rates {
            processes: self.processes.max(2),
            calls: self.calls,
            casts: self.casts,
            registrations: self.registrations,
        };
        let mut children = start(rates.processes, length + 5 * PATIENCE)?;
        let command = format!("load {}", serde_json::to_string(&rates)?);
        let pids: Vec<u32> = children.iter().map(Peer::pid).collect();
        for child in &mut children {
            child.ask::<Told>(&command, PATIENCE)?;
        }
        let (began, load) = (Instant::now(), Load::read(&pids)?);
        let mut looks: Vec<Vec<Look>> = vec![Vec::new(); children.len()];
        let pause = (length / 360).max(Duration::from_secs(1));
        let write = |looks: &[Vec<Look>], verdict: Option<&Verdict>| -> io::Result<f64> {
            let seconds = began.elapsed().as_secs_f64();
            let foreign_cores = Load::read(&pids)?.foreign_since(load, seconds);
            let machine = &machine;
            write_json(&self.out, &Report { rates, machine, foreign_cores, looks, verdict })?;
            Ok(foreign_cores)
        };
        while began.elapsed() < length {
            sleep(pause);
            for (child, looks) in children.iter_mut().zip(&mut looks) {
                let (memory_kib, cpu_s) = (anonymous_kib(child.pid())?, process_s(child.pid())?);
                let told = child.ask("told", PATIENCE)?;
                looks.push(Look { at_s: began.elapsed().as_secs_f64(), memory_kib, cpu_s, told });
            }
            write(&looks, None)?;
        }
        let foreign = write(&looks, None)?;
        let ended = end(&mut children)?;
        let verdict = Verdict::of(&looks, &ended, self.growth, WARM_SHARE);
        write(&looks, Some(&verdict))?;
        println!("{}", machine.line("loopback"));
        println!("{}", verdict.markdown(foreign));
        match verdict.broken.is_empty() {
            true => Ok(()),
            false => Err(io::Error::other(verdict.broken.join("; "))),
        }
    }
}

fn name(seat: usize) -> String {
    format!("soak-{seat}")
}

/// The C library keeps what is freed behind something that is not, so a moment of standstill would
/// show as megabytes for ever. With these, blocks of 16 KiB and more go back at once, and what
/// stays is what is held.
const MALLOC: [&str; 3] =
    ["MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=16384", "MALLOC_TRIM_THRESHOLD_=65536"];

fn start(processes: usize, hard_limit: Duration) -> io::Result<Vec<Peer>> {
    let (mut children, mut seeds) = (Vec::new(), Vec::new());
    for seat in 0..processes {
        let mut args: Vec<OsString> = MALLOC.iter().map(OsString::from).collect();
        args.extend([current_exe()?.into(), "soak-child".into(), seat.to_string().into()]);
        args.extend(seeds.first().cloned());
        let program = Program { path: "env".into(), args };
        let mut child = Peer::spawn_here(&program, hard_limit)?;
        seeds.push(OsString::from(child.hear::<Listening>(PATIENCE)?.address));
        children.push(child);
    }
    Ok(children)
}

/// Has all of them end their load at the same time; what each has seen once nothing is under way.
fn end(children: &mut [Peer]) -> io::Result<Vec<Told>> {
    // While one still casts, the others have to hear it: no answer is waited for in between.
    for child in &mut *children {
        child.tell("end")?;
    }
    for child in &mut *children {
        child.hear::<Told>(2 * PATIENCE)?;
    }
    // Names that were taken off at the end have to be gone everywhere.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told: io::Result<Vec<Told>> =
            children.iter_mut().map(|child| child.ask("told", PATIENCE)).collect();
        let told = told?;
        if told.iter().all(|told| told.servers == judge::SERVERS) || Instant::now() > deadline {
            return Ok(told);
        }
        sleep(Duration::from_millis(50));
    }
}
