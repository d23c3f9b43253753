//! What the nodes have reported, in a short form that holds only facts which are the same in
//! every run, and its comparison with what a step expects.
//!
//! Per observer, lines about the same member keep their order; lines about different members have
//! none, because gossip gives none, and neither have messages. `replay-done` is a border that no
//! line crosses.

use std::collections::BTreeMap;

use crate::line::Line;

/// One normalised report: `join b alive role=web`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) text: String,
    /// Text of an error or of an end, which an expectation may ask for a part of. None where a
    /// language has no words for it: whatever is asked for is taken as told.
    pub(crate) detail: Option<String>,
}

/// Reports that no step has accounted for yet, by observer.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    open: BTreeMap<String, Vec<Report>>,
}

/// How the reports stand against the expectation of a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All expected lines are there and nothing else.
    Met,
    /// Nothing contradicts the expectation yet, but lines are missing; at these observers.
    Open(Vec<String>),
    /// There is a line that is not expected; at these observers.
    Broken(Vec<String>),
}

impl Report {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), detail: Some(String::new()) }
    }

    fn subject(&self) -> &str {
        subject(&self.text)
    }

    fn meets(&self, expected: &str) -> bool {
        match expected.split_once(" containing ") {
            Some((text, part)) => {
                let told = self.detail.as_ref().is_none_or(|detail| detail.contains(part));
                self.text == text && told
            }
            None => self.text == expected,
        }
    }
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// The member that a line is about; empty when it is about none. Each message is about itself, and
/// what is done inside an event is over when it is, before or after the calls from outside.
fn subject(text: &str) -> &str {
    match first_word(text) {
        "join" | "leave" | "failed" | "update" | "suspect" | "recover" => {
            text.split(' ').nth(1).unwrap_or_default()
        }
        "message" | "broadcast" | "state" | "user-event" | "query" | "admission" | "warning"
        | "conflict" | "ring-change" | "handoff-prepare" | "handoff-acquired" | "published"
        | "down" => text,
        "reentered" => "reentered",
        "map" => text.match_indices(' ').nth(2).map_or(text, |(end, _)| &text[..end]),
        "key" => text.match_indices(' ').nth(1).map_or(text, |(end, _)| &text[..end]),
        _ => "",
    }
}

/// What is told as often as it may be: that it is told at all is what counts.
fn repeats(text: &str) -> bool {
    matches!(first_word(text), "state" | "warning" | "conflict" | "ring-change")
}

/// What comes and goes on a busy machine, and what repeats: it counts where it is asked for.
fn is_optional(text: &str) -> bool {
    matches!(first_word(text), "suspect" | "recover") || repeats(text)
}

/// Sorts lines about different members, between borders, keeping the order for each.
fn canonical<T>(lines: &mut [T], text: impl Fn(&T) -> &str) {
    for part in lines.split_mut(|line| matches!(text(line), "replay-done" | "watch-done")) {
        part.sort_by(|one, other| subject(text(one)).cmp(subject(text(other))));
    }
}

impl Ledger {
    pub(crate) fn note(&mut self, observer: &str, report: Report) {
        self.open.entry(observer.to_owned()).or_default().push(report);
    }

    /// Drops what a node has reported: it is gone, or does not see the world any more.
    pub(crate) fn forget(&mut self, observer: &str) {
        self.open.remove(observer);
    }

    /// Drops everything: the step has accounted for it.
    pub(crate) fn settle(&mut self) {
        self.open.clear();
    }

    /// Compares with what a step expects.
    pub(crate) fn compare(&self, expected: &[(String, String)]) -> Verdict {
        let (mut open, mut broken) = (Vec::new(), Vec::new());
        for observer in self.observers(expected) {
            let wanted = wanted_of(&observer, expected);
            let seen = self.seen_by(&observer, &wanted);
            if has_surplus(&seen, &wanted) {
                broken.push(observer);
            } else if seen.len() < wanted.len() {
                open.push(observer);
            } else if !seen.iter().zip(&wanted).all(|(report, want)| report.meets(want)) {
                broken.push(observer);
            }
        }
        match (open.is_empty(), broken.is_empty()) {
            (true, true) => Verdict::Met,
            (false, true) => Verdict::Open(open),
            (_, false) => Verdict::Broken(broken),
        }
    }

    /// What was reported, as a step would expect it. Lines that meet an expectation are written as
    /// the expectation is.
    pub(crate) fn lines(&self, expected: &[(String, String)]) -> Vec<String> {
        let mut lines = Vec::new();
        for observer in self.observers(expected) {
            let wanted = wanted_of(&observer, expected);
            for report in self.seen_by(&observer, &wanted) {
                let same = wanted.iter().find(|want| report.meets(want));
                let text = same.map_or(report.text.as_str(), |want| want);
                lines.push(format!("{observer}: {text}"));
            }
        }
        lines
    }

