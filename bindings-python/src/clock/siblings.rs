//! Values that were written without knowing of each other, side by side.

use chinwag::clock::{Siblings as CoreSiblings, VectorClock as CoreClock};
use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyList, PyType};
use pyo3::{PyTraverseError, PyVisit};

use super::forms::{buffer, parsed, text};
use super::{VectorClock, dot, name, token};
use crate::error::{OrRaise, guard};

/// The values of one record that stand side by side, and the history that they come from. A value
/// that never changes. A context is a claim: who makes one up can replace what it never read.
#[pyclass(frozen, generic, module = "chinwag")]
pub(crate) struct Siblings {
    record: CoreSiblings<Value>,
}

/// Any object. Records that share it are made and dropped with the interpreter at hand.
struct Value(Py<PyAny>);

impl Clone for Value {
    fn clone(&self) -> Self {
        Python::attach(|py| Self(self.0.clone_ref(py)))
    }
}

/// A record with nothing for each value, as bytes; and the values.
type Pickled<'py> = (Bound<'py, PyBytes>, Bound<'py, PyList>);

impl Siblings {
    fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.record.values().map(|value| &value.0))
    }

    /// The record with one more event of the actor.
    fn written(
        &self,
        actor: &Bound<'_, PyAny>,
        context: &CoreClock,
        value: Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let mut record = self.record.clone();
        let put = record.put(name(actor)?, context, Value(value.unbind()));
        put.or_raise(actor.py())?;
        Ok(Self { record })
    }

    /// The record with each value made into another, up to the first that fails.
    fn mapped<V, W: Default>(
        record: CoreSiblings<V>,
        mut change: impl FnMut(V) -> PyResult<W>,
    ) -> PyResult<CoreSiblings<W>> {
        let mut failure = None;
        let mapped = record.map(|value| match failure {
            Some(_) => W::default(),
            None => change(value).unwrap_or_else(|error| {
                failure = Some(error);
                W::default()
            }),
        });
        failure.map_or(Ok(mapped), Err)
    }

    /// The record with the bytes of its values, as `encode` makes them.
    fn encoded(
        &self,
        py: Python<'_>,
        encode: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<CoreSiblings<Vec<u8>>> {
        Self::mapped(self.record.clone(), |value| match encode {
            Some(encode) => {
                let encoded = encode.call1((&value.0,))?;
                Ok(buffer("an encoded value", &encoded)?.into_owned())
            }
            None => Ok(buffer("a value without an encoder", value.0.bind(py))?.into_owned()),
        })
    }

    /// The record with what `decode` makes of the bytes of its values.
    fn decoded(
        py: Python<'_>,
        record: CoreSiblings<Vec<u8>>,
        decode: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let record = Self::mapped(record, |bytes| {
            let value = PyBytes::new(py, &bytes);
            let value = match decode {
                Some(decode) => decode.call1((value,))?,
                None => value.into_any(),
            };
            Ok(Some(Value(value.unbind())))
        })?;
        let record = record.map(|value| value.unwrap_or_else(|| Value(py.None())));
        Ok(Self { record })
    }

    fn is_equal(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        let (ours, theirs) = (&self.record, &other.record);
        let same_events = ours.context() == theirs.context()
            && ours.dots().map(|(dot, _)| dot).eq(theirs.dots().map(|(dot, _)| dot));
        for (our, their) in ours.values().zip(theirs.values()).filter(|_| same_events) {
            if !our.0.is(&their.0) && !our.0.bind(py).eq(&their.0)? {
                return Ok(false);
            }
        }
        Ok(same_events)
    }
}

#[pymethods]
impl Siblings {
    #[new]
    fn made_from(py: Python<'_>) -> PyResult<Self> {
        guard(py, || Ok(Self { record: CoreSiblings::new() }))
    }

