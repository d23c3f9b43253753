//! What is said to a node before anybody listens: between its start and its first reader, who gets
//! it. Programs start a node and subscribe after it, and peers do not wait for that.

use std::collections::VecDeque;

use crate::event::{Event, EventKind};
use crate::member::Member;

/// Events kept for the first reader at most, who may never come.
const EVENTS_MAX: usize = 256;
/// Bytes of payload in them, beside the last one.
const PAYLOADS_MAX: usize = 1 << 20;

/// The events for the first reader; of too many, the oldest are dropped and counted.
#[derive(Debug, Default)]
pub(super) struct Unheard {
    kinds: VecDeque<EventKind>,
    payloads: usize,
    lost: u64,
}

impl Unheard {
    /// Keeps an event, unless the members as they are will tell the same.
    pub(super) fn keep(&mut self, kind: EventKind) {
        let is_conflict = matches!(kind, EventKind::MemberConflict { .. });
        if kind.member().is_some() && !is_conflict {
            return;
        }
        self.payloads += kind.payload_len();
        self.kinds.push_back(kind);
        while self.kinds.len() > EVENTS_MAX
            || (self.payloads > PAYLOADS_MAX && self.kinds.len() > 1)
        {
            let Some(kind) = self.kinds.pop_front() else { break };
            self.payloads -= kind.payload_len();
            self.lost += 1;
        }
    }

    /// All of them, under the number of the last event so far. `members` are those as they are.
    pub(super) fn tell(self, seq: u64, members: impl FnOnce() -> Vec<Member>) -> Vec<Event> {
        let lost =
            (self.lost > 0).then(|| EventKind::EventsLost { count: self.lost, members: members() });
        lost.into_iter().chain(self.kinds).map(|kind| Event { seq, kind }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::UserEvent;

    fn said(bytes: usize) -> EventKind {
        let (name, payload) = (bytes.to_string(), vec![0; bytes].into());
        EventKind::UserEvent(Arc::new(UserEvent { name, ltime: 1, payload, coalesce: false }))
    }

    fn told(unheard: Unheard) -> Vec<EventKind> {
        unheard.tell(7, Vec::new).into_iter().map(|event| event.kind).collect()
    }

    #[test]
    fn too_many_are_counted() {
        let mut unheard = Unheard::default();
        (0..EVENTS_MAX + 2).for_each(|size| unheard.keep(said(size)));
        let told = told(unheard);
        assert_eq!(told[0], EventKind::EventsLost { count: 2, members: Vec::new() });
        assert_eq!((told.len(), &told[1]), (EVENTS_MAX + 1, &said(2)));
    }

    #[test]
    fn large_ones_are_bounded_in_bytes() {
        let mut unheard = Unheard::default();
        for size in [1, PAYLOADS_MAX, PAYLOADS_MAX + 1] {
            unheard.keep(said(size));
        }
        let lost = EventKind::EventsLost { count: 2, members: Vec::new() };
        assert_eq!(told(unheard), [lost, said(PAYLOADS_MAX + 1)]);
    }
}
