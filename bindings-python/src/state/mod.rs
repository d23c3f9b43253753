//! Keys of members: written by operations that settle, looked up at once, followed in batches.

pub(crate) mod map;

use chinwag::host::{self, Op};
use chinwag::{Entry, Replay, Watched};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::error::{OrRaise, guard};
use crate::events::Own;
use crate::messages::seconds;
use crate::node::Host;

/// A watch of keys.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Watching(Own<Option<host::Watching>>);

#[pymethods]
impl Watching {
    /// Takes up to `max` changes, each as its type and its parts, and tells whether nothing will
    /// come after them.
    fn drain<'py>(&self, py: Python<'py>, max: usize) -> PyResult<(Bound<'py, PyList>, bool)> {
        guard(py, || {
            let taken = match &mut *self.0.lock().or_raise(py)? {
                Some(watching) => watching.drain(max).or_raise(py)?,
                None => host::Changes { changes: Vec::new(), ended: true },
            };
            let told = taken.changes.iter().map(|change| told(py, change));
            Ok((PyList::new(py, told.collect::<PyResult<Vec<_>>>()?)?, taken.ended))
        })
    }

    /// Watches no longer.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || self.0.lock().map(|mut held| drop(held.take())).or_raise(py))
    }
}

/// The type of a change, and what its class has.
fn told<'py>(py: Python<'py>, change: &Watched) -> PyResult<Bound<'py, PyTuple>> {
    match change {
        Watched::Put(entry) => ("put", parts(py, entry)?).into_pyobject(py),
        Watched::Deleted { member, key } => ("deleted", (&**member, key)).into_pyobject(py),
        Watched::ReplayDone => ("replay-done", ()).into_pyobject(py),
        Watched::Lost { count, entries } => {
            ("lost", (*count, list(py, entries)?)).into_pyobject(py)
        }
    }
}

/// Whose it is, which, and its value.
fn parts<'py>(py: Python<'py>, entry: &Entry) -> PyResult<Bound<'py, PyTuple>> {
    (&*entry.member, &entry.key, PyBytes::new(py, &entry.value)).into_pyobject(py)
}

fn list<'py>(py: Python<'py>, entries: &[Entry]) -> PyResult<Bound<'py, PyList>> {
    let parts = entries.iter().map(|entry| parts(py, entry));
    PyList::new(py, parts.collect::<PyResult<Vec<_>>>()?)
}

/// Begins to give a key of this node a value, for so long.
#[pyfunction]
pub(crate) fn put(
    py: Python<'_>,
    host: &Host,
    key: String,
    value: &[u8],
    ttl: Option<&Bound<'_, PyAny>>,
) -> PyResult<u64> {
    guard(py, || {
        let ttl = ttl.map(|given| seconds("ttl", given)).transpose()?;
        host.begin(py, Op::Put(key, value.to_vec(), ttl))
    })
}

/// Begins to delete a key of this node.
#[pyfunction]
pub(crate) fn delete(py: Python<'_>, host: &Host, key: String) -> PyResult<u64> {
    guard(py, || host.begin(py, Op::Delete(key)))
}

/// The value that a key of a present member has.
#[pyfunction]
pub(crate) fn get<'py>(
    py: Python<'py>,
    host: &Host,
    member: &str,
    key: &str,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    guard(py, || {
        let value = host.core().get(member, key).or_raise(py)?;
        Ok(value.map(|value| PyBytes::new(py, &value)))
    })
}

/// The keys of all present members that begin so: whose, which, and the value.
#[pyfunction]
pub(crate) fn entries<'py>(
    py: Python<'py>,
    host: &Host,
    prefix: &str,
) -> PyResult<Bound<'py, PyList>> {
    guard(py, || list(py, &host.core().entries(prefix).or_raise(py)?))
}

/// Follows the keys of all members that begin so.
#[pyfunction]
pub(crate) fn watch(py: Python<'_>, host: &Host, prefix: &str, replay: bool) -> PyResult<Watching> {
    guard(py, || {
        let replay = if replay { Replay::Yes } else { Replay::No };
        Ok(Watching(Own::new(Some(host.core().watch(prefix, replay).or_raise(py)?))))
    })
}
