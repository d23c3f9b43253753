//! Errors of the core as the exceptions of `chinwag.errors`, and the guard at the border.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chinwag::error::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyInt, PyString, PyTuple};

/// Most that is shown of a value that cannot be.
const SHOWN: usize = 80;

/// Runs the body of an exported function. A panic becomes an `Internal`, which `except Exception`
/// catches, as it would not catch PyO3's own `PanicException`.
pub(crate) fn guard<T>(py: Python<'_>, body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let message = format!("a panic was caught: {}", text(&*panic));
        Err(raised(py, &Error::new(ErrorKind::Internal, message)))
    })
}

fn text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "it left no message",
    }
}

/// A result of the core as one of Python.
pub(crate) trait OrRaise<T> {
    /// The value, or the exception for the error.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for chinwag::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| raised(py, &error))
    }
}

/// The error as an exception to raise.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, error).map_or_else(|failure| failure, PyErr::from_value)
}

/// The error as an exception object.
pub(crate) fn exception<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    let attempts = error.attempts().iter().map(|a| (a.seed.as_str(), a.cause.as_str()));
    let attempts = PyTuple::new(py, attempts.collect::<Vec<_>>())?;
    let remote = error.remote().map(|r| (&r.node, &r.language, &r.class, &r.message, &r.stack));
    class(py, error.kind())?.call1((error.message(), attempts, error.maybe_executed(), remote))
}

/// What the code of a server says by itself to whoever called it: that it has no such operation.
/// Anything else has gone wrong in it, also the errors of calls that it made.
pub(crate) fn core_error(error: &Bound<'_, PyAny>) -> PyResult<Option<Error>> {
    let unknown = class(error.py(), ErrorKind::UnknownOp)?;
    if !error.is_instance(&unknown)? || error.getattr("_told")?.is_truthy()? {
        return Ok(None);
    }
    Ok(Some(Error::new(ErrorKind::UnknownOp, error.str()?.to_string_lossy())))
}

/// A `BadArgument`.
pub(crate) fn bad(py: Python<'_>, message: &str) -> PyErr {
    raised(py, &Error::new(ErrorKind::BadArgument, message))
}

/// A `BadArgument` that shows the value if it is short, and else of which type it is.
pub(crate) fn wrong(what: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let is_short = match value.len() {
        Ok(length) => length <= SHOWN && value.is_instance_of::<PyString>(),
        Err(_) => value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>(),
    };
    let shown = match is_short {
        true => value.repr().map_or_else(|_| "that".to_owned(), |repr| repr.to_string()),
        false => value.get_type().name().map_or_else(|_| "that".to_owned(), |n| format!("a {n}")),
    };
    let shown: String = shown.chars().take(SHOWN).collect();
    bad(value.py(), &format!("{what} cannot be {shown}"))
}

/// The exception class of a code.
fn class<'py>(py: Python<'py>, kind: ErrorKind) -> PyResult<Bound<'py, PyAny>> {
    static CLASSES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let classes = CLASSES.import(py, "chinwag.errors", "CLASSES")?;
    classes.as_any().get_item(kind.code())
}

/// Panics on purpose: the tests show with it what comes of a panic.
#[pyfunction]
#[pyo3(name = "_panic")]
pub(crate) fn panic(py: Python<'_>, message: &str) -> PyResult<()> {
    guard(py, || std::panic::panic_any(message.to_owned()))
}
