//! The one script that is played in every cell: two of theirs, two of ours.

use std::collections::{BTreeMap, BTreeSet};

use super::member::{Departure, Listed, Member, Way, start_ours, start_peer};
use super::{Peer, Setting, Step};
use crate::{address, eventually};

/// Two who go at the same time, and come back.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    how: Departure,
    elsewhere: bool,
}

/// Both ways to go, and both places to come back at.
pub const LONG: &[Round] = &[
    Round { how: Departure::Leave, elsewhere: false },
    Round { how: Departure::Crash, elsewhere: false },
    Round { how: Departure::Leave, elsewhere: true },
    Round { how: Departure::Crash, elsewhere: true },
];
/// Enough for a language, since the protocol is that of the library.
pub const SHORT: &[Round] = &[LONG[2], LONG[1]];

/// A cell of the matrix.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Who is in the cluster with us.
    pub peer: Peer,
    /// How the cluster is set up.
    pub setting: Setting,
    /// In which language ours are.
    pub language: &'static str,
    /// Who goes and comes back.
    pub rounds: &'static [Round],
}

/// Plays a cell; the steps for which somebody had no surface.
///
/// # Panics
/// When anything is not as it should be.
pub fn play(cell: Cell) -> BTreeSet<Step> {
    let mut story = Story::begin(cell);
    story.show_tags();
    story.talk();
    let mut gone = Vec::new();
    for round in cell.rounds {
        gone.extend(story.go_and_return(*round));
    }
    story.blame(gone);
    story.holes
}

/// The members by their place: those who stay, and those who go and come back.
const THEIRS: usize = 0;
const THEIR_LOST: usize = 1;
const OURS: usize = 2;
const OUR_LOST: usize = 3;
const NAMES: [&str; 4] = ["theirs-1", "theirs-2", "ours-1", "ours-2"];

/// Bytes of a large message.
const LARGE: usize = 100_000;

struct Story {
    cell: Cell,
    members: Vec<Box<dyn Member>>,
    holes: BTreeSet<Step>,
}

impl Story {
    /// Joins from either side.
    fn begin(cell: Cell) -> Self {
        let mut story = Self { cell, members: Vec::new(), holes: BTreeSet::new() };
        let first = story.start(THEIRS, &address(), None);
        let ours = story.start(OURS, &address(), Some(first.addr()));
        let second = story.start(THEIR_LOST, &address(), Some(ours.addr()));
        let last = story.start(OUR_LOST, &address(), Some(second.addr()));
        story.members = vec![first, second, ours, last];
        story.everybody_sees_everybody();
        story
    }

    fn start(&self, place: usize, bind: &str, seed: Option<&str>) -> Box<dyn Member> {
        let Cell { peer, setting, language, .. } = self.cell;
        let (options, name) = (setting.options(), NAMES[place]);
        match place {
            THEIRS | THEIR_LOST => start_peer(peer, &options, name, bind, seed),
            _ => start_ours(language, &options, name, bind, seed),
        }
    }

    fn attempt(&mut self, step: Step, done: Option<()>) {
        if done.is_none() {
            self.holes.insert(step);
        }
    }

    fn everybody_sees_everybody(&mut self) {
        let mut wanted = BTreeMap::new();
        for member in &self.members {
            let (name, addr) = (member.name().to_owned(), member.addr().to_owned());
            let of = member.has_tags().then(|| ("of".to_owned(), name.clone()));
            wanted.insert(name, Listed { addr, tags: Some(of.into_iter().collect()) });
        }
        for member in &mut self.members {
            let what = format!("{} sees {:?} where they are", member.name(), wanted.keys());
            eventually(&what, || {
                let mut present = member.present();
                for (name, listed) in &mut present {
                    match &mut listed.tags {
                        Some(tags) => tags.retain(|key, _| key == "of"),
                        none => *none = wanted.get(name)?.tags.clone(),
                    }
                }
                (present == wanted).then_some(())
            });
        }
    }

    fn show_tags(&mut self) {
        for (from, to, step) in
            [(THEIRS, OUR_LOST, Step::TagsHere), (OURS, THEIR_LOST, Step::TagsThere)]
        {
            let done = self.show_tag(from, to);
            self.attempt(step, done);
        }
    }

