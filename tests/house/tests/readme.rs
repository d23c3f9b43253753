//! The README: its programs are those that are built and tested, and they come early.

use std::io::Write;
use std::process::{Command, Stdio};

use chinwag_house::files::{exists, read, refresh, root};

const README: &str = "README.md";
const MARKER: &str = "<!-- from ";

/// `text` with the block after each marker replaced by the file that the marker names.
fn filled(text: &str, file: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(MARKER);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once(" -->\n").expect("a marker names a file");
        let (fence, rest) = rest.split_once('\n').expect("a block follows the marker");
        assert!(fence.starts_with("```"), "no block follows the marker of {path}");
        let close = rest.find("```\n").expect("the block is closed");
        filled += &format!("{MARKER}{path} -->\n{fence}\n{}{}", file(path), &rest[close..]);
    }
    filled
}

#[test]
fn programs_are_those_that_are_tested() {
    let readme = read(README);
    let wanted = filled(&readme, |path| {
        assert!(exists(path), "{path} is not there");
        read(path)
    });
    refresh(README, &wanted).expect("the README is fresh");
}

#[test]
fn a_changed_program_is_noticed() {
    let text = "a\n<!-- from x.rs -->\n```rust\nold\n```\nb\n";
    assert_eq!(filled(text, |_| "new\n".to_owned()), text.replace("old", "new"));
}

#[test]
fn installing_and_a_program_come_early() {
    let readme = read(README);
    let blocks: Vec<usize> = (1..)
        .zip(readme.lines())
        .filter(|(_, line)| line.starts_with("```"))
        .map(|(number, _)| number)
        .step_by(2)
        .collect();
    assert!(blocks[0] <= 15, "how to install is in line {}", blocks[0]);
    assert!(blocks[1] <= 25, "the first program is in line {}", blocks[1]);
}

/// The first block of that language.
fn program<'a>(text: &'a str, language: &str) -> &'a str {
    let fence = format!("```{language}\n");
    let (_, rest) = text.split_once(&fence).unwrap_or_else(|| panic!("no program: {language}"));
    rest.split("```\n").next().unwrap_or_default()
}

/// What the language itself has against a program; none when it is not there to be asked.
fn verdict(command: &[&str], program: &str) -> Option<Result<(), String>> {
    let child = Command::new(command[0])
        .args(&command[1..])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "{} is not there, and under CI nothing may be left out", command[0]);
        return None;
    };
    // One that refuses early reads no further.
    let _ = child.stdin.take()?.write_all(program.as_bytes());
    let done = child.wait_with_output().expect("it was started");
    let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
    Some(if done.status.success() { Ok(()) } else { Err(complaint) })
}

const PYTHON: &[&str] = &["python3", "-c", "import ast, sys; ast.parse(sys.stdin.read())"];
const NODE: &[&str] = &["node", "--input-type=module", "--check", "-"];
const ELIXIR: &[&str] =
    &["elixir", "-e", "Code.string_to_quoted!(to_string(IO.read(:stdio, :eof)))"];
const C: &[&str] = &["cc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-xc", "-"];
const LANGUAGES: &[(&str, &[&str])] =
    &[("python", PYTHON), ("js", NODE), ("elixir", ELIXIR), ("c", C)];

#[test]
fn programs_in_every_language_can_be_read() {
    let readme = read(README);
    for (language, command) in LANGUAGES {
        if let Some(Err(complaint)) = verdict(command, program(&readme, language)) {
            panic!("the program in {language} is broken: {complaint}");
        }
    }
}

#[test]
fn a_broken_program_is_noticed() {
    for (language, command) in LANGUAGES {
        assert_ne!(verdict(command, "= (\n"), Some(Ok(())), "{language}");
    }
}
