//! One peer at one size: the whole script, from a bare process to a host that falls silent.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::child::{Hello, Joined, State, Timing, address};
use crate::counters::{Counters, Load, anonymous_kib, rss_kib};
use crate::process::{Peer, Program};
use crate::stats::{max, percentile};

/// A spent rumour is quiet after this long in every peer: memberlist sends one for four ticks.
const BETWEEN_UPDATES: Duration = Duration::from_millis(1_500);
/// How much the time between changes varies, so that they do not fall into step with the ticks.
const JITTER_MS: u64 = 400;
/// How long an answer that needs no waiting may take.
const AT_ONCE: Duration = Duration::from_secs(30);

/// How long each part lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    /// Until a bulk join counts as not finished.
    pub(crate) join_limit: Duration,
    /// Between the join and the quiet window.
    pub(crate) settle: Duration,
    /// The window in which nothing happens.
    pub(crate) quiet: Duration,
    /// Changes of meta, each at another node.
    pub(crate) updates: u64,
    /// Until a change counts as lost.
    pub(crate) update_limit: Duration,
    /// Until a death counts as unnoticed.
    pub(crate) death_limit: Duration,
    /// Until the child is ended, wherever it is.
    pub(crate) hard_limit: Duration,
}

/// What one run gave. `None` is "not measured"; `notes` say why.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Run {
    pub(crate) peer: String,
    pub(crate) library: String,
    pub(crate) nodes: usize,
    pub(crate) round: u64,
    pub(crate) full_view_s: Option<f64>,
    pub(crate) complete_nodes: Option<usize>,
    pub(crate) join_retries: Option<u64>,
    pub(crate) start_cpu_ms_per_node: Option<f64>,
    pub(crate) converge_cpu_ms_per_node: Option<f64>,
    pub(crate) converge_mb: Option<f64>,
    pub(crate) converge_drops: Option<u64>,
    pub(crate) steady_cpu_ms_per_node_min: Option<f64>,
    pub(crate) steady_packets_per_node_s: Option<f64>,
    pub(crate) steady_segments_per_node_s: Option<f64>,
    pub(crate) steady_bytes_per_node_s: Option<f64>,
    pub(crate) rss_kib_per_node: Option<f64>,
    pub(crate) anonymous_kib_per_node: Option<f64>,
    pub(crate) broadcast_p50_ms: Option<f64>,
    pub(crate) broadcast_p99_ms: Option<f64>,
    pub(crate) broadcast_packets_per_node: Option<f64>,
    pub(crate) broadcast_missing: Option<usize>,
    pub(crate) kill_suspicion_s: Option<f64>,
    pub(crate) kill_first_s: Option<f64>,
    pub(crate) kill_all_s: Option<f64>,
    pub(crate) silence_suspicion_s: Option<f64>,
    pub(crate) silence_first_s: Option<f64>,
    pub(crate) silence_all_s: Option<f64>,
    pub(crate) false_failures: Option<u64>,
    pub(crate) false_suspicions: Option<u64>,
    pub(crate) quiet_foreign_cores: Option<f64>,
    pub(crate) foreign_cores: Option<f64>,
    pub(crate) notes: Vec<String>,
}

/// Runs the script. What fails half-way leaves the rest unmeasured, with a note.
pub(crate) fn run(program: &Program, script: &Script, nodes: usize, round: u64) -> Run {
    let mut run = Run { nodes, round, ..Run::default() };
    if let Err(error) = Stage::open(program, script, &mut run).and_then(Stage::play) {
        run.notes.push(error.to_string());
    }
    run
}

/// A child on its way through the script.
struct Stage<'a> {
    peer: Peer,
    script: &'a Script,
    run: &'a mut Run,
    began: Instant,
    load: Load,
    nodes: f64,
    /// Before the first node: resident, and the anonymous part of it.
    bare_kib: [u64; 2],
}

impl<'a> Stage<'a> {
    fn open(program: &Program, script: &'a Script, run: &'a mut Run) -> io::Result<Self> {
        let mut peer = Peer::spawn(program, script.hard_limit)?;
        run.library = peer.hear::<Hello>(AT_ONCE)?.peer;
        let pid = peer.pid();
        let nodes = run.nodes as f64;
        Ok(Self {
            script,
            run,
            began: Instant::now(),
            load: Load::read(&[pid])?,
            nodes,
            bare_kib: [rss_kib(pid)?, anonymous_kib(pid)?],
            peer,
        })
    }

    fn play(mut self) -> io::Result<()> {
        self.converge()?;
        sleep(self.script.settle);
        self.rest()?;
        self.spread()?;
        let [killed, muted] = [self.run.nodes / 2, self.run.nodes / 3];
        let timing = self.kill(killed)?;
        [self.run.kill_suspicion_s, self.run.kill_first_s, self.run.kill_all_s] =
            self.death("kill", &timing);
        let timing = self.mute(muted)?;
        [self.run.silence_suspicion_s, self.run.silence_first_s, self.run.silence_all_s] =
            self.death("silence", &timing);
        self.close()
    }

    fn state(&mut self) -> io::Result<State> {
        self.peer.ask("state", AT_ONCE)
    }

