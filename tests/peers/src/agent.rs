//! A member that is told what to do through an agent program (`tests/agents/README.md`).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use chinwag_runner::agents;

use crate::process::Process;
use crate::{Listed, left_out};

/// A running agent with a member.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    /// How much of its output was looked at for answers.
    answered: usize,
    /// The same for events about each member.
    looked_at: BTreeMap<String, usize>,
    /// Its name in the cluster.
    pub name: String,
    /// Where it listens.
    pub addr: String,
}

impl Agent {
    /// Starts a member with the local profile, the tag `of=<name>` and a subscription; `more` are
    /// further words of its start.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command, name: &str, bind: &str, more: &str) -> Self {
        let process = Process::start(command);
        let name = name.to_owned();
        let looked_at = BTreeMap::new();
        let mut agent = Self { process, answered: 0, looked_at, name, addr: String::new() };
        let name = escaped(agent.name.as_bytes());
        let ready =
            agent.ask(&format!("start name={name} bind={bind} profile=local tag.of={name}{more}"));
        let addr = ready.strip_prefix("ok addr=");
        agent.addr = addr.unwrap_or_else(|| panic!("{name}{more}: {ready}")).to_owned();
        assert_eq!(agent.ask("subscribe replay=true"), "ok");
        agent
    }

    /// Has it carry out a command; the final line of its answer.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn ask(&mut self, command: &str) -> String {
        self.process.tell(command);
        let word = command.split(' ').next().unwrap_or_default();
        self.next_answer(word, |line| !line.starts_with("member "))
    }

    fn next_answer(&mut self, word: &str, wanted: impl Fn(&str) -> bool) -> String {
        let what = format!("the outcome of {word} at {}", self.name);
        self.process.expect_from(&mut self.answered, &what, |line| {
            !line.starts_with("event ") && wanted(line)
        })
    }

    /// The members that it lists, each as its words.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn list(&mut self) -> Vec<BTreeMap<String, String>> {
        self.process.tell("members");
        let mut list = Vec::new();
        loop {
            let line = self.next_answer("members", |_| true);
            if line.starts_with("ok ") {
                return list;
            }
            assert!(line.starts_with("member "), "{line}");
            list.push(pairs(&line));
        }
    }

    /// The same as states and tags by name.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn members(&mut self) -> Listed {
        let listed = self.list().into_iter().map(|mut member| {
            let mut take = |key| member.remove(key).unwrap_or_default();
            let (name, state) = (take("name"), take("state"));
            (name, (state, tags(&member)))
        });
        listed.collect()
    }

    /// Waits for the next event of that type about a member. Each is found once.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn expect(&mut self, kind: &str, member: &str) -> String {
        self.expect_before(kind, member, "")
    }

    /// The same, unless another event about that member comes first.
    ///
    /// # Panics
    /// When it does not come in time, or `never` comes first.
    pub fn expect_before(&mut self, kind: &str, member: &str, never: &str) -> String {
        let about = format!(" name={}", escaped(member.as_bytes()));
        let is = |line: &str, kind: &str| {
            line.strip_prefix("event type=")
                .is_some_and(|rest| rest.split(' ').next() == Some(kind))
        };
        let what = format!("{kind} {member} at {}", self.name);
        let from = self.looked_at.entry(member.to_owned()).or_default();
        self.process.expect_from(from, &what, |line| {
            let told = line.ends_with(&about) || line.contains(&format!("{about} "));
            assert!(!(told && is(line, never)), "{what}, and before it came {line}");
            told && is(line, kind)
        })
    }

    /// Passes over the events about a member so far.
    pub fn pass_over(&mut self, member: &str) {
        self.looked_at.insert(member.to_owned(), self.process.lines());
    }

    /// Every event so far, as its words.
    pub fn events(&self) -> Vec<BTreeMap<String, String>> {
        let output = self.process.output();
        output.lines().filter(|line| line.starts_with("event ")).map(pairs).collect()
    }

    /// How often it has told of a message, or a user event, with these bytes.
    pub fn heard(&self, payload: &[u8]) -> usize {
        let length = payload.len().to_string();
        let sum = format!("{:08x}", crc32fast::hash(payload));
        let is = |line: &&str| {
            let words: BTreeMap<&str, &str> =
                line.split(' ').filter_map(|word| word.split_once('=')).collect();
            let whole = words.get("payload").map(|text| unescaped(text));
            let same =
                || words.get("length") == Some(&&*length) && words.get("crc32") == Some(&&*sum);
            whole.map_or_else(same, |whole| whole == payload)
        };
        let output = self.process.output();
        let told = |line: &&str| {
            line.starts_with("event type=message ") || line.starts_with("event type=user-event ")
        };
        output.lines().filter(told).filter(is).count()
    }

    /// Joins through a seed; what it answers.
    pub fn join(&mut self, seed: &str) -> String {
        self.ask(&format!("join seeds={seed}"))
    }

    /// Leaves gracefully, and waits for the answer.
    ///
    /// # Panics
    /// When the farewell is not heard.
    pub fn leave(&mut self) {
        assert_eq!(self.ask("leave timeout_ms=30000"), "ok", "{}", self.name);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// Whether the agent of that language is built; without it the test is left out.
///
/// # Panics
/// Under `CI`, where nothing may be left out.
pub fn is_there(language: &str) -> bool {
    let built = agents::find(language).and_then(|kind| kind.check_built());
    built.inspect_err(|why| left_out(why)).is_ok()
}

/// What a test that has failed wants to know.
impl Drop for Agent {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = self.process.output();
            println!("{} said:\n{output}\n{}", self.name, self.process.complaints());
        }
    }
}

/// The pairs of a line. Bytes that are no text are replaced.
fn pairs(line: &str) -> BTreeMap<String, String> {
    let text = |word: &str| String::from_utf8_lossy(&unescaped(word)).into_owned();
    let words = line.split(' ').filter_map(|word| word.split_once('='));
    words.map(|(key, value)| (text(key), text(value))).collect()
}

/// The tags among the pairs of a line.
pub fn tags(pairs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let tag = |(key, value): (&String, &String)| {
        Some((key.strip_prefix("tag.")?.to_owned(), value.clone()))
    };
    pairs.iter().filter_map(tag).collect()
}

/// As keys and values are written in a line.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn unescaped(word: &str) -> Vec<u8> {
    let mut parts = word.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.extend(digits);
        bytes.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
    }
    bytes
}
