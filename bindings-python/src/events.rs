//! Events in batches, and how a thread of Python learns that there are some.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chinwag::api::EVENTS;
use chinwag::error::{Error, ErrorKind, Result};
use chinwag::event::{Event, EventKind, Field};
use chinwag::host;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::error::{OrRaise, guard};
use crate::member::Member;
use crate::ring::cluster::Cluster;

/// One reader of a node's events.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Subscription {
    events: Own<host::Subscription>,
    cluster: Arc<Cluster>,
}

impl Subscription {
    pub(crate) fn new(events: host::Subscription, cluster: Arc<Cluster>) -> Self {
        Self { events: Own::new(events), cluster }
    }
}

#[pymethods]
impl Subscription {
    /// Takes up to `max` events, and tells whether nothing will come after them.
    fn drain<'py>(&self, py: Python<'py>, max: usize) -> PyResult<(Bound<'py, PyList>, bool)> {
        guard(py, || {
            // Two steps: the lock is not held while Python code may run.
            let batch = self.events.lock().or_raise(py)?.drain(max).or_raise(py)?;
            let events = batch.events.into_iter().map(|event| object(py, event, &self.cluster));
            Ok((PyList::new(py, events.collect::<PyResult<Vec<_>>>()?)?, batch.ended))
        })
    }
}

/// The event as an object of its class in `chinwag.events`.
fn object<'py>(py: Python<'py>, event: Event, cluster: &Cluster) -> PyResult<Bound<'py, PyAny>> {
    let class = class(py, event.kind.info().number)?;
    let seq = event.seq.into_pyobject(py)?.into_any();
    // The frequent ones first: their members move.
    match event.kind {
        EventKind::MemberUpdate { member, previous } => {
            class.make(py, [Member::object(py, member)?, Member::object(py, previous)?, seq])
        }
        EventKind::MemberJoin(member)
        | EventKind::MemberLeave(member)
        | EventKind::MemberFailed(member)
        | EventKind::MemberSuspect(member)
        | EventKind::MemberRecover(member) => class.make(py, [Member::object(py, member)?, seq]),
        kind => {
            let fields = kind.fields().into_iter().map(|part| field(py, part, cluster));
            let mut fields = fields.collect::<PyResult<Vec<_>>>()?;
            fields.push(seq);
            class.make(py, fields)
        }
    }
}

/// A part of an event.
fn field<'py>(py: Python<'py>, field: Field<'_>, cluster: &Cluster) -> PyResult<Bound<'py, PyAny>> {
    Ok(match field {
        Field::Member(member) => Member::object(py, member.clone())?,
        Field::Members(members) => Member::tuple(py, members.to_vec())?.into_any(),
        Field::Text(text) => text.into_pyobject(py)?.into_any(),
        Field::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Field::Count(count) => count.into_pyobject(py)?.into_any(),
        Field::Flag(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Field::Duration(span) => span.as_secs_f64().into_pyobject(py)?.into_any(),
        Field::Change(told) => cluster.change(py, told)?,
        Field::Slots(slots) => PyTuple::new(py, slots)?.into_any(),
    })
}

/// A class of events. Its objects are made without its `__init__`, which is Python and would be
/// two thirds of the cost of an event: they are allocated, and their slots filled in.
struct Class {
    /// `__new__`, and what it is called with.
    new: Py<PyAny>,
    args: Py<PyTuple>,
    /// `__set__` of each slot, in the order of the fields.
    setters: Vec<Py<PyAny>>,
}

impl Class {
    fn of(class: &Bound<'_, PyAny>) -> PyResult<Self> {
        let fields: Vec<String> = class.getattr("__match_args__")?.extract()?;
        let setter = |field: &String| Ok(class.getattr(field)?.getattr("__set__")?.unbind());
        Ok(Self {
            new: class.getattr("__new__")?.unbind(),
            args: PyTuple::new(class.py(), [class])?.unbind(),
            setters: fields.iter().map(setter).collect::<PyResult<_>>()?,
        })
    }

    fn make<'py>(
        &self,
        py: Python<'py>,
        fields: impl IntoIterator<Item = Bound<'py, PyAny>, IntoIter: ExactSizeIterator>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let fields = fields.into_iter();
        debug_assert_eq!(self.setters.len(), fields.len(), "as the class has them");
        let event = self.new.bind(py).call1(self.args.bind(py))?;
        for (set, field) in self.setters.iter().zip(fields) {
            set.bind(py).call1((&event, field))?;
        }
        Ok(event)
    }
}

