//! Maps that all members read and write: looked up at once, written by operations that settle,
//! followed in batches.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag::host::{Op, Watching};
use chinwag::{MapEntry, MapValue, MapWatch, MapWatched};
use napi::Env;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;

use crate::error::{Result, failure};
use crate::node::NativeNode;
use crate::payload::{Parts, Told, all};
use crate::state::{DELETED, LOST, PUT, REPLAY_DONE, replayed};

/// A watch of keys of a map.
#[napi]
pub struct NativeMapWatch(Mutex<Option<Watching<MapWatch>>>);

impl NativeMapWatch {
    fn open(&self) -> MutexGuard<'_, Option<Watching<MapWatch>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[napi]
impl NativeNode {
    /// Gives a key a value, or deletes it without one: in place of what this node knows, or of what
    /// was read with a context.
    #[napi(catch_unwind)]
    pub fn write_map(
        &self,
        map: String,
        key: String,
        value: Option<Uint8Array>,
        context: Option<Uint8Array>,
    ) -> Result<f64> {
        let value = value.map(|value| value.to_vec());
        self.submit(Op::write_map(map, key, value, context.as_deref()).map_err(failure)?)
    }

    /// What a key has, or null.
    #[napi(catch_unwind)]
    pub fn map_read<'env>(
        &self,
        env: &'env Env,
        map: String,
        key: String,
    ) -> Result<Option<Parts<'env>>> {
        let entry = self.host.map_read(&map, &key).map_err(failure)?;
        all(env, entry.as_slice(), tell_entry)
    }

    /// The keys that begin so, or null if there are none.
    #[napi(catch_unwind)]
    pub fn map_entries<'env>(
        &self,
        env: &'env Env,
        map: String,
        prefix: String,
    ) -> Result<Option<Parts<'env>>> {
        let entries = self.host.map_entries(&map, &prefix).map_err(failure)?;
        all(env, &entries, tell_entry)
    }

    /// Follows the keys that begin so; `replay` starts with those that are there.
    #[napi(catch_unwind)]
    pub fn map_watch(&self, map: String, prefix: String, replay: bool) -> Result<NativeMapWatch> {
        let watching = self.host.map_watch(&map, &prefix, replayed(replay)).map_err(failure)?;
        Ok(NativeMapWatch(Mutex::new(Some(watching))))
    }
}

#[napi]
impl NativeMapWatch {
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

fn tell(told: &mut Told, watched: &MapWatched) {
    match watched {
        MapWatched::Put(entry) => {
            told.number(PUT);
            tell_entry(told, entry);
        }
        MapWatched::Deleted { key } => {
            told.number(DELETED);
            told.text(key);
        }
        MapWatched::ReplayDone => told.number(REPLAY_DONE),
        MapWatched::Lost { count, entries } => {
            told.number(LOST);
            told.number(*count as f64);
            told.number(entries.len() as f64);
            entries.iter().for_each(|entry| tell_entry(told, entry));
        }
    }
}

fn tell_entry(told: &mut Told, MapEntry { key, values, context }: &MapEntry) {
    told.text(key);
    told.bytes(&context.to_bytes());
    told.number(values.len() as f64);
    for MapValue { bytes, stamp, writer } in values {
        told.bytes(bytes);
        told.bytes(&stamp.to_bytes());
        told.text(writer);
    }
}