    fn show_tag(&mut self, from: usize, to: usize) -> Option<()> {
        let (key, value) = ("mood", "größer = better");
        let name = self.members[from].name().to_owned();
        self.members[to].present().remove(&name)?.tags?;
        self.members[from].tag(key, value)?;
        eventually(&format!("the mood of {name}"), || {
            let tags = self.members[to].present().remove(&name)?.tags?;
            (tags.get(key).map(String::as_str) == Some(value)).then_some(())
        });
        Some(())
    }

    fn talk(&mut self) {
        let small = match self.cell.peer {
            Peer::Serf => Way::UserEvent,
            _ => Way::Datagram,
        };
        // An argument of serf's command has no zero in it.
        let first = u8::from(self.cell.peer == Peer::Serf);
        let bytes: Vec<u8> = (first..=255).collect();
        for (from, to, way, step) in [
            (THEIRS, OURS, small, Step::SmallHere),
            (OURS, THEIRS, small, Step::SmallThere),
            (THEIR_LOST, OUR_LOST, Way::Stream, Step::LargeHere),
            (OUR_LOST, THEIR_LOST, Way::Stream, Step::LargeThere),
        ] {
            // Whoever tells everybody something hears it as well.
            let piece = [step.title().as_bytes(), &bytes].concat();
            let done = self.deliver(from, to, way, &piece);
            self.attempt(step, done);
        }
    }

    fn deliver(&mut self, from: usize, to: usize, way: Way, piece: &[u8]) -> Option<()> {
        let times = if way == Way::Stream { LARGE.div_ceil(piece.len()) } else { 1 };
        let (name, payload) = (self.members[to].name().to_owned(), piece.repeat(times));
        self.members[to].heard(way, &payload)?;
        self.members[from].send(&name, way, piece, times)?;
        let what = format!("{name} hears {way:?} of {} bytes", payload.len());
        eventually(&what, || {
            let heard = self.members[to].heard(way, &payload)?;
            assert!(heard <= 1, "{what}, and again");
            (heard == 1).then_some(())
        });
        Some(())
    }

    /// One of each goes, is seen to go, and comes back; who crashed.
    fn go_and_return(&mut self, round: Round) -> Vec<String> {
        for place in [THEIR_LOST, OUR_LOST] {
            self.nobody_was_blamed_by(place);
            let name = self.members[place].name().to_owned();
            [THEIRS, OURS].into_iter().for_each(|by| self.members[by].pass_over(&name));
            self.members[place].depart(round.how);
        }
        let names = [THEIR_LOST, OUR_LOST].map(|place| self.members[place].name().to_owned());
        let (here, there) = match round.how {
            Departure::Leave => (Step::LeaveHere, Step::LeaveThere),
            Departure::Crash => (Step::CrashHere, Step::CrashThere),
        };
        for (by, of, step) in
            [(OURS, 0, Some(here)), (OURS, 1, None), (THEIRS, 0, None), (THEIRS, 1, Some(there))]
        {
            let seen = self.members[by].saw(&names[of], round.how);
            step.into_iter().for_each(|step| self.attempt(step, seen));
        }
        for (place, through) in [(THEIR_LOST, OURS), (OUR_LOST, THEIRS)] {
            let bind = match round.elsewhere {
                true => address(),
                false => self.members[place].addr().to_owned(),
            };
            let seed = self.members[through].addr().to_owned();
            self.members[place] = self.start(place, &bind, Some(&seed));
        }
        let same = self.members[THEIR_LOST].name() == names[0];
        self.attempt(Step::ReturnOfIt, same.then_some(()));
        self.everybody_sees_everybody();
        match round.how {
            Departure::Leave => Vec::new(),
            Departure::Crash => names.to_vec(),
        }
    }

    /// Nobody has held anybody for failed but those who were killed.
    fn blame(&mut self, mut killed: Vec<String>) {
        killed.sort();
        assert_eq!(self.members[OURS].blamed().as_ref(), Some(&killed), "by ours");
        let theirs = self.members[THEIRS].blamed().map(|mut theirs| {
            // Go memberlist believes old news about somebody who has come back elsewhere.
            theirs.dedup();
            killed.dedup();
            assert_eq!(theirs, killed, "by theirs");
        });
        self.attempt(Step::Blames, theirs);
        self.nobody_was_blamed_by(THEIR_LOST);
        self.nobody_was_blamed_by(OUR_LOST);
    }

    fn nobody_was_blamed_by(&mut self, place: usize) {
        let member = &mut self.members[place];
        assert!(member.blamed().is_none_or(|names| names.is_empty()), "{:?}", member.blamed());
    }
}
