//! Programs in C against the library: plain, under valgrind, and under sanitizers.

mod common;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use common::{compile, library, root, run, scratch};

/// A program and its arguments: some have nodes, others values alone.
const PROGRAMS: [(&str, &[&str]); 33] = [
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
    ("messages/workers", &[]),
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

/// So many programs at once, where most of the time they wait for something.
const WAITING: usize = 4;
/// And where a tool keeps a processor busy for each: failure detection has deadlines.
const BUSY: usize = 2;

/// The three kinds take turns, for the same reason.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs each program with its arguments, so many at a time; what goes wrong with one is told when
/// those that had begun are over.
fn all(at_once: usize, each: impl Fn(&str, &[&str]) + Sync) {
    let _turn = turn();
    library();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((name, arguments)) =
                    PROGRAMS.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    each(name, arguments);
                }
            });
        }
    });
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
    all(WAITING, |name, arguments| {
        let program = build(name, &format!("plain{}", arguments.concat()), &[]);
        is_quiet(name, &run(Command::new(program).args(arguments)));
    });
}

#[test]
fn programs_in_c_are_clean_under_valgrind() {
    all(BUSY, |name, arguments| {
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
    });
}

#[test]
fn programs_in_c_are_clean_under_sanitizers() {
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    all(WAITING, |name, arguments| {
        let program = build(name, &format!("sanitized{}", arguments.concat()), &flags);
        is_quiet(name, &run(Command::new(program).args(arguments)));
    });
}
