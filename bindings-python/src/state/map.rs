//! Maps that all members read and write: looked up at once, written by operations that settle,
//! followed in batches.

use chinwag::host::{self, Op};
use chinwag::{MapEntry, MapWatch, MapWatched, Replay};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::clock::stamps::HybridTime;
use crate::error::{OrRaise, guard};
use crate::events::Own;
use crate::node::Host;

/// A watch of keys of a map.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct MapWatching(Own<Option<host::Watching<MapWatch>>>);

#[pymethods]
impl MapWatching {
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
fn told<'py>(py: Python<'py>, change: &MapWatched) -> PyResult<Bound<'py, PyTuple>> {
    match change {
        MapWatched::Put(entry) => ("put", (parts(py, entry)?,)).into_pyobject(py),
        MapWatched::Deleted { key } => ("deleted", (key,)).into_pyobject(py),
        MapWatched::ReplayDone => ("replay-done", ()).into_pyobject(py),
        MapWatched::Lost { count, entries } => {
            ("lost", (*count, list(py, entries)?)).into_pyobject(py)
        }
    }
}

/// The key, its values with their stamps and writers, and what has to be given back to replace
/// them.
fn parts<'py>(py: Python<'py>, entry: &MapEntry) -> PyResult<Bound<'py, PyTuple>> {
    let values = entry.values.iter().map(|value| {
        (PyBytes::new(py, &value.bytes), HybridTime::of(value.stamp), &value.writer)
            .into_pyobject(py)
    });
    let values = PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)?;
    (&entry.key, values, PyBytes::new(py, &entry.context.to_bytes())).into_pyobject(py)
}

fn list<'py>(py: Python<'py>, entries: &[MapEntry]) -> PyResult<Bound<'py, PyList>> {
    let parts = entries.iter().map(|entry| parts(py, entry));
    PyList::new(py, parts.collect::<PyResult<Vec<_>>>()?)
}

/// Begins to give a key of a map a value, or without one to delete it; in place of what was read
/// with `context`, or of all that is known.
#[pyfunction]
pub(crate) fn map_write(
    py: Python<'_>,
    host: &Host,
    map: String,
    key: String,
    value: Option<&[u8]>,
    context: Option<&[u8]>,
) -> PyResult<u64> {
    guard(py, || {
        let write = Op::write_map(map, key, value.map(<[u8]>::to_vec), context);
        host.begin(py, write.or_raise(py)?)
    })
}

/// A key of a map: the key, its values, and their context.
#[pyfunction]
pub(crate) fn map_read<'py>(
    py: Python<'py>,
    host: &Host,
    map: &str,
    key: &str,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    guard(py, || {
        let entry = host.core().map_read(map, key).or_raise(py)?;
        entry.map(|entry| parts(py, &entry)).transpose()
    })
}

/// The keys of a map that begin so, in their order.
#[pyfunction]
pub(crate) fn map_entries<'py>(
    py: Python<'py>,
    host: &Host,
    map: &str,
    prefix: &str,
) -> PyResult<Bound<'py, PyList>> {
    guard(py, || list(py, &host.core().map_entries(map, prefix).or_raise(py)?))
}

/// Follows the keys of a map that begin so.
#[pyfunction]
pub(crate) fn map_watch(
    py: Python<'_>,
    host: &Host,
    map: &str,
    prefix: &str,
    replay: bool,
) -> PyResult<MapWatching> {
    guard(py, || {
        let replay = if replay { Replay::Yes } else { Replay::No };
        let watching = host.core().map_watch(map, prefix, replay).or_raise(py)?;
        Ok(MapWatching(Own::new(Some(watching))))
    })
}