    fn observers(&self, expected: &[(String, String)]) -> Vec<String> {
        let mut observers: Vec<String> = self.open.keys().cloned().collect();
        observers.extend(expected.iter().map(|(observer, _)| observer.clone()));
        observers.sort();
        observers.dedup();
        observers
    }

    /// The reports of one observer. Those that are optional count only where the step asks this
    /// observer for them about this member.
    fn seen_by(&self, observer: &str, wanted: &[&str]) -> Vec<&Report> {
        let asked = |report: &Report| {
            wanted.iter().any(|want| is_optional(want) && subject(want) == report.subject())
        };
        let all = self.open.get(observer).map(Vec::as_slice).unwrap_or_default();
        let mut seen: Vec<&Report> =
            all.iter().filter(|report| !is_optional(&report.text) || asked(report)).collect();
        canonical(&mut seen, |report| report.text.as_str());
        seen.dedup_by(|next, before| repeats(&next.text) && next.text == before.text);
        seen
    }
}

fn wanted_of<'a>(observer: &str, expected: &'a [(String, String)]) -> Vec<&'a str> {
    let of = expected.iter().filter(|(who, _)| who == observer);
    let mut wanted: Vec<&str> = of.map(|(_, text)| text.as_str()).collect();
    canonical(&mut wanted, |text| text);
    wanted
}

fn has_surplus(seen: &[&Report], wanted: &[&str]) -> bool {
    let mut left = wanted.to_vec();
    seen.iter().any(|report| match left.iter().position(|want| report.meets(want)) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    })
}

/// The short form of an `event` or `reentered` line, or `None` for what is not compared. `who`
/// tells how a scenario calls a member of that name.
pub(crate) fn normalise(
    line: &Line,
    who: impl Fn(&str) -> String,
) -> Result<Option<Report>, String> {
    match line.word.as_str() {
        "reentered" => return normalise_reentered(line).map(Some),
        "published" => return normalise_published(line, who).map(Some),
        "down" => return normalise_down(line, who).map(Some),
        _ => {}
    }
    let need = |key: &str| line.get(key).ok_or_else(|| format!("an event without {key}: {line}"));
    let kind = need("type")?;
    let text = match kind {
        "member-join" | "member-leave" | "member-failed" | "member-update" | "member-suspect"
        | "member-recover" => {
            let short = kind.trim_start_matches("member-");
            let mut text = format!("{short} {} {}", who(need("name")?), need("state")?);
            push_tags(&mut text, &line.under("tag."));
            if kind == "member-update" {
                text.push_str(" was");
                push_tags(&mut text, &line.under("prev_tag."));
            }
            text
        }
        "message" => told("message", line),
        "broadcast" => told(&format!("broadcast {}", who(need("sender")?)), line),
        "remote-state" => told("state", line),
        "user-event" => told("user-event", line),
        "query" => told(&format!("query {}", who(need("sender")?)), line),
        "admission" => format!("admission {}", who(need("name")?)),
        "member-conflict" => format!("conflict {}", who(need("name")?)),
        "warning" => format!("warning {}", need("code")?),
        "ring-change" => ring("ring-change", line)?,
        "handoff-prepare" => {
            let (peer, id, slots) = (who(need("peer")?), need("id")?, need("slots")?);
            format!("handoff-prepare {peer} id={id} slots={slots}")
        }
        "handoff-acquired" => {
            let peer = Some(need("peer")?).filter(|peer| !peer.is_empty());
            let peer = peer.map_or_else(|| "nobody".to_owned(), who);
            let way = if need("clean")? == "true" { "clean" } else { "unclean" };
            format!("handoff-acquired {peer} slots={} {way}", need("slots")?)
        }
        "replay-done" => kind.to_owned(),
        "events-lost" => format!("events-lost {}", need("count")?),
        _ => return Ok(None),
    };
    Ok(Some(Report::new(text)))
}

/// What is the same of a ring for all who have it.
pub(crate) fn ring(start: &str, line: &Line) -> Result<String, String> {
    let (Some(size), Some(fingerprint)) = (line.get("size"), line.get("fingerprint")) else {
        return Err(format!("a ring without a size or fingerprint: {line}"));
    };
    Ok(format!("{start} size={size} fingerprint={fingerprint}"))
}

