//! One peer at one size, in its own process: commands on stdin, one line of JSON per answer.
//!
//! | command | answer |
//! |---|---|
//! | (at the start) | [`Hello`] |
//! | `start`, `state` | [`State`] |
//! | `join LIMIT_MS` | [`Joined`] |
//! | `update NODE VERSION LIMIT_MS` | [`Timing`] of the change at every other node |
//! | `kill NODE LIMIT_MS` | [`Timing`] of the death of a node whose sockets are closed |
//! | `mute NODE LIMIT_MS` | the same, of a node whose packets are dropped from outside |
//!
//! What goes wrong is answered as `{"error": "..."}`. The child ends when its stdin does. The Go
//! child (`go/main.go`) speaks the same.

mod board;
mod foca;
mod ours;

use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use board::Board;

/// The port of every node; they differ in their addresses.
pub(crate) const PORT: u16 = 7946;
/// Nodes that share the third octet of the address.
const PER_SUBNET: usize = 250;

/// The first line of a child.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// Name and version of the library under test.
    pub(crate) peer: String,
}

/// Totals since the child began.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// CPU of the process, user and system.
    pub(crate) cpu_us: u64,
    /// Nodes whose view holds every node.
    pub(crate) complete: usize,
    /// Failures announced of nodes that live.
    pub(crate) false_failures: u64,
    /// Suspicions of nodes that live. Not to be compared: memberlist and foca tell of their own
    /// failed probes only, this library also of what it hears from others.
    pub(crate) false_suspicions: u64,
}

/// How the bulk join went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Joined {
    /// From the command until all saw all.
    pub(crate) full_view_us: Option<i64>,
    /// Nodes that saw all when the answer was given.
    pub(crate) complete: usize,
    /// Joins that had to be tried again.
    pub(crate) retries: u64,
}

/// How one change or death spread.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// What each node that heard of it took.
    pub(crate) taken_us: Vec<i64>,
    /// Nodes that had not heard of it by the limit.
    pub(crate) missing: usize,
    /// Until the first failed probe; of a death only.
    pub(crate) suspicion_us: Option<i64>,
}

/// What a library must do to be measured. Its callbacks write to the [`Board`].
trait Cluster {
    /// Name and version.
    fn peer(&self) -> String;
    /// Opens all nodes, alone.
    fn start(&mut self, board: &Arc<Board>) -> io::Result<()>;
    /// Sends all nodes to node 0 and returns when the board is full, or at the limit; gives how
    /// often a join was tried again.
    fn join(&mut self, board: &Board, limit: Duration) -> u64;
    /// Changes what `node` tells about itself.
    fn update(&mut self, node: usize, version: u64);
    /// Closes the sockets of `node` without a word.
    fn kill(&mut self, node: usize);
}

/// The address of a node: 127.10.x.y, one a node, all on the same port.
pub(crate) fn address(index: usize) -> SocketAddrV4 {
    let [subnet, host] = [index / PER_SUBNET, 1 + index % PER_SUBNET]
        .map(|part| u8::try_from(part).expect("a benchmark has at most 64,000 nodes"));
    SocketAddrV4::new(Ipv4Addr::new(127, 10, subnet, host), PORT)
}

/// The inverse of [`address`].
fn index_of(address: SocketAddrV4) -> usize {
    let [_, _, subnet, host] = address.ip().octets();
    usize::from(subnet) * PER_SUBNET + usize::from(host).saturating_sub(1)
}

/// Runs the foca child until stdin ends.
pub(crate) fn serve_foca(nodes: usize, seed: u64) -> io::Result<()> {
    serve(foca::Cluster::new(nodes, seed)?, nodes)
}

/// Runs the child of this library, with one of its profiles, until stdin ends.
pub(crate) fn serve_ours(nodes: usize, profile: &'static str) -> io::Result<()> {
    serve(ours::Cluster::new(profile)?, nodes)
}

fn serve(mut cluster: impl Cluster, nodes: usize) -> io::Result<()> {
    let board = Arc::new(Board::new(nodes));
    say(&Hello { peer: cluster.peer() })?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match obey(&mut cluster, &board, &words) {
            Ok(answer) => say(&answer)?,
            Err(error) => say(&serde_json::json!({ "error": error.to_string() }))?,
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

fn obey(
    cluster: &mut impl Cluster,
    board: &Arc<Board>,
    words: &[&str],
) -> io::Result<serde_json::Value> {
    let (verb, numbers) = words.split_first().ok_or_else(|| invalid("an empty command"))?;
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|word| word.parse().map_err(|_| invalid(&format!("not a number: {word}"))))
        .collect::<io::Result<_>>()?;
    match (*verb, &*numbers) {
        ("start", []) => {
            cluster.start(board)?;
            Ok(serde_json::to_value(state(board))?)
        }
        ("state", []) => Ok(serde_json::to_value(state(board))?),
        ("join", [limit]) => Ok(serde_json::to_value(join(cluster, board, *limit))?),
        ("update" | "kill" | "mute", [node, rest @ ..]) => {
            let node = usize::try_from(*node).unwrap_or(usize::MAX);
            if node >= board.nodes() {
                return Err(invalid(&format!("no node {node}")));
            }
            Ok(serde_json::to_value(time(cluster, board, (verb, node), rest)?)?)
        }
        _ => Err(invalid(&format!("unknown command {verb} with {} numbers", numbers.len()))),
    }
}

fn join(cluster: &mut impl Cluster, board: &Board, limit_ms: u64) -> Joined {
    let began = board.now();
    let retries = cluster.join(board, Duration::from_millis(limit_ms));
    Joined {
        full_view_us: board.full_at().map(|at| at - began),
        complete: board.complete(),
        retries,
    }
}

fn time(
    cluster: &mut impl Cluster,
    board: &Board,
    (verb, node): (&str, usize),
    rest: &[u64],
) -> io::Result<Timing> {
    let limit = match (verb, rest) {
        ("update", [version, limit]) => {
            board.watch_change(node, *version);
            cluster.update(node, *version);
            limit
        }
        ("kill", [limit]) => {
            board.watch_death(node);
            cluster.kill(node);
            limit
        }
        ("mute", [limit]) => {
            board.watch_death(node);
            limit
        }
        _ => return Err(invalid(&format!("{verb} with {} numbers", rest.len() + 1))),
    };
    board.wait(Duration::from_millis(*limit));
    Ok(board.timing())
}

fn state(board: &Board) -> State {
    State {
        cpu_us: cpu_us(),
        complete: board.complete(),
        false_failures: board.false_failures(),
        false_suspicions: board.false_suspicions(),
    }
}

fn cpu_us() -> u64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    u64::try_from(spent.tv_sec * 1_000_000 + spent.tv_nsec / 1_000).unwrap_or(0)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_distinct_and_invertible() {
        for index in [0, 1, 249, 250, 999, 5_000] {
            assert_eq!(index_of(address(index)), index);
        }
        assert_eq!(address(250).to_string(), "127.10.1.1:7946");
    }

    #[test]
    fn the_clock_of_the_process_runs() {
        let began = cpu_us();
        let mut sum = 0_u64;
        while cpu_us() < began + 1_000 {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(cpu_us() > began);
    }
}
