//! A node: operations that are begun here and settle later, and what is known at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chinwag::Replay;
use chinwag::error::Result;
use chinwag::host::{self, Answer, Op};
use chinwag::member::Tags;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::answer;
use crate::config::{asked, config, secret};
use crate::error::{OrRaise, exception, guard};
use crate::events::{Bell, Subscription, Wake, lock};
use crate::member::Member;
use crate::messages::serving::Mailbox;
use crate::messages::streams::{Moved, Streaming};
use crate::messages::{Said, count, limit};
use crate::ring::Ring;
use crate::ring::builder::overrides;
use crate::ring::cluster::Cluster;

/// A node with the operations that are under way.
#[pyclass(frozen, module = "chinwag._chinwag")]
pub(crate) struct Host {
    host: host::Host,
    bell: Arc<Bell>,
    /// The operations whose outcomes somebody still asks for, by their numbers.
    open: Mutex<BTreeSet<u64>>,
    /// Outcomes that wait for whoever asks. Never taken before `open` is, with both held.
    settled: Mutex<BTreeMap<u64, Result<Answer>>>,
    cluster: Arc<Cluster>,
    moved: Arc<Moved>,
}

/// Outcomes taken from the core in one go.
const BATCH: usize = 256;

impl Host {
    /// The node itself.
    pub(crate) fn core(&self) -> &host::Host {
        &self.host
    }

    /// The ends of streams at which something happened.
    pub(crate) fn moved(&self) -> &Moved {
        &self.moved
    }

    /// An end of a stream that tells of itself by the bell of this node.
    pub(crate) fn streaming(&self, end: host::Streaming) -> Streaming {
        Streaming::new(end, &self.moved, &self.bell)
    }

    /// Begins an operation; its number.
    pub(crate) fn begin(&self, py: Python<'_>, op: Op) -> PyResult<u64> {
        self.begin_by(py, || self.host.submit(op))
    }

    pub(crate) fn begin_by(
        &self,
        py: Python<'_>,
        begin: impl FnOnce() -> Result<u64>,
    ) -> PyResult<u64> {
        self.check(py)?;
        let id = {
            // Held over both steps: another thread may collect the outcome before this one is back.
            let mut open = lock(&self.open);
            begin().inspect(|id| {
                open.insert(*id);
            })
        };
        id.or_raise(py)
    }

    /// Makes the ring, while others run, if the target is the owner of a key.
    pub(crate) fn make_ring_for(&self, py: Python<'_>, target: &str) -> PyResult<()> {
        match target.contains('#') {
            true => py.detach(|| self.host.ring().map(drop)).or_raise(py),
            false => Ok(()),
        }
    }

    /// What a message says.
    pub(crate) fn said(
        &self,
        py: Python<'_>,
        (target, op): (&str, &str),
        payload: &Bound<'_, PyAny>,
        how: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Said> {
        let said = Said::new(target, op, payload, how)?;
        self.make_ring_for(py, target)?;
        Ok(said)
    }

    /// Sorts what the core has settled; an outcome that nobody asks for is let go.
    fn collect(&self) -> Result<()> {
        loop {
            // First the lock: an operation is known before its outcome is sorted.
            let (open, mut settled) = (lock(&self.open), lock(&self.settled));
            let batch = self.host.completions(BATCH)?;
            let last = batch.len() < BATCH;
            let asked = batch.into_iter().filter(|completion| open.contains(&completion.id));
            settled.extend(asked.map(|completion| (completion.id, completion.result)));
            if last {
                return Ok(());
            }
        }
    }

    fn take(&self, id: u64) -> Option<Result<Answer>> {
        let outcome = lock(&self.settled).remove(&id)?;
        lock(&self.open).remove(&id);
        Some(outcome)
    }

    /// `forked` in a child, before any lock is touched.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.host.is_closed().map(drop).or_raise(py)
    }
}

/// The outcome as Python has it: a value, or the exception to raise.
fn outcome<'py>(py: Python<'py>, result: &Result<Answer>) -> PyResult<Bound<'py, PyAny>> {
    match result {
        Ok(told) => answer::object(py, told),
        Err(error) => exception(py, error),
    }
}

