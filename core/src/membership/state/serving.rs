//! Answers to members that lack something.

use std::collections::BTreeMap;

use crate::engine::StreamId;
use crate::membership::Membership;
use crate::membership::roster::Slot;
use crate::state::{Mark, Written};
use crate::wire::{
    STATE_MESSAGE_MAX, StateDelta, StateDeltas, StateMark, StateMarks, StateMessage,
    encode_stream_user,
};

impl Membership {
    /// Whether a message over a connection asks for spaces; it is answered then, if by a member.
    pub(in crate::membership) fn serve_state(&mut self, stream: StreamId, payload: &[u8]) -> bool {
        if !StateMessage::is_one(payload) {
            return false;
        }
        let (marks, all) = match StateMessage::decode(payload) {
            Ok(StateMessage::Want(marks)) => (marks, false),
            Ok(StateMessage::Digest(marks)) => (marks, true),
            Ok(StateMessage::Deltas(_)) | Err(_) => return false,
        };
        self.stats.space_bytes_received += payload.len() as u64;
        let asker = self.roster.find(marks.sender).filter(|slot| {
            self.roster.get(*slot).is_some_and(|record| record.member.state().is_present())
        });
        let Some(asker) = asker else {
            self.stats.messages_refused += 1;
            return true;
        };
        let answer = match all {
            true => self.answer_digest(asker, &marks),
            false => self.answer_want(&marks),
        };
        self.stats.space_bytes_sent += answer.len() as u64;
        let mut bytes = Vec::with_capacity(answer.len() + 32);
        encode_stream_user(&answer, &mut bytes);
        self.answer(stream, &bytes);
        self.pull();
        true
    }

    fn answer_want(&mut self, marks: &StateMarks<'_>) -> Vec<u8> {
        let mut answer = Vec::new();
        StateDeltas::begin(&mut answer);
        for StateMark { owner, epoch, version } in marks.iter() {
            if !self.put_since(owner, Mark { epoch, version }, &mut answer) {
                break;
            }
        }
        answer
    }

    /// What the asker lacks of all; and notes what it has and this node lacks.
    fn answer_digest(&mut self, asker: Slot, marks: &StateMarks<'_>) -> Vec<u8> {
        let mut theirs: BTreeMap<&str, Mark> = BTreeMap::new();
        for StateMark { owner, epoch, version } in marks.iter() {
            let mark = Mark { epoch, version };
            match *owner == *self.name {
                true => self.hear_of_own(mark),
                false => self.lack(owner, mark, Some(asker), true),
            }
            theirs.insert(owner, mark);
        }
        let ours: Vec<String> =
            self.state.spaces.marks().map(|mark| mark.owner.to_owned()).collect();
        let mut answer = Vec::new();
        StateDeltas::begin(&mut answer);
        for owner in ours {
            let known = theirs.get(&*owner).copied().unwrap_or_default();
            if !self.put_since(&owner, known, &mut answer) {
                break;
            }
        }
        answer
    }

    /// Appends what is beyond that mark, or that there is something; whether there is room for
    /// more.
    fn put_since(&mut self, owner: &str, known: Mark, answer: &mut Vec<u8>) -> bool {
        // For announcements of what does not fit.
        let least = StateDelta::room_without(owner);
        let Some(room) = (STATE_MESSAGE_MAX - least).checked_sub(answer.len()) else {
            return false;
        };
        match self.state.spaces.since(owner, known, room, answer) {
            Written::Nothing => return true,
            Written::All | Written::Part => {}
            Written::TooLarge => {
                if let Some(space) = self.state.spaces.space(owner) {
                    space.announcement(owner, answer);
                }
            }
        }
        self.stats.space_deltas_sent += 1;
        true
    }
}
