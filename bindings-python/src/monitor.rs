//! Servers that are followed until they are down.

use pyo3::prelude::*;

use crate::error::guard;
use crate::node::Host;

/// Begins to follow a server; settles with a dict once it is down.
#[pyfunction]
pub(crate) fn monitor(py: Python<'_>, host: &Host, target: &str) -> PyResult<u64> {
    guard(py, || {
        host.make_ring_for(py, target)?;
        host.begin_by(py, || host.core().monitor(target))
    })
}
