//! The matrix as the documentation shows it.

use std::fmt::Write;

use super::{Peer, Setting, Step};

/// Two tables and the reasons for what is missing in them.
pub fn rendered() -> String {
    let mut reasons = Vec::new();
    let settings =
        Setting::ALL.map(|setting| (setting.title(), Peer::ALL.map(|p| setting.impossible(p))));
    let steps = Step::ALL.map(|step| (step.title(), Peer::ALL.map(|p| step.impossible(p))));
    let mut text = table("setting", &settings, &mut reasons);
    text.push('\n');
    text.push_str(&table("step of the script", &steps, &mut reasons));
    text.push('\n');
    for (number, reason) in reasons.iter().enumerate() {
        put(&mut text, format_args!("{}. {reason}\n", number + 1));
    }
    text
}

type Row = (&'static str, [Option<&'static str>; 4]);

fn table(first: &str, rows: &[Row], reasons: &mut Vec<&'static str>) -> String {
    let mut text = format!("| {first} |");
    for peer in Peer::ALL {
        put(&mut text, format_args!(" {} |", peer.title()));
    }
    text.push_str("\n|---|---|---|---|---|\n");
    for (title, cells) in rows {
        put(&mut text, format_args!("| {title} |"));
        for cell in cells {
            match cell {
                None => text.push_str(" yes |"),
                Some(reason) => {
                    let known = reasons.iter().position(|other| other == reason);
                    let number = known.unwrap_or_else(|| {
                        reasons.push(reason);
                        reasons.len() - 1
                    });
                    put(&mut text, format_args!(" no: {} |", number + 1));
                }
            }
        }
        text.push('\n');
    }
    text
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(what);
}
