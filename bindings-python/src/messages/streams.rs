//! Calls that carry items in both directions.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use chinwag::Payload;
use chinwag::error::{Error, ErrorKind, Result};
use chinwag::host;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{OrRaise, exception, guard};
use crate::events::{Bell, Own, lock};
use crate::messages::serving::From;
use crate::messages::{Said, codec, object, to_bytes};
use crate::node::Host;

/// The ends at which something happened, by their numbers, until somebody looks.
#[derive(Default)]
pub(crate) struct Moved(Mutex<BTreeSet<u64>>);

impl Moved {
    /// Lists an end, unless it is dropped: the core may have something to tell of it even then.
    fn tell(&self, id: u64, open: &AtomicBool, bell: &Bell) {
        let mut listed = lock(&self.0);
        if open.load(Ordering::Relaxed) {
            listed.insert(id);
        }
        drop(listed);
        bell.ring();
    }
}

/// One end of a call that streams.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Streaming {
    id: u64,
    end: Own<Option<host::Streaming>>,
    /// What there was no room for.
    held: Mutex<Option<Payload>>,
    moved: Arc<Moved>,
    bell: Arc<Bell>,
    /// Until it is dropped; changed with `moved` held.
    open: Arc<AtomicBool>,
}

impl Streaming {
    /// Tells of it by the bell, and by its number.
    pub(crate) fn new(mut end: host::Streaming, moved: &Arc<Moved>, bell: &Arc<Bell>) -> Self {
        let id = end.id();
        let open = Arc::new(AtomicBool::new(true));
        let (listed, rung, lives) = (Arc::clone(moved), Arc::clone(bell), Arc::clone(&open));
        end.set_wake(Box::new(move || listed.tell(id, &lives, &rung)));
        let (moved, bell) = (Arc::clone(moved), Arc::clone(bell));
        Self { id, end: Own::new(Some(end)), held: Mutex::default(), moved, bell, open }
    }

    fn with<T>(
        &self,
        py: Python<'_>,
        body: impl FnOnce(&host::Streaming) -> Result<T>,
    ) -> PyResult<T> {
        let end = self.end.lock().or_raise(py)?;
        let closed = || Error::new(ErrorKind::Cancelled, "this stream was closed here");
        end.as_ref().ok_or_else(closed).and_then(body).or_raise(py)
    }

    /// Whether it was sent; held back if there is no room.
    fn try_send(&self, py: Python<'_>, item: Payload) -> PyResult<bool> {
        let held = self.with(py, |end| end.send(item))?;
        let sent = held.is_none();
        *lock(&self.held) = held;
        Ok(sent)
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        if self.end.lock().is_ok() {
            let mut listed = lock(&self.moved.0);
            self.open.store(false, Ordering::Relaxed);
            listed.remove(&self.id);
        }
    }
}

#[pymethods]
impl Streaming {
    /// Names it among those of the node.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.id))
    }

    /// Sends an item; whether there was room. If not, it is held, and `resend` tries again.
    fn send(
        &self,
        py: Python<'_>,
        item: &Bound<'_, PyAny>,
        by: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        guard(py, || {
            let codec = codec(by)?;
            self.try_send(py, Payload { codec, bytes: to_bytes(item, codec)? })
        })
    }

    /// Sends what is held; whether there was room.
    fn resend(&self, py: Python<'_>) -> PyResult<bool> {
        guard(py, || {
            let held = lock(&self.held).take();
            held.map_or(Ok(true), |item| self.try_send(py, item))
        })
    }

    /// Takes an item, or the end: whether it is an item, and the value, or the exception to raise.
    /// `None` if there is nothing yet.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<(bool, Bound<'py, PyAny>)>> {
        guard(py, || {
            let taken = self.with(py, |end| end.take(1))?;
            match (taken.items.first(), taken.end) {
                (Some(item), _) => Ok(Some((true, value(py, item)))),
                (None, Some(Ok(answer))) => Ok(Some((false, value(py, &answer)))),
                (None, Some(Err(error))) => Ok(Some((false, exception(py, &error)?))),
                (None, None) if taken.ended => Ok(Some((false, py.None().into_bound(py)))),
                (None, None) => Ok(None),
            }
        })
    }

    /// Says that no more items of the request come.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || self.with(py, host::Streaming::finish))
    }

    /// Lets it go: a call of this node is given up, unless it is over.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || {
            let end = self.end.lock().or_raise(py)?.take();
            lock(&self.held).take();
            drop(end);
            self.moved.tell(self.id, &self.open, &self.bell);
            Ok(())
        })
    }
}

/// The value of a payload, or the exception for one that cannot be read.
fn value<'py>(py: Python<'py>, payload: &Payload) -> Bound<'py, PyAny> {
    object(py, payload).unwrap_or_else(|error| error.into_value(py).into_bound(py).into_any())
}

/// Makes a call that streams. `how` has what is not as usual of `timeout`, `headers` and `codec`.
#[pyfunction]
pub(crate) fn open_stream(
    py: Python<'_>,
    host: &Host,
    target: &str,
    op: &str,
    payload: &Bound<'_, PyAny>,
    how: Option<&Bound<'_, PyDict>>,
) -> PyResult<Streaming> {
    guard(py, || {
        let mut said: Said = host.said(py, (target, op), payload, how)?;
        let (message, payload) = said.parts();
        host.core().stream(&message, payload).map(|end| host.streaming(end)).or_raise(py)
    })
}

/// The server's end of a call, once, and before it is answered.
#[pyfunction]
pub(crate) fn stream_of(py: Python<'_>, host: &Host, sender: &From) -> PyResult<Streaming> {
    guard(py, || sender.end(py, host.core()).map(|end| host.streaming(end)))
}

/// Those of the streams in `ids` at which something happened since this was last asked.
#[pyfunction]
pub(crate) fn moved_streams(
    py: Python<'_>,
    host: &Host,
    ids: &Bound<'_, PyAny>,
) -> PyResult<Vec<u64>> {
    guard(py, || {
        // Python is asked without a lock.
        let listed: Vec<u64> = lock(&host.moved().0).iter().copied().collect();
        let mut found = Vec::new();
        for id in listed {
            if ids.contains(id)? {
                lock(&host.moved().0).remove(&id);
                found.push(id);
            }
        }
        Ok(found)
    })
}
