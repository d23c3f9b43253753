//! The queries that members ask each other on their own behalf: `_serf_…`.

use super::queries::QueryId;
use super::question::Question;
use super::{Serf, Wish};
use crate::member::{Member, MemberState};
use crate::time::Instant;
use crate::wire::serf::{Holder, KeyAnswer, KeyRequest, Texts};
use crate::wire::{RawAddr, TagPairs};

/// What all their names begin with.
const PREFIX: &str = "_serf_";

/// What is to be done with the keyring of every member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOp {
    /// Install a key: what is encrypted under it is understood.
    Install,
    /// Encrypt under a key that is installed.
    Use,
    /// Forget a key that nobody encrypts under.
    Remove,
    /// Say which keys there are.
    List,
}

const KEY_OPS: [(&str, KeyOp); 4] = [
    ("_serf_install-key", KeyOp::Install),
    ("_serf_use-key", KeyOp::Use),
    ("_serf_remove-key", KeyOp::Remove),
    ("_serf_list-keys", KeyOp::List),
];

impl KeyOp {
    /// The question that has every member do it.
    pub fn question(self, key: &[u8]) -> Question {
        let name = KEY_OPS.iter().find(|(_, op)| *op == self).map_or("", |(name, _)| *name);
        let mut payload = Vec::new();
        KeyRequest { key }.encode(&mut payload);
        Question { name: name.to_owned(), payload, ..Question::default() }
    }
}

/// What one member's keyring has come to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyOutcome {
    /// Whether it did as it was told.
    pub done: bool,
    /// Why it did not, or what else there is to say.
    pub message: String,
    /// Asked for a list: the keys that are installed, in base64.
    pub keys: Vec<String>,
    /// Asked for a list: the key that it encrypts with, in base64.
    pub primary: String,
}

/// Keys belong into no log.
impl std::fmt::Debug for KeyOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("KeyOutcome");
        shown.field("done", &self.done).field("message", &self.message);
        shown.field("keys", &self.keys.len()).finish()
    }
}

impl KeyOutcome {
    /// That of a member without a keyring, in serf's words.
    pub(crate) fn no_keyring(op: KeyOp) -> Self {
        let message = match op {
            KeyOp::List => "Keyring is empty (encryption not enabled)",
            _ => "No keyring to modify (encryption not enabled)",
        };
        Self::failed(message)
    }

    /// That of a member that could not do it.
    pub(crate) fn failed(why: &str) -> Self {
        Self { message: why.to_owned(), ..Self::default() }
    }

    /// Reads the answer of a member.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let answer = KeyAnswer::decode(payload).ok()?;
        Some(Self {
            done: answer.result,
            message: answer.message.to_owned(),
            keys: answer.keys.iter().map(str::to_owned).collect(),
            primary: answer.primary.to_owned(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let keys = Texts::of(&self.keys);
        let (result, message, primary) = (self.done, &self.message, &self.primary);
        let mut payload = Vec::new();
        KeyAnswer { result, message, keys, primary }.encode(&mut payload);
        payload
    }
}

/// Whether a query is one of these, which no application sees.
pub(crate) fn is_internal(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Whether members answer it; what is only acknowledged is over without.
pub(crate) fn is_answered(name: &str) -> bool {
    name != "_serf_ping"
}

impl Serf {
    /// Answers such a query, or wishes for what it takes to answer.
    pub(super) fn on_internal(&mut self, query: QueryId, name: &str, payload: &[u8]) {
        let key_op = KEY_OPS.iter().find(|(other, _)| *other == name).map(|(_, op)| *op);
        match (key_op, name) {
            (Some(op), _) => match KeyRequest::decode(payload) {
                Ok(request) => {
                    self.out.push_back(Wish::Keyring { query, op, key: request.key.to_vec() });
                }
                Err(_) => {
                    self.counters.refused += 1;
                    self.queries.close(query);
                }
            },
            // Whoever is asked about itself is silent: the others are the judges.
            (None, "_serf_conflict") if payload != self.name.as_bytes() => {
                let name = String::from_utf8_lossy(payload).into();
                self.out.push_back(Wish::WhoHolds { query, name });
            }
            // A ping was acknowledged; and of other names only other members know.
            _ => self.queries.close(query),
        }
    }

    /// Says what became of this node's keyring. A list that is too long for an answer is cut.
    pub(crate) fn answer_keys(&mut self, now: Instant, query: QueryId, outcome: &KeyOutcome) {
        let mut cut = outcome.clone();
        let all = cut.keys.len();
        loop {
            if self.respond(now, query, &cut.encode()).is_ok() || cut.keys.pop().is_none() {
                return self.queries.close(query);
            }
            let first = cut.keys.len();
            cut.message =
                format!("truncated key list response, showing first {first} of {all} keys");
        }
    }

    /// Says who holds a name, as far as this node knows.
    pub(crate) fn answer_holder(&mut self, now: Instant, query: QueryId, holder: Option<&Member>) {
        let mut payload = Vec::new();
        match holder {
            None => Holder::encode(None, &mut payload),
            Some(member) => {
                let addr = RawAddr::from(member.addr().ip());
                let known = self.members.get(member.name()).map(|known| known.status.number());
                let pairs = TagPairs::decode(member.meta()).unwrap_or_default();
                let tags: Vec<_> = pairs.collect();
                let holder = Holder {
                    name: member.name(),
                    addr: addr.as_bytes(),
                    port: member.addr().port(),
                    tags: tags.iter().map(|(key, value)| (&**key, &**value)).collect(),
                    status: known.unwrap_or_else(|| number(member.state())),
                    versions: member.versions(),
                };
                Holder::encode(Some(&holder), &mut payload);
            }
        }
        if self.respond(now, query, &payload).is_err() {
            self.counters.refused += 1;
            self.queries.close(query);
        }
    }
}

/// serf's number of a state.
const fn number(state: MemberState) -> u8 {
    match state {
        MemberState::Alive | MemberState::Suspect => 1,
        MemberState::Left => 3,
        MemberState::Failed => 4,
    }
}