/// What was said, and under which name if it has one.
fn told(start: &str, line: &Line) -> String {
    let parts = ["name", "payload", "length", "crc32"].into_iter();
    let named = |key: &&str| *key != "name" || line.get("name") != Some("");
    let parts = parts.filter(named).filter_map(|key| Some((key, line.get(key)?)));
    let mut text = start.to_owned();
    push_tags(&mut text, &parts.collect::<Vec<_>>());
    text
}

fn normalise_reentered(line: &Line) -> Result<Report, String> {
    let call = line.get("do").ok_or_else(|| format!("no do: {line}"))?;
    match (line.get("ok"), line.get("code")) {
        (Some("true"), _) => Ok(Report::new(format!("reentered {call}"))),
        (Some("false"), Some(code)) => Ok(Report::new(format!("reentered {call} error {code}"))),
        _ => Err(format!("neither ok=true nor ok=false code=: {line}")),
    }
}

/// What was published, by whom, and to which subscriber it came.
fn normalise_published(line: &Line, who: impl Fn(&str) -> String) -> Result<Report, String> {
    let need = |key: &str| line.get(key).ok_or_else(|| format!("no {key}: {line}"));
    let (topic, from) = (need("topic")?, who(need("from")?));
    let mut text = format!("published {topic} by {from}");
    let queue = line.get("queue").filter(|queue| !queue.is_empty());
    let missed = line.get("missed").filter(|missed| *missed != "0");
    let pairs = [("queue", queue), ("value", Some(need("value")?)), ("missed", missed)];
    let pairs = pairs.into_iter().filter_map(|(key, value)| Some((key, value?)));
    push_tags(&mut text, &pairs.collect::<Vec<_>>());
    Ok(Report::new(text))
}

/// Which server is down, of whom, and why.
fn normalise_down(line: &Line, who: impl Fn(&str) -> String) -> Result<Report, String> {
    let need = |key: &str| line.get(key).ok_or_else(|| format!("no {key}: {line}"));
    let member = line.get("member").map_or_else(|| "nobody".to_owned(), who);
    let text = format!("down {} {} {member} {}", need("id")?, need("server")?, need("reason")?);
    Ok(Report { text, detail: line.get("text").map(ToOwned::to_owned) })
}

