//! The signals of whole processes: each test runs this file's own binary again as a child.
#![cfg(all(unix, feature = "signals"))]
#![allow(clippy::disallowed_methods, reason = "the children sleep until they are ended")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// The child's part; does nothing in an ordinary test run.
#[test]
fn child() {
    let Ok(part) = std::env::var("CHINWAG_SIGNALS_CHILD") else { return };
    let say = |word: &str| println!("\n{word}");
    let guard = match part.as_str() {
        "two" => {
            let other = chinwag::signals::on_terminate(move || say("farewell"));
            std::mem::forget(other);
            chinwag::signals::on_terminate(move || say("farewell"))
        }
        "slow" => chinwag::signals::on_terminate(move || {
            say("farewell");
            std::thread::sleep(Duration::from_secs(60));
        }),
        "panic" => chinwag::signals::on_terminate(|| panic!("a farewell that panics")),
        _ => chinwag::signals::on_terminate(move || say("farewell")),
    };
    let guard = guard.expect("handlers can be installed");
    if part == "dropped" {
        drop(guard);
    } else {
        std::mem::forget(guard);
    }
    say("ready");
    std::thread::sleep(Duration::from_secs(60));
    say("slept");
}

struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(part: &str, through: &[&str]) -> Self {
        let this = std::env::current_exe().expect("a test has a path");
        let mut words = through.iter().map(AsRef::as_ref).chain([this.as_os_str()]);
        let mut child = Command::new(words.next().expect("at least the test itself"))
            .args(words)
            .args(["--exact", "child", "--nocapture"])
            .env("CHINWAG_SIGNALS_CHILD", part)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the child starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut running = Self { child, lines };
        running.expect("ready");
        running
    }

    /// Reads up to that line.
    fn expect(&mut self, word: &str) {
        let found = self.lines.by_ref().map_while(Result::ok).any(|line| line == word);
        assert!(found, "{word} was not said");
    }

    fn signal(&self, signal: i32) {
        let status = Command::new("kill")
            .args([format!("-{signal}"), self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
    }

    /// How it ended, and what it had yet to say.
    fn end(mut self) -> (ExitStatus, Vec<String>) {
        let rest = self.lines.map_while(Result::ok).filter(|line| !line.is_empty()).collect();
        (self.child.wait().expect("the child ends"), rest)
    }
}

#[test]
fn the_first_signal_says_farewell_and_ends_the_process_by_that_signal() {
    for signal in [SIGTERM, SIGINT] {
        let running = Running::start("one", &[]);
        running.signal(signal);
        let (status, said) = running.end();
        assert_eq!(status.signal(), Some(signal));
        assert_eq!(said, ["farewell"]);
    }
}

#[test]
fn every_farewell_is_said_once() {
    let running = Running::start("two", &[]);
    running.signal(SIGTERM);
    assert_eq!(running.end().1, ["farewell", "farewell"]);
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut running = Running::start("slow", &[]);
    running.signal(SIGTERM);
    running.expect("farewell");
    running.signal(SIGINT);
    assert_eq!(running.end().0.signal(), Some(SIGINT));
}

#[test]
fn a_panic_in_a_farewell_does_not_keep_the_process() {
    let running = Running::start("panic", &[]);
    running.signal(SIGTERM);
    assert_eq!(running.end().0.signal(), Some(SIGTERM));
}

#[test]
fn a_dropped_guard_says_nothing() {
    let running = Running::start("dropped", &[]);
    running.signal(SIGTERM);
    let (status, said) = running.end();
    assert_eq!((status.signal(), said.len()), (Some(SIGTERM), 0));
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let running = Running::start("one", &["sh", "-c", "trap '' INT; exec \"$@\"", "sh"]);
    running.signal(SIGINT);
    running.signal(SIGTERM);
    let (status, said) = running.end();
    assert_eq!(status.signal(), Some(SIGTERM));
    assert_eq!(said, ["farewell"]);
}
