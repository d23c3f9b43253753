//! History: vector clocks as Python sees them, without a node and without a wall clock.

pub(crate) mod forms;
pub(crate) mod retired;
pub(crate) mod siblings;
pub(crate) mod stamps;

use chinwag::clock::{Causality, Dot, Entry, TrimBounds, VectorClock as CoreClock};
use chinwag::clock::{actor as joined, split_actor as split};
use chinwag::error::Result;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyMapping, PyString, PyTuple, PyType};

use self::forms::{ActorTable, buffer, parsed, text};
use crate::error::{OrRaise, guard, wrong};
use crate::ring::builder::number;

/// A counter for each actor that ever wrote: whether one state knows of another. A value that never
/// changes. An actor without an entry counts 0; `<` and the like are the partial order. An actor is
/// a process that writes: a text of 1 to 1,024 bytes, or `BadArgument`. All names of a clock take
/// at most 16 MiB, or `TooLarge`. Counts and times, in microseconds, are whole numbers of 64 bits.
#[pyclass(frozen, eq, ord, hash, module = "chinwag")]
#[derive(Default, PartialEq, PartialOrd, Hash)]
pub(crate) struct VectorClock {
    clock: CoreClock,
}

/// A change of a clock, with its time if that was given.
type Change<'a> = &'a dyn Fn(&mut CoreClock, &str, Option<u64>) -> Result<()>;

impl VectorClock {
    /// A clock with one change.
    #[inline]
    fn changed(
        &self,
        actor: &Bound<'_, PyAny>,
        now_us: Option<&Bound<'_, PyAny>>,
        change: Change<'_>,
    ) -> PyResult<Self> {
        let (py, now_us) = (actor.py(), now_us.map(|now| number("a time", now)).transpose()?);
        let mut clock = self.clock.clone();
        change(&mut clock, name(actor)?, now_us).or_raise(py)?;
        Ok(Self { clock })
    }

    /// What Python is shown of each entry, in the order of the names' bytes.
    fn list<'py, T: IntoPyObject<'py>>(
        &self,
        py: Python<'py>,
        one: impl Fn(&str, u64) -> T,
    ) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.clock.iter().map(|(actor, entry)| one(actor, entry.count)))
    }
}

/// The name of an actor; how long it may be is the core's to judge.
#[inline]
fn name<'a>(name: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    let text = name.cast::<PyString>().ok().and_then(|text| text.to_str().ok());
    text.ok_or_else(|| wrong("the name of an actor", name))
}

/// A tuple or a list of two.
fn pair<'py>(
    what: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let tuple = match value.cast::<PyList>() {
        Ok(list) => list.to_tuple().extract(),
        Err(_) => value.extract(),
    };
    tuple.map_err(|_| wrong(what, value))
}

/// An answer as a `chinwag.Causality`.
fn token(py: Python<'_>, causality: Causality) -> PyResult<Bound<'_, PyAny>> {
    static OBJECTS: PyOnceLock<Vec<Py<PyAny>>> = PyOnceLock::new();
    let objects = OBJECTS.get_or_try_init(py, || -> PyResult<_> {
        let class = py.import("chinwag.clock")?.getattr("Causality")?;
        let all = [Causality::Equal, Causality::Before, Causality::After, Causality::Concurrent];
        all.iter().map(|one| Ok(class.call1((one.token(),))?.unbind())).collect()
    })?;
    Ok(objects[causality as usize].bind(py).clone())
}

/// One event as a `chinwag.clock.Dot`.
fn dot<'py>(py: Python<'py>, dot: Dot<'_>) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "chinwag.clock", "Dot")?.call1((dot.actor, dot.count))
}

/// An entry as a `chinwag.clock.Entry`.
fn entry<'py>(py: Python<'py>, entry: Entry) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "chinwag.clock", "Entry")?;
    class.call1((entry.count, entry.insert, entry.time))
}

/// The bounds of a `chinwag.TrimBounds`.
fn bounds(given: &Bound<'_, PyAny>) -> PyResult<TrimBounds> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(given.py(), "chinwag.clock", "TrimBounds")?;
    let fields = given.cast::<PyTuple>().ok().filter(|one| one.is_instance(class).unwrap_or(false));
    let fields = fields.ok_or_else(|| wrong("the bounds of a trim", given))?;
    Ok(TrimBounds {
        lower: number("a number of entries", &fields.get_item(0)?)?,
        young_us: number("an age", &fields.get_item(1)?)?,
        upper: number("a number of entries", &fields.get_item(2)?)?,
        old_us: number("an age", &fields.get_item(3)?)?,
    })
}

