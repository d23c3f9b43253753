//! Queries: those of others, until they are answered, and those of this node, until everybody has
//! answered.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::clock::Clock;
use super::events::{Heard, oldest};
use super::internal::is_answered;
use super::question::{Answers, Question, Response};
use crate::time::Instant;
use crate::wire::serf::{Query, QueryResponse};

/// Lamport times that queries are remembered of; serf's default.
const TIMES: u64 = 512;
/// Queries of one Lamport time: of as many members that asked at once.
const QUERIES_A_TIME: usize = 4096;
/// Queries of others that wait for the answer of the application.
const OPEN_MAX: usize = 1024;
/// Queries of this node that are under way.
const ASKED_MAX: usize = 256;
/// Answers to one query beyond those that are expected: of members who came since.
const SURPLUS_MAX: usize = 256;
/// Bytes of all answers to one query.
const ANSWERS_SIZE: usize = 16 << 20;
/// Nobody may make this node remember a query for longer.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);

/// Tells queries apart that wait for an answer of this node.
pub(crate) type QueryId = u64;

/// A query that this node may answer.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) ltime: u64,
    pub(crate) id: u32,
    /// Where the answer goes; none for a query of this node's own.
    pub(crate) reply_to: Option<SocketAddr>,
    pub(crate) from: Box<str>,
    pub(crate) relay_factor: u8,
    pub(crate) deadline: Instant,
}

/// A query of this node.
#[derive(Debug)]
struct Asked {
    id: u32,
    token: u64,
    deadline: Instant,
    /// Who has not acknowledged it yet, and who has not answered.
    unacked: BTreeSet<Box<str>>,
    unanswered: BTreeSet<Box<str>>,
    /// Everybody who has, so that nobody does twice.
    acked: BTreeSet<Box<str>>,
    answered: BTreeSet<Box<str>>,
    room: usize,
    size: usize,
    answers: Answers,
}

/// What is to be asked.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) id: u32,
    /// The asker's name for it.
    pub(crate) token: u64,
    pub(crate) timeout: Duration,
    pub(crate) ack: bool,
    /// Whether it is answered at all, and not only acknowledged.
    pub(crate) answered: bool,
    pub(crate) expected: BTreeSet<Box<str>>,
}

impl Asking {
    /// What a question takes; `id` is random, `expected` are those who are known to be meant.
    pub(crate) fn of(
        question: &Question,
        (token, id): (u64, u32),
        timeout: Duration,
        expected: BTreeSet<Box<str>>,
    ) -> Self {
        let (ack, answered) = (question.ack, is_answered(&question.name));
        Self { id, token, timeout, ack, answered, expected }
    }
}

/// What an answer comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Taken,
    /// The last that was waited for, by the asker's name for the query.
    Complete(u64, Answers),
    /// Heard before: it came by two ways.
    Duplicate,
    /// Nobody waits for it, or not any more.
    Late,
    /// One too many, or too large.
    Refused,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Queries {
    pub(crate) clock: Clock,
    /// Nothing before that time is heard.
    from: u64,
    heard: BTreeMap<u64, Vec<u32>>,
    open: BTreeMap<QueryId, Open>,
    last_open: QueryId,
    /// By the Lamport time, of which each has its own.
    asked: BTreeMap<u64, Asked>,
}

