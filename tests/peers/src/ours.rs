//! A member of this library.

use std::collections::BTreeMap;
use std::sync::Mutex;

use chinwag::api::WarningCode;
use chinwag::host::{Answer, Host, Op, Subscription};
use chinwag::ring::Ring;
use chinwag::{Config, Event, EventKind, Member, Replay, Result, Stats, Tags};

use crate::{LIMIT, address, eventually};

/// A member, and its events.
#[derive(Debug)]
pub struct Ours {
    host: Host,
    heard: Mutex<Heard>,
}

/// All events so far, and how many of them were looked at in search of news of a member.
#[derive(Debug)]
struct Heard {
    subscription: Subscription,
    events: Vec<Event>,
    looked_at: BTreeMap<String, usize>,
}

impl Ours {
    /// Starts a member with the tag `of=<name>`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(name: &str, seeds: &[&str], options: &[(&str, &str)]) -> Self {
        let tag = format!("of={name}");
        let (bind, seeds) = (address(), seeds.join(","));
        let own = [
            ("name", name),
            ("bind", &bind),
            ("seeds", &seeds),
            ("tags", &tag),
            ("probe_interval", "200ms"),
            ("probe_timeout", "100ms"),
            ("push_pull_interval", "5s"),
        ];
        let mut config = Config::new();
        for (key, text) in own.iter().chain(options) {
            config.set(key, text).expect("a good option");
        }
        let host = Host::start(&config).expect("a member starts on loopback");
        let subscription = host.subscribe(Replay::Yes).expect("the process did not fork");
        host.run(Op::Ready, Some(LIMIT)).expect("seeds are tried in time");
        let heard = Heard { subscription, events: Vec::new(), looked_at: BTreeMap::new() };
        Self { host, heard: Mutex::new(heard) }
    }

    /// All else that it can do.
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// Where it listens.
    ///
    /// # Panics
    /// In a forked child.
    pub fn addr(&self) -> String {
        self.host.local_member().expect("the process did not fork").addr().to_string()
    }

    /// Waits for an event about a member. Each is found once.
    ///
    /// # Panics
    /// When it does not come in time, or when `never` comes first.
    pub fn expect(&self, kind: &str, member: &str, never: &str) -> Event {
        let mut heard = self.heard.lock().expect("no test goes on after a panic");
        eventually(&format!("{kind} {member}"), || heard.next(kind, member, never))
    }

    /// Waits for an event that `wanted` makes something of, among all so far.
    ///
    /// # Panics
    /// When it does not come in time.
    pub fn told<T>(&self, what: &str, wanted: impl Fn(&EventKind) -> Option<T>) -> T {
        eventually(what, || self.heard(&wanted).into_iter().next())
    }

    /// What `wanted` makes of all events so far.
    ///
    /// # Panics
    /// In a forked child.
    pub fn heard<T>(&self, wanted: impl Fn(&EventKind) -> Option<T>) -> Vec<T> {
        let mut heard = self.heard.lock().expect("no test goes on after a panic");
        heard.take();
        heard.events.iter().filter_map(|event| wanted(&event.kind)).collect()
    }

    /// Has it do something.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn run(&self, op: Op) -> Result<Answer> {
        self.host.run(op, Some(LIMIT))
    }

    /// Waits until these, and no others, are present; their tags.
    ///
    /// # Panics
    /// When that is not so in time.
    pub fn sees(&self, names: &[&str]) -> BTreeMap<String, Tags> {
        eventually(&format!("exactly {names:?} are seen"), || {
            let members = self.host.members().expect("the process did not fork");
            let seen: Vec<&str> = members.iter().map(|m| m.name()).collect();
            let tags = members.iter().map(|m| (m.name().to_owned(), m.tags()));
            (seen == names).then(|| tags.collect())
        })
    }

    /// The ring of the members.
    ///
    /// # Panics
    /// In a forked child.
    pub fn ring(&self) -> Ring {
        self.host.ring().expect("the process did not fork")
    }

    /// A member as it is known.
    ///
    /// # Panics
    /// In a forked child.
    pub fn member(&self, name: &str) -> Option<Member> {
        self.host.member(name).expect("the process did not fork")
    }

    /// Joins through a seed.
    ///
    /// # Errors
    /// As the library has them.
    pub fn join(&self, seed: &str) -> Result<Answer> {
        self.host.run(Op::Join(vec![seed.to_owned()]), Some(LIMIT))
    }

    /// Its counters.
    ///
    /// # Panics
    /// In a forked child.
    pub fn stats(&self) -> Stats {
        self.host.stats().expect("the process did not fork")
    }

    /// Waits until it has warned of that.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn warns(&self, code: WarningCode) {
        let mut heard = self.heard.lock().expect("no test goes on after a panic");
        eventually(&format!("a warning of {code:?}"), || {
            heard.take();
            let warned = |event: &Event| match &event.kind {
                EventKind::Warning(warning) => warning.code == code,
                _ => false,
            };
            heard.events.iter().any(warned).then_some(())
        });
    }

    /// Sets a tag.
    ///
    /// # Panics
    /// When that fails.
    pub fn tag(&self, key: &str, value: &str) {
        let changes = [(key.to_owned(), Some(value.to_owned()))].into();
        self.host.run(Op::UpdateTags(changes), Some(LIMIT)).expect("the tag fits");
    }

    /// Says goodbye and stops.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn leave(self) {
        self.host.run(Op::Leave(LIMIT), Some(LIMIT)).expect("the farewell is heard");
        self.host.close().expect("the process did not fork");
    }

    /// Stops as a crash would.
    ///
    /// # Panics
    /// In a forked child.
    pub fn crash(self) {
        self.host.close().expect("the process did not fork");
    }
}

impl Heard {
    fn take(&mut self) {
        self.events.extend(self.subscription.drain(usize::MAX).expect("no fork").events);
    }

    fn next(&mut self, kind: &str, member: &str, never: &str) -> Option<Event> {
        self.take();
        let looked_at = self.looked_at.entry(member.to_owned()).or_default();
        for event in &self.events[*looked_at..] {
            *looked_at += 1;
            if event.kind.member().is_some_and(|about| about.name() == member) {
                assert_ne!(event.kind.token(), never, "{event:?}");
                if event.kind.token() == kind {
                    return Some(event.clone());
                }
            }
        }
        None
    }
}
