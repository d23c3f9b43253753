//! Messages to named servers, wherever they live.
//!
//! **Delivery.** A call and a cast are delivered at most once. Order is kept from one sender to one
//! server, on one connection. Nothing is stored for members that are not here. Who hosts what is
//! eventually consistent, as the members and the ring are: for a moment two nodes can both believe
//! that they own a key.

mod casting;
mod monitors;
mod serving;
mod streams;
mod topics;

use std::fmt;
use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

pub use self::casting::Casting;
use self::casting::Stage;
pub use self::monitors::Monitor;
pub use self::serving::{Answer, Failure, Served, Server, Serving};
pub use self::streams::CallStream;
pub use self::topics::{Publish, Subscribing};
use super::Node;
use crate::driver::mesh::{ItemSink, Items, Mesh, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::mesh::put_headers;
use crate::messaging::{Ask, Payload, Target, check_name};
#[cfg(feature = "host")]
use crate::messaging::{CallId, MonitorId};
use crate::payload::Value;
use crate::time::Instant;

/// What can be sent: a [`Payload`], or whatever is a [`Value`].
pub trait IntoPayload {
    /// As it is sent.
    ///
    /// # Errors
    /// `codec` for a value without an encoding.
    fn into_payload(self) -> Result<Payload>;
}

impl IntoPayload for Payload {
    fn into_payload(self) -> Result<Payload> {
        Ok(self)
    }
}

impl<T: Into<Value>> IntoPayload for T {
    fn into_payload(self) -> Result<Payload> {
        Payload::encode(&self.into())
    }
}

/// Whom a message can be for: a [`Target`], or its text.
pub trait IntoTarget {
    /// The target.
    ///
    /// # Errors
    /// `bad_argument` for a text that is none.
    fn into_target(self) -> Result<Target>;
}

impl IntoTarget for Target {
    fn into_target(self) -> Result<Target> {
        Ok(self)
    }
}

impl IntoTarget for &Target {
    fn into_target(self) -> Result<Target> {
        Ok(self.clone())
    }
}

impl IntoTarget for &str {
    fn into_target(self) -> Result<Target> {
        self.parse()
    }
}

impl IntoTarget for &String {
    fn into_target(self) -> Result<Target> {
        self.parse()
    }
}

/// What a call to several servers came to.
#[derive(Clone, Debug, Default)]
pub struct Replies {
    /// Who answered what, by the names of the members.
    pub replies: Vec<(String, Payload)>,
    /// Who did not, and why.
    pub failed: Vec<(String, Error)>,
}

/// A message on its way out, which is sent when it is awaited.
#[derive(Clone, Debug)]
struct Message<'a> {
    node: &'a Node,
    target: Result<Target>,
    op: &'a str,
    payload: Result<Payload>,
    headers: Vec<(String, String)>,
    timeout: Option<Duration>,
    latest: bool,
}

/// A call on its way: awaited, it is the answer.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is awaited"]
pub struct Call<'a>(Message<'a>);

/// A cast on its way: awaited, it is sent.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent before it is awaited"]
pub struct Cast<'a>(Message<'a>);

