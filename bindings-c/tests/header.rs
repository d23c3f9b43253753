//! `include/chinwag.h` is written from the sources, by this test.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Above the declarations: what holds for all of them.
const INTRODUCTION: &str = "\
/*
 * Chinwag: one cluster, every runtime. Membership for C and for all that can call C.
 *
 * Written from bindings-c/src by `cargo test -p chinwag-c --test header`. Change it there.
 *
 * Ownership. A pointer is *borrowed* (it lives as long as what it came from, and you do not free
 * it), *yours* (you free it with the function that is named), or *taken* (the library frees it).
 * What you pass in is borrowed until the call returns, unless a comment says that it is taken.
 *
 * Threads. Any function may be called from any thread and from any callback. Exceptions: a
 * chinwag_config is for one thread at a time, as is what else you change step by step (rings'
 * builders, clocks, siblings), and freeing something is the last use of it.
 * Functions that talk to others (chinwag_start, _join, _send, _ping, _query, _call, _multi_call,
 * _cluster_keys, _leave, _close) block, and so do those that change what the node says; the others
 * do not, except for those with a `timeout_ms`, such as chinwag_next_event(), when told to wait,
 * and, for some milliseconds, for whichever is the first to need the cluster's ring.
 *
 * Errors. A function that can fail returns CHINWAG_OK or a negative chinwag_status. Results are
 * written on success only. `err` may be NULL; otherwise it is set to NULL on success, and on
 * failure to an error that is yours. NULL for a required pointer is CHINWAG_EBADARGUMENT, never a
 * crash.
 *
 * Text ends with a zero byte and is UTF-8, in both directions.
 *
 * Fork. A child gets CHINWAG_EFORKED from its parent's nodes, and may start its own.
 */
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn version_macros() -> String {
    let part = |text: &str| text.parse::<u32>().expect("a version has numbers");
    let major = part(env!("CARGO_PKG_VERSION_MAJOR"));
    let minor = part(env!("CARGO_PKG_VERSION_MINOR"));
    let patch = part(env!("CARGO_PKG_VERSION_PATCH"));
    let text = env!("CARGO_PKG_VERSION");
    let mut lines = String::new();
    let mut line = |doc: &str, name: &str, value: String| {
        writeln!(lines, "\n/**\n * {doc}\n */\n#define CHINWAG_VERSION{name} {value}")
            .expect("fits");
    };
    line("Version that this header belongs to.", "", format!("\"{text}\""));
    line("Its first number.", "_MAJOR", major.to_string());
    line("Its second number.", "_MINOR", minor.to_string());
    line("Its third number.", "_PATCH", patch.to_string());
    let number = major * 1_000_000 + minor * 1_000 + patch;
    line("All three, to be compared: 1.2.3 is 1002003.", "_NUMBER", number.to_string());
    lines
}

fn generate() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("readable");
    config.header = Some(INTRODUCTION.to_owned());
    config.after_includes = Some(version_macros());
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(here.join("src/lib.rs"))
        .generate()
        .expect("the sources can be read");
    let mut header = Vec::new();
    bindings.write(&mut header);
    String::from_utf8(header).expect("text")
}

#[test]
fn the_header_is_fresh() {
    let path = root().join("include/chinwag.h");
    let fresh = generate();
    if std::fs::read_to_string(&path).is_ok_and(|old| old == fresh) {
        return;
    }
    if std::env::var_os("CI").is_none() {
        std::fs::create_dir_all(root().join("include")).expect("writable");
        std::fs::write(&path, &fresh).expect("writable");
        panic!("include/chinwag.h was out of date; it has been written again, look at it");
    }
    panic!("include/chinwag.h is out of date: run `cargo test -p chinwag-c --test header`");
}

#[test]
fn every_public_item_has_a_comment() {
    let header = generate();
    let lines: Vec<&str> = header.lines().collect();
    let mut bare = Vec::new();
    let mut items = 0;
    for (number, line) in lines.iter().enumerate() {
        if !is_item(line) {
            continue;
        }
        items += 1;
        if number == 0 || lines[number - 1].trim() != "*/" {
            bare.push(*line);
        }
    }
    assert!(items > 80, "only {items} items were recognised");
    assert!(bare.is_empty(), "without a comment: {bare:#?}");
}

/// The first line of a function, type, constant, enumerator or field.
fn is_item(line: &str) -> bool {
    let text = line.trim_start();
    let indented = text.len() < line.len();
    let guard = text.starts_with("#define CHINWAG_H") && !text.starts_with("#define CHINWAG_H_");
    let constant = text.starts_with("#define CHINWAG_") && !guard;
    let enumerator = indented && text.starts_with("CHINWAG_");
    let field = indented && text.starts_with("const char *") && text.ends_with(';');
    let named = text.contains(" *chinwag_") || text.contains(" chinwag_");
    let declared = named && !indented && text.contains('(') && !text.starts_with("typedef");
    // The comment of an enumeration is above the enumeration itself.
    let again = ["typedef int32_t", "typedef uint32_t", "typedef enum"];
    let typed = text.starts_with("typedef ") && !again.iter().any(|start| text.starts_with(start));
    let enumeration = text.starts_with("enum chinwag_");
    constant || enumerator || field || declared || typed || enumeration
}
