//! Payloads: objects of Python as the bytes that every language reads, and back.

use chinwag::payload::{Reader, Token, Writer};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMemoryView, PyString, PyTuple,
    PyType,
};

use crate::clock::forms::buffer;
use crate::error::{OrRaise, guard, raised};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The bytes of an object.
pub(crate) fn encode(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut writer = Writer::new();
    put(&mut writer, value)?;
    writer.finish().or_raise(value.py())
}

/// The object of these bytes.
pub(crate) fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    take(py, &mut Reader::new(bytes))
}

/// Adds an object to a payload. Containers within each other end at the depth that all have, so a
/// list that holds itself does too.
fn put(writer: &mut Writer, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let written = if let Ok(text) = value.cast::<PyString>() {
        writer.text(utf8(writer, text)?)
    } else if let Ok(flag) = value.cast::<PyBool>() {
        writer.bool(flag.is_true())
    } else if let Ok(number) = value.cast::<PyInt>() {
        return put_int(writer, number);
    } else if let Ok(number) = value.cast::<PyFloat>() {
        writer.float(number.value())
    } else if value.is_none() {
        writer.nil()
    } else if let Ok(map) = value.cast::<PyDict>() {
        return put_dict(writer, map);
    } else if let Ok(list) = value.cast::<PyList>() {
        writer.array(list.len()).or_raise(value.py())?;
        return list.iter().try_for_each(|item| put(writer, &item));
    } else {
        return put_other(writer, value);
    };
    written.or_raise(value.py())
}

fn put_other(writer: &mut Writer, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = value.py();
    let written = if let Ok(tuple) = value.cast::<PyTuple>() {
        writer.array(tuple.len()).or_raise(py)?;
        return tuple.iter_borrowed().try_for_each(|item| put(writer, &item));
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        writer.bytes(bytes.as_bytes())
    } else if value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>() {
        writer.bytes(&buffer("bytes", value)?)
    } else if value.is_instance(datetime(py)?)? {
        return put_time(writer, value);
    } else {
        let class = value.get_type().fully_qualified_name()?;
        return Err(raised(py, &writer.wrong(&format!("no encoding for a value of type {class}"))));
    };
    written.or_raise(py)
}

fn put_int(writer: &mut Writer, number: &Bound<'_, PyInt>) -> PyResult<()> {
    let py = number.py();
    if let Ok(number) = number.extract::<i64>() {
        return writer.int(number).or_raise(py);
    }
    if let Ok(number) = number.extract::<u64>() {
        return writer.uint(number).or_raise(py);
    }
    // The method of `int` itself: a subclass may have another of that name. With the bit of the
    // sign where there is one.
    let bits = py.get_type::<PyInt>().call_method1("bit_length", (number,))?.extract::<u64>()?;
    let bits = bits + u64::from(number.lt(0)?);
    Err(raised(py, &writer.wrong(&format!("no encoding for an integer of {bits} bits"))))
}

fn put_dict(writer: &mut Writer, map: &Bound<'_, PyDict>) -> PyResult<()> {
    writer.map(map.len()).or_raise(map.py())?;
    for (key, value) in map {
        let Ok(key) = key.cast::<PyString>() else {
            let class = key.get_type().fully_qualified_name()?;
            let why = format!("a key of a map that is no str, but of type {class},");
            return Err(raised(map.py(), &writer.wrong(&why)));
        };
        writer.key(utf8(writer, key)?).or_raise(map.py())?;
        put(writer, &value)?;
    }
    Ok(())
}

fn utf8<'a>(writer: &Writer, text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    let wrong = |_| raised(text.py(), &writer.wrong("a text with half of a surrogate pair"));
    text.to_str().map_err(wrong)
}

fn put_time(writer: &mut Writer, time: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = time.py();
    if time.call_method0("utcoffset")?.is_none() {
        let why = "no encoding for a datetime without a time zone";
        return Err(raised(py, &writer.wrong(why)));
    }
    let span = time.sub(epoch(py)?)?;
    let days: i64 = span.getattr("days")?.extract()?;
    let seconds: i64 = span.getattr("seconds")?.extract()?;
    let micros: u32 = span.getattr("microseconds")?.extract()?;
    writer.timestamp(days * DAY + seconds, micros * 1_000).or_raise(py)
}

fn take<'py>(py: Python<'py>, reader: &mut Reader<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match reader.token().or_raise(py)? {
        Token::Nil => py.None().into_bound(py),
        Token::Bool(flag) => PyBool::new(py, flag).to_owned().into_any(),
        Token::Int(number) => number.into_pyobject(py)?.into_any(),
        Token::Uint(number) => number.into_pyobject(py)?.into_any(),
        Token::Float(number) => PyFloat::new(py, number).into_any(),
        Token::Text(text) => PyString::new(py, text).into_any(),
        Token::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Token::Array(len) => {
            let mut items = Vec::with_capacity(len);
            for _ in 0..len {
                items.push(take(py, reader)?);
            }
            PyList::new(py, items)?.into_any()
        }
        Token::Map(len) => {
            let map = PyDict::new(py);
            for _ in 0..len {
                let key = reader.key().or_raise(py)?;
                map.set_item(key, take(py, reader)?)?;
            }
            map.into_any()
        }
        Token::Timestamp { secs, nanos } => time(py, reader, secs, nanos)?,
    })
}

/// A `datetime` in UTC, which has microseconds and the years 1 to 9999.
fn time<'py>(
    py: Python<'py>,
    reader: &Reader<'_>,
    secs: i64,
    nanos: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let wrong = || {
        let why = format!("a datetime cannot hold {secs} s and {nanos} ns since 1970");
        raised(py, &reader.wrong(&why))
    };
    if !nanos.is_multiple_of(1_000) {
        return Err(wrong());
    }
    static TIMEDELTA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let timedelta = TIMEDELTA.import(py, "datetime", "timedelta")?;
    let span = timedelta.call1((secs.div_euclid(DAY), secs.rem_euclid(DAY), nanos / 1_000));
    span.and_then(|span| epoch(py)?.add(span)).map_err(|_| wrong())
}

fn datetime(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DATETIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DATETIME.import(py, "datetime", "datetime")
}

/// The beginning of 1970 in UTC.
fn epoch(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let epoch = EPOCH.get_or_try_init(py, || {
        let utc = py.import("datetime")?.getattr("timezone")?.getattr("utc")?;
        datetime(py)?.call_method1("fromtimestamp", (0, utc)).map(Bound::unbind)
    })?;
    Ok(epoch.bind(py))
}

/// The bytes of a value that every language reads alike.
#[pyfunction]
#[pyo3(name = "encode")]
pub(crate) fn encoded<'py>(
    py: Python<'py>,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    guard(py, || Ok(PyBytes::new(py, &encode(value)?)))
}

/// The value of bytes that `encode` made in any language.
#[pyfunction]
#[pyo3(name = "decode")]
pub(crate) fn decoded<'py>(
    py: Python<'py>,
    data: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    guard(py, || decode(py, &buffer("a payload", data)?))
}
