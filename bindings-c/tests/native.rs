//! Programs in C against the library: plain, under valgrind, and under sanitizers.

mod common;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::{compile, root, run, scratch};

/// A program and its arguments: some have nodes, others values alone.
const PROGRAMS: [(&str, &[&str]); 32] = [
    ("programs/config", &[]),
    ("values/ring", &[]),
    ("values/ring_input", &[]),
    ("values/vectors", &[]),
    ("values/clock", &[]),
    ("values/siblings", &[]),
    ("values/retired", &[]),
    ("values/stamps", &[]),
    ("values/payload", &[]),
    ("values/cluster", &[]),
    ("programs/events", &[]),
    ("programs/talk", &[]),
    ("messages/calls", &[]),
    ("messages/serving", &[]),
    ("messages/topics", &[]),
    ("messages/state", &[]),
    ("messages/monitors", &[]),
    ("messages/streams", &[]),
    ("messages/maps", &[]),
    ("messages/ends", &["fork"]),
    ("messages/ends", &["main"]),
    ("messages/ends", &["callback"]),
    ("messages/ends", &["signal"]),
    ("programs/serf", &[]),
    ("programs/keys", &[]),
    ("programs/snapshot", &[]),
    ("programs/poll", &[]),
    ("programs/reenter", &[]),
    ("programs/fork", &[]),
    ("programs/signals", &[]),
    ("programs/exit", &["main"]),
    ("programs/exit", &["callback"]),
];

/// Failure detection has deadlines: programs that run side by side would miss them.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn build(name: &str, kind: &str, flags: &[&str]) -> PathBuf {
    let (_, file) = name.split_once('/').expect("a folder and a file");
    let program = scratch().join(format!("{file}-{kind}"));
    let vectors = format!("-DVECTORS=\"{}\"", root().join("tests/vectors").display());
    let check = format!("-I{}", root().join("bindings-c/tests/programs").display());
    let flags: Vec<&str> = [&["-std=gnu11", &vectors, &check], flags].concat();
    let source = root().join(format!("bindings-c/tests/{name}.c"));
    compile("gcc", &source, &flags, &program);
    program
}

/// Whatever a program does, it says `ok` and nothing else: no panic, no log, no warning.
fn is_quiet(name: &str, output: &Output) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{name}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
}

#[test]
fn programs_in_c_run() {
    let _turn = turn();
    for (name, arguments) in PROGRAMS {
        let program = build(name, &format!("plain{}", arguments.concat()), &[]);
        is_quiet(name, &run(Command::new(program).args(arguments)));
    }
}

#[test]
fn programs_in_c_are_clean_under_valgrind() {
    let _turn = turn();
    for (name, arguments) in PROGRAMS {
        let program = build(name, &format!("valgrind{}", arguments.concat()), &[]);
        let output = run(Command::new("valgrind")
            .args(["-q", "--error-exitcode=99", "--leak-check=full"])
            // A child's errors still show in its status, which its parent looks at.
            .arg("--child-silent-after-fork=yes")
            .env("CHINWAG_TEST_PATIENT", "1")
            .args(["--errors-for-leak-kinds=definite", "--show-leak-kinds=definite"])
            .arg(program)
            .args(arguments));
        is_quiet(name, &output);
    }
}

#[test]
fn programs_in_c_are_clean_under_sanitizers() {
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let _turn = turn();
    for (name, arguments) in PROGRAMS {
        let program = build(name, &format!("sanitized{}", arguments.concat()), &flags);
        is_quiet(name, &run(Command::new(program).args(arguments)));
    }
}
