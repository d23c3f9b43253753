//! Which member hosts which server, as far as this node has heard.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::target::Place;
use crate::error::{Error, ErrorKind};

/// Names, who hosts them, and in which instance. Only members that are present are in it.
#[derive(Debug, Default)]
pub(super) struct Directory {
    hosts: BTreeMap<Box<str>, BTreeMap<Arc<str>, u64>>,
}

/// Names that an error shows at most.
const SHOWN_MAX: usize = 5;

impl Directory {
    /// A member hosts that instance of a server, or none any more.
    pub(super) fn note(&mut self, member: &Arc<str>, server: &str, instance: Option<u64>) {
        if let Some(instance) = instance {
            let held = self.hosts.entry(server.into()).or_default();
            held.insert(Arc::clone(member), instance);
        } else if let Some(held) = self.hosts.get_mut(server) {
            held.remove(member);
            if held.is_empty() {
                self.hosts.remove(server);
            }
        }
    }

    /// A member is here no longer.
    pub(super) fn forget(&mut self, member: &str) {
        self.hosts.retain(|_, held| {
            held.remove(member);
            !held.is_empty()
        });
    }

    /// Who hosts a server, in the order of their names.
    pub(super) fn hosts(&self, server: &str) -> impl ExactSizeIterator<Item = &Arc<str>> {
        static NOBODY: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        self.hosts.get(server).unwrap_or(&NOBODY).keys()
    }

    pub(super) fn has(&self, server: &str, member: &str) -> bool {
        self.instance(server, member).is_some()
    }

    /// Which instance of a server a member hosts.
    pub(super) fn instance(&self, server: &str, member: &str) -> Option<u64> {
        self.hosts.get(server)?.get(member).copied()
    }

    /// Every name and how many host it.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.hosts.iter().map(|(name, held)| (&**name, held.len()))
    }

    /// The error of a call for which there is no server.
    pub(super) fn no_server(&self, name: &str, place: &Place) -> Error {
        let known = self.names().take(SHOWN_MAX);
        let known: Vec<String> = known.map(|(name, count)| format!("{name} ({count})")).collect();
        let more = if self.hosts.len() > SHOWN_MAX { ", and others" } else { "" };
        let known = match known.is_empty() {
            true => "no server is known at all".to_owned(),
            false => format!("known: {}{more}", known.join(", ")),
        };
        let message = match place {
            Place::At(node) => format!("\"{node}\" hosts no \"{name}\"; {known}"),
            _ => format!("no member hosts \"{name}\"; {known}"),
        };
        Error::new(ErrorKind::NoServer, message)
    }
}
