//! Calls that stream: items in both directions, and an answer behind them.

use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chinwag::Payload;
use chinwag::error::{Error as CoreError, ErrorKind, Result};
use chinwag::host::{Answer as Value, Streaming};

use crate::answer::Answer;
use crate::constants::Status;
use crate::error::Error;
use crate::ffi::{forks, given, own_process, shared, status, value};
use crate::messages::serving::Request;
use crate::messages::{Message, payload_of};
use crate::node::Node;
use crate::queue::feeds::deadline;
use crate::queue::{Bell, lock};

/// One end of a call that streams: of who calls, or of the server. You free it with
/// chinwag_stream_free(). Any thread may use it, and one may send while another takes; it may
/// outlive its node, and has nothing to give then.
pub struct Stream {
    /// As they were when it was made.
    forks: u32,
    streaming: Streaming,
    bell: Arc<Bell>,
    /// What it came to, once that is known.
    end: Mutex<Option<Result<Payload>>>,
    /// That of who calls.
    calls: bool,
}

impl Stream {
    fn new(mut streaming: Streaming, bell: &Arc<Bell>, calls: bool) -> Self {
        let (bell, rung) = (Arc::clone(bell), Arc::clone(bell));
        streaming.set_wake(Box::new(move || rung.ring()));
        Self { forks: forks(), streaming, bell, end: Mutex::default(), calls }
    }

    /// Has something done, again whenever the bell rings until there is an outcome, or it is too
    /// late.
    fn until<T>(
        &self,
        deadline: Option<Instant>,
        mut step: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        own_process(self.forks)?;
        loop {
            let seen = self.bell.count();
            if let Some(done) = step()? {
                return Ok(done);
            }
            if !self.bell.wait(seen, deadline) {
                return Err(CoreError::new(ErrorKind::Timeout, "nothing happened in time"));
            }
        }
    }

    fn send(&self, item: Payload, deadline: Option<Instant>) -> Result<()> {
        let mut item = Some(item);
        self.until(deadline, || {
            if let Some(held) = item.take() {
                item = self.streaming.send(held)?;
            }
            Ok(item.is_none().then_some(()))
        })
    }

    /// The next item; none behind the last one.
    fn next(&self) -> Result<Option<Option<Payload>>> {
        let mut end = lock(&self.end);
        if end.is_none() {
            // One by one: what was not taken yet holds the writer back.
            let mut taken = self.streaming.take(1)?;
            if let Some(item) = taken.items.pop() {
                return Ok(Some(Some(item)));
            }
            *end = taken.end;
        }
        match &*end {
            None => Ok(None),
            Some(Ok(_)) => Ok(Some(None)),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    /// What it came to, past the items that were not taken.
    fn answer(&self) -> Result<Option<Payload>> {
        while let Some(next) = self.next()? {
            if next.is_none() {
                let end = lock(&self.end);
                return end.clone().transpose();
            }
        }
        Ok(None)
    }
}

/// Makes a call that streams: found, refused and answered as any other, with items in both
/// directions, each a payload with a codec of its own. The time of the message is how long nothing
/// may move, in either direction; while an item waits to be taken here, it does not run. `stream`
/// is yours: free it with chinwag_stream_free().
///
/// The errors of a chinwag_call() that are known at once; the others come with
/// chinwag_stream_next() and chinwag_stream_answer().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_open(
    node: *mut Node,
    message: Option<&Message>,
    stream: Option<&mut MaybeUninit<*mut Stream>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (node, out) = (shared(node, "node")?, given(stream, "stream")?);
        // SAFETY: C passes what the comments of the fields say.
        let (message, payload) = unsafe { given(message, "message")?.read() }?;
        let streaming = node.host.stream(&message.lent(), payload)?;
        out.write(Box::into_raw(Box::new(Stream::new(streaming, &node.bell, true))));
        Ok(())
    })
}

/// Whether who asks streams: then chinwag_request_stream() gives the server's end. One that is
/// answered without that gets the answer, and no items. False for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_is_stream(request: Option<&Request>) -> bool {
    value(false, || request.is_some_and(|request| request.is_stream))
}

/// The server's end of a call that streams, once: for the items of the request and of the answer.
/// The request is answered as any other, which ends the items: send none behind that. `stream` is
/// yours: keep it until then, and free it with chinwag_stream_free().
///
/// CHINWAG_EBADARGUMENT when who asks does not stream, when it was answered, and for a second time.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_request_stream(
    request: *mut Request,
    stream: Option<&mut MaybeUninit<*mut Stream>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (request, out) = (shared(request, "request")?, given(stream, "stream")?);
        let (streaming, bell) = request.open_stream()?;
        out.write(Box::into_raw(Box::new(Stream::new(streaming, &bell, false))));
        Ok(())
    })
}

