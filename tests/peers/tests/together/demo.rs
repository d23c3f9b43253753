//! The demonstration with what every machine has: Rust members.

use std::fs;
use std::process::Command;

use chinwag_peers::command::{built, chinwag};
use chinwag_peers::eventually;
use chinwag_peers::process::Process;
use rustix::process::Signal;

/// The command, with Rust members only; the variable marks its children.
fn demo(mark: &str) -> Command {
    let example = ["-p", "chinwag", "--features", "signals", "--example", "join"];
    let member = built(&example, "examples/join");
    let mut command = chinwag();
    command.arg("demo").env("CHINWAG_TEST_MARK", mark).env("CHINWAG_DEMO_RUST", member);
    for runtime in ["PYTHON", "NODE", "ELIXIR", "C", "GO", "SERF"] {
        command.env(format!("CHINWAG_DEMO_{runtime}"), "");
    }
    command
}

/// How many processes of that mark there are.
fn marked(mark: &str) -> usize {
    let mark = format!("CHINWAG_TEST_MARK={mark}\0");
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    let environments = processes.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
    environments.filter(|all| all.windows(mark.len()).any(|part| part == mark.as_bytes())).count()
}

#[test]
fn every_callback_is_heard_and_nobody_is_left_over() {
    let mut process = Process::start(&mut demo("whole"));
    let status = process.finish();
    let output = process.output();
    assert!(status.success(), "{output}\n{}", process.complaints());
    assert!(output.contains("left out: python: CHINWAG_DEMO_PYTHON is empty"), "{output}");
    let rows: Vec<&str> = output.lines().skip_while(|line| !line.starts_with("MEMBER")).collect();
    assert_eq!(rows.iter().filter(|row| row.starts_with("rust-")).count(), 4, "{output}");
    assert!(rows[0].contains("kill -9 rust-2") && rows[0].contains("rust-1 leaves"), "{output}");
    assert_eq!(marked("whole"), 0);
}

#[test]
fn an_interrupt_ends_all_of_it() {
    let mut process = Process::start(&mut demo("interrupted"));
    process.expect("the members", |line| line.contains("kill -9"));
    assert!(marked("interrupted") > 2);
    process.signal(Signal::INT);
    assert_eq!(process.finish().code(), Some(1));
    assert!(process.complaints().contains("interrupted"), "{}", process.complaints());
    assert_eq!(marked("interrupted"), 0);
}

#[test]
fn a_kill_ends_all_of_it_in_time() {
    let mut process = Process::start(&mut demo("killed"));
    process.expect("the members", |line| line.contains("kill -9"));
    process.kill();
    // The members see the end of their input, and leave.
    eventually("the end of the members", || (marked("killed") == 0).then_some(()));
}

#[test]
fn a_member_that_ends_early_fails_it() {
    let mut command = demo("early");
    let mut process = Process::start(command.env("CHINWAG_DEMO_C", "cat /no/such/file"));
    assert_eq!(process.finish().code(), Some(1));
    let complaints = process.complaints();
    assert!(complaints.contains("c-1 (c) ended unexpectedly"), "{complaints}");
    assert!(complaints.contains("/no/such/file"), "{complaints}");
    assert_eq!(marked("early"), 0);
}
