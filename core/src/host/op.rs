//! What a binding can ask of a node, and how it is done.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Answer, Turn};
use crate::engine::{Broadcast, BroadcastKind, Delivery, KeyChange, MapWrite, Question};
use crate::error::{Error, ErrorKind, Result};
use crate::member::Tags;
use crate::messaging::Payload;
use crate::node::Node;
use crate::ring::Overrides;
use crate::serf::KeyOp;
use crate::wire::Key;

/// An operation that takes its time.
#[derive(Clone, Debug)]
pub enum Op {
    /// Wait until the seeds of the configuration have been tried.
    Ready,
    /// Join through seeds; settles with how many answered.
    Join(Vec<String>),
    /// Set (`Some`) and remove (`None`) tags.
    UpdateTags(BTreeMap<String, Option<String>>),
    /// Replace all tags.
    SetTags(Tags),
    /// Replace the metadata.
    SetMeta(Vec<u8>),
    /// Send a message to a member.
    Send(String, Vec<u8>, Delivery),
    /// Gossip a message to everybody.
    Broadcast(Broadcast),
    /// Replace the state that is handed on.
    SetState(Vec<u8>),
    /// Replace what is added to answers to pings.
    SetPingPayload(Vec<u8>),
    /// Let a newcomer in.
    Admit(u64),
    /// Keep a newcomer out, for that reason.
    Refuse(u64, String),
    /// Ping a member; settles with the time that it took.
    Ping(String),
    /// What is known of a member, and why; settles with the fields of
    /// [`Explanation`](crate::Explanation).
    Explain(String),
    /// What the answers of a member told; settles with the fields of
    /// [`RoundTrip`](crate::RoundTrip).
    RoundTrip(String),
    /// Change the keys of this node.
    Keyring(KeyChange),
    /// Have every member change or list its keys; settles with the fields of
    /// [`KeyOutcome`](crate::KeyOutcome) for each.
    ClusterKeys(KeyOp, Option<Key>),
    /// Tell everybody something in serf's way: name, payload, whether it may be coalesced.
    UserEvent(String, Vec<u8>, bool),
    /// Ask everybody something; settles with the fields of [`Answers`](crate::Answers).
    Query(Question),
    /// Answer a query.
    Respond(u64, Vec<u8>),
    /// Replace what is decided by hand of the ring, on all members; settles once others are told.
    SetRingOverrides(Overrides),
    /// The slots of a hand-off are released.
    Released(u64),
    /// Have a failed member taken for one that has left; with `true`, forgotten.
    ForceLeave(String, bool),
    /// Where this node stands; settles with the fields of
    /// [`Coordinate`](crate::Coordinate).
    Coordinate,
    /// The estimated round-trip time between two members.
    Rtt(String, String),
    /// Tell a server something, and wait for room where `outbox_overflow` says so: target,
    /// operation, payload.
    Cast(String, String, Payload),
    /// Ask the servers of a name on all members; settles with the fields of
    /// [`Replies`](crate::Replies).
    MultiCall(MultiCall),
    /// Tell the servers of a name on all members; settles with how many it was sent to.
    Abcast(String, String, Payload),
    /// Give a key of this node a value, and a time to live; settles once the value is told.
    Put(String, Vec<u8>, Option<Duration>),
    /// Delete a key of this node.
    Delete(String),
    /// Write to a key of a shared map; settles once others are told.
    WriteMap(Box<MapWrite>),
    /// Say goodbye, within that time.
    Leave(Duration),
}

/// A call to the servers of a name on all members.
#[derive(Clone, Debug)]
pub struct MultiCall {
    /// The server's name.
    pub server: String,
    /// What is asked.
    pub op: String,
    /// What goes along.
    pub payload: Payload,
    /// How many answers are enough; none waits for all, whatever they are.
    pub min_ok: Option<usize>,
    /// How long it may take; none is `call_timeout`.
    pub timeout: Option<Duration>,
}

