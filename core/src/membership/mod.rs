//! SWIM with Lifeguard.

use crate::engine::{Input, Output, Setup};
use crate::member::{Facts, Member, MemberState};
use crate::time::Instant;

/// Counters since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {}

#[derive(Debug)]
pub(crate) struct Membership {
    local: Member,
}

impl Membership {
    pub(crate) fn new(_now: Instant, setup: Setup) -> Self {
        let facts = Facts {
            name: setup.name.into(),
            addr: setup.advertise,
            state: MemberState::Alive,
            incarnation: 1,
            versions: [1, 5, 2, 0, 0, 0],
            mapped: false,
            meta: setup.meta.into(),
        };
        Self { local: Member::new(facts) }
    }

    pub(crate) fn handle(&mut self, _now: Instant, _input: Input<'_>, _streams: &mut u64) {}

    pub(crate) fn poll_output(&mut self) -> Output {
        Output::Idle(Instant::NEVER)
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats::default()
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.local)
    }

    pub(crate) fn local(&self) -> &Member {
        &self.local
    }
}