/// Appends ` key=value` for each, quoted where the text would be ambiguous.
pub(crate) fn push_tags(text: &mut String, tags: &[(&str, &str)]) {
    let quoted = |part: &str| {
        let plain = !part.is_empty() && !part.contains([' ', '"', '=', '\\']);
        if plain { part.to_owned() } else { format!("{part:?}") }
    };
    for (key, value) in tags {
        text.push_str(&format!(" {}={}", quoted(key), quoted(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(lines: &[&str]) -> Vec<(String, String)> {
        let split = lines.iter().map(|line| line.split_once(": ").unwrap());
        split.map(|(n, t)| (n.to_owned(), t.to_owned())).collect()
    }

    fn ledger(lines: &[&str]) -> Ledger {
        let mut ledger = Ledger::default();
        for (observer, text) in expected(lines) {
            ledger.note(&observer, Report::new(text));
        }
        ledger
    }

    #[test]
    fn order_counts_for_one_member_only() {
        let seen = ledger(&["a: join c alive", "a: join b alive", "a: failed b failed"]);
        let met = expected(&["a: join b alive", "a: failed b failed", "a: join c alive"]);
        assert_eq!(seen.compare(&met), Verdict::Met);
        let turned = expected(&["a: failed b failed", "a: join b alive", "a: join c alive"]);
        assert_eq!(seen.compare(&turned), Verdict::Broken(vec!["a".into()]));
    }

    #[test]
    fn what_is_done_inside_an_event_has_no_order_with_other_calls() {
        let seen = ledger(&["b: answers a=x", "b: reentered respond", "b: reentered leave"]);
        let met = expected(&["b: reentered respond", "b: answers a=x", "b: reentered leave"]);
        assert_eq!(seen.compare(&met), Verdict::Met);
        let turned = expected(&["b: reentered leave", "b: answers a=x", "b: reentered respond"]);
        assert_eq!(seen.compare(&turned), Verdict::Broken(vec!["b".into()]));
    }

    #[test]
    fn missing_lines_may_come_and_surplus_lines_may_not() {
        let seen = ledger(&["a: join b alive"]);
        let more = expected(&["a: join b alive", "c: join b alive"]);
        assert_eq!(seen.compare(&more), Verdict::Open(vec!["c".into()]));
        assert_eq!(seen.compare(&[]), Verdict::Broken(vec!["a".into()]));
        let twice = ledger(&["a: join b alive", "a: join b alive"]);
        assert_eq!(twice.compare(&more), Verdict::Broken(vec!["a".into()]));
    }

    #[test]
    fn no_line_crosses_the_end_of_a_replay() {
        let late = ledger(&["a: join b alive", "a: replay-done", "a: join c alive"]);
        let want = expected(&["a: join c alive", "a: join b alive", "a: replay-done"]);
        assert_eq!(late.compare(&want), Verdict::Broken(vec!["a".into()]));
        let inside = ledger(&["a: join b alive", "a: join c alive", "a: replay-done"]);
        assert_eq!(inside.compare(&want), Verdict::Met);
    }

    #[test]
    fn suspicion_counts_where_it_is_asked_for() {
        let seen = ledger(&["a: suspect b suspect", "a: suspect c suspect"]);
        assert_eq!(seen.compare(&[]), Verdict::Met);
        assert_eq!(seen.compare(&expected(&["a: suspect b suspect"])), Verdict::Met);
        let want = expected(&["a: suspect b suspect", "a: recover b alive"]);
        assert_eq!(seen.compare(&want), Verdict::Open(vec!["a".into()]));
    }

    #[test]
    fn messages_have_no_order_and_each_counts() {
        let seen = ledger(&["a: message payload=2", "a: message payload=1"]);
        let both = expected(&["a: message payload=1", "a: message payload=2"]);
        assert_eq!(seen.compare(&both), Verdict::Met);
        assert_eq!(seen.compare(&both[..1]), Verdict::Broken(vec!["a".into()]));
        let twice = ledger(&["a: broadcast b payload=1", "a: broadcast b payload=1"]);
        let once = expected(&["a: broadcast b payload=1"]);
        assert_eq!(twice.compare(&once), Verdict::Broken(vec!["a".into()]));
    }

    #[test]
    fn what_repeats_counts_once_and_where_it_is_asked_for() {
        let lines = ["a: state payload=1", "a: warning key-mismatch", "a: state payload=1"];
        let seen = ledger(&lines);
        assert_eq!(seen.compare(&[]), Verdict::Met);
        assert_eq!(seen.compare(&expected(&lines[..1])), Verdict::Met);
        assert_eq!(seen.compare(&expected(&lines[..2])), Verdict::Met);
        let other = expected(&["a: state payload=2"]);
        assert_eq!(seen.compare(&other), Verdict::Open(vec!["a".into()]));
    }

    #[test]
    fn part_of_an_error_can_be_asked_for() {
        let mut seen = Ledger::default();
        let detail = Some("unknown option; did you mean \"x\"?".to_owned());
        seen.note("a", Report { text: "error bad_config".into(), detail });
        let asks = |part: &str| seen.compare(&expected(&[&format!("a: error bad_config{part}")]));
        assert_eq!(asks(""), Verdict::Met);
        assert_eq!(asks(" containing did you mean \"x\""), Verdict::Met);
        assert_eq!(asks(" containing did you mean \"y\""), Verdict::Broken(vec!["a".into()]));
        let wordless = Report { text: "down x s b stopped".into(), detail: None };
        assert!(wordless.meets("down x s b stopped containing no disk"));
        assert!(!wordless.meets("down x s b moved containing no disk"));
    }

    #[test]
    fn events_are_shortened() {
        let short = |text: &str| {
            let line = Line::parse(text).unwrap();
            normalise(&line, str::to_uppercase).map(|report| report.map(|r| r.text))
        };
        let update = "event type=member-update seq=9 name=b addr=x:1 state=alive tag.k=v%20w \
                      tag.a=1 prev_tag.e=";
        assert_eq!(short(update), Ok(Some("update B alive a=1 k=\"v w\" was e=\"\"".into())));
        let broadcast = "event type=broadcast seq=9 sender=b name=load payload=%00%FF";
        assert_eq!(short(broadcast), Ok(Some("broadcast B name=load payload=%00%FF".into())));
        let message = "event type=message seq=9 sender= addr=x:1 reliable=true payload=a%20b";
        assert_eq!(short(message), Ok(Some("message payload=\"a b\"".into())));
        assert_eq!(short("event type=member-reap seq=1 name=b"), Ok(None));
        let acquired = "event type=handoff-acquired seq=1 peer=b slots=3 epoch=9 clean=false";
        assert_eq!(short(acquired), Ok(Some("handoff-acquired B slots=3 unclean".into())));
        assert!(short("event type=ring-change seq=1 version=2 size=1").is_err());
        assert_eq!(short("reentered do=leave ok=false code=closed"), {
            Ok(Some("reentered leave error closed".into()))
        });
        assert!(short("event type=member-join seq=1 name=b").is_err());
        assert!(short("reentered do=leave ok=false").is_err());
    }
}
