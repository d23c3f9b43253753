//! Topics: what is published, and subscribers that take it in batches.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chinwag::host::{Answer, Host, Subscribed};
use chinwag::{Published, Subscribing};
use napi::Env;
use napi::bindgen_prelude::Unknown;
use napi_derive::napi;

use crate::config;
use crate::error::{Result, failure};
use crate::messages::{Bytes, Envelope, Numbers};
use crate::node::NativeNode;
use crate::payload::{Parts, Said, Told, all};

/// A subscriber of a topic.
#[napi]
pub struct NativeSubscriber(Mutex<Open>);

/// What a subscriber has until it is closed.
struct Open {
    held: Option<Subscribed>,
    /// How many it has missed in all.
    missed: u64,
}

impl NativeSubscriber {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn publish(host: &Host, said: Said<'_>) -> chinwag::Result<usize> {
    let mut envelope = Envelope::open(said)?;
    let (message, payload) = envelope.parts();
    host.publish(message.target, message.headers, payload, message.latest)
}

#[napi]
impl NativeNode {
    /// Sends something to everybody who subscribes to a topic; to how many members.
    #[napi(catch_unwind)]
    pub fn publish(&self, numbers: Numbers<'_>, text: String, bytes: Bytes<'_>) -> Result<f64> {
        let sent = publish(&self.host, Said::new(&numbers, &text, &bytes));
        sent.map(|count| count as f64).map_err(failure)
    }

    /// Subscribes to a topic, in a queue if one is named; so many publications may wait.
    #[napi(catch_unwind)]
    pub fn subscribe_topic(
        &self,
        topic: String,
        queue: Option<String>,
        buffer: Option<f64>,
    ) -> Result<NativeSubscriber> {
        let mut how = Subscribing { queue, ..Subscribing::default() };
        if let Some(buffer) = buffer {
            how.buffer = config::count("buffer", buffer)?;
        }
        let held = Some(self.host.subscribe_topic(&topic, &how).map_err(failure)?);
        Ok(NativeSubscriber(Mutex::new(Open { held, missed: 0 })))
    }

    /// Which members have subscribers of a topic.
    #[napi(catch_unwind)]
    pub fn subscribers(&self, topic: String) -> Result<Vec<String>> {
        self.host.subscribers(&topic).map_err(failure)
    }

    /// Every topic that somebody subscribes to, and how many members do.
    #[napi(catch_unwind)]
    pub fn topics<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        let known = self.host.topics().map_err(failure)?;
        let known = known.into_iter().map(|(name, count)| (name, Answer::from(count)));
        crate::answer::plain(env, &Answer::Map(known.collect()))
    }
}

#[napi]
impl NativeSubscriber {
    /// Up to `max` publications, or null when there are none. Fewer than `max`: the wake function
    /// is called when there are more.
    #[napi(catch_unwind)]
    pub fn drain<'env>(&self, env: &'env Env, max: u32) -> Result<Option<Parts<'env>>> {
        let mut open = self.open();
        let Some(held) = &open.held else { return Ok(None) };
        let taken = held.drain(max as usize).map_err(failure)?;
        open.missed += taken.published.iter().map(Published::missed).sum::<u64>();
        if taken.ended {
            open.held = None;
        }
        drop(open);
        all(env, &taken.published, tell)
    }

    /// How many it has missed in all.
    #[napi(getter, catch_unwind)]
    pub fn missed(&self) -> Result<f64> {
        let open = self.open();
        let missed = open.held.as_ref().map_or(Ok(open.missed), Subscribed::missed);
        missed.map(|count| count as f64).map_err(failure)
    }

    /// Whether nothing will come any more.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.open().held.is_none()
    }

    /// Subscribes no longer; what waits is dropped.
    #[napi(catch_unwind)]
    pub fn close(&self) -> Result<()> {
        let mut open = self.open();
        let held = open.held.take();
        if let Some(held) = &held {
            open.missed = held.missed().map_err(failure)?;
        }
        Ok(())
    }
}

/// What was published, in the order in which `lib/messages/topics.js` reads it.
fn tell(told: &mut Told, published: &Published) {
    told.text(published.from());
    told.number(published.missed() as f64);
    let headers = published.headers();
    told.number(headers.len() as f64);
    for (name, value) in headers {
        told.text(&name);
        told.text(&value);
    }
    told.payload_or_why(published.payload());
}
