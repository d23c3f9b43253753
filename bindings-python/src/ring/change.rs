//! Two rings beside each other, how even a ring is, and round it.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use chinwag::ring::{Ring as CoreRing, RingChange as CoreChange, jump};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyType};

use super::builder::{self, items, number, octets};
use super::{Ring, class};
use crate::error::{bad, guard};

/// From one ring to another: what moves, in terms of the caller's keys.
#[pyclass(frozen, eq, hash, module = "chinwag")]
pub(crate) struct RingChange {
    change: CoreChange,
    before: Py<Ring>,
    after: Py<Ring>,
    /// The node whose events told it, or for which it was made.
    local: Option<String>,
}

impl RingChange {
    pub(super) fn new(before: Py<Ring>, after: Py<Ring>, local: Option<String>) -> Self {
        let change = CoreChange::new(&before.get().ring, &after.get().ring);
        Self { change, before, after, local }
    }

    /// Whose keys are meant: those of that node, or else of the local one.
    fn whose<'a>(
        &'a self,
        py: Python<'_>,
        name: Option<&'a Bound<'_, PyAny>>,
    ) -> PyResult<&'a str> {
        match (name, &self.local) {
            (Some(name), _) => builder::name(name),
            (None, Some(local)) => Ok(local),
            (None, None) => {
                Err(bad(py, "this change is no node's own: say with name=... whose keys are meant"))
            }
        }
    }
}

impl PartialEq for RingChange {
    fn eq(&self, other: &Self) -> bool {
        (&self.change, &self.local) == (&other.change, &other.local)
    }
}

impl Hash for RingChange {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (before, after) = (self.change.before(), self.change.after());
        (before.fingerprint(), after.fingerprint()).hash(state);
    }
}

/// What a change is made from.
type Parts = (Py<Ring>, Py<Ring>, Option<String>);

/// A key as it was given, which is what is given back.
struct Key<'a, 'py> {
    object: &'a Bound<'py, PyAny>,
    bytes: Cow<'a, [u8]>,
}

impl AsRef<[u8]> for Key<'_, '_> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The keys of a list of objects.
fn keys<'a, 'py>(objects: &'a [Bound<'py, PyAny>]) -> PyResult<Vec<Key<'a, 'py>>> {
    objects.iter().map(|object| Ok(Key { object, bytes: octets(object)? })).collect()
}

fn objects<'py>(keys: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    items("a list of keys", keys, Ok)
}

/// An owner, or nobody.
fn owner<'py>(py: Python<'py>, name: Option<&str>) -> Option<Bound<'py, PyString>> {
    name.map(|name| PyString::intern(py, name))
}

#[pymethods]
impl RingChange {
    #[new]
    #[pyo3(signature = (before, after, local = None))]
    fn made_from(
        py: Python<'_>,
        before: Py<Ring>,
        after: Py<Ring>,
        local: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        guard(py, || {
            let local = local.map(builder::name).transpose()?;
            Ok(Self::new(before, after, local.map(str::to_owned)))
        })
    }

    /// The ring as it was.
    #[getter]
    fn before(&self, py: Python<'_>) -> PyResult<Py<Ring>> {
        guard(py, || Ok(self.before.clone_ref(py)))
    }

    /// The ring as it is.
    #[getter]
    fn after(&self, py: Python<'_>) -> PyResult<Py<Ring>> {
        guard(py, || Ok(self.after.clone_ref(py)))
    }

    /// The node whose keys are meant where no name is given; `None` if the change is no node's own.
    #[getter]
    fn local(&self, py: Python<'_>) -> PyResult<Option<&str>> {
        guard(py, || Ok(self.local.as_deref()))
    }

    /// Those of the keys that have another owner, with both owners.
    fn moved<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let (objects, class) = (objects(keys)?, class(py, "Moved")?);
            let moved = self.change.moved(self::keys(&objects)?).map(|moved| {
                class.call1((moved.key.object, owner(py, moved.from), owner(py, moved.to)))
            });
            PyList::new(py, moved.collect::<PyResult<Vec<_>>>()?)
        })
    }

    /// Those of the keys that `name`, or else the local node, owns, and did not.
    #[pyo3(signature = (keys, name = None))]
    fn gained<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        name: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let (name, objects) = (self.whose(py, name)?, objects(keys)?);
            let gained = self.change.gained(name, self::keys(&objects)?);
            PyList::new(py, gained.map(|key| key.object).collect::<Vec<_>>())
        })
    }

    /// Those of the keys that `name`, or else the local node, owned, and does not any more.
    #[pyo3(signature = (keys, name = None))]
    fn lost<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        name: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let (name, objects) = (self.whose(py, name)?, objects(keys)?);
            let lost = self.change.lost(name, self::keys(&objects)?);
            PyList::new(py, lost.map(|key| key.object).collect::<Vec<_>>())
        })
    }

    /// The slots that have another owner, in order; none unless both rings have equally many.
    fn slots<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let class = class(py, "MovedSlot")?;
            let moved = self.change.slots();
            let slots = moved
                .map(|moved| class.call1((moved.key, owner(py, moved.from), owner(py, moved.to))));
            PyList::new(py, slots.collect::<PyResult<Vec<_>>>()?)
        })
    }

    /// How many slots go from whom to whom.
    fn flows<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guard(py, || {
            let flows = PyDict::new(py);
            for ((from, to), slots) in self.change.flows() {
                flows.set_item((owner(py, from), owner(py, to)), slots)?;
            }
            Ok(flows)
        })
    }

    /// What `pickle` keeps: both rings, and whose change it is.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Parts)> {
        guard(py, || {
            let (before, after) = (self.before.clone_ref(py), self.after.clone_ref(py));
            Ok((py.get_type::<Self>(), (before, after, self.local.clone())))
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || {
            let [before, after] =
                [self.change.before(), self.change.after()].map(CoreRing::fingerprint);
            Ok(format!("<chinwag.RingChange from {before:016x} to {after:016x}>"))
        })
    }
}

/// How much of all keys each node has.
pub(super) fn balance<'py>(py: Python<'py>, ring: &CoreRing) -> PyResult<Bound<'py, PyList>> {
    let (class, balance) = (class(py, "Balance")?, ring.balance());
    let shares = balance.iter().map(|one| class.call1((one.name, one.share, one.ideal)));
    PyList::new(py, shares.collect::<PyResult<Vec<_>>>()?)
}

/// All ranges in order.
pub(super) fn ranges<'py>(py: Python<'py>, ring: &CoreRing) -> PyResult<Bound<'py, PyList>> {
    let (class, ranges) = (class(py, "Range")?, ring.ranges());
    let ranges =
        ranges.iter().map(|one| class.call1((one.start, one.end, PyString::intern(py, one.owner))));
    PyList::new(py, ranges.collect::<PyResult<Vec<_>>>()?)
}

/// Names as Python has them.
pub(super) fn names<'py>(py: Python<'py>, names: Vec<&str>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, names.into_iter().map(|name| PyString::intern(py, name)))
}

/// The bucket of a key among so many that are only ever added and removed at the end; `None`
/// without a bucket.
#[pyfunction]
#[pyo3(name = "jump")]
pub(crate) fn bucket(
    py: Python<'_>,
    key: &Bound<'_, PyAny>,
    buckets: &Bound<'_, PyAny>,
) -> PyResult<Option<u32>> {
    guard(py, || Ok(jump(octets(key)?, number("a number of buckets", buckets)?)))
}
