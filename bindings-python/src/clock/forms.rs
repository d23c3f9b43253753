//! What clocks are read from, and tables of actors, for which a clock is its counters alone.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use chinwag::clock::ActorTable as CoreTable;
use chinwag::error::Result;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyList, PyMemoryView, PyString, PyType};

use super::name;
use crate::error::{OrRaise, bad, guard, wrong};
use crate::ring::builder::items;

/// What is longer is read without the interpreter's lock.
const LONG: usize = 16_384;

/// The bytes of whatever holds bytes. Text is none.
pub(crate) fn buffer<'a>(what: &str, given: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    let bytes = PyMemoryView::from(given).and_then(|view| view.call_method0("tobytes"));
    let bytes = bytes.map_err(|_| wrong(what, given))?;
    Ok(Cow::Owned(bytes.cast::<PyBytes>()?.as_bytes().to_vec()))
}

/// A text, or the bytes of one in UTF-8.
pub(super) fn text<'a>(what: &str, given: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    if let Ok(text) = given.cast::<PyString>() {
        return text.to_str().map(Cow::Borrowed).map_err(|_| wrong(what, given));
    }
    match buffer(what, given)? {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
        Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
    }
    .ok_or_else(|| bad(given.py(), "JSON is text in UTF-8"))
}

/// What the core reads from this. Others may run meanwhile if it is long.
pub(super) fn parsed<T: Send, S: AsRef<[u8]> + Sync + ?Sized>(
    py: Python<'_>,
    whole: &S,
    read: impl FnOnce(&S) -> Result<T> + Send,
) -> PyResult<T> {
    match whole.as_ref().len() > LONG {
        true => py.detach(|| read(whole)),
        false => read(whole),
    }
    .or_raise(py)
}

/// Actors that both sides know, such as all members of a cluster: a clock then takes a byte or two
/// for each. A value that never changes.
#[pyclass(frozen, eq, hash, module = "chinwag")]
#[derive(PartialEq)]
pub(crate) struct ActorTable {
    pub(super) table: CoreTable,
}

impl Hash for ActorTable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.table.fingerprint().hash(state);
    }
}

#[pymethods]
impl ActorTable {
    #[new]
    fn made_from(py: Python<'_>, actors: &Bound<'_, PyAny>) -> PyResult<Self> {
        guard(py, || {
            let actors = items("a list of actors", actors, |one| Ok(name(&one)?.to_owned()))?;
            let table = CoreTable::new(actors.iter().map(String::as_str)).or_raise(py)?;
            Ok(Self { table })
        })
    }

    /// The same for two tables exactly if they have the same actors: 64 bits.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.table.fingerprint()))
    }

    /// The actors, in the order of their bytes.
    #[getter]
    fn actors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || PyList::new(py, self.table.actors()))
    }

    /// How many actors there are.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        guard(py, || Ok(self.table.len()))
    }

    /// Over the actors.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        guard(py, || self.actors(py)?.try_iter())
    }

    /// What makes an equal table.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(format!("ActorTable({})", self.actors(py)?.repr()?)))
    }

    /// What `pickle` keeps: the actors.
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyList>,))> {
        guard(py, || Ok((py.get_type::<Self>(), (self.actors(py)?,))))
    }
}
