//! User events: told once each, remembered for those who join later.

use std::collections::BTreeMap;

use super::clock::Clock;
use crate::wire::serf::{StateWriter, UserEvent};

/// Lamport times that events are remembered of; serf's default.
const TIMES: u64 = 512;
/// Events of one Lamport time: of as many members that spoke at once.
const EVENTS_A_TIME: usize = 4096;
/// Bytes of all events that are remembered; of more, the oldest are forgotten.
const BYTES_MAX: usize = 4 << 20;
/// Name and payload of an event together. serf sends no larger ones, whatever it is told.
pub(crate) const EVENT_MAX: usize = 9 * 1024;

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is told here, and passed on.
    New,
    /// It was told before, or is not to be told.
    Known,
    /// So old that whether it was told is not known any more.
    Old,
    /// Absurd, or one too many.
    Refused,
}

#[derive(Debug)]
struct Stored {
    name: Box<str>,
    payload: Box<[u8]>,
}

impl Stored {
    fn size(&self) -> usize {
        self.name.len() + self.payload.len()
    }
}

/// The recent events of the cluster.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) clock: Clock,
    /// Nothing before that time is told.
    from: u64,
    times: BTreeMap<u64, Vec<Stored>>,
    bytes: usize,
}

impl Events {
    /// None yet; what was said before that clock shows is not told.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { from: clock.time(), clock, times: BTreeMap::new(), bytes: 0 }
    }

    /// Leaves what was said before that time untold.
    pub(crate) fn ignore_before(&mut self, time: u64) {
        self.from = self.from.max(time);
    }

    /// Takes an event in.
    pub(crate) fn hear(&mut self, event: &UserEvent<'_>) -> Heard {
        let size = event.name.len() + event.payload.len();
        if !self.clock.believes(event.ltime) || size > EVENT_MAX {
            return Heard::Refused;
        }
        self.clock.witness(event.ltime);
        self.forget_before(oldest(&self.clock, TIMES));
        if event.ltime < oldest(&self.clock, TIMES) {
            return Heard::Old;
        }
        if event.ltime < self.from {
            return Heard::Known;
        }
        let same = self.times.entry(event.ltime).or_default();
        if same.iter().any(|e| &*e.name == event.name && &*e.payload == event.payload) {
            return Heard::Known;
        }
        if same.len() >= EVENTS_A_TIME {
            return Heard::Refused;
        }
        same.push(Stored { name: event.name.into(), payload: event.payload.into() });
        self.bytes += size;
        while self.bytes > BYTES_MAX
            && let Some((first, _)) = self.times.first_key_value()
        {
            // What is forgotten cannot be told apart from what was never heard.
            let after = first.saturating_add(1);
            self.ignore_before(after);
            self.forget_before(after);
        }
        Heard::New
    }

    fn forget_before(&mut self, time: u64) {
        while let Some(entry) = self.times.first_entry()
            && *entry.key() < time
        {
            self.bytes -= entry.remove().iter().map(Stored::size).sum::<usize>();
        }
    }

    /// Begins a user state with what is remembered.
    pub(crate) fn write<'o>(&self, out: &'o mut Vec<u8>) -> StateWriter<'o> {
        out.reserve(self.bytes);
        let mut writer = StateWriter::new(out, self.clock.time(), self.times.len());
        for (time, events) in &self.times {
            writer.slot(*time, events.iter().map(|event| (&*event.name, &*event.payload)));
        }
        writer
    }
}

/// The oldest time of which that many are remembered.
pub(super) const fn oldest(clock: &Clock, times: u64) -> u64 {
    clock.time().saturating_sub(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ltime: u64, name: &'static str) -> UserEvent<'static> {
        UserEvent { ltime, name, payload: b"p", coalesce: false }
    }

    #[test]
    fn each_is_told_once() {
        let mut events = Events::new(Clock::at(0));
        assert_eq!(events.hear(&event(5, "a")), Heard::New);
        assert_eq!(events.clock.time(), 6);
        assert_eq!(events.hear(&event(5, "a")), Heard::Known);
        assert_eq!(events.hear(&event(5, "b")), Heard::New);
        assert_eq!(events.hear(&event(4, "a")), Heard::New, "late is not old");
        let other = UserEvent { payload: b"q", ..event(5, "a") };
        assert_eq!(events.hear(&other), Heard::New);
        let flag = UserEvent { coalesce: true, ..other };
        assert_eq!(events.hear(&flag), Heard::Known, "a push/pull tells no flag");
    }

    #[test]
    fn what_is_older_than_the_buffer_is_dropped() {
        let mut events = Events::new(Clock::at(0));
        assert_eq!(events.hear(&event(5, "a")), Heard::New);
        assert_eq!(events.hear(&event(600, "b")), Heard::New);
        assert_eq!(events.hear(&event(88, "c")), Heard::Old);
        assert_eq!(events.hear(&event(5, "a")), Heard::Old, "and not told twice");
        assert_eq!(events.hear(&event(89, "c")), Heard::New);
        assert_eq!(events.times.len(), 2);
    }

    #[test]
    fn what_is_to_be_ignored_is() {
        let mut events = Events::new(Clock::at(0));
        events.ignore_before(7);
        assert_eq!(events.hear(&event(6, "a")), Heard::Known);
        assert_eq!(events.hear(&event(7, "a")), Heard::New);
        events.ignore_before(3);
        assert_eq!(events.hear(&event(6, "a")), Heard::Known, "it does not go back");
    }

    #[test]
    fn absurd_ones_are_refused() {
        let mut events = Events::new(Clock::at(0));
        assert_eq!(events.hear(&event(u64::MAX, "a")), Heard::Refused);
        assert_eq!(events.hear(&event(1 << 40, "a")), Heard::Refused);
        assert_eq!(events.clock.time(), 1);
        let payload = vec![0; EVENT_MAX];
        let large = UserEvent { payload: &payload, ..event(1, "") };
        assert_eq!(events.hear(&large), Heard::New);
        assert_eq!(events.hear(&UserEvent { name: "x", ..large }), Heard::Refused);
    }

    #[test]
    fn a_flood_is_bounded_and_nothing_is_told_twice() {
        let mut events = Events::new(Clock::at(0));
        let payload = vec![7; EVENT_MAX - 8];
        let flood = |ltime: u64, at: usize, events: &mut Events| {
            let name = format!("{at:08}");
            events.hear(&UserEvent { ltime, name: &name, payload: &payload, coalesce: false })
        };
        for at in 0..1000 {
            assert_eq!(flood(1 + at as u64 / 10, at, &mut events), Heard::New);
            assert!(events.bytes <= BYTES_MAX);
        }
        for at in 0..1000 {
            assert_eq!(flood(1 + at as u64 / 10, at, &mut events), Heard::Known, "{at}");
        }
        let mut events = Events::new(Clock::at(0));
        let small = |at: usize, events: &mut Events| {
            events.hear(&UserEvent { name: &at.to_string(), ..event(9, "") })
        };
        assert!((0..EVENTS_A_TIME).all(|at| small(at, &mut events) == Heard::New));
        assert_eq!(small(EVENTS_A_TIME, &mut events), Heard::Refused);
    }
}