    fn converge(&mut self) -> io::Result<()> {
        let bare = self.state()?;
        let before = Counters::of(self.peer.pid())?;
        self.peer.ask::<State>("start", self.script.join_limit)?;
        let started = self.state()?;
        let limit = self.script.join_limit;
        let joined: Joined = self.peer.ask(&format!("join {}", limit.as_millis()), limit)?;
        let state = self.state()?;
        let used = Counters::of(self.peer.pid())?.since(before);
        self.run.full_view_s = joined.full_view_us.map(|us| us as f64 / 1e6);
        self.run.complete_nodes = Some(joined.complete);
        self.run.join_retries = Some(joined.retries);
        self.run.start_cpu_ms_per_node = Some(self.cpu_ms_per_node(bare, started));
        self.run.converge_cpu_ms_per_node = Some(self.cpu_ms_per_node(started, state));
        self.run.converge_mb = Some(used.bytes as f64 / 1e6);
        self.run.converge_drops = Some(used.drops);
        if joined.full_view_us.is_none() {
            self.run.notes.push(format!(
                "no full view in {} s ({} of {} nodes complete)",
                limit.as_secs(),
                joined.complete,
                self.run.nodes
            ));
        }
        Ok(())
    }

    fn cpu_ms_per_node(&self, from: State, to: State) -> f64 {
        to.cpu_us.saturating_sub(from.cpu_us) as f64 / 1e3 / self.nodes
    }

    fn rest(&mut self) -> io::Result<()> {
        let pid = self.peer.pid();
        let (state, load) = (self.state()?, Load::read(&[pid])?);
        let (counters, began) = (Counters::of(pid)?, Instant::now());
        sleep(self.script.quiet);
        let used = Counters::of(pid)?.since(counters);
        let seconds = began.elapsed().as_secs_f64();
        let (after, load_after) = (self.state()?, Load::read(&[pid])?);
        let rate = |count: u64| Some(count as f64 / self.nodes / seconds);
        self.run.steady_packets_per_node_s = rate(used.datagrams);
        self.run.steady_segments_per_node_s = rate(used.segments);
        self.run.steady_bytes_per_node_s = rate(used.bytes);
        self.run.steady_cpu_ms_per_node_min =
            Some(self.cpu_ms_per_node(state, after) * 60.0 / seconds);
        let [rss, anonymous] = self.bare_kib;
        let per_node = |kib: u64, bare| Some(kib.saturating_sub(bare) as f64 / self.nodes);
        self.run.rss_kib_per_node = per_node(rss_kib(pid)?, rss);
        self.run.anonymous_kib_per_node = per_node(anonymous_kib(pid)?, anonymous);
        self.run.quiet_foreign_cores = Some(load_after.foreign_since(load, seconds));
        Ok(())
    }

    /// Changes the meta of one node after another and collects what each change took.
    fn spread(&mut self) -> io::Result<()> {
        let limit = self.script.update_limit;
        let (mut taken_ms, mut missing) = (Vec::new(), 0);
        let (counters, began) = (Counters::of(self.peer.pid())?, Instant::now());
        for version in 1..=self.script.updates {
            let next = Instant::now() + BETWEEN_UPDATES;
            let node = version * 37 % self.run.nodes as u64;
            let command = format!("update {node} {version} {}", limit.as_millis());
            let timing: Timing = self.peer.ask(&command, limit)?;
            taken_ms.extend(timing.taken_us.iter().map(|us| *us as f64 / 1e3));
            missing += timing.missing;
            let jitter = Duration::from_millis(version * 7_919 % JITTER_MS);
            sleep(next.saturating_duration_since(Instant::now()) + jitter);
        }
        let sent = Counters::of(self.peer.pid())?.since(counters).datagrams as f64;
        let idle = self.run.steady_packets_per_node_s.map(|rate| rate * self.nodes);
        let changes = self.script.updates as f64;
        self.run.broadcast_packets_per_node =
            idle.map(|rate| (sent - rate * began.elapsed().as_secs_f64()) / changes / self.nodes);
        self.run.broadcast_p50_ms = percentile(&mut taken_ms, 0.50);
        self.run.broadcast_p99_ms = percentile(&mut taken_ms, 0.99);
        self.run.broadcast_missing = Some(missing);
        if missing > 0 {
            let asked = (self.run.nodes as u64 - 1) * self.script.updates;
            self.run.notes.push(format!("{missing} of {asked} changes not seen in time"));
        }
        Ok(())
    }

    fn kill(&mut self, node: usize) -> io::Result<Timing> {
        let limit = self.script.death_limit;
        self.peer.ask(&format!("kill {node} {}", limit.as_millis()), limit)
    }

    fn mute(&mut self, node: usize) -> io::Result<Timing> {
        let limit = self.script.death_limit;
        self.peer.blackhole(*address(node).ip())?;
        self.peer.ask(&format!("mute {node} {}", limit.as_millis()), limit)
    }

    /// First suspicion, first failure, and known to all.
    fn death(&mut self, what: &str, timing: &Timing) -> [Option<f64>; 3] {
        let taken: Vec<f64> = timing.taken_us.iter().map(|us| *us as f64 / 1e6).collect();
        let all = max(&taken).filter(|_| timing.missing == 0);
        if all.is_none() {
            let limit = self.script.death_limit.as_secs();
            let missing = timing.missing;
            self.run.notes.push(format!("{what}: {missing} nodes had not heard in {limit} s"));
        }
        let first = taken.iter().copied().reduce(f64::min);
        [timing.suspicion_us.map(|us| us as f64 / 1e6), first, all]
    }

    fn close(mut self) -> io::Result<()> {
        let state = self.state()?;
        self.run.false_failures = Some(state.false_failures);
        self.run.false_suspicions = Some(state.false_suspicions);
        let seconds = self.began.elapsed().as_secs_f64();
        let load = Load::read(&[self.peer.pid()])?;
        self.run.foreign_cores = Some(load.foreign_since(self.load, seconds));
        Ok(())
    }
}
