//! The faults, one after another: what is done, and what is measured of it.

use std::io;
use std::thread::{self, sleep};
use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rustix::process::Signal;
use serde::Serialize;

use super::chronicle::{Chronicle, News};
use super::lab::{Fault, Lab};
use super::member::Members;
use super::peer::{Agents, Peer};

/// Members of a cluster, and how many of them are on the smaller side of a split.
const MEMBERS: usize = 5;
const FEWER: usize = 2;
/// Whom a fault of one member hits: not the seed.
const VICTIM: usize = 3;
/// Members of a cluster of which some are slow, and those.
const MORE_MEMBERS: usize = 9;
const SLOW: [usize; 3] = [3, 5, 7];
/// How long a slow one stands still and then runs, over and over.
const STUTTER: Pace = Pace(Duration::from_secs(2), Duration::from_secs(1));
/// One hundredth of the time, as a quota of the processor would do it.
const STARVED: Pace = Pace(Duration::from_millis(99), Duration::from_millis(1));
/// How long a cluster may take to come together before anything is done to it.
const GATHERING: Duration = Duration::from_secs(60);
/// How long it is then left alone, and up to how much longer, so that faults fall anywhere between
/// two rounds of probes.
const REST: Duration = Duration::from_secs(4);
const REST_JITTER_MS: u64 = 1000;
/// A view that is complete must stay so for this long.
const PROOF: Duration = Duration::from_secs(5);

/// How long each part lasts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Cuts, symmetric and not.
    pub(super) cut: Duration,
    /// Random loss.
    pub(super) loss: Duration,
    /// A stopped process.
    pub(super) pause: Duration,
    /// No UDP at all.
    pub(super) blocked: Duration,
    /// Processes that stand still again and again.
    pub(super) slow: Duration,
    /// After a repair, until a cluster counts as broken for good.
    pub(super) watch: Duration,
    /// Deaths in a run.
    pub(super) deaths: usize,
}

/// How long a process stands still, and how long it runs then.
#[derive(Clone, Copy, Debug)]
struct Pace(Duration, Duration);

/// What is done to a cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    members: usize,
    play: fn(&mut Stage) -> io::Result<()>,
}

impl Scenario {
    const fn new(name: &'static str, play: fn(&mut Stage) -> io::Result<()>) -> Self {
        Self { name, members: MEMBERS, play }
    }

    const fn of_more(self) -> Self {
        Self { members: MORE_MEMBERS, ..self }
    }
}

/// All of them, the longest first.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("loss-20", |stage| stage.lose(&Fault::Loss(20))),
    Scenario::new("loss-40", |stage| stage.lose(&Fault::Loss(40))),
    Scenario::new("udp-loss-20", |stage| stage.lose(&Fault::UdpLoss(20))),
    Scenario::new("partition", Stage::split),
    Scenario::new("deaf", |stage| stage.cut_off(&Fault::Towards(VICTIM))),
    Scenario::new("mute", |stage| stage.cut_off(&Fault::From(VICTIM))),
    Scenario::new("udp-blocked", Stage::block),
    Scenario::new("stutter", |stage| stage.slow_down(STUTTER)).of_more(),
    Scenario::new("starved", |stage| stage.slow_down(STARVED)).of_more(),
    Scenario::new("kill", Stage::kill),
    Scenario::new("pause", Stage::pause),
];

/// One figure of a run.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    /// Nothing when it did not come to that.
    pub(super) value: Option<f64>,
}

/// Plays a scenario with the members of one library; its figures, and all that was told.
pub(super) fn play(
    scenario: Scenario,
    peer: Peer,
    agents: &Agents,
    times: Times,
    seed: u64,
) -> io::Result<(Vec<Measure>, Chronicle)> {
    let lab = Lab::open(scenario.members)?;
    let members = Members::start(peer, agents, &lab)?;
    let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut stage = Stage { members, lab, times, rng, measures: Vec::new() };
    if !stage.gather(GATHERING)? {
        return Err(io::Error::other("they did not all meet"));
    }
    (scenario.play)(&mut stage)?;
    Ok((stage.measures, stage.members.chronicle()))
}

struct Stage {
    members: Members,
    lab: Lab,
    times: Times,
    rng: Xoshiro256PlusPlus,
    measures: Vec<Measure>,
}

impl Stage {
    fn measure(&mut self, name: &'static str, unit: &'static str, value: Option<f64>) {
        self.measures.push(Measure { name, unit, value });
    }