    /// The record with a value in place of all those that the context knows of; with `None`, beside
    /// all. The actor is the process that holds the record, not the client that asks. `BadArgument`
    /// when its counter is at its end.
    fn put(
        &self,
        py: Python<'_>,
        actor: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, VectorClock>>,
        value: Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || match context {
            Some(context) => self.written(actor, &context.get().clock, value),
            None => self.written(actor, &CoreClock::new(), value),
        })
    }

    /// The record without all values that the context knows of; with its own, that deletes it.
    fn discard(&self, py: Python<'_>, context: &Bound<'_, VectorClock>) -> PyResult<Self> {
        guard(py, || {
            let mut record = self.record.clone();
            record.discard(&context.get().clock).or_raise(py)?;
            Ok(Self { record })
        })
    }

    /// The record as it is known here or at another replica.
    fn merge(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<Self> {
        guard(py, || {
            let mut record = self.record.clone();
            record.merge(other.get().record.clone()).or_raise(py)?;
            Ok(Self { record })
        })
    }

    /// The record with one value that `decide` makes of several; the same one if there are fewer
    /// than two.
    fn resolve<'py>(
        slf: &Bound<'py, Self>,
        actor: &Bound<'py, PyAny>,
        decide: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        guard(slf.py(), || {
            let (py, this, _) = (slf.py(), slf.get(), name(actor)?);
            if this.record.len() < 2 {
                return Ok(slf.clone());
            }
            let value = decide.call1((this.list(py)?,))?;
            Bound::new(py, this.written(actor, this.record.context(), value)?)
        })
    }

    /// How this replica stands to another: after it, when a merge would change nothing here, and
    /// something there.
    fn compare<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, Self>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || token(py, self.record.compare(&other.get().record)))
    }

    /// All events of which the record knows: what a writer hands back that has read all values.
    #[getter]
    fn context(&self, py: Python<'_>) -> PyResult<VectorClock> {
        guard(py, || Ok(VectorClock { clock: self.record.context().clone() }))
    }

    /// The values: by actor, the oldest first.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || self.list(py))
    }

    /// Each value with the event that wrote it before it.
    fn dots<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let pairs = self.record.dots().map(|(one, value)| Ok((dot(py, one)?, &value.0)));
            PyList::new(py, pairs.collect::<PyResult<Vec<_>>>()?)
        })
    }

    /// The record as bytes, history and values: one form for each, the same in every language.
    /// `encode` makes bytes of a value; without it, all values are bytes.
    #[pyo3(signature = (encode = None))]
    fn to_bytes<'py>(
        &self,
        py: Python<'py>,
        encode: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || Ok(PyBytes::new(py, &self.encoded(py, encode)?.to_bytes())))
    }

    /// The record of these bytes; `BadArgument` for others. `decode` makes values of bytes; without
    /// it, they stay bytes.
    #[classmethod]
    #[pyo3(signature = (bytes, decode = None))]
    fn from_bytes(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        bytes: &Bound<'_, PyAny>,
        decode: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        guard(py, || {
            let bytes = buffer("the bytes of siblings", bytes)?;
            Self::decoded(py, parsed(py, &*bytes, CoreSiblings::from_bytes)?, decode)
        })
    }

    /// The record as JSON, with each value in base64. `encode` as in `to_bytes`.
    #[pyo3(signature = (encode = None))]
    fn to_json(&self, py: Python<'_>, encode: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        guard(py, || Ok(self.encoded(py, encode)?.to_json()))
    }

    /// The record of this JSON; `BadArgument` for what is none, `TooLarge` for more than 4 MiB.
    /// `decode` as in `from_bytes`.
    #[classmethod]
    #[pyo3(signature = (text, decode = None))]
    fn from_json(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        text: &Bound<'_, PyAny>,
        decode: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        guard(py, || {
            let text = self::text("the JSON of siblings", text)?;
            Self::decoded(py, parsed(py, &*text, CoreSiblings::from_json)?, decode)
        })
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || self.to_bytes(py, None))
    }

    /// How many values there are. More than one: somebody has to decide.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        guard(py, || Ok(self.record.len()))
    }

    /// Over the values.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        guard(py, || self.list(py)?.try_iter())
    }

    /// Two are equal that have the same history and equal values.
    fn __richcmp__(
        &self,
        py: Python<'_>,
        other: &Bound<'_, PyAny>,
        op: CompareOp,
    ) -> PyResult<Py<PyAny>> {
        guard(py, || {
            let wanted = match op {
                CompareOp::Eq => true,
                CompareOp::Ne => false,
                CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => {
                    return Ok(py.NotImplemented());
                }
            };
            let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
            let answer = self.is_equal(py, other.get())? == wanted;
            Ok(answer.into_pyobject(py)?.to_owned().into_any().unbind())
        })
    }

    /// That of the history: what values can be hashed to is not asked.
    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        guard(py, || self.context(py)?.into_pyobject(py)?.hash())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || {
            let (values, context) = (self.list(py)?.repr()?, self.context(py)?.__repr__(py)?);
            Ok(format!("<chinwag.Siblings {values} of {context}>"))
        })
    }

    /// What `pickle` keeps: the record with nothing for each value, and the values.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Pickled<'py>)> {
        guard(py, || {
            let history = Self::mapped(self.record.clone(), |_| Ok(Vec::new()))?.to_bytes();
            let again = py.import("chinwag.clock")?.getattr("_siblings")?;
            Ok((again, (PyBytes::new(py, &history), self.list(py)?)))
        })
    }

    /// For the collector of cycles: values may know of who holds the record.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.record.values().try_for_each(|value| visit.call(&value.0))
    }
}
