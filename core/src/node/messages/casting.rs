//! A cast while it is awaited. Mostly it is sent at once, so it takes no memory of its own before
//! it has to wait.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::{Message, Sending};
use crate::driver::mesh::Mesh;
use crate::error::Result;
use crate::messaging::Ask;
use crate::time::Instant;

/// A cast while it is awaited.
#[must_use = "nothing is sent before it is awaited"]
pub struct Casting<'a>(pub(super) Stage<'a>);

/// How far it is.
pub(super) enum Stage<'a> {
    Unsaid(Message<'a>),
    /// It waits for room.
    Waits(Sending<'a, ()>),
    Said,
}

impl Future for Casting<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let message = match &mut self.0 {
            Stage::Unsaid(message) => message,
            Stage::Waits(waits) => return waits.as_mut().poll(context),
            Stage::Said => return Poll::Pending,
        };
        let sent = ready!(message.poll_cast(context));
        match (sent, std::mem::replace(&mut self.0, Stage::Said)) {
            (Ok(false), Stage::Unsaid(message)) => {
                self.0 = Stage::Waits(Box::pin(message.cast_later()));
                self.poll(context)
            }
            (sent, _) => Poll::Ready(sent.map(drop)),
        }
    }
}

impl<'a> Message<'a> {
    /// Sends a cast; whether there was room. Otherwise it still has its payload.
    fn poll_cast(&mut self, context: &mut Context<'_>) -> Poll<Result<bool>> {
        let headers = self.encoded_headers()?;
        let deadline = self.cast_deadline();
        let target = self.target.as_ref().map_err(Clone::clone)?;
        let payload = self.payload.as_mut().map_err(|error| error.clone())?;
        let (op, latest, headers) = (self.op, self.latest, &*headers);
        let mesh = self.node.mesh_for(target);
        let mut ask =
            Ask { target, op, headers, payload: std::mem::take(payload), deadline, latest };
        let sent = mesh.poll_cast(context, &mut ask);
        *payload = ask.payload;
        sent
    }

    /// Sends it as soon as there is room.
    async fn cast_later(self) -> Result<()> {
        let headers = &*self.encoded_headers()?;
        let deadline = self.cast_deadline();
        let (target, payload, op, latest) = (&self.target?, self.payload?, self.op, self.latest);
        let ask = Ask { target, op, headers, payload, deadline, latest };
        self.node.mesh_for(target).cast_later(ask).await
    }

    fn cast_deadline(&self) -> Instant {
        self.timeout.map_or(Instant::NEVER, Mesh::deadline)
    }
}

impl fmt::Debug for Casting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Casting")
    }
}
