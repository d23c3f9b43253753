//! Actors that will never write again, and clocks that need no entry for them.

use std::hash::{Hash, Hasher};
use std::sync::Mutex;

use chinwag::clock::{Folded as CoreFolded, Retired as CoreRetired};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyList, PyType};

use super::forms::{buffer, parsed, text};
use super::{VectorClock, name, pair, token};
use crate::error::{OrRaise, guard};
use crate::events::lock;
use crate::ring::builder::{items, number};

/// A log of actors that have ended, each with its final count: what a cluster has agreed on. It
/// only grows, at its end, and the same for all; its length is the epoch. Any thread may use it. A
/// clock that was folded under a longer log is a `BadArgument`.
#[pyclass(frozen, eq, module = "chinwag")]
pub(crate) struct Retired {
    log: Mutex<CoreRetired>,
}

impl PartialEq for Retired {
    fn eq(&self, other: &Self) -> bool {
        // Never both locks at once: the other thread may ask the other way round.
        let ours = lock(&self.log).clone();
        ours == *lock(&other.log)
    }
}

/// A clock under the first so many retirements of a log, without the entries of actors of which it
/// knows everything. A value that never changes.
#[pyclass(frozen, eq, hash, module = "chinwag")]
#[derive(PartialEq)]
pub(crate) struct Folded {
    folded: CoreFolded,
}

impl Hash for Folded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.folded.epoch(), self.folded.clock()).hash(state);
    }
}

#[pymethods]
impl Retired {
    #[new]
    #[pyo3(signature = (log = None))]
    fn made_from(py: Python<'_>, log: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        guard(py, || {
            let mut made = CoreRetired::new();
            let add = |one: Bound<'_, PyAny>| {
                let (actor, count) = pair("a retirement", &one)?;
                made.retire(name(&actor)?, number("a count", &count)?).or_raise(py)
            };
            if let Some(log) = log {
                items("a log of retirements", log, add)?;
            }
            Ok(Self { log: Mutex::new(made) })
        })
    }

    /// Adds an actor that has ended with `count` events, and tells the new epoch; `BadArgument` for
    /// one that has ended before, `TooLarge` when all names would take more than 16 MiB.
    fn retire(
        &self,
        py: Python<'_>,
        actor: &Bound<'_, PyAny>,
        count: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        guard(py, || {
            let (actor, count) = (name(actor)?, number("a count", count)?);
            let epoch = lock(&self.log).retire(actor, count);
            epoch.or_raise(py)
        })
    }

    /// How many actors have ended.
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(lock(&self.log).epoch()))
    }

    /// The final count of an actor that has ended.
    #[pyo3(signature = (actor, default = None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        actor: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(py, || {
            let actor = name(actor)?;
            let count = lock(&self.log).get(actor);
            match count {
                Some(count) => Ok(Some(count.into_pyobject(py)?.into_any())),
                None => Ok(default),
            }
        })
    }

    /// The actors and their final counts, in the order of the log.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let log = lock(&self.log).clone();
            PyList::new(py, log.iter())
        })
    }

    /// The clock under this log. Stamps of what is dropped are gone; counters are not.
    fn fold(&self, py: Python<'_>, clock: &Bound<'_, VectorClock>) -> PyResult<Folded> {
        guard(py, || {
            let folded = lock(&self.log).fold(&clock.get().clock);
            Ok(Folded { folded: folded.or_raise(py)? })
        })
    }

    /// The clock as it was before it was folded, counter by counter.
    fn unfold(&self, py: Python<'_>, folded: &Bound<'_, Folded>) -> PyResult<VectorClock> {
        guard(py, || {
            let clock = lock(&self.log).unfold(&folded.get().folded);
            Ok(VectorClock { clock: clock.or_raise(py)? })
        })
    }

    /// The same clock under all of this log.
    #[pyo3(name = "raise_")]
    fn raised(&self, py: Python<'_>, folded: &Bound<'_, Folded>) -> PyResult<Folded> {
        guard(py, || {
            let folded = lock(&self.log).raise(&folded.get().folded);
            Ok(Folded { folded: folded.or_raise(py)? })
        })
    }

    /// How two clocks stand to each other, of whatever epochs: as before they were folded.
    fn compare<'py>(
        &self,
        py: Python<'py>,
        folded: &Bound<'py, Folded>,
        other: &Bound<'py, Folded>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || {
            let answer = lock(&self.log).compare(&folded.get().folded, &other.get().folded);
            token(py, answer.or_raise(py)?)
        })
    }

    /// All that either of two clocks knows, of whatever epochs, under all of this log.
    fn merge(
        &self,
        py: Python<'_>,
        folded: &Bound<'_, Folded>,
        other: &Bound<'_, Folded>,
    ) -> PyResult<Folded> {
        guard(py, || {
            let folded = lock(&self.log).merge(&folded.get().folded, &other.get().folded);
            Ok(Folded { folded: folded.or_raise(py)? })
        })
    }

    /// The log as bytes, to be kept beside what was folded under it: one form for each, the same in
    /// every language.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || {
            let bytes = lock(&self.log).to_bytes();
            Ok(PyBytes::new(py, &bytes))
        })
    }

    /// The log of these bytes; `BadArgument` for others.
    #[classmethod]
    fn from_bytes(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        bytes: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let bytes = buffer("the bytes of a log", bytes)?;
            Ok(Self { log: Mutex::new(parsed(py, &*bytes, CoreRetired::from_bytes)?) })
        })
    }

    /// The log as JSON.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(lock(&self.log).to_json()))
    }

    /// The log of this JSON; `BadArgument` for what is none, `TooLarge` for more than 4 MiB.
    #[classmethod]
    fn from_json(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        text: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let text = self::text("the JSON of a log", text)?;
            Ok(Self { log: Mutex::new(parsed(py, &*text, CoreRetired::from_json)?) })
        })
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || self.to_bytes(py))
    }

    /// How many actors have ended.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        guard(py, || Ok(lock(&self.log).iter().len()))
    }

    /// Whether an actor has ended.
    fn __contains__(&self, py: Python<'_>, actor: &Bound<'_, PyAny>) -> PyResult<bool> {
        guard(py, || Ok(name(actor).is_ok_and(|actor| lock(&self.log).get(actor).is_some())))
    }

    /// Over actors and counts, as `items`.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        guard(py, || self.items(py)?.try_iter())
    }

    /// What makes an equal log.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(format!("Retired({})", self.items(py)?.repr()?)))
    }

    /// What `pickle` keeps: actors and counts.
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyList>,))> {
        guard(py, || Ok((py.get_type::<Self>(), (self.items(py)?,))))
    }
}

