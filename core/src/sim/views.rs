//! What the nodes of a simulation believe, and what they have told.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{Node, NodeId, Sim};
use crate::config::RingSettings;
use crate::engine::{Engine, Reply, Request, RequestId, StateChange};
use crate::error::Result;
use crate::event::{EventKind, Warning};
use crate::member::{Member, MemberState};
use crate::placement::{PLACE, Placed, decide, decided, place};
use crate::ring::{Overrides, Ring};
use crate::stats::Stats;
use crate::time::Instant;
use crate::wire::KeyInfo;

/// Values by owner and key.
pub type Shown = BTreeMap<(String, String), Vec<u8>>;

impl Sim {
    /// The keys and values of members as `id` has told of them.
    pub fn shown(&self, id: NodeId) -> &Shown {
        &self.nodes[id.0].shown
    }

    /// Whether all running nodes show the same keys and values, each its own among them.
    pub fn all_show_the_same(&self) -> bool {
        let running = self.running();
        let shown = |id: &NodeId| &self.nodes[id.0].shown;
        let agree = running.windows(2).all(|pair| shown(&pair[0]) == shown(&pair[1]));
        if agree {
            self.nodes.iter().for_each(|node| self.check_shown(node));
        }
        agree
    }

    pub(super) fn show(&mut self, id: NodeId, change: StateChange) {
        self.checks.note();
        let key = (change.owner.to_string(), change.key.to_string());
        let shown = &mut self.nodes[id.0].shown;
        match change.value {
            Some(value) => shown.insert(key, value.to_vec()),
            None => shown.remove(&key),
        };
    }

    /// Checks that what a node has told of keys adds up to what it shows.
    fn check_shown(&self, node: &Node) {
        let Some(engine) = &node.engine else { return };
        let entry = |(owner, key, value)| ((owner, key), value);
        let shown: Shown = engine.shown_state().into_iter().map(entry).collect();
        assert!(shown == node.shown, "seed {:#x}: {} told otherwise", self.seed, node.name);
    }

    /// What a request came to, once it has.
    pub fn reply(&self, node: NodeId, id: RequestId) -> Option<&Result<Reply>> {
        self.nodes[node.0].replies.get(&id)
    }

    /// Everything that `id` has told, with the time.
    pub fn log(&self, id: NodeId) -> &[(Instant, EventKind)] {
        &self.nodes[id.0].log
    }

    /// The keys of a node that is running, the primary first.
    pub fn keys(&self, id: NodeId) -> Vec<KeyInfo> {
        self.nodes[id.0].engine.as_ref().map(Engine::keys).unwrap_or_default()
    }

    /// The nodes whose process is up.
    pub fn running(&self) -> Vec<NodeId> {
        let up = |(_, node): &(usize, &Node)| node.engine.is_some();
        self.nodes.iter().enumerate().filter(up).map(|(i, _)| NodeId(i)).collect()
    }

    /// The name of `id`.
    pub fn name(&self, id: NodeId) -> &str {
        &self.nodes[id.0].name
    }

    /// The address of `id`.
    pub fn addr(&self, id: NodeId) -> SocketAddr {
        self.nodes[id.0].addr
    }

    /// Everybody that `id` knows, itself included; nobody when its process is down.
    pub fn members(&self, id: NodeId) -> Vec<Member> {
        self.nodes[id.0].engine.iter().flat_map(|e| e.members().cloned()).collect()
    }

    /// What `observer` believes about `subject`.
    pub fn view(&self, observer: NodeId, subject: NodeId) -> Option<Member> {
        let engine = self.nodes[observer.0].engine.as_ref()?;
        engine.member(&self.nodes[subject.0].name).cloned()
    }

    /// The ring of the members that `id` sees, numbered as the one behind `before`, or as that if
    /// it is the same; and what a driver warns of when it has made it.
    ///
    /// It is the caller who keeps it, and tells the node of it with
    /// [`Request::Placed`], as a driver does.
    ///
    /// # Errors
    /// `too_large`: more members, or overrides, than a ring can have.
    pub fn ring(
        &self,
        id: NodeId,
        settings: &RingSettings,
        before: Option<&Ring>,
    ) -> Result<(Ring, Vec<Warning>)> {
        let overrides = self.ring_overrides(id);
        let Placed { ring, warnings } = place(settings, &self.members(id), overrides, before)?;
        let version = match before {
            Some(before) if *before == ring => before.version(),
            Some(before) => before.version() + 1,
            None => 1,
        };
        Ok((ring.numbered(version), warnings))
    }

    /// What is decided by hand of the ring, as far as `id` has told.
    pub fn ring_overrides(&self, id: NodeId) -> Overrides {
        let (owner, key) = PLACE;
        let record = self.nodes[id.0].shown.get(&(owner.to_owned(), key.to_owned()));
        decided(record.map(Vec::as_slice)).0
    }

    /// Has `id` decide by hand of the ring; see [`Sim::reply`].
    ///
    /// # Errors
    /// `too_large`: more than one may decide.
    pub fn set_ring_overrides(&mut self, id: NodeId, overrides: &Overrides) -> Result<RequestId> {
        Ok(self.request(id, Request::WriteMap(Box::new(decide(overrides)?))))
    }

    /// The counters of `id`.
    pub fn stats(&self, id: NodeId) -> Stats {
        self.nodes[id.0].engine.as_ref().map(Engine::stats).unwrap_or_default()
    }

    /// Whether every running node believes every other one alive, and nobody else.
    pub fn all_see_all(&self) -> bool {
        let running = self.running();
        let engines = || running.iter().filter_map(|id| self.nodes[id.0].engine.as_ref());
        // Asked often while a cluster grows: the answer is no without a look at each member.
        if engines().any(|engine| engine.present() != running.len()) {
            return false;
        }
        engines().all(|engine| {
            let mut alive = 0;
            for member in engine.members() {
                match member.state() {
                    MemberState::Alive => alive += 1,
                    MemberState::Suspect => return false,
                    MemberState::Failed | MemberState::Left => {}
                }
            }
            alive == running.len()
        })
    }

    /// How many of the others that are running believe `subject` to be in `state`. A member that
    /// is forgotten counts as being in any state of absence.
    pub fn believers(&self, subject: NodeId, state: MemberState) -> usize {
        let others = self.running().into_iter().filter(|id| *id != subject);
        others
            .filter(|observer| match self.view(*observer, subject) {
                Some(member) => member.state() == state,
                None => !state.is_present(),
            })
            .count()
    }
}