impl Op {
    /// To send a message to a member, as bindings have it: reliable, or best effort.
    pub fn send(to: String, payload: Vec<u8>, reliable: bool) -> Self {
        let delivery = if reliable { Delivery::Reliable } else { Delivery::BestEffort };
        Self::Send(to, payload, delivery)
    }

    /// To gossip a message to everybody, as bindings have it: unique without a name, named with
    /// one, and superseding those of the same name before it.
    pub fn broadcast(payload: Vec<u8>, name: Option<String>, supersede: bool) -> Self {
        let kind = match (supersede, &name) {
            (true, _) => BroadcastKind::Superseding,
            (false, Some(_)) => BroadcastKind::Named,
            (false, None) => BroadcastKind::Unique,
        };
        Self::Broadcast(Broadcast { kind, name: name.unwrap_or_default(), payload })
    }

    /// To install a key, in base64, on this node.
    ///
    /// # Errors
    /// `bad_argument`, which does not show what was given.
    pub fn add_key(key: &str) -> Result<Self> {
        KeyChange::add(key).map(Self::Keyring)
    }

    /// To encrypt under a key of the ring, by its fingerprint or in base64.
    ///
    /// # Errors
    /// As above.
    pub fn use_key(key: &str) -> Result<Self> {
        KeyChange::activate(key).map(Self::Keyring)
    }

    /// To remove a key from the ring, by its fingerprint or in base64.
    ///
    /// # Errors
    /// As above.
    pub fn remove_key(key: &str) -> Result<Self> {
        KeyChange::remove(key).map(Self::Keyring)
    }

    /// To have every member `install`, `use` or `remove` a key in base64, or `list` its keys.
    ///
    /// # Errors
    /// As above; also when a key is missing, or given to `list`.
    pub fn cluster_keys(op: &str, key: Option<&str>) -> Result<Self> {
        let known = KEY_OPS.iter().find(|(word, _)| *word == op).map(|(_, op)| *op);
        let bad = |message: &str| Err(Error::new(ErrorKind::BadArgument, message));
        match (known, key) {
            (None, _) => bad("keys of a cluster are changed by install, use, remove or list"),
            (Some(KeyOp::List), Some(_)) => bad("to list the keys of a cluster takes no key"),
            (Some(KeyOp::List), None) => Ok(Self::ClusterKeys(KeyOp::List, None)),
            (Some(_), None) => bad("no key was given"),
            (Some(op), Some(key)) => Ok(Self::ClusterKeys(op, Some(KeyChange::key(key)?))),
        }
    }
}

/// What may be done with the keys of a cluster, by the word for it.
const KEY_OPS: [(&str, KeyOp); 4] = [
    ("install", KeyOp::Install),
    ("use", KeyOp::Use),
    ("remove", KeyOp::Remove),
    ("list", KeyOp::List),
];

