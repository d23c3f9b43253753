//! A member as Python shows it.

use std::hash::{Hash, Hasher};

use chinwag::api::STATES;
use chinwag::host::tag_pairs;
use chinwag::member::MemberState;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::error::guard;

/// One member, as it was when the value was taken.
#[pyclass(frozen, eq, hash, module = "chinwag")]
#[derive(PartialEq, Eq)]
pub(crate) struct Member(chinwag::Member);

impl Member {
    pub(crate) fn new(member: chinwag::Member) -> Self {
        Self(member)
    }

    /// A member as Python has it.
    pub(crate) fn object(py: Python<'_>, member: chinwag::Member) -> PyResult<Bound<'_, PyAny>> {
        Ok(Bound::new(py, Self(member))?.into_any())
    }

    /// Several members as a tuple.
    pub(crate) fn tuple(
        py: Python<'_>,
        members: Vec<chinwag::Member>,
    ) -> PyResult<Bound<'_, PyTuple>> {
        let members: PyResult<Vec<_>> =
            members.into_iter().map(|member| Bound::new(py, Self(member))).collect();
        PyTuple::new(py, members?)
    }
}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.name(), self.0.incarnation(), self.0.state().as_str()).hash(state);
    }
}

#[pymethods]
impl Member {
    /// Its name, unique in the cluster.
    #[getter]
    fn name<'py>(&'py self, py: Python<'py>) -> PyResult<&'py str> {
        guard(py, || Ok(self.0.name()))
    }

    /// The address it advertises, `ip:port`, for UDP and TCP alike.
    #[getter]
    fn addr(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.0.addr().to_string()))
    }

    /// What was believed about it.
    #[getter]
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || state(py, self.0.state()))
    }

    /// Its tags; empty when its metadata is not in serf's encoding.
    #[getter]
    fn tags<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guard(py, || tags(py, &self.0))
    }

    /// Its metadata as it travels.
    #[getter]
    fn meta<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || Ok(PyBytes::new(py, self.0.meta())))
    }

    /// How often it has announced itself; grows with every change and refutation.
    #[getter]
    fn incarnation(&self, py: Python<'_>) -> PyResult<u32> {
        guard(py, || Ok(self.0.incarnation()))
    }

    /// Protocol versions: memberlist's min, max, current, then the application's three.
    #[getter]
    fn versions(&self, py: Python<'_>) -> PyResult<(u8, u8, u8, u8, u8, u8)> {
        guard(py, || {
            let [a, b, c, d, e, f] = self.0.versions();
            Ok((a, b, c, d, e, f))
        })
    }

    /// The facts that a log line or a JSON document wants.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guard(py, || {
            let facts = PyDict::new(py);
            facts.set_item("name", self.0.name())?;
            facts.set_item("addr", self.0.addr().to_string())?;
            facts.set_item("state", self.0.state().as_str())?;
            facts.set_item("tags", tags(py, &self.0)?)?;
            Ok(facts)
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || {
            let member = &self.0;
            let (addr, state) = (member.addr(), member.state().as_str());
            let mut text = format!("<chinwag.Member {} {addr} {state}", member.name());
            for (key, value) in tag_pairs(member) {
                text += &format!(" {key}={value}");
            }
            Ok(text + ">")
        })
    }

    /// A value that never changes is its own copy.
    fn __copy__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        guard(slf.py(), || Ok(slf.clone()))
    }

    /// As `__copy__`; `dataclasses.asdict` of an event asks for it.
    fn __deepcopy__<'py>(
        slf: Bound<'py, Self>,
        _memo: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        guard(slf.py(), || Ok(slf.clone()))
    }
}

/// The tags as a dict of its own.
fn tags<'py>(py: Python<'py>, member: &chinwag::Member) -> PyResult<Bound<'py, PyDict>> {
    let tags = PyDict::new(py);
    for (key, value) in tag_pairs(member) {
        tags.set_item(key, value)?;
    }
    Ok(tags)
}

/// The state as a `chinwag.MemberState`.
fn state(py: Python<'_>, state: MemberState) -> PyResult<Bound<'_, PyAny>> {
    static OBJECTS: PyOnceLock<Vec<Py<PyAny>>> = PyOnceLock::new();
    let objects = OBJECTS.get_or_try_init(py, || -> PyResult<_> {
        let class = py.import("chinwag._constants")?.getattr("MemberState")?;
        STATES.iter().map(|(_, word)| Ok(class.call1((*word,))?.unbind())).collect()
    })?;
    Ok(objects[state as usize].bind(py).clone())
}
