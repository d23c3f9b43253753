//! Keys of members: written, looked up, and followed in batches.

pub mod map;

use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag::host::{Op, Watching};
use chinwag::{Entry, Replay, Watched};
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, Uint8Array};
use napi_derive::napi;

use crate::config;
use crate::error::{Result, broken, failure};
use crate::node::NativeNode;
use crate::payload::{Parts, Told, all};

/// What happened to a key, each a number, as in `lib/state/keys.js` and `lib/state/map.js`.
pub(crate) const PUT: f64 = 0.0;
pub(crate) const DELETED: f64 = 1.0;
pub(crate) const REPLAY_DONE: f64 = 2.0;
pub(crate) const LOST: f64 = 3.0;

/// A watch of keys of members.
#[napi]
pub struct NativeWatch(Mutex<Option<Watching>>);

impl NativeWatch {
    fn open(&self) -> MutexGuard<'_, Option<Watching>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[napi]
impl NativeNode {
    /// Gives a key a value; with a time to live in milliseconds, for so long.
    #[napi(catch_unwind)]
    pub fn put(&self, key: String, value: Uint8Array, ttl: Option<f64>) -> Result<f64> {
        let span = |millis| config::span(millis).ok_or_else(|| config::odd("ttl", millis));
        let ttl = ttl.map(span).transpose()?;
        self.submit(Op::Put(key, value.to_vec(), ttl))
    }

    /// Deletes a key.
    #[napi(catch_unwind)]
    pub fn delete(&self, key: String) -> Result<f64> {
        self.submit(Op::Delete(key))
    }

    /// The value that a key of a member has, or null.
    #[napi(catch_unwind)]
    pub fn get<'env>(
        &self,
        env: &'env Env,
        member: String,
        key: String,
    ) -> Result<Option<BufferSlice<'env>>> {
        let value = self.host.get(&member, &key).map_err(failure)?;
        value.map(|value| BufferSlice::copy_from(env, &*value).map_err(broken)).transpose()
    }

    /// The keys of all members that begin so.
    #[napi(catch_unwind)]
    pub fn entries<'env>(&self, env: &'env Env, prefix: String) -> Result<Parts<'env>> {
        let mut told = Told::default();
        let entries = self.host.entries(&prefix).map_err(failure)?;
        entries.iter().for_each(|entry| tell_entry(&mut told, entry));
        told.parts(env)
    }

    /// Follows the keys of all members that begin so; `replay` starts with those that are there.
    #[napi(catch_unwind)]
    pub fn watch(&self, prefix: String, replay: bool) -> Result<NativeWatch> {
        let watching = self.host.watch(&prefix, replayed(replay)).map_err(failure)?;
        Ok(NativeWatch(Mutex::new(Some(watching))))
    }
}

#[napi]
impl NativeWatch {
    /// Up to `max` changes, or null when there are none. Fewer than `max`: the wake function is
    /// called when there are more.
    #[napi(catch_unwind)]
    pub fn drain<'env>(&self, env: &'env Env, max: u32) -> Result<Option<Parts<'env>>> {
        let mut open = self.open();
        let Some(watching) = open.as_mut() else { return Ok(None) };
        let taken = watching.drain(max as usize).map_err(failure)?;
        if taken.ended {
            *open = None;
        }
        all(env, &taken.changes, tell)
    }

    /// Whether nothing will come any more.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.open().is_none()
    }

    /// Follows no longer.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.open().take();
    }
}

pub(crate) const fn replayed(replay: bool) -> Replay {
    if replay { Replay::Yes } else { Replay::No }
}

fn tell(told: &mut Told, watched: &Watched) {
    match watched {
        Watched::Put(entry) => {
            told.number(PUT);
            tell_entry(told, entry);
        }
        Watched::Deleted { member, key } => {
            told.number(DELETED);
            told.text(member);
            told.text(key);
        }
        Watched::ReplayDone => told.number(REPLAY_DONE),
        Watched::Lost { count, entries } => {
            told.number(LOST);
            told.number(*count as f64);
            told.number(entries.len() as f64);
            entries.iter().for_each(|entry| tell_entry(told, entry));
        }
    }
}

fn tell_entry(told: &mut Told, Entry { member, key, value }: &Entry) {
    told.text(member);
    told.text(key);
    told.bytes(value);
}
