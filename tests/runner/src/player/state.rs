//! What keys of members come to, in a scenario's words.

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
            _ => None,
        })
    }

    /// Files what a watch of keys has told.
    pub(super) fn take_watched(&mut self, node: &str, line: &Line) -> Result<(), String> {
        let need =
            |key: &str| line.get(key).ok_or_else(|| format!("a watch without {key}: {line}"));
        let text = match need("type")? {
            "put" => of_key("key", &self.who(need("member")?), need("key")?, need("payload")?),
            "deleted" => format!("key {} {} gone", self.who(need("member")?), need("key")?),
            "replay-done" => "watch-done".to_owned(),
            "lost" => format!("watch-lost {}", need("count")?),
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
