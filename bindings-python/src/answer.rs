//! What operations come to, as values of Python: times are seconds, records and maps are dicts.

use chinwag::host::Answer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::error::{exception, guard};
use crate::messages;

/// The answer as Python has it.
pub(crate) fn object<'py>(py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyAny>> {
    Ok(match answer {
        Answer::None => py.None().into_bound(py),
        Answer::Flag(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Answer::Count(count) => count.into_pyobject(py)?.into_any(),
        Answer::Number(number) => number.into_pyobject(py)?.into_any(),
        Answer::Duration(span) => span.as_secs_f64().into_pyobject(py)?.into_any(),
        Answer::Text(text) => text.into_pyobject(py)?.into_any(),
        Answer::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        // An error in the place of a payload that cannot be read: others may come along with it.
        Answer::Payload(payload) => match messages::object(py, payload) {
            Ok(value) => value,
            Err(error) => {
                let error = error.into_value(py).into_bound(py).into_any();
                error.setattr("maybe_executed", true)?;
                error
            }
        },
        Answer::Error(error) => exception(py, error)?,
        Answer::List(list) => {
            let items: PyResult<Vec<_>> = list.iter().map(|item| object(py, item)).collect();
            PyList::new(py, items?)?.into_any()
        }
        Answer::Record(fields) => dict(py, fields.iter().map(|(name, item)| (*name, item)))?,
        Answer::Map(entries) => dict(py, entries.iter().map(|(name, item)| (&**name, item)))?,
    })
}

fn dict<'py, 'a>(
    py: Python<'py>,
    items: impl Iterator<Item = (&'a str, &'a Answer)>,
) -> PyResult<Bound<'py, PyAny>> {
    let dict = PyDict::new(py);
    for (name, item) in items {
        dict.set_item(name, object(py, item)?)?;
    }
    Ok(dict.into_any())
}

/// An answer with every kind of value in it, for the tests.
#[pyfunction]
#[pyo3(name = "_specimen")]
pub(crate) fn specimen(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    guard(py, || object(py, &Answer::specimen()))
}