/// The class of a type of event. The rows are numbered from 1, without holes.
fn class(py: Python<'_>, number: u32) -> PyResult<&Class> {
    static CLASSES: PyOnceLock<Vec<Class>> = PyOnceLock::new();
    let classes = CLASSES.get_or_try_init(py, || -> PyResult<_> {
        let classes = py.import("chinwag.events")?.getattr("CLASSES")?;
        EVENTS.iter().map(|row| Class::of(&classes.get_item(row.token)?)).collect()
    })?;
    Ok(&classes[number as usize - 1])
}

/// What the core rings when there is something to take. Threads wait for it, event loops watch a
/// descriptor; there may be any number of both.
#[derive(Default)]
pub(crate) struct Bell {
    inner: Mutex<Rings>,
    rung: Condvar,
}

#[derive(Default)]
struct Rings {
    count: u64,
    /// Threads that wait.
    waiting: usize,
    /// Each belongs to a [`Wake`]; one that is gone takes its wire along.
    wires: Vec<Weak<Wire>>,
}

impl Bell {
    /// Called on the core's thread: wakes everybody, and waits for nobody.
    pub(crate) fn ring(&self) {
        let waiting = {
            let mut inner = lock(&self.inner);
            inner.count += 1;
            inner.wires.retain(|wire| wire.upgrade().is_some_and(|wire| wire.light()));
            inner.waiting
        };
        // Only now, lest they wake up to wait for the lock; and it is a system call.
        if waiting > 0 {
            self.rung.notify_all();
        }
    }

    /// How often it was rung.
    pub(crate) fn count(&self) -> u64 {
        lock(&self.inner).count
    }

    /// Waits until it has been rung more than `seen` times; whether that happened in time.
    pub(crate) fn wait(&self, seen: u64, timeout: Option<Duration>) -> bool {
        let mut inner = lock(&self.inner);
        inner.waiting += 1;
        let quiet = |inner: &mut Rings| inner.count == seen;
        let mut inner = match timeout {
            None => self.rung.wait_while(inner, quiet).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let outcome = self.rung.wait_timeout_while(inner, timeout, quiet);
                outcome.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        inner.waiting -= 1;
        inner.count != seen
    }

    /// A new wire to this bell.
    pub(crate) fn wire(&self) -> std::io::Result<Wake> {
        let (read, write) = pipe()?;
        let wire = Arc::new(Wire { read, write, lit: AtomicBool::new(false) });
        lock(&self.inner).wires.push(Arc::downgrade(&wire));
        Ok(Wake(wire))
    }
}

/// A pipe with one byte in it while it is lit, or one about to come: so neither end ever blocks.
/// It wakes faster than a pair of sockets does. Both ends live equally long, so that nothing is
/// written to a closed pipe, which would be a SIGPIPE.
struct Wire {
    read: PipeReader,
    write: PipeWriter,
    lit: AtomicBool,
}

impl Wire {
    /// Makes it readable; whether that worked.
    fn light(&self) -> bool {
        self.lit.swap(true, Ordering::AcqRel) || (&self.write).write_all(&[1]).is_ok()
    }

    fn silence(&self) -> std::io::Result<()> {
        match self.lit.swap(false, Ordering::AcqRel) {
            true => (&self.read).read_exact(&mut [0]),
            false => Ok(()),
        }
    }
}

/// A descriptor that becomes readable when a node has something to take. Dropped, nothing is
/// locked, so that it may happen in a forked child.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Wake(Arc<Wire>);

#[pymethods]
impl Wake {
    /// The descriptor. It stays this object's own.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        guard(py, || Ok(self.0.read.as_raw_fd()))
    }

    /// Makes it unreadable until the next time. To be called before looking what there is.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || Ok(self.0.silence()?))
    }
}

/// What one thread at a time uses, and none in a forked child: there the lock may be held for ever,
/// by a thread that only the parent has.
pub(crate) struct Own<T> {
    pid: u32,
    held: Mutex<T>,
}

impl<T> Own<T> {
    pub(crate) fn new(held: T) -> Self {
        Self { pid: std::process::id(), held: Mutex::new(held) }
    }

    /// What it holds; `forked` in a child.
    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, T>> {
        if std::process::id() == self.pid {
            return Ok(lock(&self.held));
        }
        Err(Error::new(ErrorKind::Forked, "this is the parent's; start one of your own"))
    }
}

/// The data stays whole even if a holder panicked: every change is one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
