//! What a server gets, and how it answers.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use super::{ItemSink, Items, Mesh, Puller, Shared, Side, Stream, clock};
use crate::error::{Error, ErrorKind, Remote, Result};
use crate::mesh;
use crate::messaging::{Delivery, MailboxLimits, Payload, ServerId, Tag};
use crate::time::Instant;

impl Mesh {
    /// Registers a server on this node.
    pub(crate) fn serve(&self, name: &str, limits: MailboxLimits) -> Result<Mailbox> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Error::closed());
        }
        let id = state.messaging.serve(name, limits)?;
        state.pullers.insert(id, Puller::default());
        self.shared.announce(&mut state, name, id);
        Ok(Mailbox::new(&self.shared, id))
    }
}

impl Mesh {
    /// Whether this node serves that name.
    #[cfg(unix)]
    pub(in crate::driver) fn serves(&self, name: &str) -> bool {
        self.shared.lock().messaging.serves(name)
    }

    /// Registers what takes whatever else comes on a mesh of workers.
    #[cfg(unix)]
    pub(in crate::driver) fn open_desk(&self, limits: MailboxLimits) -> Result<Mailbox> {
        let mut state = self.shared.lock();
        let id = state.messaging.open_desk(limits)?;
        state.pullers.insert(id, Puller::default());
        Ok(Mailbox::new(&self.shared, id))
    }
}

/// Where the messages for a server wait. Dropped, the server is no more.
pub struct Mailbox {
    shared: Arc<Shared>,
    id: ServerId,
    /// What was taken along, so that the lock that all share is not taken for each.
    ahead: Mutex<VecDeque<Delivery>>,
    /// Whose code answers.
    language: &'static str,
}

impl Mailbox {
    fn new(shared: &Arc<Shared>, id: ServerId) -> Self {
        Self { shared: Arc::clone(shared), id, ahead: Mutex::default(), language: "rust" }
    }

    /// The next message; `None` once the server was stopped or the node closed.
    pub async fn next(&self) -> Option<Request> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The same for those who poll by hand: the waker is called when there is something.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Request>> {
        let mut ahead = self.ahead();
        if !self.shared.closed.load(Ordering::Acquire)
            && let Some(delivery) = ahead.pop_front()
        {
            return Poll::Ready(Some(self.request(delivery)));
        }
        let mut state = self.shared.lock();
        if !ahead.is_empty() {
            state.messaging.give_back(self.id, &mut ahead);
        }
        let Some(puller) = state.pullers.get(&self.id) else { return Poll::Ready(None) };
        let ended = puller.ended;
        if let Some(delivery) = state.messaging.take(clock::now(), self.id) {
            if delivery.tag.is_none() {
                state.messaging.take_ahead(self.id, &mut ahead);
            }
            drop(state);
            return Poll::Ready(Some(self.request(delivery)));
        }
        if ended {
            return Poll::Ready(None);
        }
        if let Some(puller) = state.pullers.get_mut(&self.id) {
            let waker = context.waker();
            if !puller.waker.as_ref().is_some_and(|held| held.will_wake(waker)) {
                puller.waker = Some(waker.clone());
            }
        }
        Poll::Pending
    }

