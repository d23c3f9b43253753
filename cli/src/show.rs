//! How members and events look: as lines for people, and as JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chinwag::event::Field;
use chinwag::{Event, EventKind, Member, Tags};
use serde::Serialize;

/// A member as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct JsonMember {
    name: String,
    addr: String,
    state: &'static str,
    tags: Tags,
}

impl From<&Member> for JsonMember {
    fn from(member: &Member) -> Self {
        Self {
            name: member.name().to_owned(),
            addr: member.addr().to_string(),
            state: member.state().as_str(),
            tags: member.tags(),
        }
    }
}

/// A line of the agent's output; what a type does not have is left out.
#[derive(Debug, Serialize)]
struct JsonLine {
    // The first field, so that people see it first.
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<JsonMember>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<JsonMember>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<JsonMember>>,
    /// What else it carries.
    #[serde(flatten)]
    more: BTreeMap<&'static str, serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

impl JsonLine {
    fn of(kind: &'static str, member: Option<&Member>) -> Self {
        let member = member.map(Into::into);
        Self {
            kind,
            member,
            previous: None,
            count: None,
            members: None,
            more: BTreeMap::new(),
            seq: None,
        }
    }

    fn text(&self) -> String {
        // Strings, numbers and maps with string keys: there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The first line of an agent, as JSON.
pub(crate) fn json_ready(local: &Member) -> String {
    JsonLine::of("ready", Some(local)).text()
}

/// The first line of an agent, for people.
pub(crate) fn text_ready(local: &Member) -> String {
    format!("ready {} {}", plain(local.name()), local.addr())
}

/// An event as JSON.
pub(crate) fn json_event(event: &Event) -> String {
    let mut line = JsonLine::of(event.kind.token(), event.kind.member());
    line.seq = Some(event.seq);
    match &event.kind {
        EventKind::MemberUpdate { previous, .. } | EventKind::MemberMove { previous, .. } => {
            line.previous = Some(previous.into());
        }
        EventKind::EventsLost { count, members } => {
            line.count = Some(*count);
            line.members = Some(members.iter().map(Into::into).collect());
        }
        other => {
            let named = other.info().fields.iter().zip(other.fields());
            line.more =
                named.filter_map(|((name, _), field)| Some((*name, json(field)?))).collect();
        }
    }
    line.text()
}

/// What an event carries beside members.
fn json(field: Field<'_>) -> Option<serde_json::Value> {
    Some(match field {
        Field::Member(_) | Field::Members(_) => return None,
        Field::Text(text) => text.into_owned().into(),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
        Field::Count(count) => count.into(),
        Field::Flag(flag) => flag.into(),
        Field::Duration(span) => span.as_secs_f64().into(),
        Field::Change(changed) => {
            let flows = changed.change.flows();
            let flow = |((from, to), slots)| serde_json::json!([from, to, slots]);
            flows.into_iter().map(flow).collect()
        }
        Field::Slots(slots) => slots.into(),
    })
}

/// An event for people.
pub(crate) fn text_event(event: &Event) -> String {
    let kind = event.kind.token();
    match (&event.kind, event.kind.member()) {
        (EventKind::EventsLost { count, members }, _) => {
            format!("{kind} {count} missed; {} other members are here", members.len())
        }
        (EventKind::Warning(warning), _) => {
            format!("{kind} {} {}", warning.code.as_str(), plain(&warning.text))
        }
        (_, Some(member)) => format!("{kind} {}", text_member(member)),
        (_, None) => kind.to_owned(),
    }
}

fn text_member(member: &Member) -> String {
    let (name, addr, state) = (plain(member.name()), member.addr(), member.state().as_str());
    let tags = text_tags(&member.tags());
    format!("{name} {addr} {state} {tags}")
}

/// Tags in one word; a dash for none.
pub(crate) fn text_tags(tags: &Tags) -> String {
    let pairs: Vec<String> =
        tags.iter().map(|(key, value)| plain(&format!("{key}={value}"))).collect();
    if pairs.is_empty() { "-".to_owned() } else { pairs.join(",") }
}

/// Text from the network, made safe to print: what would move a terminal's cursor, end a line or
/// turn the direction of writing is shown as its code.
pub(crate) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        let odd = matches!(letter, '\u{200e}'..='\u{200f}' | '\u{2066}'..='\u{2069}')
            || ('\u{2028}'..='\u{202e}').contains(&letter);
        if letter.is_control() || odd {
            let _ = write!(safe, "{}", letter.escape_unicode());
        } else {
            safe.push(letter);
        }
    }
    safe
}

/// A part of a whole, for people.
pub(crate) fn percent(share: f64) -> String {
    match 100.0 * share {
        // A slot is less than two thousandths.
        little if little > 0.0 && little < 0.1 => format!("{little:.4} %"),
        other => format!("{other:.2} %"),
    }
}

/// Rows under a header, in columns two spaces apart.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header: Vec<String> = header.iter().map(|&word| word.to_owned()).collect();
    let rows: Vec<&Vec<String>> = std::iter::once(&header).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..header.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_columns() {
        let rows =
            [vec!["a".to_owned(), "1".to_owned()], vec!["longer".to_owned(), "é".to_owned()]];
        assert_eq!(table(&["NAME", "N"], &rows), "NAME    N\na       1\nlonger  é\n");
    }

    #[test]
    fn the_share_of_a_slot_is_not_nothing() {
        let shares = [0.0, 1.0 / 65_536.0, 0.001, 0.25034, 1.0];
        let texts = ["0.00 %", "0.0015 %", "0.10 %", "25.03 %", "100.00 %"];
        assert_eq!(shares.map(percent), texts);
    }

    #[test]
    fn names_cannot_write_to_the_terminal() {
        assert_eq!(plain("web-1 é"), "web-1 é");
        assert_eq!(plain("a\u{1b}[2Jb\n\u{9b}\u{202e}"), "a\\u{1b}[2Jb\\u{a}\\u{9b}\\u{202e}");
    }

    #[test]
    fn the_type_comes_first_and_what_is_missing_is_left_out() {
        let event = Event { seq: 3, kind: EventKind::ReplayDone };
        assert_eq!(json_event(&event), r#"{"type":"replay-done","seq":3}"#);
        let kind = EventKind::EventsLost { count: 7, members: Vec::new() };
        let lost = Event { seq: 9, kind };
        assert_eq!(json_event(&lost), r#"{"type":"events-lost","count":7,"members":[],"seq":9}"#);
        assert_eq!(text_event(&lost), "events-lost 7 missed; 0 other members are here");
    }
}