#[pymethods]
impl VectorClock {
    #[new]
    #[pyo3(signature = (counts = None))]
    fn made_from(py: Python<'_>, counts: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        guard(py, || {
            let Some(counts) = counts else { return Ok(Self::default()) };
            if let Ok(other) = counts.cast::<Self>() {
                return Ok(Self { clock: other.get().clock.clone() });
            }
            let counts = counts.cast::<PyMapping>().map_err(|_| wrong("the counts", counts))?;
            let mut clock = CoreClock::new();
            for entry in counts.items()?.iter() {
                let (actor, count) = pair("an actor with its count", &entry)?;
                clock.update(name(&actor)?, number("a count", &count)?).or_raise(py)?;
            }
            Ok(Self { clock })
        })
    }

    /// The clock with an entry that counts 0; one that is there stays as it is.
    #[pyo3(signature = (actor, now_us = None))]
    fn insert(
        &self,
        py: Python<'_>,
        actor: &Bound<'_, PyAny>,
        now_us: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        guard(py, || {
            self.changed(actor, now_us, &|clock, actor, now_us| match now_us {
                Some(now_us) => clock.insert_at(actor, now_us),
                None => clock.insert(actor),
            })
        })
    }

    /// The clock with one more event of the actor. At the largest count it stays.
    #[pyo3(signature = (actor, now_us = None))]
    fn increment(
        &self,
        py: Python<'_>,
        actor: &Bound<'_, PyAny>,
        now_us: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        guard(py, || {
            self.changed(actor, now_us, &|clock, actor, now_us| {
                match now_us {
                    Some(now_us) => clock.increment_at(actor, now_us),
                    None => clock.increment(actor),
                }
                .map(|_| ())
            })
        })
    }

    /// The clock with that counter, be it less than it was.
    #[pyo3(signature = (actor, count, now_us = None))]
    fn update(
        &self,
        py: Python<'_>,
        actor: &Bound<'_, PyAny>,
        count: &Bound<'_, PyAny>,
        now_us: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        guard(py, || {
            let count = number("a count", count)?;
            self.changed(actor, now_us, &|clock, actor, now_us| match now_us {
                Some(now_us) => clock.update_at(actor, count, now_us),
                None => clock.update(actor, count),
            })
        })
    }

    /// The clock without the entry of the actor.
    fn remove(&self, py: Python<'_>, actor: &Bound<'_, PyAny>) -> PyResult<Self> {
        guard(py, || {
            let mut clock = self.clock.clone();
            clock.remove(name(actor)?);
            Ok(Self { clock })
        })
    }

    /// All that either of two clocks knows: of each actor the higher count.
    fn merge(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<Self> {
        guard(py, || {
            let mut clock = self.clock.clone();
            clock.merge(&other.get().clock).or_raise(py)?;
            Ok(Self { clock })
        })
    }

    /// The clock without its oldest entries, as long as there are too many or they are too old.
    /// Those without a time stay.
    #[pyo3(signature = (now_us, bounds = None), text_signature = "($self, now_us, bounds=None)")]
    fn trim(
        &self,
        py: Python<'_>,
        now_us: &Bound<'_, PyAny>,
        bounds: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        guard(py, || {
            let bounds = bounds.map(self::bounds).transpose()?.unwrap_or_default();
            let mut clock = self.clock.clone();
            clock.trim(number("a time", now_us)?, bounds);
            Ok(Self { clock })
        })
    }

    /// How this history stands to another, by the counters alone.
    fn compare<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, Self>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || token(py, self.clock.compare(&other.get().clock)))
    }

    /// Whether this one knows of all that the other does: it is equal or after.
    fn descends(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<bool> {
        guard(py, || Ok(self.clock.descends(&other.get().clock)))
    }

    /// Whether this one knows of all that the other does, and more: it is after.
    fn dominates(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<bool> {
        guard(py, || Ok(self.clock.dominates(&other.get().clock)))
    }

    /// The last event of an actor that is known; `None` when there is none.
    fn dot<'py>(
        &self,
        py: Python<'py>,
        actor: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(py, || self.clock.dot(name(actor)?).map(|one| dot(py, one)).transpose())
    }

    /// Whether that event, or any later one of its actor, is known.
    fn descends_dot(&self, py: Python<'_>, dot: &Bound<'_, PyAny>) -> PyResult<bool> {
        guard(py, || {
            let (actor, count) = pair("an event", dot)?;
            let (actor, count) = (name(&actor)?, number("a count", &count)?);
            Ok(self.clock.descends_dot(Dot { actor, count }))
        })
    }

    /// The count of an actor that has an entry, be it 0.
    #[pyo3(signature = (actor, default = None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        actor: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(py, || match self.clock.get(name(actor)?) {
            Some(entry) => Ok(Some(entry.count.into_pyobject(py)?.into_any())),
            None => Ok(default),
        })
    }

    /// The entry of an actor, with its stamps; `None` without one.
    fn entry<'py>(
        &self,
        py: Python<'py>,
        actor: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        guard(py, || self.clock.get(name(actor)?).map(|one| entry(py, one)).transpose())
    }

    /// The actors, in the order of their bytes.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || PyList::new(py, self.clock.actors()))
    }

    /// The counts, in the order of the actors.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || self.list(py, |_, count| count))
    }

    /// Actors and counts, in the order of the actors.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || self.list(py, |actor, count| (actor.to_owned(), count)))
    }

    /// The clock as bytes, with its stamps if it has any: one form for each value, the same in
    /// every language.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || Ok(PyBytes::new(py, &self.clock.to_bytes())))
    }

    /// The clock of these bytes, as `to_bytes` writes them in any language; `BadArgument` for
    /// others.
    #[classmethod]
    fn from_bytes(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        bytes: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let bytes = buffer("the bytes of a clock", bytes)?;
            Ok(Self { clock: parsed(py, &*bytes, CoreClock::from_bytes)? })
        })
    }

    /// The clock as JSON, an object by actor.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.clock.to_json()))
    }

    /// The clock of this JSON; `BadArgument` for what is none, `TooLarge` for more than 4 MiB.
    #[classmethod]
    fn from_json(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        text: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let text = self::text("the JSON of a clock", text)?;
            Ok(Self { clock: parsed(py, &*text, CoreClock::from_json)? })
        })
    }

    /// The counters alone, as bytes for who has the same table; `BadArgument` when an actor that
    /// counts more than 0 is not in it.
    fn to_dense<'py>(
        &self,
        py: Python<'py>,
        table: &Bound<'py, ActorTable>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || Ok(PyBytes::new(py, &self.clock.to_dense(&table.get().table).or_raise(py)?)))
    }

    /// The clock of bytes that `to_dense` made with the same table; `BadArgument` for those of
    /// another. An actor that counts 0 has no entry.
    #[classmethod]
    fn from_dense(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        table: &Bound<'_, ActorTable>,
        bytes: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let (table, bytes) = (&table.get().table, buffer("the bytes of a clock", bytes)?);
            Ok(Self { clock: parsed(py, &*bytes, |b| CoreClock::from_dense(table, b))? })
        })
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || self.to_bytes(py))
    }

    /// How many entries there are.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        guard(py, || Ok(self.clock.len()))
    }

    /// Whether the actor has an entry, be it with 0.
    fn __contains__(&self, py: Python<'_>, actor: &Bound<'_, PyAny>) -> PyResult<bool> {
        guard(py, || Ok(name(actor).is_ok_and(|actor| self.clock.has(actor))))
    }

    /// The count of an actor; 0 without an entry.
    fn __getitem__(&self, py: Python<'_>, actor: &Bound<'_, PyAny>) -> PyResult<u64> {
        guard(py, || Ok(self.clock.count(name(actor)?)))
    }

    /// Over the actors.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        guard(py, || self.keys(py)?.try_iter())
    }

    /// What makes an equal clock: the counts, or the JSON if there are stamps.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || {
            if self.clock.is_empty() {
                return Ok("VectorClock()".to_owned());
            }
            let is_plain =
                |(_, entry): (&str, Entry)| entry.insert.is_none() && entry.time.is_none();
            if !self.clock.iter().all(is_plain) {
                let json = PyString::new(py, &self.clock.to_json()).repr()?;
                return Ok(format!("VectorClock.from_json({json})"));
            }
            let counts = PyDict::new(py);
            for (actor, entry) in self.clock.iter() {
                counts.set_item(actor, entry.count)?;
            }
            Ok(format!("VectorClock({})", counts.repr()?))
        })
    }

    /// What `pickle` keeps: the clock as bytes.
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        guard(py, || Ok((py.get_type::<Self>().getattr("from_bytes")?, (self.to_bytes(py)?,))))
    }

    /// A value that never changes is its own copy.
    fn __copy__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        guard(slf.py(), || Ok(slf.clone()))
    }

    /// As `__copy__`.
    fn __deepcopy__<'py>(
        slf: Bound<'py, Self>,
        _memo: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        guard(slf.py(), || Ok(slf.clone()))
    }
}

/// The actor that a node is in one of its lives: its name, `~`, its incarnation.
#[pyfunction]
pub(crate) fn actor(
    py: Python<'_>,
    name: &Bound<'_, PyAny>,
    incarnation: &Bound<'_, PyAny>,
) -> PyResult<String> {
    guard(py, || joined(self::name(name)?, number("an incarnation", incarnation)?).or_raise(py))
}

/// Name and incarnation of what `actor` made; `None` of any other text.
#[pyfunction]
pub(crate) fn split_actor(
    py: Python<'_>,
    actor: &Bound<'_, PyAny>,
) -> PyResult<Option<(String, u64)>> {
    guard(py, || Ok(split(name(actor)?).map(|(name, life)| (name.to_owned(), life))))
}
