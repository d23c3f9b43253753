//! What keys of members and of maps come to, in a scenario's words.

use super::{Played, Player, pair};
use crate::ledger::{Report, push_tags};
use crate::line::Line;
use crate::scenario::Command;

impl Player<'_> {
    /// What a look-up found, if it was one.
    pub(super) fn accept_state(
        &mut self,
        command: &Command,
        answer: &Line,
    ) -> Played<Option<String>> {
        Ok(match command.verb.as_str() {
            "get" => {
                let (member, key) = (pair(command, "member"), pair(command, "key"));
                Some(match answer.get("payload") {
                    Some(value) => of_key("value", member, key, value),
                    None => format!("value {member} {key} nothing"),
                })
            }
            "entries" => {
                let data = self.take_data(&command.node, answer)?;
                let of = |line: &Line| {
                    let [member, key, value] =
                        ["member", "key", "payload"].map(|key| line.get(key).unwrap_or_default());
                    (format!("{}/{key}", self.who(member)), value.to_owned())
                };
                // In the order that they came in, which is promised where nodes have the names of
                // the scenario.
                let entries: Vec<_> = data.iter().map(of).collect();
                let pairs: Vec<_> = entries.iter().map(|(key, value)| (&**key, &**value)).collect();
                let mut text = "entries".to_owned();
                push_tags(&mut text, &pairs);
                Some(text)
            }
            "map_get" => {
                let (map, key) = (pair(command, "map"), pair(command, "key"));
                Some(match answer.get("payload") {
                    Some(value) => of_key("last", map, key, value),
                    None => format!("last {map} {key} nothing"),
                })
            }
            "map_read" => {
                let (map, key) = (pair(command, "map"), pair(command, "key"));
                Some(format!("read {map} {key}{}", self.values(answer)))
            }
            "map_entries" => {
                let data = self.take_data(&command.node, answer)?;
                let of = |line: &Line| {
                    let key = line.get("key").unwrap_or_default();
                    format!(" {key}{}", self.values(line))
                };
                Some(data.iter().fold("keys".to_owned(), |text, line| text + &of(line)))
            }
            _ => None,
        })
    }

    /// The values of a key of a map and who put them, in the order of the values: which of several
    /// is the newest depends on clocks.
    fn values(&self, line: &Line) -> String {
        // None of them has a comma of its own.
        let list = |key| line.get(key).map(|list| list.split(',')).into_iter().flatten();
        let mut both: Vec<_> = list("values").zip(list("writers")).collect();
        both.sort();
        let one = |(value, writer): &(&str, &str)| {
            let mut text = String::new();
            push_tags(&mut text, &[(&self.who(writer), value)]);
            text
        };
        if both.is_empty() { " nothing".to_owned() } else { both.iter().map(one).collect() }
    }

    /// Files what a watch of keys has told.
    pub(super) fn take_watched(&mut self, node: &str, line: &Line) -> Result<(), String> {
        let need =
            |key: &str| line.get(key).ok_or_else(|| format!("a watch without {key}: {line}"));
        let map = line.get("map").map(|map| format!("map {map} "));
        let text = match (need("type")?, &map) {
            ("put", Some(map)) => format!("{map}{}{}", need("key")?, self.values(line)),
            ("deleted", Some(map)) => format!("{map}{} gone", need("key")?),
            ("put", None) => {
                of_key("key", &self.who(need("member")?), need("key")?, need("payload")?)
            }
            ("deleted", None) => format!("key {} {} gone", self.who(need("member")?), need("key")?),
            ("replay-done", _) => "watch-done".to_owned(),
            ("lost", _) => format!("watch-lost {}", need("count")?),
            _ => return Err(format!("nothing of a watch: {line}")),
        };
        if self.part(node).heard {
            self.ledger.note(node, Report::new(text));
        }
        Ok(())
    }
}

/// A key of a member, and its value.
fn of_key(start: &str, member: &str, key: &str, value: &str) -> String {
    let mut text = format!("{start} {member}");
    push_tags(&mut text, &[(key, value)]);
    text
}
