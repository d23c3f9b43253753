//! Servers of this node: their messages in batches, and the answers.

use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};
use std::time::Instant;

use chinwag::error::{Error, ErrorKind, Remote};
use chinwag::{Payload, Request, host};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::error::{OrRaise, core_error, guard};
use crate::events::lock;
use crate::messages::{dict, name, object, to_bytes};

/// A server whose messages are taken.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Mailbox(pub(crate) host::Serving);

#[pymethods]
impl Mailbox {
    /// Takes up to `max` messages; the calls taken before that nobody waits for any more, by their
    /// numbers; and whether nothing will come after them.
    fn drain<'py>(
        &self,
        py: Python<'py>,
        max: usize,
    ) -> PyResult<(Bound<'py, PyList>, Vec<u64>, bool)> {
        guard(py, || {
            let taken = self.0.drain(max).or_raise(py)?;
            let given_up = taken.given_up.iter().map(|tag| tag.number()).collect();
            let requests: PyResult<Vec<_>> = taken
                .requests
                .into_iter()
                .map(|request| Bound::new(py, From::new(request)))
                .collect();
            Ok((PyList::new(py, requests?)?, given_up, taken.ended))
        })
    }

    /// Holds messages back, or hands them over again.
    fn pause(&self, py: Python<'_>, paused: bool) -> PyResult<()> {
        guard(py, || self.0.pause(paused).or_raise(py))
    }

    /// Takes the server off, for that reason.
    fn stop(&self, py: Python<'_>, reason: &str) -> PyResult<()> {
        guard(py, || self.0.stop_with(reason).or_raise(py))
    }
}

/// Whoever sent a message, and the way back. Any thread may use it.
#[pyclass(frozen, module = "chinwag")]
pub(crate) struct From {
    pid: u32,
    /// Until it is answered.
    request: Mutex<Option<Request>>,
    payload: Mutex<Payload>,
    op: String,
    node: String,
    key: Option<Vec<u8>>,
    headers: Vec<(String, String)>,
    deadline: Option<Instant>,
    number: Option<u64>,
    is_stream: bool,
    codec: u8,
}

impl From {
    fn new(mut request: Request) -> Self {
        let payload = request.take_payload();
        Self {
            pid: std::process::id(),
            op: request.op().to_owned(),
            node: request.from().to_owned(),
            key: request.key().map(<[u8]>::to_vec),
            headers: request.headers(),
            deadline: request.deadline(),
            number: request.tag().map(|tag| tag.number()),
            is_stream: request.is_stream(),
            codec: payload.codec,
            payload: Mutex::new(payload),
            request: Mutex::new(Some(request)),
        }
    }

    /// `forked` in a child, before any lock is touched.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        if std::process::id() == self.pid {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Forked, "this call is the parent's to answer")).or_raise(py)
    }

    /// The server's end, of a call that streams.
    pub(crate) fn end(&self, py: Python<'_>, host: &host::Host) -> PyResult<host::Streaming> {
        self.check(py)?;
        let answered = || Error::new(ErrorKind::BadArgument, "this call is answered");
        let request = lock(&self.request);
        let end = request.as_ref().ok_or_else(answered).and_then(|held| host.stream_of(held));
        drop(request);
        end.or_raise(py)
    }

    fn settle(&self, result: chinwag::Result<Payload>) -> bool {
        let request = lock(&self.request).take();
        request.is_some_and(|request| request.reply(result))
    }
}

impl Drop for From {
    fn drop(&mut self) {
        if std::process::id() != self.pid {
            // To let go takes a lock, which may be held for ever here.
            std::mem::forget(self.request.get_mut().map_or(None, Option::take));
        }
    }
}

#[pymethods]
impl From {
    /// The member that sent it.
    #[getter]
    fn node(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.node.clone()))
    }

    /// What is asked or told.
    #[getter]
    fn op(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.op.clone()))
    }

    /// The key after `#`.
    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        guard(py, || Ok(self.key.as_deref().map(|key| PyBytes::new(py, key))))
    }

    /// What goes along, such as `traceparent`.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guard(py, || dict(py, &self.headers))
    }

    /// Whether it wants an answer.
    #[getter]
    fn is_call(&self, py: Python<'_>) -> PyResult<bool> {
        guard(py, || Ok(self.number.is_some()))
    }

    /// Whether it can have items, and its answer as well.
    #[getter]
    fn is_stream(&self, py: Python<'_>) -> PyResult<bool> {
        guard(py, || Ok(self.is_stream))
    }

    /// The seconds that are left of the caller's time.
    #[getter]
    fn remaining(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        guard(py, || {
            let left = |end: Instant| end.saturating_duration_since(Instant::now());
            Ok(self.deadline.map(|end| left(end).as_secs_f64()))
        })
    }

    /// Whether it was answered from here.
    #[getter]
    fn answered(&self, py: Python<'_>) -> PyResult<bool> {
        guard(py, || {
            self.check(py)?;
            Ok(self.number.is_some() && lock(&self.request).is_none())
        })
    }

    /// Whether somebody still waits for the answer.
    #[getter]
    fn waiting(&self, py: Python<'_>) -> PyResult<bool> {
        guard(py, || {
            self.check(py)?;
            let request = lock(&self.request);
            let Some(request) = request.as_ref().filter(|request| request.is_call()) else {
                return Ok(false);
            };
            let given_up = pin!(request.given_up());
            Ok(given_up.poll(&mut Context::from_waker(Waker::noop())).is_pending())
        })
    }

    /// Names the call, among those of this node.
    #[getter]
    fn _number(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        guard(py, || Ok(self.number))
    }

    /// The codec that it came in, for items of its answer.
    #[getter]
    fn _codec<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || name(py, self.codec))
    }

    /// What came with it. To be asked once. One that cannot be read is answered here: nothing runs.
    fn _payload<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || {
            let payload = std::mem::take(&mut *lock(&self.payload));
            object(py, &payload).inspect_err(|error| {
                self.settle(Err(Error::new(ErrorKind::Codec, error.value(py).to_string())));
            })
        })
    }

    /// Answers; whether somebody was still waiting for that.
    #[pyo3(signature = (value=None))]
    fn reply(&self, py: Python<'_>, value: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        guard(py, || {
            self.check(py)?;
            let none = py.None().into_bound(py);
            let bytes = to_bytes(value.unwrap_or(&none), self.codec)?;
            Ok(self.settle(Ok(Payload { codec: self.codec, bytes })))
        })
    }

    /// Answers with an error; whether somebody was still waiting for that.
    #[pyo3(signature = (error, *, stack=None))]
    fn fail(
        &self,
        py: Python<'_>,
        error: &Bound<'_, PyAny>,
        stack: Option<String>,
    ) -> PyResult<bool> {
        guard(py, || {
            self.check(py)?;
            let told = match core_error(error)? {
                Some(told) => told,
                None => Error::remote_error(Remote {
                    language: "python".to_owned(),
                    class: error.get_type().name()?.to_string(),
                    message: words(error),
                    stack,
                    ..Remote::default()
                }),
            };
            Ok(self.settle(Err(told)))
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(format!("<chinwag.From {} {}>", self.node, self.op)))
    }
}

/// What an exception says, which may be anything, also that it cannot say it.
fn words(error: &Bound<'_, PyAny>) -> String {
    match error.str() {
        Ok(text) => text.to_string_lossy().into_owned(),
        Err(_) => "it has no words".to_owned(),
    }
}
