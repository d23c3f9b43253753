//! The node as a resource: it lives as long as its owner, or a term that refers to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use chinwag::config::Config;
use chinwag::event::EventKind;
use chinwag::host::{Host, Op, Subscription};
use chinwag::{Error, ErrorKind, Member, Replay, Result};
use rustler::{Atom, Encoder, Env, LocalPid, Monitor, Resource, ResourceArc, Term};

use crate::events::{Bell, Inbox, Signal, Waiter, Waiting, closed, dispatch, lock, poke};
use crate::messages::monitor;
use crate::ring::cluster::Rings;
use crate::{answer, atoms, config, error, member, word};

/// Members that are written as terms on an ordinary scheduler at most.
pub(crate) const ROSTER_MAX: usize = 128;
/// Outcomes taken from the core in one go.
const BATCH: usize = 64;
/// How long a start waits for a node of a dead owner to let its port go.
const ORPHAN_WAIT: Duration = Duration::from_secs(3);

/// What the resource and the dispatcher share.
pub(crate) struct Shared {
    pub(crate) host: Host,
    /// The process that gets the events; the node is closed when it ends.
    owner: LocalPid,
    pub(crate) signal: Arc<Signal>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) inbox: Mutex<Inbox>,
    /// Who waits for which operation.
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    pub(crate) rings: Rings,
}

impl Shared {
    /// Submits an operation whose outcome is sent to `waiter`.
    fn submit(&self, op: Op, waiter: Waiter) -> Result<u64> {
        self.begin(Waiting::Tagged(waiter), |host| host.submit(op))
    }

    /// Begins something whose outcome is sent to `waiter`.
    pub(crate) fn begin(
        &self,
        waiter: Waiting,
        begin: impl FnOnce(&Host) -> Result<u64>,
    ) -> Result<u64> {
        // Held until the waiter is known: the outcome may come at once.
        let mut waiting = lock(&self.waiting);
        self.signal.expect();
        let id = begin(&self.host).inspect_err(|_| self.signal.expect_less())?;
        waiting.insert(id, waiter);
        Ok(id)
    }

    /// Gives an operation up; `false` if its outcome has been sent, or is being sent.
    pub(crate) fn forget(&self, id: u64) -> bool {
        let waited = lock(&self.waiting).remove(&id).is_some();
        if waited {
            // It fails in a forked child only.
            let _ = self.host.cancel(id);
        }
        waited
    }

    /// Sends every outcome that there is to who waits for it.
    pub(crate) fn settle(&self) {
        loop {
            let outcomes = self.host.completions(BATCH).unwrap_or_default();
            if outcomes.is_empty() {
                return;
            }
            for outcome in outcomes {
                self.signal.expect_less();
                // Held until it is told: who finds no entry to take back has the message.
                let mut waiting = lock(&self.waiting);
                if let Some(waiter) = waiting.remove(&outcome.id) {
                    waiter.tell(&outcome.result);
                }
            }
        }
    }

    /// Closes the node and settles what is left. Waits; only for the dispatcher.
    pub(crate) fn close(&self) {
        let _ = self.host.close();
        self.settle();
        let left = std::mem::take(&mut *lock(&self.waiting));
        for waiter in left.into_values() {
            waiter.tell(&closed());
        }
    }
}

/// The resource.
pub(crate) struct NodeRef(pub(crate) Arc<Shared>);

#[rustler::resource_impl]
impl Resource for NodeRef {
    const IMPLEMENTS_DOWN: bool = true;

    fn down<'a>(&'a self, _env: Env<'a>, _owner: LocalPid, _monitor: Monitor) {
        self.0.signal.stop();
    }
}

impl Drop for NodeRef {
    fn drop(&mut self) {
        self.0.signal.stop();
    }
}

/// Every node of this VM that may still hold its port.
static NODES: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// Binds. A restarted owner wants the port of its predecessor, whose node may still be closing.
fn bind(env: Env<'_>, config: &Config) -> Result<Host> {
    match Host::start(config) {
        Err(error) if error.kind() == ErrorKind::BindFailed && orphans_gone(env) => {
            Host::start(config)
        }
        outcome => outcome,
    }
}