impl Queries {
    /// None yet; what was asked before that clock shows is not heard.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            from: clock.time(),
            clock,
            heard: BTreeMap::new(),
            open: BTreeMap::new(),
            last_open: 0,
            asked: BTreeMap::new(),
        }
    }

    /// Takes a query in.
    pub(crate) fn hear(&mut self, query: &Query<'_>) -> Heard {
        if !self.clock.believes(query.ltime) {
            return Heard::Refused;
        }
        self.clock.witness(query.ltime);
        let oldest = oldest(&self.clock, TIMES);
        while let Some(entry) = self.heard.first_entry()
            && *entry.key() < oldest
        {
            entry.remove();
        }
        if query.ltime < oldest {
            return Heard::Old;
        }
        if query.ltime < self.from {
            return Heard::Known;
        }
        let same = self.heard.entry(query.ltime).or_default();
        if same.contains(&query.id) {
            return Heard::Known;
        }
        if same.len() >= QUERIES_A_TIME {
            return Heard::Refused;
        }
        same.push(query.id);
        Heard::New
    }

    /// Keeps a query until it is answered; none if too many wait.
    pub(crate) fn open(&mut self, now: Instant, query: &Query<'_>, own: bool) -> Option<QueryId> {
        if self.open.len() >= OPEN_MAX {
            self.open.retain(|_, open| open.deadline > now);
        }
        let reply_to = query.reply_to();
        if self.open.len() >= OPEN_MAX || reply_to.is_none() {
            return None;
        }
        self.last_open += 1;
        let open = Open {
            ltime: query.ltime,
            id: query.id,
            reply_to: reply_to.filter(|_| !own),
            from: query.from.into(),
            relay_factor: query.relay_factor,
            deadline: now + query.timeout().min(TIMEOUT_MAX),
        };
        self.open.insert(self.last_open, open);
        Some(self.last_open)
    }

    /// The query that waits under that name, if its time is not over.
    pub(crate) fn find_open(&self, now: Instant, query: QueryId) -> Option<&Open> {
        self.open.get(&query).filter(|open| open.deadline > now)
    }

    /// A query is answered, or will not be.
    pub(crate) fn close(&mut self, query: QueryId) {
        self.open.remove(&query);
    }

    /// Whether one more query may be asked.
    pub(crate) fn may_ask(&self) -> bool {
        self.asked.len() < ASKED_MAX
    }

    /// A query of this node goes out at that time of the query clock.
    pub(crate) fn ask(&mut self, now: Instant, ltime: u64, asking: Asking) {
        let Asking { id, token, timeout, ack, answered, expected } = asking;
        let room = expected.len() + SURPLUS_MAX;
        let asked = Asked {
            id,
            token,
            deadline: now + timeout,
            unacked: if ack { expected.clone() } else { BTreeSet::new() },
            unanswered: if answered { expected } else { BTreeSet::new() },
            acked: BTreeSet::new(),
            answered: BTreeSet::new(),
            room,
            size: 0,
            answers: Answers::default(),
        };
        self.asked.insert(ltime, asked);
    }

    /// Somebody answers a query of this node.
    pub(crate) fn answer(&mut self, now: Instant, response: &QueryResponse<'_>) -> Answered {
        let running = self.asked.get_mut(&response.ltime);
        let running = running.filter(|asked| asked.id == response.id && asked.deadline > now);
        let Some(asked) = running else { return Answered::Late };
        let taken = asked.take(response);
        if taken == Answered::Taken && asked.is_complete() {
            return match self.finish(response.ltime) {
                Some((token, answers)) => Answered::Complete(token, answers),
                None => Answered::Late,
            };
        }
        taken
    }

    /// A query of this node whose time is over, if there is one.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(u64, Answers)> {
        let (ltime, _) = self.asked.iter().find(|(_, asked)| asked.deadline <= now)?;
        let ltime = *ltime;
        self.finish(ltime)
    }

    fn finish(&mut self, ltime: u64) -> Option<(u64, Answers)> {
        let asked = self.asked.remove(&ltime)?;
        let complete = asked.is_complete();
        Some((asked.token, Answers { complete, ..asked.answers }))
    }

    /// A member is gone: nobody waits for its answers. A query that this completes is told.
    pub(crate) fn gone(&mut self, name: &str) -> Vec<(u64, Answers)> {
        let mut over = Vec::new();
        for (ltime, asked) in &mut self.asked {
            let waited = asked.unacked.remove(name) | asked.unanswered.remove(name);
            if waited && asked.is_complete() {
                over.push(*ltime);
            }
        }
        over.into_iter().filter_map(|ltime| self.finish(ltime)).collect()
    }

    /// When the time of the next query of this node is over.
    pub(crate) fn deadline(&self) -> Instant {
        self.asked.values().map(|asked| asked.deadline).min().unwrap_or(Instant::NEVER)
    }
}

impl Asked {
    fn take(&mut self, response: &QueryResponse<'_>) -> Answered {
        let (from, size) = (response.from, response.payload.len());
        let known = if response.is_ack() { &mut self.acked } else { &mut self.answered };
        if known.contains(from) {
            return Answered::Duplicate;
        }
        if known.len() >= self.room || self.size + from.len() + size > ANSWERS_SIZE {
            return Answered::Refused;
        }
        self.size += from.len() + size;
        known.insert(from.into());
        if response.is_ack() {
            self.unacked.remove(from);
            self.answers.acks.push(from.to_owned());
        } else {
            self.unanswered.remove(from);
            let payload = response.payload.to_vec();
            self.answers.responses.push(Response { from: from.to_owned(), payload });
        }
        Answered::Taken
    }

    fn is_complete(&self) -> bool {
        self.unacked.is_empty() && self.unanswered.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_nanos(1_000);
    const SECOND: Duration = Duration::from_secs(1);

    fn query(ltime: u64, id: u32) -> Query<'static> {
        let timeout = 1_000_000_000;
        Query { ltime, id, timeout, addr: &[127, 0, 0, 1], port: 1, from: "a", ..Query::default() }
    }

    fn asking(expected: &[&str], ack: bool) -> Asking {
        let expected = expected.iter().map(|name| (*name).into()).collect();
        Asking { id: 7, token: 70, timeout: SECOND, ack, answered: true, expected }
    }

    fn response<'a>(from: &'a str, ack: bool, payload: &'a [u8]) -> QueryResponse<'a> {
        QueryResponse { ltime: 3, id: 7, from, flags: QueryResponse::flags(ack), payload }
    }