    fn count(&mut self, name: &'static str, count: usize) {
        self.measure(name, "", Some(count as f64));
    }

    fn time(&mut self, name: &'static str, span: Option<Duration>) {
        self.measure(name, "s", span.map(|span| span.as_secs_f64()));
    }

    /// Waits until all see all, and a little longer.
    fn gather(&mut self, limit: Duration) -> io::Result<bool> {
        let met = self.members.wait(limit, |told| all_present(told).is_some())?;
        sleep(REST + Duration::from_millis(self.rng.random_range(0..REST_JITTER_MS)));
        Ok(met)
    }

    /// Waits for a full view that lasts; how long after `since` it came, or nothing.
    fn mended(&mut self, since: Duration) -> io::Result<Option<Duration>> {
        let deadline = since + self.times.watch;
        loop {
            let left = deadline.saturating_sub(self.members.now());
            if !self.members.wait(left, |told| all_present(told).is_some())? {
                return Ok(None);
            }
            sleep(PROOF);
            if let Some(at) = all_present(&self.members.chronicle()) {
                return Ok(Some(at.saturating_sub(since)));
            }
        }
    }

    fn split(&mut self) -> io::Result<()> {
        let (fewer, more): (Vec<_>, Vec<_>) = (0..MEMBERS).partition(|seat| *seat < FEWER);
        let cut = self.members.now();
        self.lab.inflict(&Fault::Split(FEWER))?;
        sleep(self.times.cut);
        let repaired = self.members.now();
        self.lab.repair()?;
        let told = self.members.chronicle().before(repaired);
        let apart = told.settled(&fewer, &more, false);
        let apart = apart.and_then(|at| Some(at.max(told.settled(&more, &fewer, false)?)));
        self.time("until both sides are complete", apart.map(|at| at.saturating_sub(cut)));
        let healed = self.mended(repaired)?;
        self.time("from the repair until all see all", healed);
        let told = self.members.chronicle().since(cut);
        let inside = |told: &Chronicle| {
            let of = |side: &Vec<usize>| told.between(side, side).count(News::Failed);
            of(&fewer) + of(&more)
        };
        self.count("false failures inside a side", inside(&told.before(repaired)));
        // What the other side believed comes over with the repair, and may be believed.
        self.count("the same, after the repair", inside(&told.since(repaired)));
        Ok(())
    }

    /// One direction to or from the victim is cut.
    fn cut_off(&mut self, fault: &Fault) -> io::Result<()> {
        let others: Vec<usize> = (0..MEMBERS).filter(|seat| *seat != VICTIM).collect();
        let cut = self.members.now();
        self.lab.inflict(fault)?;
        sleep(self.times.cut);
        let repaired = self.members.now();
        self.lab.repair()?;
        let told = self.members.chronicle().before(repaired);
        let given_up = told.settled(&others, &[VICTIM], false);
        self.time("until all others gave it up", given_up.map(|at| at.saturating_sub(cut)));
        let mended = self.mended(repaired)?;
        self.time("from the repair until all see all", mended);
        let told = self.members.chronicle().since(cut);
        let told = told.between(&others, &others);
        self.count("false failures among the others", told.count(News::Failed));
        self.count("refutations among the others", told.bursts(News::Refuted));
        Ok(())
    }

    fn lose(&mut self, fault: &Fault) -> io::Result<()> {
        let begun = self.members.now();
        self.lab.inflict(fault)?;
        sleep(self.times.loss);
        self.end_of_loss(begun)
    }

    fn block(&mut self) -> io::Result<()> {
        let begun = self.members.now();
        self.lab.inflict(&Fault::UdpLoss(100))?;
        sleep(self.times.blocked);
        self.end_of_loss(begun)
    }

    fn end_of_loss(&mut self, begun: Duration) -> io::Result<()> {
        let repaired = self.members.now();
        let counters = self.lab.repair()?;
        if let [all, lost] = counters[..] {
            let share = lost as f64 / all.max(1) as f64 * 100.0;
            self.measure("packets lost of those that were sent", "%", Some(share));
        }
        let told = self.members.chronicle().since(begun).before(repaired);
        self.count("suspicions", told.bursts(News::Suspect));
        self.count("refutations", told.bursts(News::Refuted));
        self.count("false failures told", told.count(News::Failed));
        let failed = (0..MEMBERS).filter(|seat| {
            let everybody: Vec<usize> = (0..MEMBERS).collect();
            told.between(&everybody, &[*seat]).count(News::Failed) > 0
        });
        let failed = failed.count();
        self.count("members falsely failed", failed);
        let mended = self.mended(repaired)?;
        self.time("from the repair until all see all", mended);
        Ok(())
    }