#[pymethods]
impl Host {
    /// Binds and starts a node.
    #[new]
    fn new(py: Python<'_>, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        guard(py, || {
            let config = config(options)?;
            let host = py.detach(|| host::Host::start(&config)).or_raise(py)?;
            let bell = Arc::new(Bell::default());
            let rung = Arc::clone(&bell);
            host.set_wake(Some(Box::new(move || rung.ring()))).or_raise(py)?;
            Ok(Self {
                host,
                bell,
                open: Mutex::default(),
                settled: Mutex::default(),
                cluster: Arc::default(),
                moved: Arc::default(),
            })
        })
    }

    /// The local member.
    fn local_member(&self, py: Python<'_>) -> PyResult<Member> {
        guard(py, || self.host.local_member().map(Member::new).or_raise(py))
    }

    /// The present members, or everybody remembered, in the order of their names.
    fn members<'py>(&self, py: Python<'py>, known: bool) -> PyResult<Bound<'py, PyList>> {
        guard(py, || {
            let members = if known { self.host.known_members() } else { self.host.members() };
            Member::tuple(py, members.or_raise(py)?).map(|members| members.to_list())
        })
    }

    /// The member of that name.
    fn member(&self, py: Python<'_>, name: &str) -> PyResult<Option<Member>> {
        guard(py, || Ok(self.host.member(name).or_raise(py)?.map(Member::new)))
    }

    /// Counters by their names.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        guard(py, || {
            let stats = PyDict::new(py);
            for (name, count) in self.host.stats().or_raise(py)?.rows() {
                stats.set_item(name, count)?;
            }
            Ok(stats)
        })
    }

    /// The counters, and members by state, as OpenMetrics text.
    fn metrics(&self, py: Python<'_>) -> PyResult<String> {
        guard(py, || self.host.metrics().or_raise(py))
    }

    /// The ring of the members. The first call makes it.
    fn cluster_ring(&self, py: Python<'_>) -> PyResult<Py<Ring>> {
        guard(py, || self.cluster.ring(py, &self.host))
    }

    /// The rings before it, the newest first.
    fn past_rings(&self, py: Python<'_>) -> PyResult<Vec<Py<Ring>>> {
        guard(py, || self.cluster.past_rings(py, &self.host))
    }

    /// Who owned a key before its present owner did.
    fn previous_owner(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
        guard(py, || self.cluster.previous_owner(py, &self.host, key))
    }

    /// Begins to replace what is decided by hand of the ring.
    #[pyo3(signature = (excluded, pins, pin_prefixes))]
    fn set_ring_overrides(
        &self,
        py: Python<'_>,
        excluded: Option<&Bound<'_, PyAny>>,
        pins: Option<&Bound<'_, PyAny>>,
        pin_prefixes: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        guard(py, || {
            let decided = overrides([excluded, pins, pin_prefixes])?;
            self.begin(py, Op::SetRingOverrides(decided))
        })
    }

    /// Begins to wait until the seeds have been tried.
    fn ready(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Ready))
    }

    /// Begins to join; settles with the number of seeds that answered.
    fn join(&self, py: Python<'_>, seeds: Vec<String>) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Join(seeds)))
    }

    /// Begins to set some tags and to remove those that are `None`.
    fn update_tags(
        &self,
        py: Python<'_>,
        changes: BTreeMap<String, Option<String>>,
    ) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::UpdateTags(changes)))
    }

    /// Begins to replace all tags.
    fn set_tags(&self, py: Python<'_>, tags: Tags) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::SetTags(tags)))
    }

    /// Begins to replace the metadata.
    fn set_meta(&self, py: Python<'_>, meta: Vec<u8>) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::SetMeta(meta)))
    }

    /// Begins to send a message.
    fn send(
        &self,
        py: Python<'_>,
        member: String,
        payload: &[u8],
        reliable: bool,
    ) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::send(member, payload.to_vec(), reliable)))
    }

    /// Begins to gossip a message to everybody.
    fn broadcast(
        &self,
        py: Python<'_>,
        payload: &[u8],
        name: Option<String>,
        supersede: bool,
    ) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::broadcast(payload.to_vec(), name, supersede)))
    }

    /// Begins to replace the state that is handed on.
    fn set_state(&self, py: Python<'_>, state: &[u8]) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::SetState(state.to_vec())))
    }

    /// Begins to replace what is added to answers to pings.
    fn set_ping_payload(&self, py: Python<'_>, payload: &[u8]) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::SetPingPayload(payload.to_vec())))
    }

    /// Begins to ping; settles with seconds.
    fn ping(&self, py: Python<'_>, member: String) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Ping(member)))
    }

    /// Begins to ask what the answers of a member told; settles with a dict.
    fn round_trip(&self, py: Python<'_>, member: String) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::RoundTrip(member)))
    }

    /// Begins to let a newcomer in.
    fn admit(&self, py: Python<'_>, id: u64) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Admit(id)))
    }

    /// Begins to keep a newcomer out.
    fn refuse(&self, py: Python<'_>, id: u64, reason: String) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Refuse(id, reason)))
    }

    /// Begins to ask what is known of a member; settles with a dict.
    fn explain(&self, py: Python<'_>, member: String) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Explain(member)))
    }

    /// What may be shown of the keys, the primary first.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || answer::object(py, &self.host.keys().or_raise(py)?))
    }

    /// Begins to install a key on this node.
    fn add_key(&self, py: Python<'_>, key: &Bound<'_, PyString>) -> PyResult<u64> {
        guard(py, || self.begin(py, secret(key).and_then(Op::add_key).or_raise(py)?))
    }

    /// Begins to encrypt under a key of the ring.
    fn use_key(&self, py: Python<'_>, key: &Bound<'_, PyString>) -> PyResult<u64> {
        guard(py, || self.begin(py, secret(key).and_then(Op::use_key).or_raise(py)?))
    }

    /// Begins to remove a key from the ring.
    fn remove_key(&self, py: Python<'_>, key: &Bound<'_, PyString>) -> PyResult<u64> {
        guard(py, || self.begin(py, secret(key).and_then(Op::remove_key).or_raise(py)?))
    }

    /// Begins to have every member change its keys; settles with a dict by member.
    fn cluster_keys(
        &self,
        py: Python<'_>,
        op: &str,
        key: Option<&Bound<'_, PyString>>,
    ) -> PyResult<u64> {
        guard(py, || {
            let key = key.map(secret).transpose().or_raise(py)?;
            self.begin(py, Op::cluster_keys(op, key).or_raise(py)?)
        })
    }

    /// Begins to tell everybody something, in serf's way.
    fn user_event(
        &self,
        py: Python<'_>,
        name: String,
        payload: &[u8],
        coalesce: bool,
    ) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::UserEvent(name, payload.to_vec(), coalesce)))
    }

    /// Begins to ask everybody something; settles with a dict.
    fn query(&self, py: Python<'_>, question: &Bound<'_, PyDict>) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Query(asked(question)?)))
    }

    /// Begins to answer a query.
    fn respond(&self, py: Python<'_>, id: u64, payload: &[u8]) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Respond(id, payload.to_vec())))
    }

    /// Begins to release the slots of a hand-off.
    fn released(&self, py: Python<'_>, id: u64) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Released(id)))
    }

    /// Begins to have a failed member taken for one that has left.
    fn force_leave(&self, py: Python<'_>, member: String, prune: bool) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::ForceLeave(member, prune)))
    }

    /// Begins to ask where this node stands; settles with a dict.
    fn coordinate(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Coordinate))
    }

    /// Begins to estimate the time between two members; settles with seconds.
    fn rtt(&self, py: Python<'_>, one: String, other: String) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Rtt(one, other)))
    }

    /// Begins to say goodbye, within that time.
    fn leave(&self, py: Python<'_>, timeout: &Bound<'_, PyAny>) -> PyResult<u64> {
        guard(py, || self.begin(py, Op::Leave(limit(timeout)?)))
    }

    /// Begins to ask a server; settles with its answer. `how` has what is not as usual of
    /// `timeout`, `headers` and `codec`.
    fn call(
        &self,
        py: Python<'_>,
        target: &str,
        op: &str,
        payload: &Bound<'_, PyAny>,
        how: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        guard(py, || {
            let mut said = self.said(py, (target, op), payload, how)?;
            let (message, payload) = said.parts();
            self.begin_by(py, || self.host.call(&message, payload))
        })
    }

    /// Tells a server something, at once. `how` may also have `latest`.
    fn cast(
        &self,
        py: Python<'_>,
        target: &str,
        op: &str,
        payload: &Bound<'_, PyAny>,
        how: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        guard(py, || {
            let mut said = self.said(py, (target, op), payload, how)?;
            let (message, payload) = said.parts();
            self.host.cast(&message, payload).or_raise(py)
        })
    }

    /// Begins to tell a server something once there is room for it.
    fn patient_cast(
        &self,
        py: Python<'_>,
        target: &str,
        op: &str,
        payload: &Bound<'_, PyAny>,
        how: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        guard(py, || {
            let said = self.said(py, (target, op), payload, how)?;
            self.begin(py, said.patient())
        })
    }

    /// Begins to ask the servers of that name on all members; settles with a dict. `how` may have
    /// `timeout`, `min_ok` and `codec`.
    fn multi_call(
        &self,
        py: Python<'_>,
        server: &str,
        op: &str,
        payload: &Bound<'_, PyAny>,
        how: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        guard(py, || {
            let said = Said::new(server, op, payload, how)?;
            self.begin(py, said.asked_of_all())
        })
    }

    /// Begins to tell the servers of that name on all members; settles with how many. `how` may
    /// have `codec`.
    fn abcast(
        &self,
        py: Python<'_>,
        server: &str,
        op: &str,
        payload: &Bound<'_, PyAny>,
        how: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<u64> {
        guard(py, || {
            let said = Said::new(server, op, payload, how)?;
            self.begin(py, said.told_to_all())
        })
    }

    /// Registers a server, in whose mailbox so many messages may wait.
    fn serve(
        &self,
        py: Python<'_>,
        name: &str,
        mailbox: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Mailbox> {
        guard(py, || {
            let messages = mailbox.map(|given| count("mailbox", given)).transpose()?;
            let serving = py.detach(|| self.host.serve(name, messages, "python"));
            serving.map(Mailbox).or_raise(py)
        })
    }

    /// The members that host a server, in the order of their names.
    fn hosts(&self, py: Python<'_>, server: &str) -> PyResult<Vec<String>> {
        guard(py, || self.host.hosts(server).or_raise(py))
    }

    /// Every server that is known, and how many members host it.
    fn servers(&self, py: Python<'_>) -> PyResult<BTreeMap<String, usize>> {
        guard(py, || Ok(self.host.servers().or_raise(py)?.into_iter().collect()))
    }

    /// How many seconds a call waits that says nothing else.
    fn call_timeout(&self, py: Python<'_>) -> PyResult<f64> {
        guard(py, || self.host.call_timeout().map(|span| span.as_secs_f64()).or_raise(py))
    }

    /// Those of the operations in `ids` that have settled, each with a value or with the exception
    /// to raise.
    fn settled<'py>(
        &self,
        py: Python<'py>,
        ids: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<(u64, Bound<'py, PyAny>)>> {
        guard(py, || {
            self.check(py)?;
            self.collect().or_raise(py)?;
            // Python is asked without a lock; other threads may take some meanwhile.
            let known: Vec<u64> = lock(&self.settled).keys().copied().collect();
            let mut found = Vec::with_capacity(known.len());
            for id in known {
                if ids.contains(id)?
                    && let Some(result) = self.take(id)
                {
                    found.push((id, outcome(py, &result)?));
                }
            }
            Ok(found)
        })
    }

    /// Gives an operation up: a join ends, anything else goes on. The outcome comes all the same.
    fn cancel(&self, py: Python<'_>, id: u64) -> PyResult<()> {
        guard(py, || self.host.cancel(id).or_raise(py))
    }

    /// Gives an operation up, and lets its outcome go.
    fn forget(&self, py: Python<'_>, id: u64) -> PyResult<()> {
        guard(py, || {
            self.check(py)?;
            lock(&self.open).remove(&id);
            lock(&self.settled).remove(&id);
            self.host.cancel(id).or_raise(py)
        })
    }

    /// Subscribes to what happens to the other members.
    fn subscribe(&self, py: Python<'_>, replay: bool) -> PyResult<Subscription> {
        guard(py, || {
            let replay = if replay { Replay::Yes } else { Replay::No };
            let events = self.host.subscribe(replay).or_raise(py)?;
            Ok(Subscription::new(events, Arc::clone(&self.cluster)))
        })
    }

    /// A new descriptor to watch.
    fn wake(&self, py: Python<'_>) -> PyResult<Wake> {
        guard(py, || {
            self.check(py)?;
            Ok(self.bell.wire()?)
        })
    }

    /// How often there was something new to take. To be read before looking for it.
    fn rings(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || {
            self.check(py)?;
            Ok(self.bell.count())
        })
    }

    /// Rings, so that whoever waits looks again.
    fn ring(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || {
            self.check(py)?;
            self.bell.ring();
            Ok(())
        })
    }

    /// Waits until `rings` is more than `seen`, or so many seconds; whether it is.
    #[pyo3(signature = (seen, seconds=None))]
    fn wait(&self, py: Python<'_>, seen: u64, seconds: Option<f64>) -> PyResult<bool> {
        guard(py, || {
            self.check(py)?;
            let timeout = seconds.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 1e6)));
            Ok(py.detach(|| self.bell.wait(seen, timeout)))
        })
    }

    /// Whether the node is closed.
    fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        guard(py, || self.host.is_closed().or_raise(py))
    }

    /// Frees everything, and waits for that, two seconds at most.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || py.detach(|| self.host.close()).or_raise(py))
    }

    /// Frees everything, without waiting.
    fn close_now(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || py.detach(|| self.host.close_now()).or_raise(py))
    }
}
