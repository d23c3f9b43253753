//! Monitors of a binding: they settle with the other outcomes.

use super::outcomes::Begun;
use super::{Answer, Host, lock};
use crate::error::{Error, Result};
use crate::messaging::{Down, Target};
use crate::node::Follower;

impl Host {
    /// Follows a server, as [`Node::monitor`](crate::Node::monitor) does. That it is down comes
    /// with [`Host::completions`] under the returned number, once, with the fields of [`Down`];
    /// also the errors of a target. [`Host::cancel`] ends it: it settles as `cancelled`.
    ///
    /// # Errors
    /// `closed`, `forked`.
    pub fn monitor(&self, target: &str) -> Result<u64> {
        self.check()?;
        if self.node.is_closed() {
            return Err(Error::closed());
        }
        let ticket = self.outcomes.lasting_ticket(self.waker());
        let id = ticket.id;
        lock(&self.outcomes.begun).insert(id, None);
        let told = move |down: Result<Down>| ticket.settle(down.map(Answer::from));
        let mut follower = Some(Follower::Told(Box::new(told)));
        let begun = target.parse().and_then(|target: Target| {
            self.node.mesh_for(&target).monitor_for(&target, &mut follower)
        });
        match begun {
            Ok(monitor) => {
                if let Some(place) = lock(&self.outcomes.begun).get_mut(&id) {
                    *place = Some(Begun::Monitor(monitor));
                }
            }
            Err(error) => follower.into_iter().for_each(|held| held.tell(Err(error.clone()))),
        }
        Ok(id)
    }
}

impl From<Down> for Answer {
    fn from(told: Down) -> Self {
        Self::Record(vec![
            ("server", Self::Text(told.server)),
            ("member", told.member.map_or(Self::None, Self::Text)),
            ("reason", told.reason.as_str().into()),
            ("text", Self::Text(told.text)),
        ])
    }
}
