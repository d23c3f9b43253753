//! What is done to the agents and to the network between them, drawn from a seed.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;

use super::Play;
use super::seats::Seats;
use crate::faults::Fault;

/// Pauses between two acts, in milliseconds.
const REST_MS: std::ops::Range<u64> = 200..1_500;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The network falls into two.
    Split,
    /// Nothing reaches one, or nothing leaves it.
    Deaf,
    Mute,
    /// Packets are lost.
    Loss,
    /// Only datagrams pass: members see each other, and messages wait.
    Clogged,
    /// Connections of one are reset.
    Severed,
    /// A process stands still.
    Paused,
    /// A process is killed, and another one takes its place.
    Killed,
}

/// Without deaths, all counters are there in the end.
pub(super) const CUTS: &[Kind] = &[
    Kind::Split,
    Kind::Deaf,
    Kind::Mute,
    Kind::Loss,
    Kind::Clogged,
    Kind::Severed,
    Kind::Paused,
    Kind::Severed,
];
pub(super) const DEATHS: &[Kind] =
    &[Kind::Killed, Kind::Split, Kind::Severed, Kind::Killed, Kind::Paused, Kind::Loss];

/// What is done, and for how long.
pub(super) struct Nemesis {
    play: Play,
    rng: Xoshiro256PlusPlus,
    pub(super) acts: Vec<(Kind, Duration)>,
}

impl Nemesis {
    pub(super) fn new(play: Play, seed: u64) -> Self {
        Self { play, rng: Xoshiro256PlusPlus::seed_from_u64(seed), acts: Vec::new() }
    }

    /// Acts for so long, and each kind once at least. Everything is repaired then.
    pub(super) fn rage(&mut self, seats: &mut Seats, length: Duration) -> io::Result<()> {
        let began = Instant::now();
        while began.elapsed() < length || self.acts.is_empty() {
            let mut deck = self.play.kinds.to_vec();
            while !deck.is_empty() {
                let kind = deck.swap_remove(self.rng.random_range(0..deck.len()));
                sleep(self.span(REST_MS));
                let lasts = self.act(kind, seats)?;
                self.acts.push((kind, lasts));
            }
        }
        Ok(())
    }

    fn span(&mut self, ms: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(ms))
    }

    fn act(&mut self, kind: Kind, seats: &mut Seats) -> io::Result<Duration> {
        let victim = self.rng.random_range(0..seats.count());
        let at = self.rng.random_range(1..seats.count());
        let share = self.rng.random_range(10..40);
        let longest = self.play.longest.as_millis() as u64;
        match kind {
            Kind::Split => self.cut(seats, &Fault::Split(at), 500..longest),
            Kind::Deaf => self.cut(seats, &Fault::Towards(victim), 500..longest),
            Kind::Mute => self.cut(seats, &Fault::From(victim), 500..longest),
            Kind::Loss => self.cut(seats, &Fault::Loss(share), 1_000..4_000),
            Kind::Clogged => self.cut(seats, &Fault::TcpLoss(100), 8_000..10_000),
            Kind::Severed => {
                let lasts = self.span(20..400);
                seats.lab.sever(victim)?;
                sleep(lasts);
                seats.lab.mend(victim)?;
                Ok(lasts)
            }
            Kind::Paused => {
                let lasts = self.span(300..longest);
                seats.signal(victim, Signal::STOP)?;
                sleep(lasts);
                seats.signal(victim, Signal::CONT)?;
                Ok(lasts)
            }
            Kind::Killed => {
                let (victim, lasts) = (victim.max(self.play.mortal), self.span(0..longest));
                seats.kill(victim)?;
                sleep(lasts);
                seats.restart(victim)?;
                Ok(lasts)
            }
        }
    }

    fn cut(
        &mut self,
        seats: &Seats,
        fault: &Fault,
        ms: std::ops::Range<u64>,
    ) -> io::Result<Duration> {
        let lasts = self.span(ms);
        seats.lab.inflict(fault)?;
        sleep(lasts);
        seats.lab.repair()?;
        Ok(lasts)
    }
}
