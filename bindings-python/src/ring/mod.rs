//! Which node owns which key: rings as Python sees them, without a node, and the one of a cluster.

pub(crate) mod builder;
pub(crate) mod change;
pub(crate) mod cluster;

use std::hash::{Hash, Hasher};

use chinwag::ring::{Profile, Ring as CoreRing};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyMemoryView, PyString, PyTuple, PyType};

use self::builder::{asked, asked_each, builder, count, number, octets};
use crate::error::{OrRaise, bad, guard, wrong};

/// Which node owns which key: a value that never changes.
#[pyclass(frozen, eq, hash, module = "chinwag")]
pub(crate) struct Ring {
    ring: CoreRing,
    /// In the order of their numbers, made once: an answer is one of them.
    names: Vec<Py<PyString>>,
}

/// Most owners that are looked up without an allocation but for the answer.
const FEW: usize = 16;
/// Stands for the owner in an empty ring. A ring has at most 65,534 nodes.
const NOBODY: u16 = u16::MAX;

impl Ring {
    fn new(py: Python<'_>, ring: CoreRing) -> Self {
        let names = ring.names().map(|name| PyString::intern(py, name).unbind()).collect();
        Self { ring, names }
    }

    /// The name of a node that owns something.
    #[inline]
    fn name(&self, number: u16) -> Option<&Py<PyString>> {
        self.names.get(usize::from(number))
    }

    /// The nodes of these numbers.
    #[inline]
    fn list<'py>(&self, py: Python<'py>, numbers: &[u16]) -> PyResult<Bound<'py, PyList>> {
        let nobody = || py.None().into_bound(py);
        let name = |number: &u16| self.name(*number).map(|name| name.bind(py).as_any().clone());
        PyList::new(py, numbers.iter().map(|number| name(number).unwrap_or_else(nobody)))
    }

    /// The number of a key's owner.
    #[inline]
    fn number(&self, key: &[u8]) -> u16 {
        self.ring.owner_number(key).unwrap_or(NOBODY)
    }

    /// The numbers of the owners of keys, as the machine writes numbers of 16 bits. Others may run
    /// meanwhile.
    fn numbers<'py, 'a>(
        &self,
        py: Python<'py>,
        keys: impl ExactSizeIterator<Item = &'a [u8]> + Send,
    ) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, keys.len() * size_of::<u16>(), |bytes| {
            let (numbers, _) = bytes.as_chunks_mut();
            py.detach(|| {
                for (number, key) in numbers.iter_mut().zip(keys) {
                    *number = self.number(key).to_ne_bytes();
                }
            });
            Ok(())
        })
    }

    /// What the options make of a ring. Others may run meanwhile: it can take a second.
    fn made(py: Python<'_>, before: &CoreRing, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let builder = builder(before, options)?;
        let ring = py.detach(|| builder.build()).or_raise(py)?;
        Ok(Self::new(py, ring))
    }
}

/// A class of `chinwag.ring`.
fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("chinwag.ring")?.getattr(name)
}

/// Keys or their beginnings, and the names that they are pinned to.
fn pinned<'py, 'a>(
    py: Python<'py>,
    pins: impl Iterator<Item = (&'a [u8], &'a str)>,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, name) in pins {
        dict.set_item(PyBytes::new(py, key), name)?;
    }
    Ok(dict)
}

impl PartialEq for Ring {
    fn eq(&self, other: &Self) -> bool {
        self.ring == other.ring
    }
}

impl Hash for Ring {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ring.fingerprint().hash(state);
    }
}

