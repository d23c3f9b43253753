//! Monitors of servers, whose process gets a `:DOWN` message as from the VM's own monitors; and the
//! watch of the node's own process, which stands for the schedulers.

use std::sync::{Arc, OnceLock, Weak};

use chinwag::host::Answer;
use chinwag::{Error, ErrorKind, LoopState, Result, Target};
use rustler::{Atom, Encoder, Env, LocalPid, Monitor, OwnedEnv, Resource, ResourceArc, Term};

use crate::config::string;
use crate::events::{Bell, Waiting};
use crate::node::{NodeRef, Shared};
use crate::{atoms, error};

/// A monitor under way. The reference that its process has is this resource, whom the node keeps
/// until the monitor has ended; it ends with the process.
pub(crate) struct Following {
    node: Weak<Shared>,
    process: LocalPid,
    target: String,
    /// Known once it has begun.
    id: OnceLock<u64>,
}

#[rustler::resource_impl]
impl Resource for Following {
    const IMPLEMENTS_DOWN: bool = true;

    fn down<'a>(&'a self, _env: Env<'a>, _process: LocalPid, _monitor: Monitor) {
        // It settles as cancelled, and the dispatcher lets this go: it must not be gone before the
        // VM has left this function.
        if let (Some(node), Some(id)) = (self.node.upgrade(), self.id.get()) {
            let _ = node.host.cancel(*id);
        }
    }
}

/// Follows a server: `{:ok, reference}`. The process gets
/// `{:DOWN, reference, :process, {server, member}, reason}`, once. The first use of a ring makes
/// it, which takes its time.
#[rustler::nif(schedule = "DirtyCpu")]
fn monitor_begin<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, target: Term<'a>) -> Term<'a> {
    match string("target", target).and_then(|target| begin(env, &node.0, target)) {
        Ok(following) => (atoms::ok(), following).encode(env),
        Err(error) => error::tuple(env, &error),
    }
}

fn begin(env: Env<'_>, node: &Arc<Shared>, target: String) -> Result<ResourceArc<Following>> {
    // What is no target is nobody's end, but an error of the caller's.
    let _: Target = target.parse()?;
    let (process, id) = (env.pid(), OnceLock::new());
    let following = Following { node: Arc::downgrade(node), process, target, id };
    let following = ResourceArc::new(following);
    let waiting = Waiting::Down(following.clone());
    let id = node.begin(waiting, |host| host.monitor(&following.target))?;
    let _ = following.id.set(id);
    if env.monitor(&following, &process).is_none() {
        // Its process was killed meanwhile.
        node.forget(id);
    }
    Ok(following)
}

/// Has the node's process asked now and then whether it still takes messages.
pub(crate) fn watch_loop(owner: LocalPid, node: &Shared) -> Result<()> {
    let (bell, signal) = (Arc::new(Bell::new(owner, atoms::turn())), Arc::clone(&node.signal));
    node.host.watch_loop(Some(Box::new(move || {
        bell.arm();
        bell.ring(&signal);
    })))
}

/// The node's process takes its messages.
#[rustler::nif]
fn loop_turned(node: ResourceArc<NodeRef>) -> Atom {
    node.0.host.loop_turned();
    atoms::ok()
}

/// How the loop of a member does: `:ok`, `:slow` or `:stuck`; `nil` without such a present member.
#[rustler::nif]
fn loop_state<'a>(env: Env<'a>, node: ResourceArc<NodeRef>, member: Term<'a>) -> Term<'a> {
    let state = string("member", member).and_then(|member| node.0.host.loop_state(&member));
    match state {
        Ok(Some(LoopState::Ok)) => atoms::ok().to_term(env),
        Ok(Some(LoopState::Slow)) => atoms::slow().to_term(env),
        Ok(Some(LoopState::Stuck)) => atoms::stuck().to_term(env),
        Ok(None) => atoms::nil().to_term(env),
        Err(error) => error::tuple(env, &error),
    }
}

/// Ends a monitor. `false`: its message has been sent.
#[rustler::nif]
fn monitor_end(following: ResourceArc<Following>) -> bool {
    let begun = following.node.upgrade().zip(following.id.get());
    begun.is_some_and(|(node, id)| node.forget(*id))
}

/// Tells the process what came of a monitor. Not on a scheduler.
pub(crate) fn tell(following: &ResourceArc<Following>, outcome: &Result<Answer>) {
    if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Cancelled) {
        return;
    }
    let mut env = OwnedEnv::new();
    // A process that is gone does not wait any more.
    let _ = env.send_and_clear(&following.process, |env| {
        let (whom, reason) = match outcome {
            Ok(told) => down(env, told),
            Err(error) => failed(env, &following.target, error),
        };
        (atoms::down(), following.clone(), atoms::process(), whom, reason)
    });
}

/// `{server, member}`, and why it is down in Erlang's words.
fn down<'a>(env: Env<'a>, told: &Answer) -> (Term<'a>, Term<'a>) {
    let whom = (field(told, "server"), field(told, "member")).encode(env);
    let text = field(told, "text").unwrap_or_default();
    let reason = match (field(told, "reason").unwrap_or_default(), text) {
        ("no_server", _) => atoms::noproc().to_term(env),
        ("stopped", "") => atoms::normal().to_term(env),
        ("stopped", text) => (atoms::stopped(), text).encode(env),
        ("moved", owner) => (atoms::moved(), owner).encode(env),
        _ => atoms::noconnection().to_term(env),
    };
    (whom, reason)
}

fn failed<'a>(env: Env<'a>, target: &str, error: &Error) -> (Term<'a>, Term<'a>) {
    let reason = match error.kind() == ErrorKind::Closed {
        true => atoms::noconnection().to_term(env),
        false => error::encode(env, error),
    };
    ((target, atoms::nil()).encode(env), reason)
}

fn field<'a>(told: &'a Answer, name: &str) -> Option<&'a str> {
    let Answer::Record(fields) = told else { return None };
    fields.iter().find_map(|(known, value)| match value {
        Answer::Text(text) if *known == name => Some(text.as_str()),
        _ => None,
    })
}
