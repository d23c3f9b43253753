//! Stamps in an order that everybody shares: hybrid clocks, and Lamport's.

use std::sync::Mutex;

use chinwag::clock::LamportClock as CoreLamport;
use chinwag::clock::{HybridClock as CoreHybrid, HybridTime as CoreTime};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyType};

use super::forms::{buffer, text};
use crate::error::{OrRaise, guard};
use crate::events::lock;
use crate::ring::builder::number;

/// A stamp of a hybrid clock: 48 bits of milliseconds, 16 bits of a counter below them. Made of the
/// number or the text of one; numbers, texts and bytes sort as stamps do.
#[pyclass(frozen, eq, ord, hash, module = "chinwag")]
#[derive(PartialEq, PartialOrd, Hash)]
pub(crate) struct HybridTime {
    time: CoreTime,
}

/// A hybrid logical clock: stamps near the time that it is told, which ascend whatever that does.
/// It accepts stamps of others up to `drift_us` microseconds ahead of that. Any thread may use it.
#[pyclass(frozen, module = "chinwag")]
pub(crate) struct HybridClock {
    clock: Mutex<CoreHybrid>,
}

/// A number that is raised by every event and by every number of others. Any thread may use it.
#[pyclass(frozen, module = "chinwag")]
pub(crate) struct LamportClock {
    clock: Mutex<CoreLamport>,
}

impl HybridTime {
    pub(crate) const fn of(time: CoreTime) -> Self {
        Self { time }
    }
}

#[pymethods]
impl HybridTime {
    #[new]
    fn made_from(py: Python<'_>, stamp: &Bound<'_, PyAny>) -> PyResult<Self> {
        guard(py, || {
            let time = match stamp.is_instance_of::<PyString>() {
                true => text("a stamp", stamp)?.parse().or_raise(py)?,
                false => CoreTime::from_u64(number("a stamp", stamp)?),
            };
            Ok(Self { time })
        })
    }

    /// Milliseconds, of the time that its clock was told.
    #[getter]
    fn ms(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.time.ms()))
    }

    /// What tells stamps of one millisecond apart.
    #[getter]
    fn counter(&self, py: Python<'_>) -> PyResult<u16> {
        guard(py, || Ok(self.time.counter()))
    }

    /// The 8 bytes of the number, the highest first.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || Ok(PyBytes::new(py, &self.time.to_bytes())))
    }

    /// The stamp of these 8 bytes; `BadArgument` for any other number of them.
    #[classmethod]
    fn from_bytes(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        bytes: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let bytes = buffer("the bytes of a stamp", bytes)?;
            Ok(Self { time: CoreTime::from_bytes(&bytes).or_raise(py)? })
        })
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || self.to_bytes(py))
    }

    /// The number.
    fn __int__(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.time.as_u64()))
    }

    /// 15 digits of milliseconds, a dot, 5 digits of the counter.
    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.time.to_string()))
    }

    /// What makes the same stamp.
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(format!("HybridTime('{}')", self.time)))
    }

    /// What `pickle` keeps: the number.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, (u64,))> {
        guard(py, || Ok((py.get_type::<Self>(), (self.time.as_u64(),))))
    }
}

#[pymethods]
impl HybridClock {
    #[new]
    #[pyo3(signature = (drift_us = None), text_signature = "(drift_us=500_000)")]
    fn made_from(py: Python<'_>, drift_us: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        guard(py, || {
            let drift_us = drift_us.map(|drift| number("a drift", drift)).transpose()?;
            let clock = drift_us.map_or_else(CoreHybrid::new, CoreHybrid::with_drift);
            Ok(Self { clock: Mutex::new(clock) })
        })
    }

    /// The last stamp that was given.
    #[getter]
    fn last(&self, py: Python<'_>) -> PyResult<HybridTime> {
        guard(py, || Ok(HybridTime { time: lock(&self.clock).last() }))
    }

    /// A stamp for something that happens here, now: greater than all before. `now_us` is the time
    /// in microseconds.
    fn tick(&self, py: Python<'_>, now_us: &Bound<'_, PyAny>) -> PyResult<HybridTime> {
        guard(py, || {
            let now_us = number("a time", now_us)?;
            Ok(HybridTime { time: lock(&self.clock).tick(now_us) })
        })
    }

    /// A stamp for having received another, now: greater than it, and than all before.
    /// `BadArgument` when that is farther ahead of `now_us` than the drift; the clock stays as it
    /// is then.
    fn observe(
        &self,
        py: Python<'_>,
        remote: &Bound<'_, HybridTime>,
        now_us: &Bound<'_, PyAny>,
    ) -> PyResult<HybridTime> {
        guard(py, || {
            let now_us = number("a time", now_us)?;
            let time = lock(&self.clock).observe(remote.get().time, now_us);
            Ok(HybridTime { time: time.or_raise(py)? })
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(format!("<chinwag.HybridClock at {}>", lock(&self.clock).last())))
    }
}

#[pymethods]
impl LamportClock {
    #[new]
    #[pyo3(signature = (time = None), text_signature = "(time=0)")]
    fn made_from(py: Python<'_>, time: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        guard(py, || {
            let time = time.map_or(Ok(0), |time| number("the number of an event", time))?;
            Ok(Self { clock: Mutex::new(CoreLamport::at(time)) })
        })
    }

    /// The number of the last event.
    #[getter]
    fn time(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(lock(&self.clock).time()))
    }

    /// The number of something that happens here.
    fn tick(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(lock(&self.clock).tick()))
    }

    /// The number of having received something with that number: greater than it.
    fn observe(&self, py: Python<'_>, remote: &Bound<'_, PyAny>) -> PyResult<u64> {
        guard(py, || {
            let remote = number("the number of an event", remote)?;
            Ok(lock(&self.clock).observe(remote))
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(format!("<chinwag.LamportClock at {}>", lock(&self.clock).time())))
    }
}
