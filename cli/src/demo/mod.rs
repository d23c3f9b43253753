//! `chinwag demo`: one cluster of every runtime that is there, on loopback.
//!
//! Members of every language join; one changes a tag, one is killed, one leaves. Each member's own
//! callback must tell the others' fate, and a table shows after how long it did.

mod brood;
mod cast;
mod dialect;
mod script;
mod stage;
mod view;

use std::io::Write;

use clap::Command;

use self::brood::Brood;
use self::cast::Cast;
use self::stage::Stage;
use self::view::View;
use crate::failure::Failure;
use crate::signals::Stop;

const AFTER_HELP: &str = "Runs what the repository's build produces; CHINWAG_DEMO_<RUNTIME> \
                          replaces the command of a runtime, and an empty one leaves it out.";

/// How the subcommand is spelled.
pub(crate) fn command() -> Command {
    Command::new("demo")
        .about("Show one cluster of every runtime that this machine has")
        .after_help(AFTER_HELP)
}

/// Ends every child when it goes out of scope, whatever the reason.
struct Guard(Brood);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Runs it.
pub(crate) async fn run() -> Result<(), Failure> {
    let cast = Cast::gather().map_err(Failure::new)?;
    let guard = Guard(Brood::default());
    let brood = guard.0.clone();
    let stop = Stop::listen(move || {
        brood.end();
        view::restore();
    })?;
    let mut view = View::new();
    for reason in &cast.left_out {
        view.note(format!("left out: {reason}"));
    }
    let mut stage = Stage::new(cast.actors.clone(), view, guard.0.clone(), stop);
    let outcome = script::play(&mut stage, &cast).await;
    stage.view.draw(&stage.members);
    stage.view.end();
    let acts = outcome?;
    let mut report = format!("\n{}", script::report(&stage.members, &acts));
    for reason in &cast.left_out {
        report += &format!("left out: {reason}\n");
    }
    std::io::stdout().write_all(report.as_bytes())?;
    match script::is_right(&acts) {
        true => Ok(()),
        false => Err(Failure::new("not everybody told the right thing")),
    }
}