#[pymethods]
impl Ring {
    #[new]
    #[pyo3(
        signature = (nodes, **options),
        text_signature = "(nodes, *, profile='default', slots=None, slack=None, replicas=3, \
            hash_tags=False, pins=None, pin_prefixes=None, excluded=())"
    )]
    fn made_from(
        py: Python<'_>,
        nodes: &Bound<'_, PyAny>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        guard(py, || {
            static EMPTY: PyOnceLock<CoreRing> = PyOnceLock::new();
            let empty = || CoreRing::builder().build().or_raise(py);
            let options = options.map_or_else(|| Ok(PyDict::new(py)), |given| given.copy())?;
            // `None` would stand for the nodes of the empty ring.
            let nodes =
                if nodes.is_none() { Err(wrong("the list of nodes", nodes)) } else { Ok(nodes) };
            options.set_item("nodes", nodes?)?;
            Self::made(py, EMPTY.get_or_try_init(py, empty)?, &options)
        })
    }

    /// The node that owns a key; `None` if the ring is empty.
    fn owner<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<&Py<PyString>>> {
        guard(py, || {
            let number = asked(key, |key| self.ring.owner_number(key))?;
            Ok(number.and_then(|number| self.name(number)))
        })
    }

    /// Up to `n` different nodes that a key belongs to, the owner first: exactly as many, or all if
    /// there are fewer. Those of other zones come first.
    fn owners<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        n: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            asked(key, |key| {
                let n = count(n)?;
                let mut few = [0; FEW];
                if let Some(few) = few.get_mut(..n) {
                    let found = self.ring.owner_numbers_into(key, few);
                    return self.list(py, few.get(..found).unwrap_or_default());
                }
                let mut many = Vec::new();
                self.ring.owner_numbers(key, n, &mut many);
                self.list(py, &many)
            })?
        })
    }

    /// The owner of each key, in one call.
    fn owners_many<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || self.list(py, &asked_each(keys, |key| self.number(key))?))
    }

    /// For each of many keys in one buffer, the place of its owner in `names`, or 65,535 if the
    /// ring is empty. The keys have `width` bytes each, or begin and end at `offsets`.
    #[pyo3(signature = (keys, *, width = None, offsets = None))]
    fn owner_numbers<'py>(
        &self,
        py: Python<'py>,
        keys: &Bound<'py, PyAny>,
        width: Option<&Bound<'py, PyAny>>,
        offsets: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || {
            let bytes = builder::packed(keys)?;
            let numbers = match (width, offsets) {
                (Some(width), None) => {
                    let width = builder::width(bytes.len(), width)?;
                    self.numbers(py, bytes.chunks_exact(width))?
                }
                (None, Some(offsets)) => {
                    let offsets = builder::offsets(bytes.len(), offsets)?;
                    let key = |span: &[usize]| bytes.get(span[0]..span[1]).unwrap_or_default();
                    self.numbers(py, offsets.windows(2).map(key))?
                }
                _ => return Err(bad(py, "packed keys have either a width or offsets")),
            };
            PyMemoryView::from(&numbers)?.call_method1(intern!(py, "cast"), (intern!(py, "H"),))
        })
    }

    /// Whether that node owns a key.
    fn is_owner(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        key: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        guard(py, || Ok(self.ring.is_owner(builder::name(name)?, octets(key)?)))
    }

    /// The first of a key's nodes for which `has_room` is true; `None` if that is nobody.
    fn owner_with_room<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        has_room: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        guard(py, || {
            let mut failure = None;
            let ask = |name: &str| match has_room.call1((name,)).and_then(|told| told.is_truthy()) {
                Ok(has_room) => has_room,
                Err(error) => {
                    failure = Some(error);
                    true
                }
            };
            let found = self.ring.owner_with_room(octets(key)?, ask);
            let found = found.map(|name| PyString::intern(py, name));
            failure.map_or(Ok(found), Err)
        })
    }

    /// The slot of a key; `None` in the profiles that have none, and in an empty ring.
    fn slot(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
        guard(py, || Ok(self.ring.slot(octets(key)?)))
    }

    /// The nodes of a slot, the owner first, as many as the ring has replicas.
    fn slot_owners<'py>(
        &self,
        py: Python<'py>,
        slot: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let slot = number("a slot", slot)?;
            PyList::new(py, self.ring.slot_owners(slot).map(|name| PyString::intern(py, name)))
        })
    }

    /// The slots of a node, in order.
    fn slots_of<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let slots: Vec<u32> = self.ring.slots_of(builder::name(name)?).collect();
            PyList::new(py, slots)
        })
    }

    /// Up to `n` other nodes that own the places behind the first one of a node.
    fn next<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        n: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || change::names(py, self.ring.next(builder::name(name)?, count(n)?)))
    }

    /// Up to `n` other nodes that own the places before the first one of a node, the nearest first.
    fn previous<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        n: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || change::names(py, self.ring.previous(builder::name(name)?, count(n)?)))
    }

    /// Up to `n` different nodes that own the places before a key, the nearest first.
    fn owners_before<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        n: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        guard(py, || change::names(py, self.ring.owners_before(octets(key)?, count(n)?)))
    }

    /// All ranges of places in order, as large as they can be; together they are the whole ring.
    fn ranges<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || change::ranges(py, &self.ring))
    }

    /// How much of all keys each node has, in the order of their names.
    fn balance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        guard(py, || change::balance(py, &self.ring))
    }

    /// The ring with one more node.
    fn with_node(&self, py: Python<'_>, node: &Bound<'_, PyAny>) -> PyResult<Self> {
        guard(py, || {
            let node = builder::node(node)?;
            Ok(Self::new(py, py.detach(|| self.ring.with(node)).or_raise(py)?))
        })
    }

    /// The ring without a node.
    fn without(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<Self> {
        guard(py, || {
            let name = builder::name(name)?;
            Ok(Self::new(py, py.detach(|| self.ring.without(name)).or_raise(py)?))
        })
    }

    /// The ring with another weight or zone of a node.
    fn update(&self, py: Python<'_>, node: &Bound<'_, PyAny>) -> PyResult<Self> {
        guard(py, || {
            let builder = self.ring.to_builder().update(builder::node(node)?);
            Ok(Self::new(py, py.detach(|| builder.build()).or_raise(py)?))
        })
    }

    /// The ring with something else made from other options.
    #[pyo3(signature = (**options), text_signature = "($self, **options)")]
    fn replace(&self, py: Python<'_>, options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        guard(py, || match options {
            Some(options) => Self::made(py, &self.ring, options),
            None => Ok(Self::new(py, self.ring.clone())),
        })
    }

    /// As `replace`, for `copy.replace`.
    #[pyo3(signature = (**options), text_signature = "($self, **options)")]
    fn __replace__(&self, py: Python<'_>, options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        guard(py, || self.replace(py, options))
    }

    /// The nodes of both rings, and what is pinned in either.
    fn union(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<Self> {
        guard(py, || {
            let other = &other.get().ring;
            Ok(Self::new(py, py.detach(|| self.ring.union(other)).or_raise(py)?))
        })
    }

    /// The nodes that are in both rings, and what is pinned alike in both.
    fn intersection(&self, py: Python<'_>, other: &Bound<'_, Self>) -> PyResult<Self> {
        guard(py, || {
            let other = &other.get().ring;
            Ok(Self::new(py, py.detach(|| self.ring.intersection(other)).or_raise(py)?))
        })
    }

    /// The names of those that own something, in order.
    #[getter]
    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        guard(py, || PyTuple::new(py, &self.names))
    }

    /// All nodes, also those that are excluded, in the order of their names.
    #[getter]
    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        guard(py, || {
            let class = class(py, "RingNode")?;
            let nodes = self.ring.nodes().map(|one| class.call1((one.name, one.weight, one.zone)));
            PyTuple::new(py, nodes.collect::<PyResult<Vec<_>>>()?)
        })
    }

    /// How keys are placed.
    #[getter]
    fn profile(&self, py: Python<'_>) -> PyResult<&'static str> {
        guard(py, || Ok(self.ring.profile().name()))
    }

    /// How many slots there are; `None` in the profiles that have none.
    #[getter]
    fn slots(&self, py: Python<'_>) -> PyResult<Option<u32>> {
        guard(py, || match self.ring.profile() {
            Profile::Slots { slots, .. } => Ok(Some(slots)),
            Profile::Ketama | Profile::Clusterluck => Ok(None),
        })
    }

    /// What a node may have above its share, in thousandths; `None` where nothing is bounded.
    #[getter]
    fn slack(&self, py: Python<'_>) -> PyResult<Option<u32>> {
        guard(py, || match self.ring.profile() {
            Profile::Slots { slack, .. } => Ok(slack),
            Profile::Ketama | Profile::Clusterluck => Ok(None),
        })
    }

    /// Owners of a key that are found without a search.
    #[getter]
    fn replicas(&self, py: Python<'_>) -> PyResult<u8> {
        guard(py, || Ok(self.ring.replicas()))
    }

    /// Whether what stands between `{` and `}` in a key places it.
    #[getter]
    fn hash_tags(&self, py: Python<'_>) -> PyResult<bool> {
        guard(py, || Ok(self.ring.hash_tags()))
    }

    /// Keys whose owner is given, and that owner.
    #[getter]
    fn pins<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guard(py, || pinned(py, self.ring.pins()))
    }

    /// Beginnings of keys whose owner is given, and that owner.
    #[getter]
    fn pin_prefixes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guard(py, || pinned(py, self.ring.pin_prefixes()))
    }

    /// Nodes that own nothing, whether they are in the ring or not.
    #[getter]
    fn excluded<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        guard(py, || PyTuple::new(py, self.ring.excluded()))
    }

    /// The same in two rings exactly if they place all keys alike: 64 bits.
    #[getter]
    fn fingerprint(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.ring.fingerprint()))
    }

    /// Which of a node's rings it is, counted from 1; 0 if it was made by hand.
    #[getter]
    fn version(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.ring.version()))
    }

    /// The ring as JSON, in one line.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || Ok(self.ring.to_json()))
    }

    /// The ring of this JSON.
    #[classmethod]
    fn from_json(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        text: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let bytes = octets(text)?;
            let text = std::str::from_utf8(&bytes).map_err(|_| bad(py, "JSON is text in UTF-8"))?;
            Ok(Self::new(py, py.detach(|| CoreRing::from_json(text)).or_raise(py)?))
        })
    }

    /// The ring as bytes: one form for each ring, the same in every language.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        guard(py, || Ok(PyBytes::new(py, &self.ring.to_bytes())))
    }

    /// The ring of these bytes.
    #[classmethod]
    fn from_bytes(
        _cls: &Bound<'_, PyType>,
        py: Python<'_>,
        bytes: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        guard(py, || {
            let bytes = octets(bytes)?;
            Ok(Self::new(py, py.detach(|| CoreRing::from_bytes(&bytes)).or_raise(py)?))
        })
    }

    /// What `pickle` keeps: the ring as bytes.
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        guard(py, || Ok((py.get_type::<Self>().getattr("from_bytes")?, (self.to_bytes(py)?,))))
    }

    /// How many nodes own something.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        guard(py, || Ok(self.names.len()))
    }

    /// Whether a node of that name owns something.
    fn __contains__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        guard(py, || {
            Ok(name.extract().is_ok_and(|name: &str| self.ring.names().any(|n| n == name)))
        })
    }

    /// Over the names.
    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        guard(py, || self.names(py)?.try_iter())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || {
            let (profile, nodes) = (self.ring.profile().name(), self.names.len());
            let print = self.ring.fingerprint();
            let version = match self.ring.version() {
                0 => String::new(),
                version => format!(" version {version},"),
            };
            Ok(format!(
                "<chinwag.Ring {profile} of {nodes} nodes,{version} fingerprint {print:016x}>"
            ))
        })
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

    /// Bytes of memory that it takes.
    fn __sizeof__(&self, py: Python<'_>) -> PyResult<usize> {
        guard(py, || Ok(size_of::<Self>() + size_of_val(&*self.names) + self.ring.size()))
    }
}