    #[test]
    fn each_is_heard_once() {
        let mut queries = Queries::new(Clock::at(0));
        assert_eq!(queries.hear(&query(5, 1)), Heard::New);
        assert_eq!(queries.hear(&query(5, 1)), Heard::Known);
        assert_eq!(queries.hear(&query(5, 2)), Heard::New);
        assert_eq!(queries.hear(&query(600, 1)), Heard::New);
        assert_eq!(queries.hear(&query(5, 3)), Heard::Old);
        assert_eq!(queries.hear(&query(u64::MAX, 3)), Heard::Refused);
        assert_eq!((queries.clock.time(), queries.heard.len()), (601, 1));
        assert!((1..QUERIES_A_TIME as u32).all(|id| queries.hear(&query(599, id)) == Heard::New));
        assert_eq!(queries.hear(&query(599, 0)), Heard::New);
        assert_eq!(queries.hear(&query(599, u32::MAX)), Heard::Refused);
    }

    #[test]
    fn an_open_query_waits_until_its_deadline() {
        let mut queries = Queries::new(Clock::at(0));
        let id = queries.open(NOW, &query(5, 1), false).expect("room");
        assert!(queries.find_open(NOW, id).is_some());
        assert!(queries.find_open(NOW + SECOND, id).is_none());
        queries.close(id);
        assert!(queries.find_open(NOW, id).is_none());
        assert!(queries.open(NOW, &Query { addr: b"", ..query(5, 1) }, false).is_none());
        for _ in 0..OPEN_MAX {
            assert!(queries.open(NOW, &query(5, 1), false).is_some());
        }
        assert!(queries.open(NOW, &query(5, 1), false).is_none());
        assert!(queries.open(NOW + SECOND, &query(5, 1), false).is_some(), "the old are over");
        assert_eq!(queries.open.len(), 1);
    }

    #[test]
    fn it_is_over_when_everybody_has_answered() {
        let mut queries = Queries::new(Clock::at(0));
        queries.ask(NOW, 3, asking(&["a", "b"], true));
        assert_eq!(queries.deadline(), NOW + SECOND);
        for (from, ack, expected) in [
            ("a", false, Answered::Taken),
            ("a", false, Answered::Duplicate),
            ("a", true, Answered::Taken),
            ("a", true, Answered::Duplicate),
            ("newcomer", false, Answered::Taken),
            ("b", true, Answered::Taken),
        ] {
            assert_eq!(queries.answer(NOW, &response(from, ack, b"x")), expected, "{from} {ack}");
        }
        let Answered::Complete(70, answers) = queries.answer(NOW, &response("b", false, b"y"))
        else {
            panic!("complete");
        };
        assert_eq!((answers.acks, answers.complete), (vec!["a".to_owned(), "b".to_owned()], true));
        let from: Vec<_> = answers.responses.iter().map(|r| (&*r.from, &*r.payload)).collect();
        assert_eq!(from, [("a", &b"x"[..]), ("newcomer", b"x"), ("b", b"y")]);
        assert_eq!(queries.answer(NOW, &response("c", false, b"")), Answered::Late);
        assert_eq!(queries.deadline(), Instant::NEVER);
    }

    #[test]
    fn it_is_over_at_the_deadline_or_when_the_last_is_gone() {
        let mut queries = Queries::new(Clock::at(0));
        queries.ask(NOW, 3, asking(&["a", "b"], false));
        assert_eq!(queries.answer(NOW, &response("a", false, b"x")), Answered::Taken);
        let wrong = QueryResponse { id: 8, ..response("b", false, b"") };
        assert_eq!(queries.answer(NOW, &wrong), Answered::Late);
        assert!(queries.expire(NOW).is_none() && queries.gone("a").is_empty());
        assert_eq!(queries.answer(NOW + SECOND, &response("b", false, b"")), Answered::Late);
        let (token, answers) = queries.expire(NOW + SECOND).expect("over");
        assert_eq!((token, answers.responses.len(), answers.complete), (70, 1, false));
        queries.ask(NOW, 3, asking(&["a", "b"], false));
        assert_eq!(queries.answer(NOW, &response("a", false, b"x")), Answered::Taken);
        let over = queries.gone("b");
        assert!(matches!(&over[..], [(70, answers)] if answers.complete), "{over:?}");
    }

    #[test]
    fn answers_are_bounded() {
        let mut queries = Queries::new(Clock::at(0));
        queries.ask(NOW, 3, asking(&["a"], false));
        let large = vec![0; ANSWERS_SIZE];
        assert_eq!(queries.answer(NOW, &response("x", false, &large)), Answered::Refused);
        for stranger in 0..=SURPLUS_MAX {
            let name = stranger.to_string();
            assert_eq!(queries.answer(NOW, &response(&name, false, b"")), Answered::Taken);
        }
        assert_eq!(queries.answer(NOW, &response("x", false, b"")), Answered::Refused);
        for ltime in 4..(3 + ASKED_MAX as u64) {
            assert!(queries.may_ask());
            queries.ask(NOW, ltime, asking(&["a"], false));
        }
        assert!(!queries.may_ask());
    }
}
