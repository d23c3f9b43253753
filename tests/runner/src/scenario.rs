//! Scenario files: what is done, and what the nodes are to report.
//!
//! ```text
//! # One line that says what is shown.
//!
//! start a
//! start b seeds=a
//! ----
//! a: join b alive
//! b: join a alive
//! ```
//!
//! A step is lines of commands, `----`, and the lines that are expected, up to an empty line.
//! Lines of commands are carried out one after another; commands on one line, separated by `;`,
//! at the same time. Text with spaces stands in double quotes. `#` starts a comment line.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) steps: Vec<Step>,
    text: Vec<String>,
}

/// What is done together, and what must be seen before the next step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    /// Lines of commands; the inner list is carried out at the same time.
    pub(crate) commands: Vec<Vec<Command>>,
    /// Observer and what it reports.
    pub(crate) expected: Vec<(String, String)>,
    /// Where the expected lines stand in the file.
    lines: Range<usize>,
}

/// `verb node key=value …`, where a bare word is a key with an empty value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) verb: String,
    pub(crate) node: String,
    pub(crate) pairs: Vec<(String, String)>,
}

impl Scenario {
    /// Reads one file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Self::parse(path, &text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// The scenario that `text` describes.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text: Vec<String> = text.lines().map(str::to_owned).collect();
        Ok(Self { name, path: path.to_owned(), steps: parse(&text)?, text })
    }

    /// Reads every file of a folder, in the order of their names.
    pub(crate) fn read_all(folder: &Path) -> Result<Vec<Self>, String> {
        let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|ext| ext == "txt"))
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    /// The nodes in the order in which they first appear.
    pub(crate) fn nodes(&self) -> Vec<String> {
        let mut nodes: Vec<String> = Vec::new();
        for command in self.steps.iter().flat_map(|step| step.commands.iter().flatten()) {
            if !nodes.contains(&command.node) {
                nodes.push(command.node.clone());
            }
        }
        nodes
    }

    /// The file's text with the expected lines of each step replaced.
    pub(crate) fn rewritten(&self, seen: &[Vec<String>]) -> String {
        let replaced: BTreeMap<usize, (&Step, &Vec<String>)> =
            self.steps.iter().zip(seen).map(|pair| (pair.0.lines.start, pair)).collect();
        let mut text = String::new();
        let mut at = 0;
        while at <= self.text.len() {
            if let Some((step, lines)) = replaced.get(&at) {
                text.extend(lines.iter().flat_map(|line| [line.as_str(), "\n"]));
                at = step.lines.end;
            }
            if let Some(line) = self.text.get(at) {
                text.push_str(line);
                text.push('\n');
            }
            at += 1;
        }
        text
    }
}

impl Command {
    /// What it has under that key; empty when it has none.
    pub(crate) fn get(&self, key: &str) -> &str {
        let found = self.pairs.iter().find(|(own, _)| own == key);
        found.map_or("", |(_, value)| value)
    }
}

impl Step {
    /// Whether one of the expected lines is exactly this report of this node.
    pub(crate) fn expects(&self, node: &str, report: Option<&str>) -> bool {
        self.expected.iter().any(|(who, text)| who == node && Some(text.as_str()) == report)
    }
}

fn parse(text: &[String]) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut step = Step::default();
    let mut expecting = false;
    for (at, line) in text.iter().enumerate() {
        let number = at + 1;
        match line.as_str() {
            "" if expecting => {
                step.lines.end = at;
                steps.push(std::mem::take(&mut step));
                expecting = false;
            }
            "" if step.commands.is_empty() => {}
            "" => return Err(format!("line {number}: the step before has no ----")),
            "----" => {
                step.lines = at + 1..text.len();
                expecting = true;
            }
            comment if comment.starts_with('#') => {}
            expected if expecting => step.expected.push(parse_expected(expected, number)?),
            commands => step.commands.push(parse_commands(commands, number)?),
        }
    }
    if expecting {
        steps.push(step);
    } else if !step.commands.is_empty() {
        return Err("the last step has no ----".to_owned());
    }
    Ok(steps)
}

fn parse_expected(line: &str, number: usize) -> Result<(String, String), String> {
    let (node, report) =
        line.split_once(": ").ok_or_else(|| format!("line {number}: no `node: `"))?;
    Ok((node.to_owned(), report.to_owned()))
}

fn parse_commands(line: &str, number: usize) -> Result<Vec<Command>, String> {
    let words = split(line).map_err(|e| format!("line {number}: {e}"))?;
    words
        .split(|word| word == ";")
        .map(|words| match words {
            [verb, node, pairs @ ..] => Ok(Command {
                verb: verb.clone(),
                node: node.clone(),
                pairs: pairs.iter().map(|word| split_pair(word)).collect(),
            }),
            _ => Err(format!("line {number}: a command is a verb and a node")),
        })
        .collect()
}

fn split_pair(word: &str) -> (String, String) {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    (key.to_owned(), value.to_owned())
}

/// Splits at spaces outside double quotes; `;` is a word of its own.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    let mut last = 0;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                words.push(String::new());
                last += 1;
            }
            ';' if !quoted => {
                words.push(";".to_owned());
                last += 1;
            }
            _ => words[last].push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    if quoted { Err("a quote is not closed".to_owned()) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> Result<Scenario, String> {
        Scenario::parse(Path::new("x.txt"), text)
    }

    const TWO_STEPS: &str = "# Title.\n\nstart a tag.k=\"x y\"\nstart b seeds=a; start c quiet\n\
        ----\na: join b alive\nb: join a alive k=\"x y\"\n\n\
        # Then.\nleave b\n----\n\nclose a\n----\n";

    #[test]
    fn steps_commands_and_expectations() {
        let scenario = scenario(TWO_STEPS).unwrap();
        assert_eq!(scenario.nodes(), ["a", "b", "c"]);
        let [first, second, third] = &scenario.steps[..] else { panic!("{scenario:?}") };
        assert_eq!(first.commands[0][0].pairs, [("tag.k".into(), "x y".into())]);
        assert_eq!(first.commands[1][1].pairs, [("quiet".into(), String::new())]);
        assert_eq!(first.expected[1], ("b".into(), "join a alive k=\"x y\"".into()));
        assert!(second.expected.is_empty() && third.expected.is_empty());
    }

    #[test]
    fn rewriting_changes_only_expectations() {
        let scenario = scenario(TWO_STEPS).unwrap();
        let same: Vec<Vec<String>> = scenario
            .steps
            .iter()
            .map(|step| step.expected.iter().map(|(n, r)| format!("{n}: {r}")).collect())
            .collect();
        assert_eq!(scenario.rewritten(&same), TWO_STEPS);
        let other = [vec!["a: x".to_owned()], vec!["b: y".to_owned()], vec!["c: z".to_owned()]];
        let text = scenario.rewritten(&other);
        assert!(text.contains("----\na: x\n\n# Then.\nleave b\n----\nb: y\n\n"), "{text}");
        assert!(text.ends_with("close a\n----\nc: z\n"), "{text}");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, why) in [
            ("start a\n\nleave a\n----\n", "line 2: the step before has no ----"),
            ("start a\n", "the last step has no ----"),
            ("start\n----\n", "line 1: a command is a verb and a node"),
            ("start a name=\"x\n----\n", "line 1: a quote is not closed"),
            ("start a\n----\njoin\n", "line 3: no `node: `"),
        ] {
            assert_eq!(scenario(text).unwrap_err(), why);
        }
    }
}
