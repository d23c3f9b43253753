//! What a cluster costs and how fast it hears, by its size.

use std::time::{Duration, Instant as Clock};

use chinwag::config::Protocol;
use chinwag::sim::{NodeId, Sim, Traffic};
use chinwag::time::Instant;
use chinwag::{EventKind, Tags};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use crate::counters::{peak_rss_kib, thread_s};
use crate::stats::percentile;

/// What is left of the start, before anything is measured.
const WARM_UP: Duration = Duration::from_secs(10);
/// How long news may travel. What gossip misses waits for an exchange of states.
const NEWS: Duration = Duration::from_secs(10);
/// How long a death may go unnoticed by anybody.
const DEATH: Duration = Duration::from_secs(180);
/// Between a death that all know of and the next.
const REST: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);
/// From that size on, a run tells how far it has come.
const TOLD_FROM: usize = 20_000;

/// How much of each is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// Whether exchanges of states are compressed, which changes nothing but their bytes and takes
    /// most of the time.
    pub(super) compression: bool,
    pub(super) quiet: Duration,
    pub(super) updates: usize,
    pub(super) deaths: usize,
}

/// What one cluster gave. Times are virtual and in seconds, rates per member and second.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Run {
    pub(super) nodes: usize,
    pub(super) seed: u64,
    pub(super) packets: f64,
    pub(super) packet_bytes: f64,
    pub(super) connections: f64,
    pub(super) stream_bytes: f64,
    pub(super) updates: Vec<Update>,
    /// Processes that ended; their hosts refuse what is sent to them.
    pub(super) ends: Vec<Death>,
    /// Hosts that fell silent.
    pub(super) deaths: Vec<Death>,
    /// Suspicions and failures told of members that lived.
    pub(super) false_suspicions: usize,
    pub(super) false_failures: usize,
    pub(super) virtual_s: f64,
    pub(super) wall_s: f64,
    /// Of that, the CPU.
    pub(super) cpu_s: f64,
    /// Of the process so far, not of this run alone.
    pub(super) peak_rss_mib: f64,
}

/// How a change of tags spread.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Update {
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    /// The last that heard of it in time.
    pub(super) last: Option<f64>,
    /// Members that had not heard of it in time.
    pub(super) missing: usize,
    /// Datagrams beyond those of a quiet cluster, for each member.
    pub(super) packets: f64,
}

/// How a death was noticed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Death {
    pub(super) suspicion: Option<f64>,
    pub(super) failure: Option<f64>,
    pub(super) all: Option<f64>,
}

/// Runs a cluster of `nodes`.
pub(super) fn run(nodes: usize, seed: u64, (profile, extent): (&str, Extent)) -> Run {
    let (clock, cpu) = (Clock::now(), thread_s());
    let protocol = Protocol { compression: extent.compression, ..Protocol::profile(profile) };
    let mut sim = Sim::with_protocol(seed, protocol);
    let ids = sim.start_cluster(nodes);
    let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut field = Field { sim, ids, rng, dead: Vec::new(), clock };
    let mut run = Run { nodes, seed, ..Run::default() };
    field.pass(WARM_UP);
    field.rest(extent.quiet, &mut run);
    for version in 0..extent.updates {
        let update = field.update(version, run.packets);
        run.updates.push(update);
    }
    for _ in 0..extent.deaths {
        run.ends.push(field.lose(Sim::crash));
        field.pass(REST);
        run.deaths.push(field.lose(Sim::power_off));
        field.pass(REST);
    }
    (run.false_suspicions, run.false_failures) = field.mistakes();
    run.virtual_s = seconds(field.sim.now().since(Instant::default()));
    run.wall_s = clock.elapsed().as_secs_f64();
    run.cpu_s = thread_s() - cpu;
    run.peak_rss_mib = peak_rss_kib("self").unwrap_or(0) as f64 / 1024.0;
    run
}

struct Field {
    sim: Sim,
    ids: Vec<NodeId>,
    rng: Xoshiro256PlusPlus,
    /// In the order of their deaths, with the time.
    dead: Vec<(NodeId, Instant)>,
    clock: Clock,
}

impl Field {
    /// Lets that time pass; of a cluster that takes long, tells how far it has come.
    fn pass(&mut self, span: Duration) {
        if self.ids.len() < TOLD_FROM {
            return self.sim.run_for(span);
        }
        let end = self.sim.now() + span;
        while self.sim.now() < end {
            self.sim.run_for(SECOND.min(end.since(self.sim.now())));
            let (virtual_s, took) =
                (self.sim.now().since(Instant::default()), self.clock.elapsed());
            let (virtual_s, took) = (seconds(virtual_s), took.as_secs());
            eprintln!("{} members: {virtual_s:.0} s of theirs in {took} s", self.ids.len());
        }
    }

