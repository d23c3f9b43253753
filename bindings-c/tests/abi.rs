//! The binary interface: what compiles, what lies where, and which symbols there are.

mod common;

use std::process::Command;

use common::{library, root, run, scratch};

#[test]
fn the_header_compiles_everywhere() {
    let cases = [
        ("c99.c", "-std=c99", ["gcc", "clang"]),
        ("c11.c", "-std=c11", ["gcc", "clang"]),
        ("layout.c", "-std=c99", ["gcc", "clang"]),
        ("layout.c", "-std=c2x", ["gcc", "clang"]),
        ("cxx.cpp", "-std=c++11", ["g++", "clang++"]),
    ];
    for (file, standard, compilers) in cases {
        for compiler in compilers {
            let object = scratch().join(format!("{file}.{compiler}.o"));
            run(Command::new(compiler)
                .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c"])
                .arg("-I")
                .arg(root().join("include"))
                .arg(root().join("tests/abi").join(file))
                .arg("-o")
                .arg(object));
        }
    }
}

#[test]
fn the_programs_of_the_readme_compile() {
    let readme = std::fs::read_to_string(root().join("bindings-c/README.md")).expect("readable");
    let mut blocks = readme.split("```c\n").skip(1).filter_map(|rest| rest.split("```").next());
    let program = blocks.next().expect("a program");
    let excerpt = blocks.next().expect("an excerpt");
    let loops = format!(
        "#include <chinwag.h>\n#include <poll.h>\n#include <stdio.h>\n\
         void loop(chinwag_node *node);\nvoid loop(chinwag_node *node) {{\n{excerpt}}}\n"
    );
    let mut programs = vec![program.to_owned(), loops];
    // The others are functions.
    let heads = "#include <chinwag.h>\n#include <stdio.h>\n#include <string.h>\n";
    programs.extend(blocks.map(|functions| format!("{heads}{functions}")));
    assert_eq!(programs.len(), 14, "messages and rings have two, each other part one");
    for (number, text) in programs.iter().enumerate() {
        let source = scratch().join(format!("readme-{number}.c"));
        std::fs::write(&source, text).expect("writable");
        run(Command::new("cc")
            .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c"])
            .arg("-I")
            .arg(root().join("include"))
            .arg(&source)
            .arg("-o")
            .arg(source.with_extension("o")));
    }
}

#[test]
fn the_symbols_are_the_listed_ones() {
    let output = run(Command::new("nm")
        .args(["--dynamic", "--defined-only", "--format=posix"])
        .arg(library().join("libchinwag.so.0")));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut symbols: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    symbols.sort_unstable();
    let found = symbols.join("\n") + "\n";
    let path = root().join("tests/abi/symbols.txt");
    let listed = std::fs::read_to_string(&path).unwrap_or_default();
    if listed != found && std::env::var_os("CI").is_none() {
        std::fs::write(&path, &found).expect("writable");
    }
    assert_eq!(found, listed, "a removed symbol needs a new CHINWAG_ABI_VERSION");
}

#[test]
fn the_header_declares_the_symbols_and_no_others() {
    let header = std::fs::read_to_string(root().join("include/chinwag.h")).expect("readable");
    let mut declared: Vec<&str> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '#', '/', 't', '}']))
        .filter_map(|line| line.split_once('('))
        .filter_map(|(start, _)| start.rsplit([' ', '*']).next())
        .collect();
    declared.sort_unstable();
    let listed = std::fs::read_to_string(root().join("tests/abi/symbols.txt")).expect("readable");
    assert_eq!(declared, listed.lines().collect::<Vec<_>>());
}

#[test]
fn the_library_is_named_after_its_interface() {
    let output = run(Command::new("readelf").arg("-d").arg(library().join("libchinwag.so.0")));
    let text = String::from_utf8(output.stdout).expect("text");
    let header = std::fs::read_to_string(root().join("include/chinwag.h")).expect("readable");
    let line = header.lines().find_map(|line| line.strip_prefix("#define CHINWAG_ABI_VERSION "));
    let soname = format!("[libchinwag.so.{}]", line.expect("the header has it"));
    let named = text.lines().any(|line| line.contains("SONAME") && line.ends_with(&soname));
    assert!(named, "{soname} is not in\n{text}");
    assert!(text.contains("NODELETE"), "threads would run in unmapped memory\n{text}");
}
