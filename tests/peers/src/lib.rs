//! Clusters of real peers on loopback: serf, Alertmanager, Go memberlist, ours.
//!
//! | in `tests` | asks |
//! |---|---|
//! | `together/serf.rs` | do serf agents and we see the same, and does the command read it? |
//! | `together/serf_layer.rs` | do events, queries, keys and distances pass between the two? |
//! | `together/alertmanager.rs` | the same of Alertmanager, on memberlist 0.2.2 |
//! | `together/go.rs` | the same of the newest memberlist, and labels |
//! | `together/messages.rs` | do messages, keys and topics of ours go on beside them? |
//! | `together/encryption.rs` | keys with all of them: joins, rolling changes, and who is refused |
//! | `together/epmd.rs` | do members of a host find each other at Erlang's port mapper? |
//! | `together/matrix.rs` | every peer under every setting, through one script of steps |
//! | `attacks.rs` | what can somebody do who is no member, with a key and without? |
//! | `languages.rs` | the same script from every language, with a label and a key |
//! | `together/command.rs` | lines, exit statuses, signals and messages of the command |
//! | `together/demo.rs` | the demonstration with what every machine has |
//!
//! A peer that is not installed is left out with a word on standard error; never under `CI`.
//! Processes end with the test. Waiting is for a condition, up to [`LIMIT`].

pub mod agent;
pub mod alertmanager;
pub mod attacker;
pub mod command;
pub mod go;
pub mod matrix;
pub mod ours;
pub mod process;
pub mod serf;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// Far beyond what anything here takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(20);

/// Members by name, each with its state and tags.
pub type Listed = BTreeMap<String, (String, BTreeMap<String, String>)>;

/// Looks until there is something to see.
///
/// # Panics
/// After [`LIMIT`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Whether a program or file is there; without it the test is left out.
///
/// # Panics
/// Under `CI`, where nothing may be left out.
pub fn present(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = match program.contains('/') {
        true => root().join(program).is_file(),
        false => std::env::split_paths(&path).any(|folder| folder.join(program).is_file()),
    };
    if !there {
        left_out(&format!("{program} is not there"));
    }
    there
}

/// # Panics
/// Under `CI`.
fn left_out(why: &str) {
    let ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    assert!(!ci, "{why}, and under CI nothing may be left out");
    // Past the capture of the test harness: a test that asks nothing must be seen.
    let _ = writeln!(std::io::stderr(), "left out: {why}");
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).unwrap_or_default()
}

/// An address on loopback that no other test has, in this process or another: the number of the
/// process is in it. So a member can come back where it was, or elsewhere.
pub fn address() -> String {
    static USED: AtomicU16 = AtomicU16::new(0);
    let [.., high, low] = std::process::id().to_be_bytes();
    let own = USED.fetch_add(1, Ordering::Relaxed);
    // 127.0 is everybody's.
    format!("127.{}.{low}.{}:{}", high % 254 + 1, own % 254 + 1, 7946 + own / 254)
}

/// The port beside that of an address: of the same host, for another service.
pub(crate) fn beside(addr: &str, offset: u16) -> String {
    let addr: SocketAddr = addr.parse().expect("an address");
    SocketAddr::new(addr.ip(), addr.port() + offset).to_string()
}