impl Node {
    /// Asks a server, and waits for its answer: `node.call("counter@web-2", "incr", 1).await?`.
    /// Dropped before that, it is given up, and the server is told.
    ///
    /// # Errors
    /// `no_server`, `node_down`, `unknown_member`, `overloaded`, `too_large`, `codec`,
    /// `bad_argument`: at once, where it is known at once. `timeout` after `call_timeout`;
    /// `node_down` when the member fails meanwhile; `remote_error`, `unknown_op` and whatever else
    /// the server answers. `closed`.
    pub fn call<'a>(
        &'a self,
        target: impl IntoTarget,
        op: &'a str,
        payload: impl IntoPayload,
    ) -> Call<'a> {
        Call(self.message(target, op, payload))
    }

    /// Tells a server something; nobody answers. It waits for a connection if there is none, for
    /// `outbox_age` at most. What is dropped is counted.
    ///
    /// # Errors
    /// Those of a call that are known at once: nothing was sent then.
    pub fn cast<'a>(
        &'a self,
        target: impl IntoTarget,
        op: &'a str,
        payload: impl IntoPayload,
    ) -> Cast<'a> {
        Cast(self.message(target, op, payload))
    }

    fn message<'a>(
        &'a self,
        target: impl IntoTarget,
        op: &'a str,
        payload: impl IntoPayload,
    ) -> Message<'a> {
        let (target, payload) = (target.into_target(), payload.into_payload());
        let (headers, timeout, latest) = (Vec::new(), None, false);
        Message { node: self, target, op, payload, headers, timeout, latest }
    }

    /// Asks the servers of that name on all members, this one included, and waits until
    /// `min_ok` have answered, or all if it is none. Those that have not by then are given up.
    ///
    /// # Errors
    /// `no_quorum` when fewer answer, with the reason of each; `no_server` when there is none, and
    /// those of a call that are about what is asked.
    pub async fn multi_call(
        &self,
        server: &str,
        op: &str,
        payload: impl IntoPayload,
        min_ok: Option<usize>,
        timeout: Option<Duration>,
    ) -> Result<Replies> {
        let payload = payload.into_payload()?;
        let hosts = self.all(server)?;
        let deadline = self.deadline(timeout);
        let mesh = self.handle.mesh();
        let mut replies = Replies::default();
        let mut waiting = Vec::with_capacity(hosts.len());
        for host in hosts {
            let target = Target::at(server, &host)?;
            let payload = payload.clone();
            let ask = Ask { target: &target, op, headers: &[], payload, deadline, latest: false };
            match mesh.begin(ask) {
                Ok(ticket) => waiting.push((host.to_string(), ticket)),
                Err(error) => replies.failed.push((host.to_string(), error)),
            }
        }
        gather(&mut replies, &mut waiting, min_ok.unwrap_or(usize::MAX)).await;
        let wanted = min_ok.unwrap_or(0);
        if replies.replies.len() < wanted {
            return Err(no_quorum(wanted, &replies));
        }
        for (host, _) in waiting {
            let error = Error::new(ErrorKind::Cancelled, "enough others had answered before");
            replies.failed.push((host, error));
        }
        Ok(replies)
    }

    /// Tells the servers of that name on all members something; how many it was sent to.
    ///
    /// # Errors
    /// `no_server` when there is none, and those of a cast that are about what is said.
    pub async fn abcast(&self, server: &str, op: &str, payload: impl IntoPayload) -> Result<usize> {
        let payload = payload.into_payload()?;
        let (mesh, mut sent) = (self.handle.mesh(), 0);
        check_name("operation", op)?;
        for host in self.all(server)? {
            let target = Target::at(server, &host)?;
            let (payload, deadline) = (payload.clone(), Instant::NEVER);
            let ask = Ask { target: &target, op, headers: &[], payload, deadline, latest: false };
            sent += usize::from(mesh.cast_now(ask).is_ok());
        }
        Ok(sent)
    }

    /// Who hosts a server, this node included, in the order of their names.
    pub fn hosts(&self, server: &str) -> Vec<String> {
        self.handle.mesh().hosts(server).iter().map(ToString::to_string).collect()
    }

    /// Every server that this node knows of, and how many members host it.
    pub fn servers(&self) -> Vec<(String, usize)> {
        self.handle.mesh().known_servers()
    }

    /// What carries a message to that target, which knows what it has to know for it.
    pub(crate) fn mesh_for(&self, target: &Target) -> &Mesh {
        if target.wants_ring() {
            self.handle.ring();
        }
        self.handle.mesh()
    }

    /// Gives a call up.
    #[cfg(feature = "host")]
    pub(crate) fn cancel_call(&self, call: CallId) {
        self.handle.mesh().cancel(call);
    }

    /// Whoever follows a server is told nothing any more.
    #[cfg(feature = "host")]
    pub(crate) fn demonitor(&self, monitor: MonitorId) {
        self.handle.mesh().demonitor(monitor);
    }

    /// How long a call waits that says nothing else.
    #[cfg(feature = "host")]
    pub(crate) fn call_timeout(&self) -> Duration {
        self.handle.call_timeout()
    }

    fn all(&self, server: &str) -> Result<Vec<Arc<str>>> {
        check_name("server", server)?;
        let hosts = self.handle.mesh().hosts(server);
        if hosts.is_empty() {
            let message = format!("no member hosts \"{server}\"");
            return Err(Error::new(ErrorKind::NoServer, message));
        }
        Ok(hosts)
    }

    fn deadline(&self, timeout: Option<Duration>) -> Instant {
        Mesh::deadline(timeout.unwrap_or_else(|| self.handle.call_timeout()))
    }
}

