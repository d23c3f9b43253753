//! The README: its programs are those that are built and tested, and they come early.

use chinwag_house::files::{exists, read, refresh};

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
