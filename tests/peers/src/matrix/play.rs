//! Cells side by side, and what became of them.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use super::{Cell, Step, play};

/// Plays each under its name; all that fail are named at the end.
///
/// # Panics
/// When any does.
pub fn side_by_side<T: Send>(what: Vec<(String, T)>, play: impl Fn(T) + Sync) {
    let failed: Vec<String> = thread::scope(|scope| {
        let playing: Vec<_> = what
            .into_iter()
            .map(|(name, what)| {
                let (named, play) = (thread::Builder::new().name(name.clone()), &play);
                let run = move || {
                    let start = Instant::now();
                    play(what);
                    println!("{}: {:?}", thread::current().name().unwrap_or(""), start.elapsed());
                };
                (name, named.spawn_scoped(scope, run).expect("a thread"))
            })
            .collect();
        let failed = |(name, thread): (String, thread::ScopedJoinHandle<'_, ()>)| {
            thread.join().is_err().then_some(name)
        };
        playing.into_iter().filter_map(failed).collect()
    });
    assert!(failed.is_empty(), "red: {failed:?}");
}

/// Plays a cell; what could not be asked is exactly what the tables say.
///
/// # Panics
/// When it is not, or anything else is not as it should be.
pub fn check(cell: Cell) {
    let impossible = |step: &Step| step.impossible(cell.peer).is_some();
    let wanted: BTreeSet<Step> = Step::ALL.into_iter().filter(impossible).collect();
    assert_eq!(play(cell), wanted, "{cell:?}");
}
