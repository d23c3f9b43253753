//! Topics: what is published, and subscribers that take it in batches.

use std::collections::BTreeMap;

use chinwag::Subscribing;
use chinwag::host;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList};

use crate::error::{OrRaise, guard};
use crate::events::Own;
use crate::messages::{Said, count, dict, object};
use crate::node::Host;

/// Something that was published. Any thread may use it.
#[pyclass(frozen, module = "chinwag")]
pub(crate) struct Published {
    told: chinwag::Published,
    /// Read when it is first asked for.
    payload: PyOnceLock<Py<PyAny>>,
}

#[pymethods]
impl Published {
    /// The topic.
    #[getter]
    fn topic(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.told.topic().to_owned()))
    }

    /// The member that published it.
    #[getter]
    fn sender(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.told.from().to_owned()))
    }

    /// What was published: the same object each time.
    #[getter]
    fn payload(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        guard(py, || {
            let read = || object(py, self.told.payload()).map(Bound::unbind);
            self.payload.get_or_try_init(py, read).map(|payload| payload.clone_ref(py))
        })
    }

    /// What goes along, such as `traceparent`.
    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guard(py, || dict(py, &self.told.headers()))
    }

    /// How many before it this subscriber has missed, because it was slow.
    #[getter]
    fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.told.missed()))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || {
            Ok(format!("<chinwag.Published {} by {}>", self.told.topic(), self.told.from()))
        })
    }
}

/// A subscriber of a topic.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Subscribed(Own<host::Subscribed>);

#[pymethods]
impl Subscribed {
    /// Takes up to `max` publications, and tells whether nothing will come after them.
    fn drain<'py>(&self, py: Python<'py>, max: usize) -> PyResult<(Bound<'py, PyList>, bool)> {
        guard(py, || {
            let taken = self.0.lock().or_raise(py)?.drain(max).or_raise(py)?;
            let made = taken.published.into_iter().map(|told| {
                let payload = PyOnceLock::new();
                Bound::new(py, Published { told, payload })
            });
            Ok((PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)?, taken.ended))
        })
    }

    /// How many publications it has missed in all.
    fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || self.0.lock().and_then(|held| held.missed()).or_raise(py))
    }

    /// Subscribes no longer.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || self.0.lock().and_then(|mut held| held.close()).or_raise(py))
    }
}

/// Sends something to everybody who subscribes to a topic; to how many members. `how` has what is
/// not as usual of `headers`, `codec` and `latest`.
#[pyfunction]
pub(crate) fn publish(
    py: Python<'_>,
    host: &Host,
    topic: &str,
    payload: &Bound<'_, PyAny>,
    how: Option<&Bound<'_, PyDict>>,
) -> PyResult<usize> {
    guard(py, || Said::new(topic, "", payload, how)?.published(host.core()).or_raise(py))
}

/// Subscribes to a topic, in a queue if one is named; so many publications may wait.
#[pyfunction]
pub(crate) fn subscribe_topic(
    py: Python<'_>,
    host: &Host,
    topic: &str,
    queue: Option<String>,
    buffer: &Bound<'_, PyAny>,
) -> PyResult<Subscribed> {
    guard(py, || {
        let how = Subscribing { queue, buffer: count("buffer", buffer)? };
        let subscribed = py.detach(|| host.core().subscribe_topic(topic, &how));
        subscribed.map(|held| Subscribed(Own::new(held))).or_raise(py)
    })
}

/// The members that have subscribers of a topic, in the order of their names.
#[pyfunction]
pub(crate) fn subscribers(py: Python<'_>, host: &Host, topic: &str) -> PyResult<Vec<String>> {
    guard(py, || host.core().subscribers(topic).or_raise(py))
}

/// Every topic that somebody subscribes to, and how many members do.
#[pyfunction]
pub(crate) fn topics(py: Python<'_>, host: &Host) -> PyResult<BTreeMap<String, usize>> {
    guard(py, || Ok(host.core().topics().or_raise(py)?.into_iter().collect()))
}