#[pymethods]
impl Folded {
    /// How many retirements it is folded under.
    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.folded.epoch()))
    }

    /// The entries that are left. Of a retired actor, none means all of its events, and 0 none of
    /// them; so they are not for `VectorClock.compare`, but for `Retired.compare`.
    #[getter]
    fn clock(&self, py: Python<'_>) -> PyResult<VectorClock> {
        guard(py, || Ok(VectorClock { clock: self.folded.clock().clone() }))
    }

    /// The clock and its epoch as bytes: one form for each value, the same in every language.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || Ok(PyBytes::new(py, &self.folded.to_bytes())))
    }

    /// The folded clock of these bytes; `BadArgument` for others.
    #[classmethod]
    fn from_bytes(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        bytes: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let bytes = buffer("the bytes of a folded clock", bytes)?;
            Ok(Self { folded: parsed(py, &*bytes, CoreFolded::from_bytes)? })
        })
    }

    /// The clock and its epoch as JSON.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.folded.to_json()))
    }

    /// The folded clock of this JSON; `BadArgument` for what is none, `TooLarge` for more than 4
    /// MiB.
    #[classmethod]
    fn from_json(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        text: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let text = self::text("the JSON of a folded clock", text)?;
            Ok(Self { folded: parsed(py, &*text, CoreFolded::from_json)? })
        })
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || self.to_bytes(py))
    }

    /// What makes an equal clock.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || {
            let json = self.to_json(py)?.into_pyobject(py)?.repr()?;
            Ok(format!("Folded.from_json({json})"))
        })
    }

    /// What `pickle` keeps: clock and epoch as bytes.
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        guard(py, || Ok((py.get_type::<Self>().getattr("from_bytes")?, (self.to_bytes(py)?,))))
    }
}
