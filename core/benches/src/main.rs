//! The benchmarks of the library beside its peers, on the machine they are run on.
//!
//! Every (peer, size) runs as a process of its own in a network of its own, driven over stdin by
//! the program that prints the table: `child/` is what is measured, the rest measures.

mod child;
mod clock;
mod counters;
mod events;
mod exchange;
mod faults;
mod hog;
mod hostile;
mod languages;
mod membership;
mod messages;
mod packages;
mod process;
mod report;
mod ring;
mod rival;
mod sim;
mod soak;
mod starvation;
mod stats;
mod turmoil;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use clock::Clocks;
use events::Events;
use exchange::Exchange;
use faults::Faults;
use hostile::Hostile;
use membership::Membership;
use messages::Messages;
use ring::Rings;
use rival::Kind;
use sim::Simulated;
use soak::Soak;
use starvation::Starvation;
use turmoil::Turmoil;

#[derive(Parser, Debug)]
#[command(about)]
enum Bench {
    Membership(Membership),
    Starvation(Starvation),
    Events(Events),
    Exchange(Exchange),
    Faults(Faults),
    Hostile(Hostile),
    Messages(Messages),
    Soak(Soak),
    Turmoil(Turmoil),
    #[command(name = "clock")]
    Clocks(Clocks),
    #[command(name = "ring")]
    Rings(Rings),
    #[command(name = "sim")]
    Simulated(Simulated),
    #[command(flatten)]
    Inner(Inner),
}

/// What the benchmarks start themselves as.
#[derive(Subcommand, Debug)]
#[command(hide = true)]
enum Inner {
    /// The cluster of one library.
    Child { kind: Kind, nodes: usize, seed: u64 },
    /// A peer that knows thousands of members.
    Feed,
    /// Who sends bad input.
    HostileSender,
    /// One datagram that unfolds.
    Bomb { number: usize },
    /// The Rust reader of events.
    EventsChild,
    /// Who answers messages.
    MessagesServer { kind: String, place: PathBuf },
    /// Who sends them.
    MessagesClient { kind: String, place: PathBuf, address: String },
    /// A process that calls, casts and registers.
    SoakChild { seat: usize, seeds: Vec<String> },
    /// A process to which something happens.
    TurmoilAgent(turmoil::agent::Agent),
    /// Look-ups that callgrind counts.
    RingCount { peer: String, nodes: usize, rounds: usize },
    /// Threads that burn CPU.
    Hog { threads: usize },
}

fn main() -> ExitCode {
    match run(&Bench::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(bench: &Bench) -> io::Result<()> {
    match bench {
        Bench::Membership(membership) => membership.play(),
        Bench::Starvation(starvation) => starvation.play(),
        Bench::Events(events) => events.play(),
        Bench::Exchange(exchange) => exchange.play(),
        Bench::Faults(faults) => faults.play(),
        Bench::Hostile(hostile) => hostile.play(),
        Bench::Messages(messages) => messages.play(),
        Bench::Soak(soak) => soak.play(),
        Bench::Turmoil(turmoil) => turmoil.play(),
        Bench::Simulated(simulated) => simulated.play(),
        Bench::Clocks(clocks) => clocks.play(),
        Bench::Rings(rings) => rings.play(),
        Bench::Inner(Inner::RingCount { peer, nodes, rounds }) => {
            ring::count(peer, *nodes, *rounds)
        }
        Bench::Inner(Inner::Feed) => exchange::serve(),
        Bench::Inner(Inner::HostileSender) => hostile::serve(),
        Bench::Inner(Inner::Bomb { number }) => hostile::bomb(*number),
        Bench::Inner(Inner::EventsChild) => events::child::serve(),
        Bench::Inner(Inner::MessagesServer { kind, place }) => messages::child::serve(kind, place),
        Bench::Inner(Inner::MessagesClient { kind, place, address }) => {
            messages::child::run(kind, address, place)
        }
        Bench::Inner(Inner::TurmoilAgent(agent)) => turmoil::agent::serve(agent),
        Bench::Inner(Inner::SoakChild { seat, seeds }) => soak::child::serve(*seat, seeds),
        Bench::Inner(Inner::Hog { threads }) => hog::spin(*threads),
        Bench::Inner(Inner::Child { kind, nodes, seed }) => match kind {
            Kind::Foca => child::serve_foca(*nodes, *seed),
            Kind::Ours => child::serve_ours(*nodes, "lan"),
            Kind::Fast => child::serve_ours(*nodes, "fast"),
            Kind::Go => Err(io::Error::other("not a child of this program")),
        },
    }
}