/// Waits for the nodes whose owners are dead; whether there were any.
fn orphans_gone(env: Env<'_>) -> bool {
    let nodes: Vec<Arc<Shared>> = lock(&NODES).iter().filter_map(Weak::upgrade).collect();
    let orphan = |node: &&Arc<Shared>| node.signal.is_stopping() || !node.owner.is_alive(env);
    let orphans: Vec<&Arc<Shared>> = nodes.iter().filter(orphan).collect();
    for node in &orphans {
        node.signal.wait_done(ORPHAN_WAIT);
    }
    !orphans.is_empty()
}

fn begin(env: Env<'_>, options: Term<'_>) -> Result<ResourceArc<NodeRef>> {
    let config = config::config(options)?;
    let host = bind(env, &config)?;
    let (signal, bell) =
        (Arc::new(Signal::default()), Arc::new(Bell::new(env.pid(), atoms::events())));
    let inbox = Mutex::new(Inbox::new(host.subscribe(Replay::Yes)?));
    let (waiting, rings) = (Mutex::default(), Rings::default());
    let shared = Arc::new(Shared { host, owner: env.pid(), signal, bell, inbox, waiting, rings });
    // Weak: the host owns what is called.
    let woken = Arc::downgrade(&shared);
    let wake = move || woken.upgrade().into_iter().for_each(|shared| poke(&shared));
    shared.host.set_wake(Some(Box::new(wake)))?;
    let dispatched = Arc::clone(&shared);
    thread::Builder::new()
        .name("chinwag-events".into())
        .spawn(move || dispatch(&dispatched))
        .map_err(|cause| {
            Error::new(ErrorKind::Internal, format!("no thread could be started: {cause}"))
        })?;
    let mut nodes = lock(&NODES);
    nodes.retain(|node| node.strong_count() > 0);
    nodes.push(Arc::downgrade(&shared));
    drop(nodes);
    monitor::watch_loop(env.pid(), &shared)?;
    let node = ResourceArc::new(NodeRef(shared));
    match env.monitor(&node, &env.pid()) {
        Some(_) => Ok(node),
        // The owner was killed meanwhile; dropping the resource stops the node.
        None => Err(Error::closed()),
    }
}

/// Binds and starts a node that belongs to the calling process. Binding is a few system calls, so
/// it runs where they do not hold others up.
#[rustler::nif(schedule = "DirtyIo")]
fn start<'a>(env: Env<'a>, options: Term<'a>) -> Term<'a> {
    match begin(env, options) {
        Ok(node) => (atoms::ok(), node).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// Starts an operation; `{tag, outcome}` is sent to the caller.
#[rustler::nif]
fn submit<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, tag: Term<'a>, op: Term<'a>) -> Term<'a> {
    submitted(env, &node, tag, op)
}

/// As `submit`, where copying the payload would hold an ordinary scheduler up.
#[rustler::nif(schedule = "DirtyCpu")]
fn submit_large<'a>(
    env: Env<'a>,
    node: ResourceArc<NodeRef>,
    tag: Term<'a>,
    op: Term<'a>,
) -> Term<'a> {
    submitted(env, &node, tag, op)
}

fn submitted<'a>(env: Env<'a>, node: &NodeRef, tag: Term<'a>, op: Term<'a>) -> Term<'a> {
    let outcome = config::op(op).and_then(|op| node.0.submit(op, Waiter::new(env.pid(), tag)));
    match outcome {
        Ok(id) => (atoms::ok(), id).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// Gives an operation up. `false`: its outcome has been sent, or is being sent.
#[rustler::nif]
fn forget(node: ResourceArc<NodeRef>, id: u64) -> bool {
    node.0.forget(id)
}

/// The next events: `{events, next}`. The owner gets `{Chinwag.Native, :events}` when there are
/// more after `:later`; only it may call this.
#[rustler::nif]
fn take<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    lock(&node.0.inbox).take(env, &node.0.bell)
}