/// Sends an item. Waits for room up to `timeout_ms` milliseconds, as the other side takes items in
/// its time, and before it has begun to; 0 does not wait, a negative number waits for ever. NULL is
/// nothing, as in a chinwag_message.
///
/// CHINWAG_ETIMEOUT when there was no room in time: nothing was sent. CHINWAG_ETOOLARGE for this
/// item alone. Otherwise no more can be sent: CHINWAG_ECANCELLED when the other side reads no more,
/// has given up or has answered, CHINWAG_ENODEDOWN, and whatever else the call came to;
/// CHINWAG_EBADARGUMENT after chinwag_stream_finish().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_send(
    stream: *mut Stream,
    payload: *const u8,
    length: usize,
    codec: u8,
    timeout_ms: i32,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let stream = shared(stream, "stream")?;
        // SAFETY: C passes NULL or that many bytes.
        let item = unsafe { payload_of(payload, length, codec) }?;
        stream.send(item, deadline(timeout_ms))
    })
}

/// Takes the next item: a payload, for chinwag_answer_codec() and chinwag_answer_bytes(). Waits for
/// it up to `timeout_ms` milliseconds; 0 does not wait, a negative number waits for ever. `item` is
/// set to NULL when there are no more: the server has answered, or who calls has finished. It is
/// yours: free it with chinwag_answer_free().
///
/// CHINWAG_ETIMEOUT when nothing came in time, unless chinwag_stream_ended(): then it is what the
/// call came to, as is any other error, behind all items. At the server CHINWAG_ECANCELLED when who
/// calls has given up, and CHINWAG_ENODEDOWN when that is gone.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_next(
    stream: *mut Stream,
    timeout_ms: i32,
    item: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (stream, out) = (shared(stream, "stream")?, given(item, "item")?);
        let next = stream.until(deadline(timeout_ms), || stream.next())?;
        let item = next.map(|item| Answer::boxed(Value::Payload(item)));
        out.write(item.unwrap_or(std::ptr::null_mut()));
        Ok(())
    })
}

/// What the server answered behind the items; those that were not taken are dropped. As for
/// chinwag_stream_next(), it waits; before it does, it says that no more items will be sent.
/// `answer` is yours: free it with chinwag_answer_free().
///
/// CHINWAG_EBADARGUMENT at the server's end; the errors of a chinwag_call().
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_answer(
    stream: *mut Stream,
    timeout_ms: i32,
    answer: Option<&mut MaybeUninit<*mut Answer>>,
    err: Option<&mut MaybeUninit<*mut Error>>,
) -> Status {
    status(err, || {
        let (stream, out) = (shared(stream, "stream")?, given(answer, "answer")?);
        own_process(stream.forks)?;
        if !stream.calls {
            let message = "it is the server that answers";
            return Err(CoreError::new(ErrorKind::BadArgument, message));
        }
        stream.streaming.finish()?;
        let told = stream.until(deadline(timeout_ms), || stream.answer())?;
        out.write(Answer::boxed(Value::Payload(told)));
        Ok(())
    })
}

/// Whether all items were taken and what is behind them is known. False for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_ended(stream: *mut Stream) -> bool {
    value(false, || {
        let stream = shared(stream, "stream").ok();
        stream
            .is_some_and(|stream| own_process(stream.forks).is_ok() && lock(&stream.end).is_some())
    })
}

/// Says that no more items of the request will come. At the server it does nothing: those of an
/// answer end with it.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_finish(stream: *mut Stream) -> Status {
    status(None, || shared(stream, "stream")?.streaming.finish())
}

/// Reads no more: whoever sends items is told by CHINWAG_ECANCELLED, and the call goes on.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_stop(stream: *mut Stream) -> Status {
    status(None, || shared(stream, "stream")?.streaming.stop())
}

/// Gives the call up, and tells the server: it comes to CHINWAG_ECANCELLED, behind the items that
/// have come. At the server it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_cancel(stream: *mut Stream) -> Status {
    status(None, || shared(stream, "stream")?.streaming.cancel())
}

/// Frees the end of a stream. A call of your own is given up, unless it is over; at the server
/// nothing more is read. It must be the last call with this stream. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn chinwag_stream_free(stream: Option<Box<Stream>>) {
    value((), || drop(stream));
}
