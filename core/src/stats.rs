//! Counters of a node, since its start.

/// What a node has seen and done. Everything counts up, except where a field says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Datagrams received.
    pub packets_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Datagrams sent.
    pub packets_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// Datagrams that the system would not take: its buffer was full, or it knows no route.
    pub packets_unsent: u64,
    /// Messages or whole datagrams that could not be read, and were dropped.
    pub packets_malformed: u64,
    /// Datagrams without the label of this cluster: from another cluster, or from none.
    pub packets_mislabelled: u64,
    /// Datagrams in clear, where encryption is demanded.
    pub packets_plaintext_refused: u64,
    /// Encrypted datagrams that none of the keys opens, or that came although there are no keys.
    pub packets_undecryptable: u64,
    /// Well-formed messages that were refused: absurd, unsafe, or not for this node.
    pub messages_refused: u64,
    /// Newcomers that a user, or nobody in time, has not let in.
    pub members_refused: u64,
    /// Messages of users to this node.
    pub user_messages_received: u64,
    /// Messages of users of this node to single members.
    pub user_messages_sent: u64,
    /// Broadcasts of others, each counted once.
    pub broadcasts_received: u64,
    /// Broadcasts that came so late that they were not told: superseded, or older than what is
    /// remembered of their sender.
    pub broadcasts_late: u64,
    /// Broadcasts that were sent again to members that had missed them.
    pub broadcasts_repaired: u64,
    /// Broadcasts that were told but not passed on, because too many waited.
    pub broadcasts_unpassed: u64,
    /// User events of serf's that were told here.
    pub user_events_received: u64,
    /// Queries of serf's that were told here.
    pub queries_received: u64,
    /// User events and queries older than what is remembered of them, and so not told.
    pub serf_too_old: u64,
    /// Answers to queries that were over: those of this node, or those to this node.
    pub query_answers_late: u64,
    /// Network coordinates that no honest member has, and measurements that are none.
    pub coordinates_refused: u64,
    /// Connections that peers opened.
    pub streams_accepted: u64,
    /// Connections refused because too many were open.
    pub streams_refused: u64,
    /// Connections that ended early, timed out, or carried something that could not be read.
    pub streams_failed: u64,
    /// Connections of peers without the label of this cluster.
    pub streams_mislabelled: u64,
    /// Connections of peers that spoke in clear, where encryption is demanded.
    pub streams_plaintext_refused: u64,
    /// Connections of peers that sent what none of the keys opens, or encrypted to a node without.
    pub streams_undecryptable: u64,
    /// Datagrams and connections from, and announcements of, addresses that are not allowed.
    pub addresses_refused: u64,
    /// Exchanges of the full state, begun by either side and finished.
    pub push_pulls: u64,
    /// Exchanges refused because the versions of the two sides exclude each other.
    pub push_pulls_refused: u64,
    /// Probes of this node that were answered.
    pub probes_answered: u64,
    /// Probes of this node that were not answered in any way.
    pub probes_failed: u64,
    /// Probes that only TCP saved: the peer's UDP does not get through.
    pub probes_saved_by_tcp: u64,
    /// Members that this node has heard suspected, by itself or by others.
    pub suspicions: u64,
    /// Accusations of this node that it refuted.
    pub refutations: u64,
    /// Announcements under a name that somebody else holds.
    pub conflicts: u64,
    /// Warnings that were not told of, because one of the same code was a moment before.
    pub warnings_suppressed: u64,
    /// Times that a member which failed was asked whether it is there again.
    pub redials: u64,
    /// Present members that were taken over at another address.
    pub moves: u64,
    /// News of members that waits to be gossiped now.
    pub queue_depth: u64,
    /// Messages of users that wait to be gossiped now.
    pub user_queue_depth: u64,
    /// serf's clock of members now; 0 in a cluster that does not speak serf.
    pub member_clock: u64,
    /// serf's clock of user events now.
    pub event_clock: u64,
    /// serf's clock of queries now.
    pub query_clock: u64,
    /// Local health now: 0 is healthy.
    pub health_score: u64,
    /// 1 while plaintext may come and go over an address that is not loopback.
    pub insecure: u64,
}

impl Stats {
    /// serf's clocks: of members, events and queries.
    #[cfg(feature = "runtime")]
    pub(crate) fn clocks(&self) -> [u64; 3] {
        [self.member_clock, self.event_clock, self.query_clock]
    }

    /// Every counter with its name, in the order of declaration.
    pub fn rows(&self) -> [(&'static str, u64); 47] {
        [
            ("packets_received", self.packets_received),
            ("bytes_received", self.bytes_received),
            ("packets_sent", self.packets_sent),
            ("bytes_sent", self.bytes_sent),
            ("packets_unsent", self.packets_unsent),
            ("packets_malformed", self.packets_malformed),
            ("packets_mislabelled", self.packets_mislabelled),
            ("packets_plaintext_refused", self.packets_plaintext_refused),
            ("packets_undecryptable", self.packets_undecryptable),
            ("messages_refused", self.messages_refused),
            ("members_refused", self.members_refused),
            ("user_messages_received", self.user_messages_received),
            ("user_messages_sent", self.user_messages_sent),
            ("broadcasts_received", self.broadcasts_received),
            ("broadcasts_late", self.broadcasts_late),
            ("broadcasts_repaired", self.broadcasts_repaired),
            ("broadcasts_unpassed", self.broadcasts_unpassed),
            ("user_events_received", self.user_events_received),
            ("queries_received", self.queries_received),
            ("serf_too_old", self.serf_too_old),
            ("query_answers_late", self.query_answers_late),
            ("coordinates_refused", self.coordinates_refused),
            ("streams_accepted", self.streams_accepted),
            ("streams_refused", self.streams_refused),
            ("streams_failed", self.streams_failed),
            ("streams_mislabelled", self.streams_mislabelled),
            ("streams_plaintext_refused", self.streams_plaintext_refused),
            ("streams_undecryptable", self.streams_undecryptable),
            ("addresses_refused", self.addresses_refused),
            ("push_pulls", self.push_pulls),
            ("push_pulls_refused", self.push_pulls_refused),
            ("probes_answered", self.probes_answered),
            ("probes_failed", self.probes_failed),
            ("probes_saved_by_tcp", self.probes_saved_by_tcp),
            ("suspicions", self.suspicions),
            ("refutations", self.refutations),
            ("conflicts", self.conflicts),
            ("warnings_suppressed", self.warnings_suppressed),
            ("redials", self.redials),
            ("moves", self.moves),
            ("queue_depth", self.queue_depth),
            ("user_queue_depth", self.user_queue_depth),
            ("member_clock", self.member_clock),
            ("event_clock", self.event_clock),
            ("query_clock", self.query_clock),
            ("health_score", self.health_score),
            ("insecure", self.insecure),
        ]
    }
}
