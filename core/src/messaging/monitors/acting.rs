//! Monitors begin, and are told.

use std::sync::Arc;

use super::super::target::Place;
use super::super::{Messaging, Output, Target, Whereabouts};
use super::{Down, DownReason, Followed, MonitorId, read_words};
use crate::error::{Error, ErrorKind, Result};
use crate::time::Instant;

/// Monitors of a node. A change of the ring looks at each of those that have a key.
const MONITORS_MAX: usize = 65_536;

impl Messaging {
    /// Follows a server: the one that a call to the target would go to now. That it is down is an
    /// output, under the name that is returned; at once, if there is none.
    ///
    /// # Errors
    /// `closed`; `overloaded` when there are too many, or for a key while no ring is known.
    pub(crate) fn monitor(&mut self, now: Instant, target: &Target) -> Result<MonitorId> {
        self.at(now);
        if self.closing {
            return Err(Error::closed());
        }
        if self.monitors.len() >= MONITORS_MAX {
            let message = format!("{MONITORS_MAX} servers are followed; end some monitors first");
            return Err(Error::new(ErrorKind::Overloaded, message));
        }
        let found = self.find_server(target)?;
        let id = self.monitors.next();
        match found {
            Ok(followed) => self.monitors.insert(id, followed),
            Err(down) => self.out.push_back(Output::Down { monitor: id, down }),
        }
        Ok(id)
    }

    /// Nobody wants to be told any more; whether somebody was to be.
    pub(crate) fn demonitor(&mut self, id: MonitorId) -> bool {
        self.monitors.remove(id).is_some()
    }

    /// Which instance a call would go to now, or why there is none.
    fn find_server(&mut self, target: &Target) -> Result<std::result::Result<Followed, Down>> {
        let name = target.name();
        let (host, key) = match target.place() {
            Place::At(node) => (Some(Arc::from(&**node)), None),
            Place::Any => (self.nearest(name).or_else(|| self.first_host(name)), None),
            Place::Owner(key) => (self.owner(name, key), Some(&**key)),
            Place::Via(_) => (None, None),
        };
        let hosts = self.directory.hosts(name).len();
        if let (None, Place::Owner(_), 1..) = (&host, target.place(), hosts) {
            return Err(self.no_ring());
        }
        let instance = host.as_deref().and_then(|host| self.directory.instance(name, host));
        Ok(match (host, instance) {
            (Some(member), Some(instance)) => {
                Ok(Followed { member, server: name.into(), instance, key: key.map(Into::into) })
            }
            (host, _) => Err(self.none_found(target, host.as_deref())),
        })
    }

    /// One that takes nothing new on is followed where there is no other.
    fn first_host(&self, name: &str) -> Option<Arc<str>> {
        self.directory.hosts(name).next().cloned()
    }

    fn none_found(&self, target: &Target, member: Option<&str>) -> Down {
        let error = match member {
            Some(member) => self.nobody_at(target, member),
            None => self.directory.no_server(target.name(), target.place()),
        };
        let gone = member.and_then(|member| self.members.find(member));
        let reason = match gone {
            Some(Whereabouts::Failed) => DownReason::NodeFailed,
            Some(Whereabouts::Left) => DownReason::NodeLeft,
            Some(Whereabouts::Here(_)) | None => DownReason::NoServer,
        };
        Down {
            server: target.name().to_owned(),
            member: member.map(ToOwned::to_owned),
            reason,
            text: error.message().to_owned(),
        }
    }

    // What happens to servers and members.

    /// A member hosts another instance of a server than before, or none. With the text that it said
    /// at its end, where it is one of this node.
    pub(in crate::messaging) fn servers_changed(
        &mut self,
        member: &Arc<str>,
        server: &str,
        said: Option<&str>,
    ) {
        if self.monitors.len() == 0 {
            return;
        }
        let server: Arc<str> = server.into();
        let present = self.directory.instance(&server, member);
        for id in self.monitors.at(member, &server) {
            let Some(followed) = self.monitors.get(id) else { continue };
            if present != Some(followed.instance) {
                let (reason, text) = self.why(followed, said);
                self.tell_down(id, reason, text);
            }
        }
        let keyed = self.monitors.with_key(Some(&server));
        self.compare_owners(keyed);
    }

    /// Why an instance that was there is not any more.
    fn why(&self, followed: &Followed, said: Option<&str>) -> (DownReason, String) {
        let Followed { member, server, instance, .. } = followed;
        if **member == *self.name {
            return (DownReason::Stopped, said.unwrap_or_default().to_owned());
        }
        match self.members.find(member) {
            Some(Whereabouts::Here(_)) => {
                let words = self.members.last_words(member, server);
                let words = words.as_deref().and_then(read_words);
                let own = words.filter(|(of, _)| of == instance);
                (DownReason::Stopped, own.map_or_else(String::new, |(_, text)| text))
            }
            Some(Whereabouts::Left) => (DownReason::NodeLeft, String::new()),
            Some(Whereabouts::Failed) | None => (DownReason::NodeFailed, String::new()),
        }
    }

    /// A member has failed or left.
    pub(in crate::messaging) fn servers_gone(&mut self, member: &str, left: bool) {
        let reason = if left { DownReason::NodeLeft } else { DownReason::NodeFailed };
        for id in self.monitors.of_member(member) {
            self.tell_down(id, reason, String::new());
        }
    }

    /// The members make another ring.
    pub(crate) fn ring_changed(&mut self, now: Instant) {
        self.at(now);
        let keyed = self.monitors.with_key(None);
        self.compare_owners(keyed);
    }

    /// Whether keys still belong to whoever has the servers that were found by them.
    fn compare_owners(&mut self, keyed: Vec<MonitorId>) {
        for id in keyed {
            let Some(followed) = self.monitors.get(id) else { continue };
            let Some(key) = &followed.key else { continue };
            // No owner: the server is down, or will be told to be.
            let owner = self.owner(&followed.server, key);
            if let Some(owner) = owner.filter(|owner| *owner != followed.member) {
                let text = format!("the key is \"{owner}\"'s now");
                self.tell_down(id, DownReason::Moved, text);
            }
        }
    }

    /// Nothing will be known any more: everybody is told.
    pub(crate) fn end_monitors(&mut self) {
        for id in self.monitors.all() {
            self.tell_down(id, DownReason::Closed, String::new());
        }
    }

    fn tell_down(&mut self, id: MonitorId, reason: DownReason, text: String) {
        let Some(followed) = self.monitors.remove(id) else { return };
        let (server, member) = (followed.server.to_string(), Some(followed.member.to_string()));
        let down = Down { server, member, reason, text };
        self.out.push_back(Output::Down { monitor: id, down });
    }
}
