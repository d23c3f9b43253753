//! Servers that are followed until they are down, and event loops that are watched.

use pyo3::prelude::*;

use crate::error::{OrRaise, guard};
use crate::node::Host;

/// Begins to follow a server; settles with a dict once it is down.
#[pyfunction]
pub(crate) fn monitor(py: Python<'_>, host: &Host, target: &str) -> PyResult<u64> {
    guard(py, || {
        host.make_ring_for(py, target)?;
        host.begin_by(py, || host.core().monitor(target))
    })
}

/// Has the event loop watched that serves a node: it is asked by the bell, now and then.
#[pyfunction]
pub(crate) fn watch_loop(py: Python<'_>, host: &Host) -> PyResult<()> {
    guard(py, || host.core().watch_loop(None).or_raise(py))
}

/// The loop turns. To be called on it when the bell rings.
#[pyfunction]
pub(crate) fn loop_turned(py: Python<'_>, host: &Host) -> PyResult<()> {
    guard(py, || {
        host.core().loop_turned();
        Ok(())
    })
}

/// The loop has ended: nobody watches it any more.
#[pyfunction]
pub(crate) fn unwatch_loop(py: Python<'_>, host: &Host) -> PyResult<()> {
    guard(py, || host.core().unwatch_loop().or_raise(py))
}

/// How the loop of a present member does: `ok`, `slow` or `stuck`.
#[pyfunction]
pub(crate) fn loop_state(
    py: Python<'_>,
    host: &Host,
    member: &str,
) -> PyResult<Option<&'static str>> {
    guard(py, || Ok(host.core().loop_state(member).or_raise(py)?.map(|state| state.as_str())))
}
