//! The ring of the members, as Python has it: one object for as long as it is the same ring.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chinwag::error::Result;
use chinwag::event::RingChanged;
use chinwag::host::Host;
use chinwag::ring::Ring as CoreRing;
use pyo3::prelude::*;

use super::Ring;
use super::builder::octets;
use super::change::RingChange;
use crate::error::OrRaise;
use crate::events::lock;

/// What Python has of the rings of a node.
#[derive(Default)]
pub(crate) struct Cluster {
    /// Once the first ring is there, no question takes long.
    is_made: AtomicBool,
    /// The newest one that was shown.
    newest: Mutex<Option<Py<Ring>>>,
}

impl Cluster {
    /// Asks the node. Others may run meanwhile if that makes the first ring, or waits for it.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        question: impl FnOnce() -> Result<T> + Send,
    ) -> PyResult<T> {
        match self.is_made.load(Ordering::Acquire) {
            true => question(),
            false => py.detach(question),
        }
        .or_raise(py)
    }

    /// A ring of the node as an object, the same one again for the newest.
    fn object(&self, py: Python<'_>, ring: CoreRing) -> PyResult<Py<Ring>> {
        let version = ring.version();
        let shown = |newest: &Option<Py<Ring>>| {
            let newest = newest.as_ref()?;
            Some((newest.get().ring.version().cmp(&version), newest.clone_ref(py)))
        };
        if let Some((Equal, known)) = shown(&lock(&self.newest)) {
            return Ok(known);
        }
        // Not under the lock: Python may run anything while it makes objects or lets them go.
        let made = Py::new(py, Ring::new(py, ring))?;
        let mut newest = lock(&self.newest);
        match shown(&newest) {
            // Another thread was faster.
            Some((Equal, known)) => Ok(known),
            Some((Greater, _)) => Ok(made),
            before @ (Some((Less, _)) | None) => {
                *newest = Some(made.clone_ref(py));
                drop(newest);
                drop(before);
                Ok(made)
            }
        }
    }

    /// The ring as it is, as an object.
    pub(crate) fn ring(&self, py: Python<'_>, host: &Host) -> PyResult<Py<Ring>> {
        let ring = self.ask(py, || host.ring())?;
        self.is_made.store(true, Ordering::Release);
        self.object(py, ring)
    }

    /// The rings before it, the newest first.
    pub(crate) fn past_rings(&self, py: Python<'_>, host: &Host) -> PyResult<Vec<Py<Ring>>> {
        let past = self.ask(py, || host.past_rings())?;
        past.into_iter().map(|ring| self.object(py, ring)).collect()
    }

    /// Who owned a key before.
    pub(crate) fn previous_owner(
        &self,
        py: Python<'_>,
        host: &Host,
        key: &Bound<'_, PyAny>,
    ) -> PyResult<Option<String>> {
        let key = octets(key)?;
        self.ask(py, || host.previous_owner(&key))
    }

    /// The change that an event tells.
    pub(crate) fn change<'py>(
        &self,
        py: Python<'py>,
        told: &RingChanged,
    ) -> PyResult<Bound<'py, PyAny>> {
        let [before, after] = [told.before(), told.after()];
        let before = self.object(py, before.clone())?;
        let after = self.object(py, after.clone())?;
        Ok(Bound::new(py, RingChange::new(before, after, Some(told.local.clone())))?.into_any())
    }
}
