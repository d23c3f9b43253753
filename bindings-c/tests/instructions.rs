//! What a look-up costs in C, in instructions of optimised code, with the call and all checks of
//! its arguments. `make instructions` runs this after what counts the core.
#![cfg(not(debug_assertions))]

#[path = "../../core/tests/instructions/callgrind.rs"]
mod callgrind;
mod common;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use callgrind::instructions;
use common::{compile, root, scratch};

/// Keys of a round.
const KEYS: f64 = 1_000.0;
/// What was measured: 35 are the hash, 10 the loop and the call, and the rest the checks and the
/// table.
const LOOK_UP: f64 = 80.0;
/// G2 of the goals, for a key of 21 bytes.
const GOAL: f64 = 70.0;

/// The program that looks up, against the library as it is released.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = scratch().join("look_up");
        let source = root().join("bindings-c/tests/values/look_up.c");
        compile("gcc", &source, &["-std=gnu11", "-O2"], &program);
        program
    })
}

/// Instructions of one call, its loop included.
fn counted(what: &str, nodes: usize) -> f64 {
    let work = |rounds: usize| {
        let mut work = Command::new(program());
        work.args([what, &nodes.to_string(), &rounds.to_string()]);
        work
    };
    instructions(work) / KEYS
}

#[test]
fn a_look_up_in_c_costs_what_it_did() {
    for nodes in [3, 100] {
        let one = counted("owner", nodes);
        println!("look-up in C with {nodes} nodes: {one:.1} of {LOOK_UP}; the goal is {GOAL}");
        assert!(one <= LOOK_UP, "{one} instructions with {nodes} nodes, at most {LOOK_UP}");
        // Less than the hash of the key means that nothing was looked up.
        assert!(one >= 40.0, "{one} instructions with {nodes} nodes: not counted");
    }
}

/// What shows that the gate is one.
#[test]
fn a_look_up_that_also_asks_for_the_slot_is_over_the_bound() {
    let slow = counted("slow-owner", 100);
    assert!(slow > LOOK_UP, "{slow} instructions");
}