/// The members of the oldest loss that `take` called `:large`.
#[rustler::nif(schedule = "DirtyCpu")]
fn take_large<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    let members = lock(&node.0.inbox).take_large();
    member::list(env, &members)
}

/// Closes the node; `true`: `{tag, :ok}` is sent to the caller when it is done, `false`: it is.
#[rustler::nif]
fn close<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, tag: Term<'a>) -> bool {
    node.0.signal.stop_and_tell(Waiter::new(env.pid(), tag))
}

/// The members that are present (`:members`) or remembered (`:known`); `:large` when there are too
/// many for an ordinary scheduler.
#[rustler::nif]
fn roster<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, scope: Atom) -> Term<'a> {
    match scoped(&node, scope) {
        Ok(members) if members.len() > ROSTER_MAX => atoms::large().to_term(env),
        Ok(members) => member::list(env, &members),
        Err(error) => error::tuple(env, &error),
    }
}

/// As `roster`, however many.
#[rustler::nif(schedule = "DirtyCpu")]
fn large_roster<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, scope: Atom) -> Term<'a> {
    match scoped(&node, scope) {
        Ok(members) => member::list(env, &members),
        Err(error) => error::tuple(env, &error),
    }
}

fn scoped(node: &NodeRef, scope: Atom) -> Result<Vec<Member>> {
    match scope == atoms::known() {
        true => node.0.host.known_members(),
        false => node.0.host.members(),
    }
}

/// The other members, and the number of the last event that they already reflect.
#[rustler::nif(schedule = "DirtyCpu")]
fn snapshot<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    match others(&node.0.host) {
        Ok((seq, members)) => (seq, member::list(env, &members)).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

fn others(host: &Host) -> Result<(u64, Vec<Member>)> {
    let (seq, mut others) = present(host.subscribe(Replay::Yes)?)?;
    // Who came since is told by an event yet to come; who is gone is remembered here only.
    let local = host.local_member()?;
    for member in host.known_members()? {
        if !member.state().is_present() && member.name() != local.name() {
            others.entry(member.name().to_owned()).or_insert(member);
        }
    }
    Ok((seq, others.into_values().collect()))
}

/// What a replay tells, up to the `replay-done` that always ends it.
fn present(mut replay: Subscription) -> Result<(u64, BTreeMap<String, Member>)> {
    let mut members = BTreeMap::new();
    loop {
        for event in replay.drain(BATCH)?.events {
            let EventKind::MemberJoin(member) = event.kind else {
                return Ok((event.seq, members));
            };
            members.insert(member.name().to_owned(), member);
        }
    }
}

/// The member of that name, or `nil`.
#[rustler::nif]
fn member<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, name: &str) -> Term<'a> {
    match node.0.host.member(name) {
        Ok(Some(found)) => member::encode(env, &found),
        Ok(None) => atoms::nil().to_term(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// The local member.
#[rustler::nif]
fn local_member<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    match node.0.host.local_member() {
        Ok(local) => member::encode(env, &local),
        Err(error) => error::tuple(env, &error),
    }
}

/// Counters since the start, as a map.
#[rustler::nif]
fn stats<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    match node.0.host.stats() {
        Ok(stats) => {
            let (names, values): (Vec<_>, Vec<_>) = stats.rows().into_iter().unzip();
            let names: Vec<Term<'a>> = names.into_iter().map(|name| word(env, name)).collect();
            Term::map_from_arrays(env, &names, &values).unwrap_or_else(|_| Term::map_new(env))
        }
        Err(error) => error::tuple(env, &error),
    }
}

/// What may be shown of the keys, the primary first.
#[rustler::nif]
fn keys<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    match node.0.host.keys() {
        Ok(keys) => answer::term(env, &keys),
        Err(error) => error::tuple(env, &error),
    }
}

/// The counters as OpenMetrics text. All members are counted for it, however many there are.
#[rustler::nif(schedule = "DirtyCpu")]
fn metrics<'a>(env: Env<'a>, node: ResourceArc<NodeRef>) -> Term<'a> {
    match node.0.host.metrics() {
        Ok(text) => text.encode(env),
        Err(error) => error::tuple(env, &error),
    }
}