/// Waits until so many have answered, or none is left.
async fn gather(replies: &mut Replies, waiting: &mut Vec<(String, Ticket)>, wanted: usize) {
    poll_fn(|context| {
        let mut at = 0;
        while let Some((_, ticket)) = waiting.get_mut(at) {
            match ticket.poll_outcome(context) {
                Poll::Pending => at += 1,
                Poll::Ready(outcome) => {
                    let (host, _) = waiting.remove(at);
                    match outcome {
                        Ok(payload) => replies.replies.push((host, payload)),
                        Err(error) => replies.failed.push((host, error)),
                    }
                }
            }
        }
        match waiting.is_empty() || replies.replies.len() >= wanted {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

fn no_quorum(wanted: usize, replies: &Replies) -> Error {
    let failed = replies.failed.iter().map(|(host, error)| format!("{host}: {error}"));
    let failed: Vec<String> = failed.collect();
    let message = format!(
        "{} of {wanted} answered; {}",
        replies.replies.len(),
        if failed.is_empty() { "there are no more".to_owned() } else { failed.join("; ") }
    );
    Error::new(ErrorKind::NoQuorum, message)
}

impl Message<'_> {
    async fn send(self) -> Result<Payload> {
        let headers = self.encoded_headers()?;
        let (target, payload) = (self.target?, self.payload?);
        let (op, deadline) = (self.op, self.node.deadline(self.timeout));
        let headers = &headers;
        let ask = Ask { target: &target, op, headers, payload, deadline, latest: false };
        let mesh = self.node.mesh_for(&target);
        mesh.call(ask).await
    }

    async fn open(self) -> Result<CallStream> {
        let headers = self.encoded_headers()?;
        let (target, payload) = (self.target?, self.payload?);
        let (op, deadline) = (self.op, self.node.deadline(self.timeout));
        let headers = &headers;
        let ask = Ask { target: &target, op, headers, payload, deadline, latest: false };
        let stream = self.node.mesh_for(&target).open(ask).await?;
        Ok(CallStream::new(ItemSink::new(Arc::clone(&stream)), Items::new(Some(stream))))
    }

    fn encoded_headers(&self) -> Result<Vec<u8>> {
        let pairs = self.headers.iter().map(|(name, value)| (&**name, &**value));
        put_headers(pairs).ok_or_else(|| {
            Error::new(ErrorKind::TooLarge, "the headers have more than 4,096 bytes")
        })
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Call<'_> {
    /// Waits so long, in place of `call_timeout`.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self(Message { timeout: Some(timeout), ..self.0 })
    }

    /// Sends a header along, such as `traceparent`; 4,096 bytes at most in all.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }
}

impl Call<'_> {
    /// Makes it a call whose request and answer are sequences of items. The timeout is how long
    /// nothing may move then, in either direction; while an item waits to be read here, it does not
    /// run.
    ///
    /// # Errors
    /// Those of a call that are known at once.
    pub async fn stream(self) -> Result<CallStream> {
        self.0.open().await
    }
}

impl Cast<'_> {
    /// It is of no use later than that: dropped, and counted.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self(Message { timeout: Some(timeout), ..self.0 })
    }

    /// Sends a header along; 4,096 bytes at most in all.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// It is about a state: while it waits to be sent, a newer one to the same server and operation
    /// takes its place.
    pub fn latest(self) -> Self {
        Self(Message { latest: true, ..self.0 })
    }
}

/// What a message is while it is awaited.
pub type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl<'a> IntoFuture for Call<'a> {
    type Output = Result<Payload>;
    type IntoFuture = Sending<'a, Payload>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.send())
    }
}

impl<'a> IntoFuture for Cast<'a> {
    type Output = Result<()>;
    type IntoFuture = Casting<'a>;

    fn into_future(self) -> Self::IntoFuture {
        Casting(Stage::Unsaid(self.0))
    }
}

impl Payload {
    /// Bytes of the user's, as they are.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { codec: Self::RAW, bytes: bytes.into() }
    }

    /// A value, as MessagePack.
    ///
    /// # Errors
    /// `codec`.
    pub fn encode(value: &Value) -> Result<Self> {
        Ok(Self { codec: Self::MSGPACK, bytes: value.encode()? })
    }

    /// The value that was sent.
    ///
    /// # Errors
    /// `codec`, also when it was not sent as MessagePack.
    pub fn value(&self) -> Result<Value> {
        self.expect_msgpack()?;
        Value::decode(&self.bytes)
    }

    /// A value of a type of the user's, as MessagePack.
    ///
    /// # Errors
    /// `codec`.
    #[cfg(feature = "serde")]
    pub fn of<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self> {
        Ok(Self { codec: Self::MSGPACK, bytes: crate::payload::to_vec(value)? })
    }

    /// What was sent, as a type of the user's.
    ///
    /// # Errors
    /// `codec`.
    #[cfg(feature = "serde")]
    pub fn get<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        self.expect_msgpack()?;
        crate::payload::from_slice(&self.bytes)
    }

    fn expect_msgpack(&self) -> Result<()> {
        if self.codec == Self::MSGPACK {
            return Ok(());
        }
        let message = format!("it was sent with codec {}, and MessagePack is 1", self.codec);
        Err(Error::new(ErrorKind::Codec, message))
    }
}

impl fmt::Display for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered, {} failed", self.replies.len(), self.failed.len())
    }
}
