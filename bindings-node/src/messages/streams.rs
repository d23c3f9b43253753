//! Calls that carry items in both directions.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag::host::{Host, Streaming};
use chinwag::{Error, ErrorKind, Payload};
use napi::Env;
use napi_derive::napi;

use crate::error::{Failed, Result, failure};
use crate::messages::{Bytes, Envelope, Numbers};
use crate::node::NativeNode;
use crate::payload::{Parts, Said, Told};

/// One end of a call that streams.
#[napi]
pub struct NativeStream {
    id: u64,
    open: Mutex<Open>,
}

/// What an end has until it is let go.
struct Open {
    end: Option<Streaming>,
    /// What there was no room for.
    held: Option<Payload>,
}

/// What was taken of a stream.
#[napi(object, object_from_js = false)]
pub struct Taken<'env> {
    /// How many items there are.
    pub count: f64,
    /// The items, and behind them the answer, each as far as it can be read.
    pub told: Option<Parts<'env>>,
    /// Whether there will be no more.
    pub ended: bool,
    /// Why, if it is an error.
    pub failed: Option<Failed>,
}

impl NativeStream {
    pub(crate) fn new(end: Streaming) -> Self {
        let id = end.id();
        Self { id, open: Mutex::new(Open { end: Some(end), held: None }) }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, body: impl FnOnce(&Streaming) -> chinwag::Result<T>) -> Result<T> {
        body(self.open().end()?).map_err(failure)
    }
}

impl Open {
    fn end(&self) -> Result<&Streaming> {
        let closed = || Error::new(ErrorKind::Cancelled, "this stream was closed here");
        self.end.as_ref().ok_or_else(closed).map_err(failure)
    }

    /// Whether there was room; if not, it is held.
    fn send(&mut self, item: Payload) -> Result<bool> {
        self.held = self.end()?.send(item).map_err(failure)?;
        Ok(self.held.is_none())
    }
}

fn begin(host: &Host, said: Said<'_>) -> chinwag::Result<Streaming> {
    let mut envelope = Envelope::open(said)?;
    let (message, payload) = envelope.parts();
    host.stream(&message, payload)
}

#[napi]
impl NativeNode {
    /// Makes a call that streams.
    #[napi(catch_unwind)]
    pub fn stream(
        &self,
        numbers: Numbers<'_>,
        text: String,
        bytes: Bytes<'_>,
    ) -> Result<NativeStream> {
        let end = begin(&self.host, Said::new(&numbers, &text, &bytes));
        end.map(NativeStream::new).map_err(failure)
    }

    /// The numbers of up to `max` ends at which something happened.
    #[napi(catch_unwind)]
    pub fn ready_streams(&self, max: u32) -> Result<Vec<f64>> {
        let ready = self.host.ready_streams(max as usize).map_err(failure)?;
        Ok(ready.into_iter().map(|id| id as f64).collect())
    }
}

#[napi]
impl NativeStream {
    /// Names it among those of the node.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> f64 {
        self.id as f64
    }

    /// Sends an item; whether there was room. If not, it is held, and `resend` tries again.
    #[napi(catch_unwind)]
    pub fn send(&self, numbers: Numbers<'_>, text: String, bytes: Bytes<'_>) -> Result<bool> {
        let item = Said::new(&numbers, &text, &bytes).payload().map_err(failure)?;
        self.open().send(item)
    }

    /// Sends what is held; whether there was room.
    #[napi(catch_unwind)]
    pub fn resend(&self) -> Result<bool> {
        let mut open = self.open();
        let held = open.held.take();
        held.map_or(Ok(true), |item| open.send(item))
    }

    /// Takes up to `max` items. Fewer, and no end: it is ready when there are more.
    #[napi(catch_unwind)]
    pub fn take<'env>(&self, env: &'env Env, max: u32) -> Result<Taken<'env>> {
        let taken = self.with(|end| end.take(max as usize))?;
        let mut told = Told::default();
        taken.items.iter().for_each(|item| told.payload_or_why(item));
        let failed = match &taken.end {
            Some(Ok(answer)) => {
                told.payload_or_why(answer);
                None
            }
            Some(Err(error)) => Some(Failed::from(error)),
            None => None,
        };
        let told = Some(told).filter(|told| !told.is_empty());
        let told = told.map(|told| told.parts(env)).transpose()?;
        Ok(Taken { count: taken.items.len() as f64, told, ended: taken.ended, failed })
    }

    /// Says that no more items of the request come.
    #[napi(catch_unwind)]
    pub fn finish(&self) -> Result<()> {
        self.with(Streaming::finish)
    }

    /// Reads no more; whoever sends is told.
    #[napi(catch_unwind)]
    pub fn stop(&self) -> Result<()> {
        self.with(Streaming::stop)
    }

    /// Lets it go: a call of this node is given up, unless it is over.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        let mut open = self.open();
        let dropped = (open.end.take(), open.held.take());
        drop(open);
        drop(dropped);
    }
}
