//! Messages to named servers, and the servers of this node. A message is said in numbers, one text
//! and one run of bytes, as `lib/messages.js` does, and crosses the border once.

pub mod monitor;
pub mod serving;
pub mod streams;
pub mod topics;

use std::sync::Arc;
use std::time::Duration;

use chinwag::host::{Answer, Host, Message, MultiCall, Op};
use chinwag::{Error, Payload};
use napi::Env;
use napi::bindgen_prelude::{Float64ArraySlice, Uint8ArraySlice, Unknown};
use napi_derive::napi;

use crate::config;
use crate::error::{Failed, Result, failure};
use crate::messages::serving::NativeServing;
use crate::node::NativeNode;
use crate::payload::Said;

/// A message, as `lib/messages.js` says it: texts, then numbers, then headers, then the payload.
pub(crate) struct Envelope<'a> {
    target: &'a str,
    op: &'a str,
    timeout: Option<Duration>,
    /// How many answers are enough; of a cast, 1 for one that takes the place of others.
    wanted: Option<usize>,
    headers: Vec<(String, String)>,
    payload: Payload,
}

impl<'a> Envelope<'a> {
    pub(crate) fn open(mut said: Said<'a>) -> chinwag::Result<Self> {
        let (target, op) = (said.text()?, said.text()?);
        let (timeout, wanted) = (said.number()?, said.number()?);
        let mut headers = Vec::new();
        for _ in 0..said.number()? as usize {
            headers.push((said.text()?.to_owned(), said.text()?.to_owned()));
        }
        let payload = said.payload()?;
        // Less than nothing stands for what was not said.
        let wanted = (wanted >= 0.0).then_some(wanted as usize);
        Ok(Self { target, op, timeout: config::span(timeout), wanted, headers, payload })
    }

    /// The message, and its payload.
    pub(crate) fn parts(&mut self) -> (Message<'_>, Payload) {
        let latest = self.wanted == Some(1);
        let (target, op, timeout) = (self.target, self.op, self.timeout);
        let payload = std::mem::take(&mut self.payload);
        (Message { target, op, headers: &self.headers, timeout, latest }, payload)
    }
}

fn begin(host: &Host, said: Said<'_>) -> chinwag::Result<f64> {
    let mut envelope = Envelope::open(said)?;
    let (message, payload) = envelope.parts();
    host.call(&message, payload).map(|id| id as f64)
}

fn tell(host: &Host, said: Said<'_>) -> chinwag::Result<()> {
    let mut envelope = Envelope::open(said)?;
    let (message, payload) = envelope.parts();
    host.cast(&message, payload)
}

/// What says a message.
pub(crate) type Numbers<'a> = Float64ArraySlice<'a>;
pub(crate) type Bytes<'a> = Uint8ArraySlice<'a>;

#[napi]
impl NativeNode {
    /// Asks a server.
    #[napi(catch_unwind)]
    pub fn call(&self, numbers: Numbers<'_>, text: String, bytes: Bytes<'_>) -> Result<f64> {
        begin(&self.host, Said::new(&numbers, &text, &bytes)).map_err(failure)
    }

    /// Tells a server something; why not, if it is refused.
    #[napi(catch_unwind)]
    pub fn cast(
        &self,
        numbers: Numbers<'_>,
        text: String,
        bytes: Bytes<'_>,
    ) -> Result<Option<Failed>> {
        let outcome = tell(&self.host, Said::new(&numbers, &text, &bytes));
        Ok(outcome.err().map(|error| Failed::from(&error)))
    }

    /// The same for who may wait for room; without headers and all that.
    #[napi(catch_unwind)]
    pub fn cast_waiting(
        &self,
        numbers: Numbers<'_>,
        text: String,
        bytes: Bytes<'_>,
    ) -> Result<f64> {
        let Envelope { target, op, payload, .. } =
            Envelope::open(Said::new(&numbers, &text, &bytes)).map_err(failure)?;
        self.submit(Op::Cast(target.to_owned(), op.to_owned(), payload))
    }

    /// Asks the servers of a name on all members.
    #[napi(catch_unwind)]
    pub fn multi_call(&self, numbers: Numbers<'_>, text: String, bytes: Bytes<'_>) -> Result<f64> {
        let Envelope { target, op, timeout, wanted, payload, .. } =
            Envelope::open(Said::new(&numbers, &text, &bytes)).map_err(failure)?;
        let (server, op) = (target.to_owned(), op.to_owned());
        self.submit(Op::MultiCall(MultiCall { server, op, payload, min_ok: wanted, timeout }))
    }

    /// Tells the servers of a name on all members something.
    #[napi(catch_unwind)]
    pub fn abcast(&self, numbers: Numbers<'_>, text: String, bytes: Bytes<'_>) -> Result<f64> {
        let Envelope { target, op, payload, .. } =
            Envelope::open(Said::new(&numbers, &text, &bytes)).map_err(failure)?;
        self.submit(Op::Abcast(target.to_owned(), op.to_owned(), payload))
    }

    /// Who hosts a server.
    #[napi(catch_unwind)]
    pub fn hosts(&self, server: String) -> Result<Vec<String>> {
        self.host.hosts(&server).map_err(failure)
    }

    /// Every server that is known, and how many host it.
    #[napi(catch_unwind)]
    pub fn servers<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        let known = self.host.servers().map_err(failure)?;
        let known = known.into_iter().map(|(name, count)| (name, Answer::from(count)));
        crate::answer::plain(env, &Answer::Map(known.collect()))
    }

    /// Milliseconds that a call may take which says nothing else.
    #[napi(catch_unwind)]
    pub fn call_timeout(&self) -> Result<f64> {
        self.host.call_timeout().map(|span| span.as_secs_f64() * 1e3).map_err(failure)
    }

    /// Registers a server, with room for so many messages.
    #[napi(catch_unwind)]
    pub fn serve(&self, name: String, mailbox: Option<f64>) -> Result<NativeServing> {
        let mailbox = mailbox.map(|count| config::count("mailbox", count)).transpose()?;
        let serving = self.host.serve(&name, mailbox, "node").map_err(failure)?;
        Ok(NativeServing::new(serving, Arc::clone(&self.host)))
    }
}

/// The error of a code in the core's table.
pub(crate) fn error(code: &str, message: String) -> Error {
    let row = chinwag::api::ERRORS.iter().find(|row| row.code == code);
    let kind = row.map_or(chinwag::ErrorKind::Internal, |row| row.kind);
    Error::new(kind, message)
}
