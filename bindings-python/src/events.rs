//! Events in batches, and how a thread of Python learns that there are some.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chinwag::api::EVENTS;
use chinwag::event::{Event, EventKind};
use chinwag::host;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

use crate::error::{OrRaise, guard};
use crate::member::Member;

/// One reader of a node's events.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Subscription(Mutex<host::Subscription>);

impl Subscription {
    pub(crate) fn new(subscription: host::Subscription) -> Self {
        Self(Mutex::new(subscription))
    }
}

#[pymethods]
impl Subscription {
    /// Takes up to `max` events, and tells whether nothing will come after them.
    fn drain<'py>(&self, py: Python<'py>, max: usize) -> PyResult<(Bound<'py, PyList>, bool)> {
        guard(py, || {
            // Two steps: the lock is not held while Python code may run.
            let batch = lock(&self.0).drain(max);
            let batch = batch.or_raise(py)?;
            let list = PyList::empty(py);
            for event in batch.events {
                list.append(object(py, event)?)?;
            }
            Ok((list, batch.ended))
        })
    }
}

/// The event as an object of its class in `chinwag.events`.
fn object(py: Python<'_>, event: Event) -> PyResult<Bound<'_, PyAny>> {
    let class = class(py, event.kind.info().number)?;
    let seq = event.seq.into_pyobject(py)?.into_any();
    match event.kind {
        EventKind::MemberUpdate { member, previous } => {
            class.make(py, [Member::object(py, member)?, Member::object(py, previous)?, seq])
        }
        EventKind::EventsLost { count, members } => {
            let count = count.into_pyobject(py)?.into_any();
            class.make(py, [count, Member::tuple(py, members)?.into_any(), seq])
        }
        kind => match kind.member() {
            Some(member) => class.make(py, [Member::object(py, member.clone())?, seq]),
            None => class.make(py, [seq]),
        },
    }
}

/// A class of events. Its objects are made without its `__init__`, which is Python and would be
/// two thirds of the cost of an event: they are allocated, and their slots filled in.
struct Class {
    object: Py<PyAny>,
    /// `__new__`.
    new: Py<PyAny>,
    /// `__set__` of each slot, in the order of the fields.
    setters: Vec<Py<PyAny>>,
}

impl Class {
    fn of(class: &Bound<'_, PyAny>) -> PyResult<Self> {
        let fields: Vec<String> = class.getattr("__match_args__")?.extract()?;
        let setter = |field: &String| Ok(class.getattr(field)?.getattr("__set__")?.unbind());
        Ok(Self {
            object: class.clone().unbind(),
            new: class.getattr("__new__")?.unbind(),
            setters: fields.iter().map(setter).collect::<PyResult<_>>()?,
        })
    }

    fn make<'py, const FIELDS: usize>(
        &self,
        py: Python<'py>,
        fields: [Bound<'py, PyAny>; FIELDS],
    ) -> PyResult<Bound<'py, PyAny>> {
        debug_assert_eq!(self.setters.len(), FIELDS, "as the class has them");
        let event = self.new.bind(py).call1((&self.object,))?;
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
    /// Each belongs to a [`Wake`]; one that is gone takes its end along.
    wires: Vec<Weak<UnixStream>>,
}

impl Bell {
    /// Called on the core's thread: wakes everybody, and waits for nobody.
    pub(crate) fn ring(&self) {
        let mut inner = lock(&self.inner);
        inner.count += 1;
        inner.wires.retain(|wire| {
            wire.upgrade().is_some_and(|wire| {
                // What does not fit is not needed: its reader has yet to empty it, and looks then.
                let _ = (&*wire).write(&[1]);
                true
            })
        });
        self.rung.notify_all();
    }

    /// How often it was rung.
    pub(crate) fn count(&self) -> u64 {
        lock(&self.inner).count
    }

    /// Waits until it has been rung more than `seen` times; whether that happened in time.
    pub(crate) fn wait(&self, seen: u64, timeout: Option<Duration>) -> bool {
        let inner = lock(&self.inner);
        let quiet = |inner: &mut Rings| inner.count == seen;
        let Some(timeout) = timeout else {
            drop(self.rung.wait_while(inner, quiet));
            return true;
        };
        let outcome = self.rung.wait_timeout_while(inner, timeout, quiet);
        !outcome.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// A new wire to this bell.
    pub(crate) fn wire(&self) -> std::io::Result<Wake> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        let write = Arc::new(write);
        lock(&self.inner).wires.push(Arc::downgrade(&write));
        Ok(Wake { read, _write: write })
    }
}

/// A descriptor that becomes readable when a node has something to take.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Wake {
    read: UnixStream,
    /// The bell knows it as long as this lives; dropped, nothing is locked, so that it may happen
    /// in a forked child.
    _write: Arc<UnixStream>,
}

#[pymethods]
impl Wake {
    /// The descriptor. It stays this object's own.
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        guard(py, || Ok(self.read.as_raw_fd()))
    }

    /// Makes it unreadable until the next time. To be called before looking what there is.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || {
            let mut sink = [0; 64];
            loop {
                match (&self.read).read(&mut sink) {
                    Ok(length) if length == sink.len() => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    _ => return Ok(()),
                }
            }
        })
    }
}

/// The data stays whole even if a holder panicked: every change is one step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