/// Has the node do it.
pub(super) async fn perform(node: &Node, leaving: &Turn, op: Op) -> Result<Answer> {
    match op {
        Op::Ready => node.ready().await.map(Answer::from),
        Op::Join(seeds) => node.join(seeds).await.map(Answer::from),
        Op::UpdateTags(changes) => node.update_tags(changes).await.map(Answer::from),
        Op::SetTags(tags) => node.set_tags(tags).await.map(Answer::from),
        Op::SetMeta(meta) => node.set_meta(meta).await.map(Answer::from),
        Op::Send(to, what, delivery) => node.send(&to, what, delivery).await.map(Answer::from),
        Op::Broadcast(broadcast) => node.broadcast(broadcast).await.map(Answer::from),
        Op::SetState(state) => node.set_state(state).await.map(Answer::from),
        Op::SetRingOverrides(new) => node.set_ring_overrides(new).await.map(Answer::from),
        Op::Released(handoff) => node.released(handoff).await.map(Answer::from),
        Op::SetPingPayload(payload) => node.set_ping_payload(payload).await.map(Answer::from),
        Op::Admit(id) => node.admit(id).await.map(Answer::from),
        Op::Refuse(id, reason) => node.refuse(id, &reason).await.map(Answer::from),
        Op::Ping(member) => node.ping(&member).await.map(Answer::from),
        Op::Explain(member) => node.explain(&member).await.map(Answer::from),
        Op::RoundTrip(member) => node.round_trip(&member).await.map(Answer::from),
        Op::Keyring(change) => node.change_keys(change).await.map(Answer::from),
        Op::ClusterKeys(op, key) => node.change_cluster_keys(op, key).await.map(Answer::from),
        Op::UserEvent(name, payload, coalesce) => {
            node.user_event(&name, payload, coalesce).await.map(Answer::from)
        }
        Op::Query(question) => node.query(question).await.map(Answer::from),
        Op::Respond(query, payload) => node.respond(query, payload).await.map(Answer::from),
        Op::ForceLeave(name, prune) => node.force_leave(&name, prune).await.map(Answer::from),
        Op::Coordinate => node.coordinate().await.map(Answer::from),
        Op::Rtt(from, to) => node.rtt(&from, &to).await.map(Answer::from),
        Op::Cast(target, op, payload) => node.cast(&target, &op, payload).await.map(Answer::from),
        Op::MultiCall(asked) => {
            let MultiCall { server, op, payload, min_ok, timeout } = asked;
            node.multi_call(&server, &op, payload, min_ok, timeout).await.map(Answer::from)
        }
        Op::Abcast(server, op, payload) => {
            node.abcast(&server, &op, payload).await.map(Answer::from)
        }
        Op::Put(key, value, ttl) => node.put(&key, value, ttl).await.map(Answer::from),
        Op::Delete(key) => node.delete(&key).await.map(Answer::from),
        Op::WriteMap(write) => {
            let MapWrite { map, key, value, context } = *write;
            match node.map(&map) {
                Ok(map) => map.write(&key, value, context).await.map(Answer::from),
                Err(error) => Err(error),
            }
        }
        Op::Leave(timeout) => {
            // A second goodbye is done when the first is: a close after it must not cut that short.
            let _turn = leaving.lock().await;
            node.leave(timeout).await.map(Answer::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_supersede_say_what_kind_a_broadcast_is() {
        let kind = |name: Option<&str>, supersede| match Op::broadcast(
            vec![1],
            name.map(str::to_owned),
            supersede,
        ) {
            Op::Broadcast(Broadcast { kind, name, payload }) => (kind, name, payload),
            other => panic!("{other:?}"),
        };
        let of = |kind, name: &str| (kind, name.to_owned(), vec![1]);
        assert_eq!(kind(None, false), of(BroadcastKind::Unique, ""));
        assert_eq!(kind(Some("load"), false), of(BroadcastKind::Named, "load"));
        assert_eq!(kind(Some("load"), true), of(BroadcastKind::Superseding, "load"));
        // These the engine refuses.
        assert_eq!(kind(Some(""), false), of(BroadcastKind::Named, ""));
        assert_eq!(kind(None, true), of(BroadcastKind::Superseding, ""));
    }

    #[test]
    fn keys_of_a_cluster_are_changed_by_words_and_never_shown() {
        let key = "MDEyMzQ1Njc4OWFiY2RlZg==";
        for (word, wanted) in KEY_OPS {
            let given = (wanted != KeyOp::List).then_some(key);
            let op = Op::cluster_keys(word, given).unwrap();
            assert!(!format!("{op:?}").contains("0123456789"), "{op:?}");
            let Op::ClusterKeys(known, kept) = op else { panic!("{op:?}") };
            assert_eq!((known, kept.is_some()), (wanted, given.is_some()));
        }
        for (word, given) in [
            ("install", None),
            ("list", Some(key)),
            ("rotate", Some(key)),
            ("use", Some("hunter2")),
            ("use", Some("0a1b2c3d")),
        ] {
            let error = Op::cluster_keys(word, given).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadArgument);
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }
}
