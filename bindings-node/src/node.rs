//! A node: values now, outcomes later.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chinwag::Replay;
use chinwag::host::{Host, Op};
use napi::bindgen_prelude::{AsyncTask, Function, Object, Uint8Array, Unknown};
use napi::threadsafe_function::{
    ThreadsafeFunction, ThreadsafeFunctionCallMode, UnknownReturnValue,
};
use napi::{Env, Status, Task};
use napi_derive::napi;

use crate::answer::Outcomes;
use crate::error::{Result, broken, failure};
use crate::events::NativeEvents;
use crate::member::{Packed, Packer};
use crate::{answer, config};

/// The wake function: one call waits at most, so that surplus pokes collapse.
type Wake = ThreadsafeFunction<(), UnknownReturnValue, (), Status, false, false, 1>;

/// A node with its runtime. Collected without a close, it stops without a farewell.
#[napi]
pub struct NativeNode {
    pub(crate) host: Arc<Host>,
    wake: Arc<Mutex<Option<Wake>>>,
}

#[napi]
impl NativeNode {
    /// Binds and starts. `wake` is called, on the thread of this call, when there is something to
    /// take; it holds the event loop until told otherwise.
    #[napi(constructor, catch_unwind)]
    pub fn new(options: Object<'_>, wake: Function<'_, (), UnknownReturnValue>) -> Result<Self> {
        let config = config::config(&options)?;
        let host = Host::start(&config).map_err(|error| config::spelled(&error))?;
        let wake: Wake =
            wake.build_threadsafe_function().max_queue_size::<1>().build().map_err(broken)?;
        let wake = Arc::new(Mutex::new(Some(wake)));
        let poke = Arc::clone(&wake);
        let call = move || {
            if let Some(wake) = &*lock(&poke) {
                // A full queue means that a call is on its way already.
                wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }
        };
        host.set_wake(Some(Box::new(call))).map_err(failure)?;
        // The event loop is asked by the same way, and answers where it takes outcomes.
        host.watch_loop(None).map_err(failure)?;
        Ok(Self { host: Arc::new(host), wake })
    }

