//! A server of this node: its messages are taken in batches, and answered by their numbers, once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chinwag::host::{Host, Serving};
use chinwag::{Error, ErrorKind, Request, Tag};
use napi::Env;
use napi::bindgen_prelude::{Float64ArraySlice, Uint8ArraySlice};
use napi_derive::napi;

use crate::config;
use crate::error::{Elsewhere, Result, failure};
use crate::messages::error;
use crate::messages::streams::NativeStream;
use crate::payload::{Parts, Said, Told};

/// The number of a message that nobody has to answer.
const CAST: f64 = 0.0;
/// In place of the number: it cannot be read, and a text says why.
const UNREADABLE: f64 = -1.0;
/// In place of what there is not.
const NONE: f64 = -1.0;

/// A server.
#[napi]
pub struct NativeServing {
    serving: Serving,
    host: Arc<Host>,
    open: Mutex<Open>,
}

/// Calls that were taken and not answered.
#[derive(Default)]
struct Open {
    last: u64,
    requests: BTreeMap<u64, Request>,
    ids: BTreeMap<Tag, u64>,
}

impl Open {
    fn keep(&mut self, tag: Tag, request: Request) {
        self.ids.insert(tag, self.last);
        self.requests.insert(self.last, request);
    }

    fn remove(&mut self, id: u64) -> Option<Request> {
        let request = self.requests.remove(&id)?;
        if let Some(tag) = request.tag() {
            self.ids.remove(&tag);
        }
        Some(request)
    }
}

/// Why a call fails, as `lib/serving.js` says it.
#[napi(object, object_to_js = false)]
pub struct Refusal {
    /// The code in the core's table.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// Whether what was asked for may have happened.
    pub maybe_executed: bool,
    /// Of the server's own failure, all that there is to say.
    pub remote: Option<Elsewhere>,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal.remote {
            Some(remote) => Self::remote_error(remote.into()),
            None => error(&refusal.code, refusal.message).with_executed(refusal.maybe_executed),
        }
    }
}

impl NativeServing {
    pub(crate) fn new(serving: Serving, host: Arc<Host>) -> Self {
        Self { serving, host, open: Mutex::default() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[napi]
impl NativeServing {
    /// Up to `max` messages, or null when there is nothing to say: whether this is the end; how
    /// many have given up, and the numbers of their calls; then the messages until the numbers end.
    #[napi(catch_unwind)]
    pub fn drain<'env>(&self, env: &'env Env, max: u32) -> Result<Option<Parts<'env>>> {
        let taken = self.serving.drain(max as usize).map_err(failure)?;
        if taken.requests.is_empty() && taken.given_up.is_empty() && !taken.ended {
            return Ok(None);
        }
        let (mut told, mut open) = (Told::default(), self.open());
        let ids = taken.given_up.iter().filter_map(|tag| open.ids.get(tag).copied());
        let ids: Vec<u64> = ids.collect();
        told.number(f64::from(u8::from(taken.ended)));
        told.number(ids.len() as f64);
        for id in ids {
            told.number(id as f64);
            open.remove(id);
        }
        for request in taken.requests {
            tell(&mut told, &mut open, request);
        }
        drop(open);
        told.parts(env).map(Some)
    }

    /// Answers a call; whether anybody was still waiting for that.
    #[napi(catch_unwind)]
    pub fn reply(
        &self,
        id: f64,
        numbers: Float64ArraySlice<'_>,
        text: String,
        bytes: Uint8ArraySlice<'_>,
    ) -> Result<bool> {
        let id = config::id(id)?;
        // Encoded before it is taken, so that it can still be answered that this is not possible.
        let payload = Said::new(&numbers, &text, &bytes).payload();
        let payload = payload.map_err(failure)?;
        let request = self.open().remove(id);
        Ok(request.is_some_and(|request| request.reply(Ok(payload))))
    }

    /// Answers a call with an error; whether anybody was still waiting for that.
    #[napi(catch_unwind)]
    pub fn fail(&self, id: f64, refusal: Refusal) -> Result<bool> {
        let request = self.open().remove(config::id(id)?);
        Ok(request.is_some_and(|request| request.reply(Err(refusal.into()))))
    }

    /// The server's end of a call that streams, once.
    #[napi(catch_unwind)]
    pub fn stream(&self, id: f64) -> Result<NativeStream> {
        let id = config::id(id)?;
        let open = self.open();
        let gone = || Error::new(ErrorKind::Cancelled, "nobody waits for the answer any more");
        let request = open.requests.get(&id).ok_or_else(gone).map_err(failure)?;
        self.host.stream_of(request).map(NativeStream::new).map_err(failure)
    }

    /// Holds messages back, or hands them over again.
    #[napi(catch_unwind)]
    pub fn pause(&self, paused: bool) -> Result<()> {
        self.serving.pause(paused).map_err(failure)
    }

    /// Takes the server off, for that reason if there is one. What is not answered is answered with
    /// an error.
    #[napi(catch_unwind)]
    pub fn stop(&self, reason: Option<String>) -> Result<()> {
        let reason = reason.unwrap_or_default();
        self.serving.stop_with(&reason).map_err(failure)?;
        let open = std::mem::take(&mut *self.open());
        drop(open);
        Ok(())
    }
}

/// What a message is, in the order in which `lib/serving.js` reads it.
fn tell(told: &mut Told, open: &mut Open, mut request: Request) {
    open.last += 1;
    let tag = request.tag();
    let payload = request.take_payload();
    told.mark();
    told.number(tag.map_or(CAST, |_| open.last as f64));
    told.number(f64::from(payload.codec));
    told.number(f64::from(u8::from(request.is_stream())));
    told.number(request.remaining().map_or(NONE, |left| left.as_secs_f64() * 1e3));
    told.text(request.op());
    told.text(request.from());
    match request.key() {
        Some(key) => told.bytes(key),
        None => told.number(NONE),
    }
    let headers = request.headers();
    told.number(headers.len() as f64);
    for (name, value) in headers {
        told.text(&name);
        told.text(&value);
    }
    match (told.payload(&payload), tag) {
        (Ok(_), Some(tag)) => open.keep(tag, request),
        (Ok(_), None) => {}
        (Err(error), tag) => {
            told.reset();
            if tag.is_some() {
                request.reply(Err(error.with_executed(false)));
            } else {
                told.number(UNREADABLE);
                told.text(error.message());
            }
        }
    }
}
