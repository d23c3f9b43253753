//! What calls, casts, servers and loops come to, in a scenario's words.

use super::{Played, Player, pair};
use crate::ledger::push_tags;
use crate::line::Line;
use crate::scenario::Command;

/// Whether it asks for what becomes so by and by: what casts have added up to.
pub(super) fn is_view(command: &Command) -> bool {
    command.verb == "call" && pair(command, "op") == "get"
}

fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(key, value)| (&**key, &**value)).collect()
}

/// What follows the code of an error: whether what was asked for may have happened.
pub(super) fn certainty(command: &Command, answer: &Line) -> &'static str {
    match (command.verb.as_str(), answer.get("maybe_executed")) {
        ("call" | "stream", Some("true")) => " maybe",
        _ => "",
    }
}

impl Player<'_> {
    /// What a message came to, if it was about one.
    pub(super) fn accept_message(
        &mut self,
        command: &Command,
        answer: &Line,
    ) -> Played<Option<String>> {
        let node = command.node.as_str();
        Ok(match command.verb.as_str() {
            "call" => Some(format!("answer {}", answer.get("value").unwrap_or_default())),
            "abcast" => Some(format!("told {}", answer.get("count").unwrap_or_default())),
            "stream" => {
                let end = format!(" answer={}", answer.get("value").unwrap_or_default());
                Some(self.streamed(node) + &end)
            }
            "publish" => Some(format!("sent {}", answer.get("count").unwrap_or_default())),
            "servers" => Some(self.counted(node, answer, "servers", "hosts")?),
            "topics" => Some(self.counted(node, answer, "topics", "members")?),
            "loop_state" => {
                let state = answer.get("state").unwrap_or("unknown");
                Some(format!("loop {} {state}", pair(command, "member")))
            }
            "counter" => {
                let some = answer.get("value").is_some_and(|value| value != "0");
                let some = if some { "some" } else { "none" };
                Some(format!("counter {} {some}", pair(command, "name")))
            }
            "multi_call" => {
                let mut data = std::mem::take(&mut self.part(node).data);
                let failed = data.extract_if(.., |line| line.word == "failed").collect::<Vec<_>>();
                self.part(node).data = data;
                let replies = self.take_data(node, answer)?;
                let mut text = self.listed("replies", &replies, "node", |line| line.get("value"));
                let mut failed: Vec<_> = failed.iter().map(|line| self.failed(line)).collect();
                failed.sort();
                if !failed.is_empty() {
                    text.push_str(" failed");
                    push_tags(&mut text, &borrowed(&failed));
                }
                Some(text)
            }
            _ => None,
        })
    }

    /// The items that a call has brought.
    pub(super) fn streamed(&mut self, node: &str) -> String {
        let items = std::mem::take(&mut self.part(node).data);
        let values = items.iter().map(|line| line.get("value").unwrap_or("?"));
        let values = values.collect::<Vec<_>>().join(",");
        let values = if values.is_empty() { "nothing" } else { &values };
        format!("streamed {values}")
    }

    /// Names, and how many there are of each.
    fn counted(&mut self, node: &str, answer: &Line, start: &str, count: &str) -> Played<String> {
        let data = self.take_data(node, answer)?;
        let of = |line: &Line| {
            let [name, count] = ["name", count].map(|key| line.get(key).map(str::to_owned));
            (name.unwrap_or_default(), count.unwrap_or_default())
        };
        let mut names: Vec<_> = data.iter().map(of).collect();
        names.sort();
        let mut text = start.to_owned();
        push_tags(&mut text, &borrowed(&names));
        Ok(text)
    }

    fn failed(&self, line: &Line) -> (String, String) {
        let code = line.get("code").unwrap_or_default().to_owned();
        (self.who(line.get("node").unwrap_or_default()), code)
    }
}