    /// The local member.
    #[napi(catch_unwind)]
    pub fn local_member<'env>(&self, env: &'env Env) -> Result<Packed<'env>> {
        let member = self.host.local_member().map_err(failure)?;
        Packer::members(&[member]).packed(env)
    }

    /// The present members, or with `all` everybody remembered.
    #[napi(catch_unwind)]
    pub fn members<'env>(&self, env: &'env Env, all: bool) -> Result<Packed<'env>> {
        let members = if all { self.host.known_members() } else { self.host.members() };
        Packer::members(&members.map_err(failure)?).packed(env)
    }

    /// The member of that name: none or one.
    #[napi(catch_unwind)]
    pub fn member<'env>(&self, env: &'env Env, name: String) -> Result<Packed<'env>> {
        let member = self.host.member(&name).map_err(failure)?;
        Packer::members(member.as_slice()).packed(env)
    }

    /// Counters by their names in the core.
    #[napi(catch_unwind)]
    pub fn stats<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let mut object = Object::new(env).map_err(broken)?;
        for (name, count) in self.host.stats().map_err(failure)?.rows() {
            object.set(config::camel(name), count as f64).map_err(broken)?;
        }
        Ok(object)
    }

    /// The counters as OpenMetrics text.
    #[napi(catch_unwind)]
    pub fn metrics(&self) -> Result<String> {
        self.host.metrics().map_err(failure)
    }

    /// What may be shown of the keys, the primary first.
    #[napi(catch_unwind)]
    pub fn keys<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        answer::plain(env, &self.host.keys().map_err(failure)?)
    }

    /// Subscribes; `replay` starts with the present members.
    #[napi(catch_unwind)]
    pub fn subscribe(&self, replay: bool) -> Result<NativeEvents> {
        let replay = if replay { Replay::Yes } else { Replay::No };
        self.host.subscribe(replay).map(NativeEvents::new).map_err(failure)
    }

    /// Waits until the seeds have been tried.
    #[napi(catch_unwind)]
    pub fn ready(&self) -> Result<f64> {
        self.submit(Op::Ready)
    }

    /// Joins through seeds.
    #[napi(catch_unwind)]
    pub fn join(&self, seeds: Vec<String>) -> Result<f64> {
        self.submit(Op::Join(seeds))
    }

    /// Sets tags, and removes those whose value is null.
    #[napi(catch_unwind)]
    pub fn update_tags(&self, changes: Object<'_>) -> Result<f64> {
        self.submit(Op::UpdateTags(config::changes(&changes)?))
    }

    /// Replaces all tags.
    #[napi(catch_unwind)]
    pub fn set_tags(&self, tags: Object<'_>) -> Result<f64> {
        self.submit(Op::SetTags(config::tags(&tags)?))
    }

    /// Replaces the metadata.
    #[napi(catch_unwind)]
    pub fn set_meta(&self, meta: Uint8Array) -> Result<f64> {
        self.submit(Op::SetMeta(meta.to_vec()))
    }

    /// Sends a message to a member.
    #[napi(catch_unwind)]
    pub fn send(&self, member: String, payload: Uint8Array, reliable: bool) -> Result<f64> {
        self.submit(Op::send(member, payload.to_vec(), reliable))
    }

    /// Gossips a message to everybody.
    #[napi(catch_unwind)]
    pub fn broadcast(
        &self,
        payload: Uint8Array,
        name: Option<String>,
        supersede: bool,
    ) -> Result<f64> {
        self.submit(Op::broadcast(payload.to_vec(), name, supersede))
    }

    /// Replaces the state that is handed on.
    #[napi(catch_unwind)]
    pub fn set_state(&self, state: Uint8Array) -> Result<f64> {
        self.submit(Op::SetState(state.to_vec()))
    }

    /// Replaces what is added to answers to pings.
    #[napi(catch_unwind)]
    pub fn set_ping_payload(&self, payload: Uint8Array) -> Result<f64> {
        self.submit(Op::SetPingPayload(payload.to_vec()))
    }

    /// Pings a member.
    #[napi(catch_unwind)]
    pub fn ping(&self, member: String) -> Result<f64> {
        self.submit(Op::Ping(member))
    }

    /// Asks what the answers of a member told.
    #[napi(catch_unwind)]
    pub fn round_trip(&self, member: String) -> Result<f64> {
        self.submit(Op::RoundTrip(member))
    }

    /// Asks what is known of a member, and why.
    #[napi(catch_unwind)]
    pub fn explain(&self, member: String) -> Result<f64> {
        self.submit(Op::Explain(member))
    }

    /// Adds a key, in base64.
    #[napi(catch_unwind)]
    pub fn add_key(&self, key: String) -> Result<f64> {
        self.submit(Op::add_key(&key).map_err(failure)?)
    }

    /// Encrypts under a key of the ring, by its fingerprint or in base64.
    #[napi(catch_unwind)]
    pub fn use_key(&self, key: String) -> Result<f64> {
        self.submit(Op::use_key(&key).map_err(failure)?)
    }

    /// Removes a key of the ring, by its fingerprint or in base64.
    #[napi(catch_unwind)]
    pub fn remove_key(&self, key: String) -> Result<f64> {
        self.submit(Op::remove_key(&key).map_err(failure)?)
    }

    /// Has every member install, use, remove or list keys.
    #[napi(catch_unwind)]
    pub fn cluster_keys(&self, op: String, key: Option<String>) -> Result<f64> {
        self.submit(Op::cluster_keys(&op, key.as_deref()).map_err(failure)?)
    }

    /// Lets a newcomer in.
    #[napi(catch_unwind)]
    pub fn admit(&self, id: f64) -> Result<f64> {
        self.submit(Op::Admit(config::id(id)?))
    }

    /// Keeps a newcomer out.
    #[napi(catch_unwind)]
    pub fn refuse(&self, id: f64, reason: String) -> Result<f64> {
        self.submit(Op::Refuse(config::id(id)?, reason))
    }

    /// Tells everybody something in serf's way.
    #[napi(catch_unwind)]
    pub fn user_event(&self, name: String, payload: Uint8Array, coalesce: bool) -> Result<f64> {
        self.submit(Op::UserEvent(name, payload.to_vec(), coalesce))
    }

    /// Asks everybody something in serf's way.
    #[napi(catch_unwind)]
    pub fn query(&self, name: String, payload: Uint8Array, options: Object<'_>) -> Result<f64> {
        let question = config::question(name, payload.to_vec(), &options)?;
        self.submit(Op::Query(question))
    }

    /// Answers a query.
    #[napi(catch_unwind)]
    pub fn respond(&self, id: f64, payload: Uint8Array) -> Result<f64> {
        self.submit(Op::Respond(config::id(id)?, payload.to_vec()))
    }

    /// Has a failed member taken for one that has left.
    #[napi(catch_unwind)]
    pub fn force_leave(&self, member: String, prune: bool) -> Result<f64> {
        self.submit(Op::ForceLeave(member, prune))
    }

    /// Asks where this node stands.
    #[napi(catch_unwind)]
    pub fn coordinate(&self) -> Result<f64> {
        self.submit(Op::Coordinate)
    }

    /// Estimates the round-trip time between two members.
    #[napi(catch_unwind)]
    pub fn rtt(&self, from: String, to: String) -> Result<f64> {
        self.submit(Op::Rtt(from, to))
    }

    /// Says goodbye, within so many milliseconds.
    #[napi(catch_unwind)]
    pub fn leave(&self, millis: f64) -> Result<f64> {
        let span = config::span(millis).ok_or_else(|| config::odd_span(millis))?;
        self.submit(Op::Leave(span))
    }

    /// Gives an operation up: a join ends, anything else goes on.
    #[napi(catch_unwind)]
    pub fn cancel(&self, id: f64) -> Result<()> {
        self.host.cancel(id as u64).map_err(failure)
    }

    /// Takes up to `max` outcomes.
    #[napi(catch_unwind)]
    pub fn outcomes<'env>(&self, env: &'env Env, max: u32) -> Result<Outcomes<'env>> {
        self.host.loop_turned();
        let settled = self.host.completions(max as usize).map_err(failure)?;
        answer::outcomes(env, settled).map_err(broken)
    }

    /// Frees everything, on a thread that may wait for it.
    #[napi(catch_unwind)]
    pub fn close(&self) -> AsyncTask<Close> {
        AsyncTask::new(Close(Arc::clone(&self.host)))
    }

    /// Whether an open node keeps the process alive.
    #[napi(catch_unwind)]
    pub fn hold(&self, env: &Env, hold: bool) -> Result<()> {
        let mut wake = lock(&self.wake);
        let Some(wake) = wake.as_mut() else { return Ok(()) };
        #[allow(
            deprecated,
            reason = "clones cannot be told apart from the one that holds the loop"
        )]
        let outcome = if hold { wake.refer(env) } else { wake.unref(env) };
        outcome.map_err(broken)
    }

    /// Lets go of the event loop; the wake function is not called again.
    #[napi(catch_unwind)]
    pub fn release(&self) {
        lock(&self.wake).take();
    }

    pub(crate) fn submit(&self, op: Op) -> Result<f64> {
        self.host.submit(op).map(|id| id as f64).map_err(failure)
    }
}

/// A close under way on libuv's pool: it may take two seconds, which the event loop has not.
pub struct Close(Arc<Host>);

impl Task for Close {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> napi::Result<()> {
        // Not an exported function, so nobody else catches a panic here.
        let closed = catch_unwind(AssertUnwindSafe(|| self.0.close()));
        match closed {
            Ok(outcome) => outcome.map_err(|error| napi::Error::from_reason(error.to_string())),
            Err(_) => Err(napi::Error::from_reason("a panic while closing")),
        }
    }

    fn resolve(&mut self, _: Env, (): ()) -> napi::Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
