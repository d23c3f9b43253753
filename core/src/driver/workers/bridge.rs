//! A call that streams and has its two ends on two meshes: one between members, the other between a
//! member and its workers.
//!
//! Items are taken at one end when the other has room for one, so a slow reader slows the writer
//! all the way, and each end holds as much as any does. Nothing is asked of the caller before the
//! server reads.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use tokio::task::coop::consume_budget;

use super::Request;
use crate::driver::mesh::Stream;
use crate::error::{Error, Result};
use crate::messaging::{Next, Payload};

/// Carries what the two ends say until the call is answered, or nobody waits any more. The place
/// that it has among what is under way is free by then.
pub(super) async fn carry<P>(
    request: Request,
    far: Arc<Stream>,
    place: P,
    own: impl FnOnce(Error) -> Error,
) {
    // Nobody else has it: it has just come.
    let Ok(near) = request.take_end() else { return };
    let outcome = tokio::select! {
        outcome = answer(&far, &near) => Some(outcome),
        () = ask(&near, &far) => None,
        () = request.given_up() => None,
    };
    drop(place);
    match outcome {
        Some(outcome) => {
            request.reply(outcome.map_err(own));
        }
        None => request.forget(),
    }
}

/// Carries the items of the request; never over, since the answer is the end of a call.
async fn ask(near: &Stream, far: &Stream) {
    match items(near, far).await {
        Ok(Ok(_)) => far.finish(),
        // The caller has given up, which is told as well.
        Ok(Err(_)) => {}
        Err(_) => near.stop(),
    }
    pending().await
}

/// Carries the items of the answer, and gives what is behind them.
async fn answer(far: &Stream, near: &Stream) -> Result<Payload> {
    match items(far, near).await {
        Ok(outcome) => outcome,
        Err(_) => {
            // Nobody reads the answer either; the server may still read the request.
            far.stop();
            pending().await
        }
    }
}

/// Carries items from one end to another up to the last; what is behind that.
///
/// # Errors
/// Nothing can be sent any more.
async fn items(from: &Stream, to: &Stream) -> Result<Result<Payload>> {
    loop {
        consume_budget().await;
        poll_fn(|context| to.poll_room(context)).await?;
        let next = poll_fn(|context| match from.next(context.waker()) {
            Next::Later => Poll::Pending,
            next => Poll::Ready(next),
        });
        let mut item = match next.await {
            Next::Item(item) => Some(item),
            Next::End(outcome) => return Ok(outcome),
            Next::Over | Next::Later => return Ok(Ok(Payload::default())),
        };
        poll_fn(|context| match item.take() {
            None => Poll::Ready(Ok(())),
            Some(held) => match to.send(held, context.waker()) {
                Ok(None) => Poll::Ready(Ok(())),
                Ok(later) => {
                    item = later;
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
            },
        })
        .await?;
    }
}
