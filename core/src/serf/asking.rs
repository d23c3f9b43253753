//! Asking, and answering.

use std::sync::Arc;
use std::time::Duration;

use super::filters::{filters_of, is_meant};
use super::queries::{Answered, Asking, QueryId};
use super::question::Question;
use super::{Refusal, Serf, Topic, Wish, internal};
use crate::member::Member;
use crate::time::Instant;
use crate::wire::RawAddr;
use crate::wire::serf::{Query, QueryResponse, RelayHeader, SerfMessage};

/// Bytes of an encoded query, and of an encoded answer; serf's defaults.
const QUERY_MAX: usize = 1024;
const RESPONSE_MAX: usize = 1024;
/// Gossip intervals that a query lasts for each digit of the number of members.
const TIMEOUT_MULT: u32 = 16;

impl Serf {
    /// How long a query lasts unless told.
    pub(crate) fn default_timeout(gossip_interval: Duration, members: usize) -> Duration {
        let digits = members.checked_ilog10().map_or(0, |log| log + 1);
        gossip_interval.saturating_mul(TIMEOUT_MULT).saturating_mul(digits)
    }

    /// Asks everybody who is meant; [`Wish::Answers`] follows.
    pub(crate) fn ask(
        &mut self,
        now: Instant,
        local: &Member,
        question: &Question,
        asking: Asking,
    ) -> Result<(), Refusal> {
        let (filters, addr) = (filters_of(question), RawAddr::from(local.addr().ip()));
        let query = Query {
            ltime: self.queries.clock.time(),
            id: asking.id,
            addr: addr.as_bytes(),
            port: local.addr().port(),
            from: local.name(),
            flags: Query::flags(question.ack),
            relay_factor: question.relay_factor,
            timeout: u64::try_from(asking.timeout.as_nanos()).unwrap_or(i64::MAX as u64),
            name: &question.name,
            payload: &question.payload,
            ..Query::default()
        };
        let mut bytes = Vec::new();
        query.encode(&filters, &mut bytes);
        if bytes.len() > QUERY_MAX {
            return Err(Refusal::TooLarge(bytes.len(), QUERY_MAX));
        }
        if !self.queries.may_ask() {
            return Err(Refusal::Busy);
        }
        self.queries.ask(now, query.ltime, asking);
        if let Ok(SerfMessage::Query(read)) = SerfMessage::decode(&bytes) {
            self.on_query(now, local, &read, Some(&bytes));
        }
        Ok(())
    }

    pub(super) fn on_query(
        &mut self,
        now: Instant,
        local: &Member,
        query: &Query<'_>,
        raw: Option<&[u8]>,
    ) {
        let heard = self.queries.hear(query);
        if !self.is_news(heard) {
            return;
        }
        if let Some(raw) = raw.filter(|_| query.is_passed_on()) {
            self.out.push_back(Wish::Spread { topic: Topic::Query, payload: raw.to_vec() });
        }
        if !is_meant(query, local) {
            return;
        }
        let own = *query.from == *self.name && query.reply_to() == Some(local.addr());
        let Some(id) = self.queries.open(now, query, own) else {
            self.counters.refused += 1;
            return;
        };
        if query.wants_ack() {
            self.send_response(now, id, true, &[]);
        }
        if internal::is_internal(query.name) {
            return self.on_internal(id, query.name, query.payload);
        }
        self.counters.queries += 1;
        self.out.push_back(Wish::Query {
            id,
            from: query.from.to_owned(),
            name: query.name.to_owned(),
            payload: query.payload.to_vec(),
            timeout: query.timeout(),
        });
    }

    /// Answers a query, once.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        query: QueryId,
        payload: &[u8],
    ) -> Result<(), Refusal> {
        let Some(open) = self.queries.find_open(now, query) else {
            self.counters.late += 1;
            self.queries.close(query);
            return Err(Refusal::Late);
        };
        let response = QueryResponse {
            ltime: open.ltime,
            id: open.id,
            from: &self.name,
            flags: QueryResponse::flags(false),
            payload,
        };
        let mut bytes = Vec::with_capacity(payload.len() + 64);
        response.encode(&mut bytes);
        if bytes.len() > RESPONSE_MAX {
            return Err(Refusal::TooLarge(bytes.len(), RESPONSE_MAX));
        }
        self.send_response(now, query, false, payload);
        self.queries.close(query);
        Ok(())
    }

    fn send_response(&mut self, now: Instant, query: QueryId, ack: bool, payload: &[u8]) {
        let Some(open) = self.queries.find_open(now, query).cloned() else { return };
        let name = Arc::clone(&self.name);
        let flags = QueryResponse::flags(ack);
        let response =
            QueryResponse { ltime: open.ltime, id: open.id, from: &name, flags, payload };
        let Some(to) = open.reply_to else { return self.on_response(now, &response) };
        let mut bytes = Vec::with_capacity(payload.len() + 64);
        response.encode(&mut bytes);
        if open.relay_factor > 0 && self.members.len() > usize::from(open.relay_factor) {
            let mut relay = Vec::with_capacity(bytes.len() + 64);
            RelayHeader::encode(to, &open.from, &bytes, &mut relay);
            if relay.len() <= RESPONSE_MAX {
                let (through, except) = (open.relay_factor, open.from.clone());
                self.out.push_back(Wish::Relay { through, except, payload: relay });
            }
        }
        self.out.push_back(Wish::Send { to, node: open.from, payload: bytes });
    }

    pub(super) fn on_response(&mut self, now: Instant, response: &QueryResponse<'_>) {
        match self.queries.answer(now, response) {
            Answered::Taken | Answered::Duplicate => {}
            Answered::Complete(token, answers) => {
                self.out.push_back(Wish::Answers { token, answers });
            }
            Answered::Late => self.counters.late += 1,
            Answered::Refused => self.counters.refused += 1,
        }
    }

    /// Passes an answer on. Nothing else: nobody speaks through this node.
    pub(super) fn on_relay(&mut self, header: &RelayHeader<'_>, inner: &[u8]) {
        match (header.to(), SerfMessage::decode(inner)) {
            (Some(to), Ok(SerfMessage::QueryResponse(_))) => {
                let node = header.node.into();
                self.out.push_back(Wish::Send { to, node, payload: inner.to_vec() });
            }
            _ => self.counters.refused += 1,
        }
    }
}