    fn kill(&mut self) -> io::Result<()> {
        for death in 0..self.times.deaths {
            // Not the seed, through which the victim comes back.
            let victim = 1 + death % (MEMBERS - 1);
            let others: Vec<usize> = (0..MEMBERS).filter(|seat| *seat != victim).collect();
            let at = self.members.now();
            self.members.kill(victim);
            let watch = self.times.watch;
            self.members.wait(watch, |told| told.settled(&others, &[victim], false).is_some())?;
            let told = self.members.chronicle().since(at);
            let times = told.between(&others, &[victim]).first(News::Failed);
            let first = times.first().map(|first| *first - at);
            let last = times.get(others.len() - 1).map(|last| *last - at);
            self.time("until the first knows", first);
            self.time("until all know", last);
            self.count("false failures", told.between(&others, &others).count(News::Failed));
            self.members.start_at(&self.lab, victim)?;
            if !self.gather(watch)? {
                return Err(io::Error::other("the dead one did not come back"));
            }
        }
        Ok(())
    }

    fn pause(&mut self) -> io::Result<()> {
        let others: Vec<usize> = (0..MEMBERS).filter(|seat| *seat != VICTIM).collect();
        let stopped = self.members.now();
        self.members.signal(VICTIM, Signal::STOP)?;
        sleep(self.times.pause);
        let resumed = self.members.now();
        self.members.signal(VICTIM, Signal::CONT)?;
        sleep(PROOF);
        let mended = self.mended(resumed)?;
        let told = self.members.chronicle().since(stopped);
        let failed_at = told.between(&others, &[VICTIM]).first(News::Failed).len();
        self.count("failed at", failed_at);
        self.time("from going on until all see all", mended);
        let own = told.since(resumed).between(&[VICTIM], &others);
        let accusations = own.count(News::Suspect) + own.count(News::Failed);
        self.count("accusations by the one that was stopped", accusations);
        self.count("false failures of others", told.between(&others, &others).count(News::Failed));
        Ok(())
    }

    /// A few members stand still again and again, each at times of its own.
    fn slow_down(&mut self, pace: Pace) -> io::Result<()> {
        let (slow, healthy): (Vec<_>, Vec<_>) =
            (0..self.lab.seats()).partition(|seat| SLOW.contains(seat));
        let all: Vec<usize> = (0..self.lab.seats()).collect();
        let begun = self.members.now();
        let end = begun + self.times.slow;
        let members = &self.members;
        let offset = || pace.0.mul_f64(self.rng.random_range(0.0..1.0));
        let stutters: Vec<_> = slow.iter().copied().zip(std::iter::repeat_with(offset)).collect();
        thread::scope(|scope| {
            let stuttering = |(seat, offset)| move || stutter(members, seat, offset, pace, end);
            let started: Vec<_> =
                stutters.into_iter().map(|one| scope.spawn(stuttering(one))).collect();
            started.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
            })
        })?;
        let over = self.members.now();
        let mended = self.mended(over)?;
        let told = self.members.chronicle().since(begun);
        let of_healthy = told.between(&all, &healthy);
        self.count("false failures of healthy ones, told", of_healthy.count(News::Failed));
        let by_healthy = told.between(&healthy, &healthy);
        self.count("of those by healthy ones", by_healthy.count(News::Failed));
        self.count("suspicions of healthy ones", of_healthy.bursts(News::Suspect));
        let of_slow = told.between(&healthy, &slow);
        self.count("failures of slow ones", of_slow.bursts(News::Failed));
        self.count("suspicions of slow ones", of_slow.bursts(News::Suspect));
        self.time("from the end until all see all", mended);
        Ok(())
    }
}

/// Lets a process stand still and run by turns; in the end, it runs.
fn stutter(
    members: &Members,
    seat: usize,
    offset: Duration,
    Pace(still, running): Pace,
    end: Duration,
) -> io::Result<()> {
    sleep(offset);
    while members.now() + still < end {
        members.signal(seat, Signal::STOP)?;
        sleep(still);
        members.signal(seat, Signal::CONT)?;
        sleep(running);
    }
    Ok(())
}

/// Since when all have seen all.
fn all_present(told: &Chronicle) -> Option<Duration> {
    let all: Vec<usize> = (0..told.members).collect();
    told.settled(&all, &all, true)
}
