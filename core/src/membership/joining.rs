//! Joining through seeds, all at once, and what came of each.

use std::net::SocketAddr;

use super::push_pull::{Failure, Purpose};
use super::{Membership, Presence};
use crate::engine::{Reply, RequestId};
use crate::error::{Attempt, Error, ErrorKind};
use crate::event::WarningCode;
use crate::wire::PushPull;

/// A join under way.
#[derive(Debug, Default)]
pub(super) struct Joining {
    /// Seeds of which the outcome is not known yet.
    open: usize,
    contacted: Vec<String>,
    failed: Vec<Attempt>,
    /// What the failed ones failed for, where it is more than silence.
    kinds: Vec<ErrorKind>,
    /// Where somebody has the name of this node, and answers.
    pub(super) holder: Option<SocketAddr>,
    /// Where an earlier run of this node was, and nobody answers.
    pub(super) silent: Option<SocketAddr>,
    /// Nobody waits for the details: the seeds are tried again by and by.
    again: bool,
}

impl Joining {
    /// What it failed for: whatever all seeds failed for, else that nobody answered.
    fn kind(&self) -> ErrorKind {
        match self.kinds.split_first() {
            Some((first, rest))
                if self.kinds.len() == self.failed.len() && rest.iter().all(|k| k == first) =>
            {
                *first
            }
            _ => ErrorKind::JoinFailed,
        }
    }
}

impl Membership {
    /// Joins through `targets`; the failures are of seeds that were not found. A node that has left
    /// comes back by it, unless this is only a repetition.
    pub(super) fn join(
        &mut self,
        request: RequestId,
        targets: Vec<(String, SocketAddr)>,
        failed: Vec<Attempt>,
        again: bool,
    ) {
        if again && self.presence != Presence::Here {
            return self.reply(request, Ok(Reply::Joined(0)));
        }
        self.come_back();
        let open = targets.len();
        self.joins.insert(request, Joining { open, failed, again, ..Joining::default() });
        let own = self.local().addr();
        for (seed, addr) in targets {
            if addr == own {
                self.seed_failed(request, seed, ITSELF.to_owned().into());
            } else {
                self.contact(request, seed, addr);
            }
        }
        self.check_join(request);
    }

    fn contact(&mut self, request: RequestId, seed: String, addr: SocketAddr) {
        match self.known_holder(addr) {
            Some(holder) => self.ask_holder((request, seed, addr), holder, None),
            None => self.begin(Purpose::Join { request, seed, addr }, addr),
        }
    }

    /// A seed has answered with what it knows.
    pub(super) fn joined(
        &mut self,
        request: RequestId,
        seed: String,
        addr: SocketAddr,
        state: PushPull,
    ) {
        let Some(joining) = self.joins.get(&request) else { return };
        let silent = joining.silent;
        if let Some(holder) = self.namesake(&state).filter(|holder| Some(*holder) != silent) {
            return self.ask_holder((request, seed, addr), holder, Some(state));
        }
        if self.adopt_versions(&state) {
            // The seed has just been told versions that it refuses. Once more, with its own.
            return self.begin(Purpose::Join { request, seed, addr }, addr);
        }
        if silent.is_some() {
            self.outgrow_namesake(&state);
        }
        // Whoever joins a cluster wants its members.
        self.gate.let_all_in(true);
        let outcome = self.merge(addr, &state, true);
        self.gate.let_all_in(false);
        match outcome {
            Ok(()) => {
                self.greet_seed(addr, false);
                if let Some(joining) = self.joins.get_mut(&request) {
                    joining.open -= 1;
                    joining.contacted.push(seed);
                }
                self.plan_settling();
            }
            Err(cause) => self.seed_failed(request, seed, cause.into()),
        }
        self.check_join(request);
    }

    /// Notes that a seed did not let this node join, and why.
    pub(super) fn seed_failed(&mut self, request: RequestId, seed: String, failure: Failure) {
        if let Some(joining) = self.joins.get_mut(&request) {
            joining.open -= 1;
            joining.failed.push(Attempt { seed, cause: failure.cause });
            joining.kinds.extend(failure.kind);
        }
    }

    /// Nobody waits for a request any more. A join ends here: its connections are closed, and
    /// nothing more is sent for it. Who was reached before that stays a member.
    pub(super) fn cancel(&mut self, request: RequestId) {
        if self.joins.remove(&request).is_none() {
            return;
        }
        self.drop_checks_of(request);
        for stream in self.exchanges_of(request) {
            self.drop_exchange(stream);
        }
        self.go_on_leaving();
    }

    /// Settles a join once the last of its seeds is.
    pub(super) fn check_join(&mut self, request: RequestId) {
        if self.joins.get(&request).is_none_or(|joining| joining.open > 0) {
            return;
        }
        let Some(joining) = self.joins.remove(&request) else { return };
        let result = match (joining.contacted.len(), joining.holder) {
            (0, Some(holder)) => {
                Err(Error::name_conflict(&self.name, &holder.to_string(), joining.failed))
            }
            (0, None) => Err(Error::nobody_joined(joining.kind(), joining.failed)),
            (count, _) => {
                self.tell_of_failures(joining);
                Ok(Reply::Joined(count))
            }
        };
        if let (Ok(_), Some(serf)) = (&result, &mut self.serf) {
            serf.announce(self.now);
        }
        self.reply(request, result);
        self.go_on_leaving();
    }

    /// The reply of a join that reached somebody has no room for who was not reached, and why.
    fn tell_of_failures(&mut self, joining: Joining) {
        let Joining { mut failed, contacted, again, .. } = joining;
        // A name may stand for several addresses, of which one is enough; and a list of seeds that
        // is the same for all contains the node itself.
        failed.retain(|attempt| attempt.cause != ITSELF && !contacted.contains(&attempt.seed));
        if let (Some(first), false) = (failed.first(), again) {
            let causes: Vec<String> =
                failed.iter().map(|failed| format!("{} {}", failed.seed, failed.cause)).collect();
            let text = format!(
                "joined through {}, but not through the others: {}",
                contacted.join(", "),
                causes.join("; ")
            );
            let subject = first.seed.clone();
            self.report(WarningCode::SeedFailed, &subject, text);
        }
    }
}

const ITSELF: &str = "is this node itself";
