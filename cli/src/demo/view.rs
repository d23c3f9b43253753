//! What one sees while it runs: a picture that changes on a terminal, lines elsewhere.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::stage::{Member, Status};
use crate::show::{plain, table};

/// Happenings that the picture shows.
const SHOWN: usize = 10;
/// Lines of the picture that are always there, and the one that the cursor is on.
const HEADING: usize = 5;
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";

/// The picture, or the lines.
#[derive(Debug)]
pub(crate) struct View {
    live: bool,
    start: Instant,
    /// Lines of the picture that is on the screen.
    drawn: usize,
    happenings: VecDeque<String>,
}

impl View {
    /// A picture if standard output is a terminal that can show one.
    pub(crate) fn new() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let live = std::io::stdout().is_terminal() && !dumb;
        Self { live, start: Instant::now(), drawn: 0, happenings: VecDeque::new() }
    }

    /// Something happened.
    pub(crate) fn note(&mut self, text: impl AsRef<str>) {
        let line =
            format!("{:7.2} s  {}", self.start.elapsed().as_secs_f64(), plain(text.as_ref()));
        if !self.live {
            show(&format!("{line}\n"));
            return;
        }
        if self.happenings.len() == SHOWN {
            self.happenings.pop_front();
        }
        self.happenings.push_back(line);
    }

    /// Draws the picture anew, over the old one.
    pub(crate) fn draw(&mut self, members: &[Member]) {
        if !self.live {
            return;
        }
        let picture = self.picture(members);
        let mut screen = String::from(HIDE_CURSOR);
        if self.drawn > 0 {
            screen += &format!("\x1b[{}A", self.drawn);
        }
        screen += "\r\x1b[J";
        screen += &picture;
        self.drawn = picture.lines().count();
        show(&screen);
    }

    fn picture(&self, members: &[Member]) -> String {
        let rows: Vec<Vec<String>> = members.iter().map(|member| self.row(member)).collect();
        let listed = table(&["MEMBER", "RUNTIME", "STATE", "ITS CALLBACK SAID LAST"], &rows);
        // A longer line would wrap, a higher picture scroll, and the next start in the wrong place.
        let (columns, height) = size();
        let fit = |line: &str| line.chars().take(columns - 1).collect::<String>();
        let shown = height.saturating_sub(members.len() + HEADING);
        let mut picture =
            format!("\x1b[1mchinwag demo\x1b[0m   {:.1} s   Ctrl-C ends it\n\n", self.seconds());
        let mut lines = listed.lines();
        picture += &format!("\x1b[2m{}\x1b[0m\n", fit(lines.next().unwrap_or_default()));
        for (line, member) in lines.zip(members) {
            let ink = match member.status {
                Status::Here => "\x1b[32m",
                Status::Killed => "\x1b[31m",
                Status::Waiting | Status::Starting | Status::Left => "\x1b[2m",
            };
            picture += &format!("{ink}{}\x1b[0m\n", fit(line));
        }
        picture.push('\n');
        let skipped = self.happenings.len().saturating_sub(shown);
        for line in self.happenings.iter().skip(skipped) {
            picture += &format!("{}\n", fit(line));
        }
        picture
    }

    fn row(&self, member: &Member) -> Vec<String> {
        let last = member.reports.last().map_or_else(String::new, |(at, report)| {
            let ago = at.elapsed().as_secs();
            format!("{} {}, {ago} s ago", report.kind, plain(&report.member))
        });
        let actor = &member.actor;
        vec![actor.name.clone(), actor.runtime.to_owned(), member.status.word().to_owned(), last]
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Leaves the last picture, and the cursor as it was.
    pub(crate) fn end(&mut self) {
        if self.live {
            show(SHOW_CURSOR);
        }
    }
}

/// What must be put right when the process ends without coming back here.
pub(crate) fn restore() {
    if std::io::stdout().is_terminal() {
        show(SHOW_CURSOR);
    }
}

/// A span as people read it.
pub(crate) fn span(span: Duration) -> String {
    match span.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", span.as_secs_f64()),
    }
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            (usize::from(size.ws_col), usize::from(size.ws_row))
        }
        _ => (80, 24),
    }
}

/// A reader that has gone away does not end the demonstration.
fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
