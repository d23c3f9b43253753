//! Topics: what is published, and subscribers, whose messages a process of `lib/chinwag/topics/`
//! takes in batches.

use std::sync::{Arc, Mutex};

use chinwag::host::Subscribed;
use chinwag::{Published, Result, Subscribing};
use rustler::{Encoder, Env, Resource, ResourceArc, Term};

use crate::config::{bad_argument, flag, optional, string, taken};
use crate::events::{Bell, lock, next};
use crate::messages::{done, headers, payload};
use crate::node::NodeRef;
use crate::{atoms, error, member};

/// Publications that are taken in one go at most.
const BATCH: usize = 64;
/// Bytes of a payload that are copied for the VM at most.
const COPIED_MAX: usize = 4 * 1024;

/// A subscriber: it is no more once nobody refers to it.
struct SubscriberRef {
    subscribed: Mutex<Subscribed>,
    bell: Arc<Bell>,
}

#[rustler::resource_impl]
impl Resource for SubscriberRef {}

/// A publication whose payload a binary of the VM is a view of.
struct Lent(Published);

#[rustler::resource_impl]
impl Resource for Lent {}

/// Publishes `{topic, {codec, bytes}, headers}`: `{:ok, members}`.
#[rustler::nif]
fn topic_publish<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    what: Term<'a>,
    latest: Term<'a>,
) -> Term<'a> {
    counted(env, publish(&node, what, latest))
}

/// As `topic_publish`, where copying the payload would hold an ordinary scheduler up.
#[rustler::nif(schedule = "DirtyCpu")]
fn topic_publish_large<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    what: Term<'a>,
    latest: Term<'a>,
) -> Term<'a> {
    counted(env, publish(&node, what, latest))
}

fn publish(node: &NodeRef, what: Term<'_>, latest: Term<'_>) -> Result<usize> {
    let (topic, what, given): (Term<'_>, Term<'_>, Term<'_>) = taken(what)?;
    let (topic, given) = (string("topic", topic)?, headers(given)?);
    node.0.host.publish(&topic, &given, payload(what)?, flag("latest", latest)?)
}

fn counted(env: Env<'_>, outcome: Result<usize>) -> Term<'_> {
    match outcome {
        Ok(count) => (atoms::ok(), count).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// Subscribes for the calling process: `{:ok, subscriber}`. The process gets
/// `{Chinwag.Native, :published}` when there is something after `topic_take` said `:later`.
#[rustler::nif(schedule = "DirtyIo")]
fn topic_subscribe<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    topic: Term<'a>,
    queue: Term<'a>,
    buffer: Term<'a>,
) -> Term<'a> {
    let how = || Ok((string("topic", topic)?, subscribing(queue, buffer)?));
    match how().and_then(|(topic, how)| begin(env, &node, &topic, &how)) {
        Ok(subscriber) => (atoms::ok(), subscriber).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

fn subscribing(queue: Term<'_>, buffer: Term<'_>) -> Result<Subscribing> {
    let queue = optional("queue", queue)?;
    let buffer = buffer.decode().map_err(|_| bad_argument("buffer", "a whole number"))?;
    Ok(Subscribing { queue, buffer })
}

fn begin(
    env: Env<'_>,
    node: &NodeRef,
    topic: &str,
    how: &Subscribing,
) -> Result<ResourceArc<SubscriberRef>> {
    let mut subscribed = node.0.host.subscribe_topic(topic, how)?;
    let bell = Arc::new(Bell::new(env.pid(), atoms::published()));
    let rung = (Arc::clone(&bell), Arc::clone(&node.0.signal));
    subscribed.set_wake(Box::new(move || rung.0.ring(&rung.1)));
    Ok(ResourceArc::new(SubscriberRef { subscribed: Mutex::new(subscribed), bell }))
}

/// Up to so many publications: `{publications, :more | :later | :ended}`, each
/// `{{codec, bytes}, {member, headers, missed}}`.
#[rustler::nif]
fn topic_take<'a>(env: Env<'a>, subscriber: ResourceArc<SubscriberRef>, max: usize) -> Term<'a> {
    subscriber.bell.arm();
    let max = max.min(BATCH);
    let Ok(taken) = lock(&subscriber.subscribed).drain(max) else {
        return (Term::list_new_empty(env), atoms::ended()).encode(env);
    };
    let next = next(taken.ended, taken.published.len() < max);
    let told: Vec<Term<'a>> = taken.published.into_iter().map(|p| published(env, p)).collect();
    (told, next).encode(env)
}

fn published<'a>(env: Env<'a>, published: Published) -> Term<'a> {
    let sender = (published.from(), published.headers(), published.missed()).encode(env);
    let codec = published.payload().codec;
    let bytes = match published.payload().bytes.len() > COPIED_MAX {
        true => {
            let lent = ResourceArc::new(Lent(published));
            lent.make_binary(env, |lent| &lent.0.payload().bytes).to_term(env)
        }
        false => member::bytes(env, &published.payload().bytes),
    };
    ((codec, bytes), sender).encode(env)
}

/// Ends a subscription; what waits is dropped.
#[rustler::nif]
fn topic_close(env: Env<'_>, subscriber: ResourceArc<SubscriberRef>) -> Term<'_> {
    done(env, lock(&subscriber.subscribed).close())
}

/// Which members have subscribers of a topic, in the order of their names.
#[rustler::nif]
fn topic_subscribers<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, topic: Term<'a>) -> Term<'a> {
    match string("topic", topic).and_then(|topic| node.0.host.subscribers(&topic)) {
        Ok(members) => members.encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// Every topic that somebody subscribes to, and how many members do: `[{topic, members}]`.
#[rustler::nif(schedule = "DirtyCpu")]
fn topic_list(env: Env<'_>, node: ResourceArc<NodeRef>) -> Term<'_> {
    match node.0.host.topics() {
        Ok(topics) => topics.encode(env),
        Err(error) => error::tuple(env, &error),
    }
}