    fn rest(&mut self, span: Duration, run: &mut Run) {
        let before = self.sim.traffic();
        self.pass(span);
        let sent = since(self.sim.traffic(), before);
        let rate = |count: u64| count as f64 / self.ids.len() as f64 / span.as_secs_f64();
        run.packets = rate(sent.packets);
        run.packet_bytes = rate(sent.packet_bytes);
        run.connections = rate(sent.connections);
        run.stream_bytes = rate(sent.stream_bytes);
    }

    fn someone(&mut self) -> NodeId {
        let running = self.sim.running();
        running[self.rng.random_range(0..running.len())]
    }

    fn update(&mut self, version: usize, quiet: f64) -> Update {
        let (subject, at, before) = (self.someone(), self.sim.now(), self.sim.traffic());
        let tags = Tags::from([("version".to_owned(), version.to_string())]);
        self.sim.set_tags(subject, &tags);
        self.pass(NEWS);
        let wanted = |kind: &EventKind| matches!(kind, EventKind::MemberUpdate { .. });
        let mut taken = self.heard(subject, at, wanted);
        let count = taken.len();
        let sent = since(self.sim.traffic(), before).packets as f64 / self.ids.len() as f64;
        Update {
            p50: percentile(&mut taken, 0.5),
            p99: percentile(&mut taken, 0.99),
            last: taken.last().copied(),
            missing: self.sim.running().len() - 1 - count,
            packets: sent - quiet * NEWS.as_secs_f64(),
        }
    }

    fn lose(&mut self, end: fn(&mut Sim, NodeId)) -> Death {
        let (victim, at) = (self.someone(), self.sim.now());
        end(&mut self.sim, victim);
        self.dead.push((victim, at));
        let others = self.sim.running().len();
        let failed = |kind: &EventKind| matches!(kind, EventKind::MemberFailed(_));
        while self.sim.now() < at + DEATH && self.heard(victim, at, failed).len() < others {
            self.pass(SECOND);
        }
        let failures = self.heard(victim, at, failed);
        let suspected = |kind: &EventKind| matches!(kind, EventKind::MemberSuspect(_));
        Death {
            suspicion: self.heard(victim, at, suspected).first().copied(),
            failure: failures.first().copied(),
            all: failures.last().copied().filter(|_| failures.len() == others),
        }
    }

    /// When each of the others first told such an event about `subject`, sorted, since `at`.
    fn heard(&self, subject: NodeId, at: Instant, wanted: impl Fn(&EventKind) -> bool) -> Vec<f64> {
        let name = self.sim.name(subject);
        let about = |kind: &EventKind| kind.member().is_some_and(|member| member.name() == name);
        let first = |id: &NodeId| {
            let log = self.sim.log(*id);
            let begin = log.partition_point(|(told, _)| *told < at);
            let found = log[begin..].iter().find(|(_, kind)| wanted(kind) && about(kind));
            found.map(|(told, _)| seconds(told.since(at)))
        };
        let running = self.sim.running();
        let mut times: Vec<f64> = running.iter().filter_map(first).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    fn mistakes(&self) -> (usize, usize) {
        let died = |name: &str, at: Instant| {
            self.dead.iter().any(|(id, death)| self.sim.name(*id) == name && at >= *death)
        };
        let mut count = (0, 0);
        for (at, kind) in self.ids.iter().flat_map(|id| self.sim.log(*id)) {
            let (suspicion, failure) = match kind {
                EventKind::MemberSuspect(member) => (!died(member.name(), *at), false),
                EventKind::MemberFailed(member) => (false, !died(member.name(), *at)),
                _ => continue,
            };
            count.0 += usize::from(suspicion);
            count.1 += usize::from(failure);
        }
        count
    }
}

fn since(now: Traffic, before: Traffic) -> Traffic {
    Traffic {
        packets: now.packets - before.packets,
        packet_bytes: now.packet_bytes - before.packet_bytes,
        connections: now.connections - before.connections,
        stream_bytes: now.stream_bytes - before.stream_bytes,
    }
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_cluster_hears_and_notices() {
        let quiet = Duration::from_secs(30);
        let extent = Extent { compression: true, quiet, updates: 2, deaths: 1 };
        let run = run(10, 3, ("lan", extent));
        assert!((1.5..3.0).contains(&run.packets), "a ping and an ack a second: {run:?}");
        assert!(run.updates.iter().all(|update| update.missing == 0), "{run:?}");
        let [death] = run.deaths[..] else { panic!("{run:?}") };
        assert!(death.suspicion < death.failure && death.failure <= death.all, "{run:?}");
        assert_eq!((run.false_suspicions, run.false_failures), (0, 0));
    }
}