    fn ahead(&self) -> MutexGuard<'_, VecDeque<Delivery>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, delivery: Delivery) -> Request {
        let (shared, language) = (Arc::clone(&self.shared), self.language);
        let tag = delivery.tag.filter(|_| delivery.streams);
        let stream = tag.map(|tag| Stream::of_request(&shared, tag));
        Request { shared, delivery, language, stream }
    }

    /// For code in that language, which minds those who give up.
    #[cfg(feature = "host")]
    pub(crate) fn mind(mut self, language: &'static str) -> Self {
        self.language = language;
        if let Some(puller) = self.shared.lock().pullers.get_mut(&self.id) {
            puller.minds = true;
        }
        self
    }

    /// The calls of which somebody was told since, and for which nobody waits any more. The waker
    /// is called when there are others, also for who takes no messages meanwhile.
    #[cfg(feature = "host")]
    pub(crate) fn given_up(&self, context: &Context<'_>) -> Vec<Tag> {
        let mut state = self.shared.lock();
        let Some(puller) = state.pullers.get_mut(&self.id) else { return Vec::new() };
        puller.waker.get_or_insert_with(|| context.waker().clone());
        std::mem::take(&mut puller.given_up)
    }

    /// Holds messages back, or hands them over again.
    pub fn pause(&self, paused: bool) {
        let mut ahead = self.ahead();
        self.shared.with(|messaging, _| {
            messaging.give_back(self.id, &mut ahead);
            messaging.pause(self.id, paused);
        });
    }

    /// Whether nothing will come any more.
    pub(crate) fn is_ended(&self) -> bool {
        self.shared.lock().pullers.get(&self.id).is_none_or(|puller| puller.ended)
    }

    /// Takes the server off. What waits is answered with `no_server`.
    pub fn stop(&self) {
        self.stop_with("");
    }

    /// The same, with a reason that those are told who have called it or who follow it: 256 bytes
    /// at most go to others.
    pub fn stop_with(&self, reason: &str) {
        let mut ahead = self.ahead();
        let mut state = self.shared.lock();
        state.messaging.give_back(self.id, &mut ahead);
        if let Some(name) = state.messaging.stop(clock::now(), self.id, reason) {
            self.shared.recall(&mut state, &name, self.id, reason);
        }
        self.shared.carry_out(state);
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        if self.shared.is_forked() {
            return;
        }
        self.stop();
        self.shared.lock().pullers.remove(&self.id);
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A message for a server. A call that is dropped without an answer is answered with an error.
pub struct Request {
    shared: Arc<Shared>,
    delivery: Delivery,
    language: &'static str,
    /// Of a call that streams.
    stream: Option<Arc<Stream>>,
}

impl Request {
    /// Names a call, among those of this node.
    pub const fn tag(&self) -> Option<Tag> {
        self.delivery.tag
    }

    /// The language of the server's code.
    pub const fn language(&self) -> &'static str {
        self.language
    }

    /// Whether it wants an answer.
    pub const fn is_call(&self) -> bool {
        self.delivery.tag.is_some()
    }

    /// What is asked.
    pub fn op(&self) -> &str {
        self.delivery.op.as_str()
    }

    /// The member that sent it.
    pub fn from(&self) -> &str {
        &self.delivery.from
    }

    /// The key after `#`, where it was sent to the owner of one.
    pub fn key(&self) -> Option<&[u8]> {
        self.delivery.key.as_deref()
    }

    /// What came with it.
    pub const fn payload(&self) -> &Payload {
        &self.delivery.payload
    }

    /// Takes what came with it; nothing is left.
    pub fn take_payload(&mut self) -> Payload {
        std::mem::take(&mut self.delivery.payload)
    }

    /// Whether its request and its answer may have items.
    pub const fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// The items of the request, which the caller sends from when they are first asked for. There
    /// is one reader: asked for again, or of a call that does not stream, there are none.
    pub fn body(&mut self) -> Items {
        Items::new(self.stream.clone().filter(|stream| stream.claim(Side::Reader)))
    }

    /// Where items of the answer go. The answer itself, as of any call, ends them. There is one
    /// writer.
    ///
    /// # Errors
    /// `bad_argument` when the caller wants no items, or the writer was asked for before.
    pub fn sink(&mut self) -> Result<ItemSink> {
        let stream = self.streamed()?;
        match stream.claim(Side::Writer) {
            true => Ok(ItemSink::new(stream)),
            false => Err(claimed()),
        }
    }

    /// The end of a call that streams, for one who reads and writes.
    #[cfg(any(unix, feature = "host"))]
    pub(crate) fn take_end(&self) -> Result<Arc<Stream>> {
        let stream = self.streamed()?;
        match stream.claim(Side::Reader) & stream.claim(Side::Writer) {
            true => Ok(stream),
            false => Err(claimed()),
        }
    }

    fn streamed(&self) -> Result<Arc<Stream>> {
        self.stream.clone().ok_or_else(|| {
            let op = self.op();
            let message = format!("the caller of \"{op}\" reads no items: it does not stream");
            Error::new(ErrorKind::BadArgument, message)
        })
    }

    /// The headers, as whoever sent it gave them; those that cannot be read are left out.
    pub fn headers(&self) -> Vec<(String, String)> {
        mesh::headers(&self.delivery.headers).unwrap_or_default()
    }

    /// When nobody waits any more; none without an end, such as of a call that streams, which ends
    /// by silence.
    pub fn deadline(&self) -> Option<std::time::Instant> {
        let deadline = self.delivery.deadline;
        (deadline != Instant::NEVER).then(|| clock::system(deadline).into_std())
    }

    /// What is left of the caller's time; none without an end.
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.delivery.deadline;
        (deadline != Instant::NEVER).then(|| deadline.since(clock::now()))
    }

    /// Answers a call; whether anybody was still waiting for that.
    pub fn reply(mut self, result: Result<Payload>) -> bool {
        self.settle(result)
    }

    fn settle(&mut self, result: Result<Payload>) -> bool {
        let Some(tag) = self.delivery.tag.take() else { return false };
        let mut state = self.shared.lock();
        state.watchers.remove(&tag);
        if state.closed {
            return false;
        }
        let waited = state.messaging.reply(clock::now(), tag, result);
        let alone = state.messaging.calls_unanswered() == 0;
        self.shared.carry_out_by(state, alone);
        waited
    }

    /// The message itself, for who hands it on.
    #[cfg(unix)]
    pub(in crate::driver) const fn delivery(&mut self) -> &mut Delivery {
        &mut self.delivery
    }

    /// Lets go of it without a word, since nobody waits.
    #[cfg(unix)]
    pub(in crate::driver) fn forget(mut self) {
        self.delivery.tag = None;
    }

    /// Waits until nobody waits for the answer any more.
    pub async fn given_up(&self) {
        let Some(tag) = self.delivery.tag else { return std::future::pending().await };
        poll_fn(|context| self.poll_given_up(tag, context)).await;
    }

    fn poll_given_up(&self, tag: Tag, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.lock();
        if state.closed || !state.messaging.is_open(tag) {
            return Poll::Ready(());
        }
        state.watchers.insert(tag, context.waker().clone());
        Poll::Pending
    }
}

fn claimed() -> Error {
    Error::new(ErrorKind::BadArgument, "somebody has this end of the call already")
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.delivery.tag.is_some() && !self.shared.is_forked() {
            let remote = Remote {
                class: "Unanswered".to_owned(),
                message: "the server let go of the call without an answer".to_owned(),
                language: self.language.to_owned(),
                ..Remote::default()
            };
            self.settle(Err(Error::remote_error(remote)));
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}
