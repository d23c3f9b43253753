//! Members that come and go. Each failure costs the others something: what depends on the member is
//! moved, and moved back. So a member that keeps coming back is given up more slowly, here; nothing
//! of it is on the wire.
//!
//! A score counts the returns, and halves within [`HALF_LIFE`] probe intervals. In cycles of a
//! fixed length it approaches a limit, which is above [`FLAPPING`] for those shorter than 35 of
//! them (35 s with the LAN profile): a member that is away longer has time to be forgotten, and was
//! a failure each time.

use super::super::Membership;
use super::super::roster::Slot;
use crate::event::WarningCode;

/// A return after a failure.
pub(crate) const RETURNED: f64 = 1.0;
/// A refuted suspicion: on a bad network there are many, of which it is not to blame.
pub(crate) const REFUTED: f64 = 0.25;
/// From that score on, a member flaps. A crash and two restarts in a row are no reason yet.
const FLAPPING: f64 = 3.0;
/// Below that score, it no longer does.
const CALM: f64 = 1.5;
/// Probe intervals in which a score halves.
const HALF_LIFE: f64 = 60.0;
/// How many times longer a suspicion lasts at most: the time until a real failure is noticed.
const PATIENCE_MAX: u32 = 4;

impl Membership {
    /// The member is back.
    pub(crate) fn came_back(&mut self, slot: Slot, weight: f64) {
        let before = self.flapping(slot);
        let now = self.now;
        let Some(trouble) = self.trouble(slot) else { return };
        let flapped = trouble.flaps && before >= CALM;
        trouble.score = before + weight;
        trouble.scored = now;
        trouble.flaps = flapped || trouble.score >= FLAPPING;
        if trouble.flaps && !flapped {
            self.tell_of_flapping(slot);
        }
    }

    /// How many times longer than others' a suspicion of that member lasts.
    pub(crate) fn patience(&self, slot: Slot) -> u32 {
        let score = self.flapping(slot);
        let flaps = self.healing.troubles.get(&slot).is_some_and(|trouble| trouble.flaps);
        match flaps && score >= CALM {
            true => (1 + (score / FLAPPING) as u32).clamp(2, PATIENCE_MAX),
            false => 1,
        }
    }

    /// The score of a member now.
    fn flapping(&self, slot: Slot) -> f64 {
        let Some(trouble) = self.healing.troubles.get(&slot) else { return 0.0 };
        let half_life = self.protocol.probe_interval.as_secs_f64() * HALF_LIFE;
        let age = self.now.since(trouble.scored).as_secs_f64() / half_life.max(f64::MIN_POSITIVE);
        trouble.score * 0.5_f64.powf(age)
    }

    fn tell_of_flapping(&mut self, slot: Slot) {
        let patience = self.patience(slot);
        let Some(member) = self.roster.get(slot).map(|record| record.member.clone()) else {
            return;
        };
        let text = format!(
            "{} at {} keeps failing and coming back; it is now given up {patience} times more \
             slowly. Is it overloaded, or its network?",
            member.name(),
            member.addr(),
        );
        self.report(WarningCode::Flapping, member.name(), text);
    }
}
