//! Servers of this node.

use std::sync::{Arc, Weak};

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::Node;
use crate::driver::MAILBOX_BYTES;
use crate::driver::mesh::{Mailbox, Request};
use crate::error::{Error, ErrorKind, Remote, Result};
use crate::messaging::{MailboxLimits, Payload};

/// What a server's code fails with. An [`Error`] of this crate goes to the caller as it is, such as
/// `unknown_op`, and as one after which something may have run; anything else arrives as a
/// `remote_error`.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Something that has a name and answers. It gets one message at a time.
pub trait Server: Send + 'static {
    /// Answers a call: what is returned is the answer.
    fn call(&mut self, request: &mut Request) -> impl Future<Output = Answer> + Send;

    /// Hears a cast. Without this, casts are dropped.
    fn cast(&mut self, request: &mut Request) -> impl Future<Output = ()> + Send {
        let _ = request;
        async {}
    }
}

/// What a server answers.
pub type Answer = std::result::Result<Payload, Failure>;

/// How a server is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Messages that may wait; none for the option `mailbox`.
    pub mailbox: Option<usize>,
    /// How many are handled at the same time, at least 1.
    pub concurrency: usize,
}

impl Default for Serving {
    fn default() -> Self {
        Self { mailbox: None, concurrency: 1 }
    }
}

/// A server that is being served. Dropped, it goes on until the node is closed.
#[derive(Clone, Debug)]
pub struct Served {
    mailbox: Arc<Mailbox>,
    task: AbortHandle,
}

impl Served {
    /// Holds messages back, up to the mailbox's bounds, until it is resumed.
    pub fn pause(&self) {
        self.mailbox.pause(true);
    }

    /// Hands messages over again.
    pub fn resume(&self) {
        self.mailbox.pause(false);
    }

    /// Takes the server off. What is under way ends; what waits is answered with `no_server`.
    pub fn stop(&self) {
        self.stop_with("");
    }

    /// The same, with a reason that those are told who have called it or who follow it: 256 bytes
    /// at most go to other members.
    pub fn stop_with(&self, reason: &str) {
        self.mailbox.stop_with(reason);
        self.task.abort();
    }
}

impl Node {
    /// Serves a name of this node: others find it there, wherever they are.
    ///
    /// # Errors
    /// `server_exists` when this node has one of that name, which stays; `bad_argument` for what is
    /// no name; `closed`.
    pub async fn serve(&self, name: &str, server: impl Server) -> Result<Served> {
        self.serve_with(name, Serving::default(), server).await
    }

    /// The same, with a mailbox of its own. Several at the same time are for [`Node::serve_fn`].
    ///
    /// # Errors
    /// As [`Node::serve`].
    pub async fn serve_with(
        &self,
        name: &str,
        serving: Serving,
        mut server: impl Server,
    ) -> Result<Served> {
        let mailbox = Arc::new(self.mailbox(name, serving.mailbox).await?);
        let held = Arc::downgrade(&mailbox);
        let task = self.handle.spawn(async move {
            let _watch = Panics(Weak::clone(&held));
            while let Some(mailbox) = held.upgrade() {
                let Some(mut request) = mailbox.next().await else { return };
                drop(mailbox);
                if !request.is_call() {
                    server.cast(&mut request).await;
                    continue;
                }
                let answer = server.call(&mut request).await;
                request.answer(answer);
            }
        });
        self.handle.keep_served(Arc::clone(&mailbox));
        Ok(Served { mailbox, task })
    }

    /// Serves a name with a function, which may run several times at once.
    ///
    /// # Errors
    /// As [`Node::serve`].
    pub async fn serve_fn<F, A>(&self, name: &str, serving: Serving, act: F) -> Result<Served>
    where
        F: Fn(Request) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let mailbox = Arc::new(self.mailbox(name, serving.mailbox).await?);
        let held = Arc::downgrade(&mailbox);
        let runtime = self.handle.runtime().clone();
        let places = Arc::new(Semaphore::new(serving.concurrency.max(1)));
        let task = self.handle.spawn(async move {
            while let Ok(place) = Arc::clone(&places).acquire_owned().await {
                let Some(mailbox) = held.upgrade() else { return };
                let Some(request) = mailbox.next().await else { return };
                let run = act(request);
                runtime.spawn(async move {
                    run.await;
                    drop(place);
                });
            }
        });
        self.handle.keep_served(Arc::clone(&mailbox));
        Ok(Served { mailbox, task })
    }

    /// Registers a server whose messages are taken by hand. Dropped, the server is no more.
    ///
    /// # Errors
    /// As [`Node::serve`].
    pub async fn mailbox(&self, name: &str, messages: Option<usize>) -> Result<Mailbox> {
        self.mailbox_now(name, messages)
    }

    /// The same at once.
    pub(crate) fn mailbox_now(&self, name: &str, messages: Option<usize>) -> Result<Mailbox> {
        let messages = messages.unwrap_or_else(|| self.handle.mailbox()).max(1);
        self.handle.serve(name, MailboxLimits { messages, bytes: MAILBOX_BYTES })
    }
}

impl Request {
    /// Answers a call with what code of the user's came to; whether anybody was still waiting.
    pub fn answer(self, answer: Answer) -> bool {
        self.reply(answer.map_err(told))
    }

    /// The error of an operation that the server does not have.
    pub fn unknown_op(&self) -> Failure {
        let message = format!("the server has no operation \"{}\"", self.op());
        Error::new(ErrorKind::UnknownOp, message).into()
    }
}

/// Takes a server off whose code panics: nobody would answer what waits for it.
struct Panics(Weak<Mailbox>);

impl Drop for Panics {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(mailbox) = self.0.upgrade()
        {
            mailbox.stop_with("its code has panicked");
        }
    }
}

/// A failure as it is told to the caller.
fn told(failure: Failure) -> Error {
    match failure.downcast::<Error>() {
        Ok(error) if error.kind() == ErrorKind::UnknownOp => *error,
        // It may be about something that the server asked in turn: it has run itself.
        Ok(error) => error.with_executed(true),
        Err(other) => Error::remote_error(Remote {
            language: "rust".to_owned(),
            class: "Error".to_owned(),
            message: other.to_string(),
            ..Remote::default()
        }),
    }
}
