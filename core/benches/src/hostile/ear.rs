//! What a member prints: its events, and its log by reasons.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use serde_json::Value;

/// Words of a line of a log that make its reason.
const REASON_WORDS: usize = 5;
/// Reasons that are kept apart; beyond them, all others are one.
const REASONS_MAX: usize = 200;
/// What the first line of an end begins with, by runtime.
const LAST_WORDS: [&str; 4] = ["panic:", "fatal error:", "thread '", "runtime: out of memory"];

/// Everything that one member has told since it was last asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Lines at standard output, events or not.
    pub(super) lines: u64,
    /// Events, warnings left out: those are lines of the log.
    pub(super) events: u64,
    /// Events of somebody who joined, other than the two that are there.
    pub(super) added: u64,
    /// Events that the other one of the two failed or left.
    pub(super) lost: u64,
    /// The other one is there.
    pub(super) together: bool,
    pub(super) log_lines: u64,
    /// The most lines of one reason in a second, and the reason.
    pub(super) most: (u64, String),
    /// Why it ended.
    pub(super) last_words: Option<String>,
    reasons: BTreeMap<String, (u64, u64)>,
}

/// Listens to one member.
#[derive(Clone)]
pub(super) struct Ear {
    /// The name of the other one of the two.
    other: &'static str,
    began: Instant,
    told: Arc<Mutex<Told>>,
}

impl Ear {
    pub(super) fn new(other: &'static str) -> Self {
        Self { other, began: Instant::now(), told: Arc::default() }
    }

    /// What was told so far.
    pub(super) fn told(&self) -> Told {
        self.lock().clone()
    }

    /// Forgets all but who is there.
    pub(super) fn forget(&self) {
        let mut told = self.lock();
        *told = Told { lines: told.lines, together: told.together, ..Told::default() };
    }

    pub(super) fn events(self, pipe: Option<impl Read + Send + 'static>) {
        self.listen(pipe, |ear, line| ear.hear(line));
    }

    pub(super) fn log(self, pipe: Option<impl Read + Send + 'static>) {
        self.listen(pipe, |ear, line| {
            let second = ear.began.elapsed().as_secs();
            ear.lock().log(line, second);
        });
    }

    fn listen(self, pipe: Option<impl Read + Send + 'static>, hear: fn(&Self, &str)) {
        let Some(mut pipe) = pipe.map(BufReader::new) else { return };
        thread::spawn(move || {
            // What was sent may come back as it was.
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                hear(&self, String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
        });
    }

    fn hear(&self, line: &str) {
        let mut told = self.lock();
        told.lines += 1;
        let Some((kind, name, count)) = read(line) else { return };
        match kind.as_str() {
            "ready" | "replay-done" | "warning" => return,
            "member-join" | "member-recover" if name == self.other => told.together = true,
            "member-failed" | "member-leave" if name == self.other => {
                told.together = false;
                told.lost += 1;
            }
            "member-join" => told.added += 1,
            _ => {}
        }
        told.events += count;
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn log(&mut self, line: &str, second: u64) {
        self.log_lines += 1;
        if self.last_words.is_none() && LAST_WORDS.iter().any(|word| line.starts_with(word)) {
            self.last_words = Some(line.chars().take(120).collect());
        }
        let mut reason = reason(line);
        if self.reasons.len() >= REASONS_MAX && !self.reasons.contains_key(&reason) {
            reason = "others".to_owned();
        }
        let (at, count) = self.reasons.entry(reason.clone()).or_default();
        if *at != second {
            (*at, *count) = (second, 0);
        }
        *count += 1;
        if *count > self.most.0 {
            self.most = (*count, reason);
        }
    }
}

/// The kind of an event, whom it is of, and how many events it stands for.
fn read(line: &str) -> Option<(String, String, u64)> {
    if let Some(words) = line.strip_prefix("event ") {
        let value = |key: &str| words.split(' ').find_map(|word| word.strip_prefix(key));
        let name = value("name=").unwrap_or_default();
        return Some((value("type=")?.to_owned(), name.to_owned(), 1));
    }
    let line: Value = serde_json::from_str(line).ok()?;
    let name = line["member"]["name"].as_str().unwrap_or_default();
    let count = line["count"].as_u64().unwrap_or(1);
    Some((line["type"].as_str()?.to_owned(), name.to_owned(), count))
}

/// The words of a line that do not change from one packet to the next: ours name a code, Go's
/// begin with a sentence.
fn reason(line: &str) -> String {
    if let Some(code) = line.split(' ').find(|word| word.starts_with("code=")) {
        return code.to_owned();
    }
    let said = line.split_once("memberlist: ").map_or(line, |(_, said)| said);
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic() || ":,-".contains(c));
    let words: Vec<&str> = said.split(' ').filter(plain).take(REASON_WORDS).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_words_that_stay() {
        let of = |number| {
            format!(
                "2026/01/01 00:00:00 [ERR] memberlist: Msg type ({number}) not supported from=x"
            )
        };
        assert_eq!(reason(&of(13)), reason(&of(14)));
        assert_eq!(reason(&of(13)), "Msg type not supported");
        assert_eq!(
            reason(" WARN they are not ours code=\"key_mismatch\" x"),
            "code=\"key_mismatch\""
        );
    }

    #[test]
    fn the_most_of_a_reason_is_counted_by_the_second() {
        let mut told = Told::default();
        for (second, line) in [(1, "a b"), (1, "c"), (2, "a b"), (2, "a b"), (3, "c")] {
            told.log(line, second);
        }
        assert_eq!((told.log_lines, told.most), (5, (2, "a b".to_owned())));
    }

    #[test]
    fn events_are_counted_and_the_two_are_told_from_others() {
        let ear = Ear::new("healthy");
        ear.hear(r#"{"type":"member-join","member":{"name":"healthy"},"seq":1}"#);
        ear.hear("event type=member-join seq=2 name=ghost addr=x state=alive");
        ear.hear(r#"{"type":"warning","code":"key_mismatch","seq":3}"#);
        ear.hear(r#"{"type":"events-lost","count":7,"members":[],"seq":4}"#);
        let told = ear.told();
        assert_eq!((told.events, told.added, told.lost, told.together), (9, 1, 0, true));
        ear.hear("event type=member-failed seq=5 name=healthy addr=x state=failed");
        ear.forget();
        let told = ear.told();
        assert_eq!((told.events, told.lines, told.lost, told.together), (0, 5, 0, false));
    }
}
