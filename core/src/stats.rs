//! Counters of a node, since its start.

/// One row of the table of counters.
#[derive(Clone, Copy, Debug)]
pub struct StatInfo {
    /// Its name, in snake case.
    pub name: &'static str,
    /// Whether it is a value of now, and not a count since the start.
    pub gauge: bool,
    /// What it counts.
    pub doc: &'static str,
}

/// Writes the struct, its table and its rows from one list.
macro_rules! stats {
    ($($(#[doc = $doc:literal])+ $kind:ident $name:ident,)*) => {
        /// What a node has seen and done. Everything counts up, except where a field says
        /// otherwise.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Stats {
            $($(#[doc = $doc])+ pub $name: u64,)*
            /// How many of the round trips took at most as long as each of [`ROUND_TRIP_BOUNDS`].
            pub round_trip_counts: [u64; ROUND_TRIP_BOUNDS.len()],
        }

        /// Every counter, in the order of declaration.
        pub const STATS: &[StatInfo] = &[$(StatInfo {
            name: stringify!($name),
            gauge: stats!(@$kind),
            doc: concat!($($doc),+),
        },)*];

        impl Stats {
            /// Every counter with its name, in the order of declaration.
            pub fn rows(&self) -> [(&'static str, u64); STATS.len()] {
                [$((stringify!($name), self.$name),)*]
            }
        }
    };
    (@counter) => { false };
    (@gauge) => { true };
}

/// Upper bounds of the buckets of round trips, in microseconds.
pub const ROUND_TRIP_BOUNDS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

stats! {
    /// Datagrams received.
    counter packets_received,
    /// Bytes in them.
    counter bytes_received,
    /// Datagrams sent.
    counter packets_sent,
    /// Bytes in them.
    counter bytes_sent,
    /// Datagrams that the system would not take: its buffer was full, or it knows no route.
    counter packets_unsent,
    /// Datagrams that came back, because nothing listened where they went, or a firewall said so.
    counter packets_refused,
    /// Messages or whole datagrams that could not be read, and were dropped.
    counter packets_malformed,
    /// Datagrams without the label of this cluster: from another cluster, or from none.
    counter packets_mislabelled,
    /// Datagrams in clear, where encryption is demanded.
    counter packets_plaintext_refused,
    /// Encrypted datagrams that none of the keys opens, or that came although there are no keys.
    counter packets_undecryptable,
    /// Well-formed messages that were refused: absurd, unsafe, or not for this node.
    counter messages_refused,
    /// Announcements heard: in datagrams, and in exchanges of states.
    counter alive_messages,
    /// Accusations heard, likewise.
    counter suspect_messages,
    /// Failures and farewells heard, likewise.
    counter dead_messages,
    /// Rounds of gossip in which something was told.
    counter gossip_rounds,
    /// Newcomers that a user, or nobody in time, has not let in.
    counter members_refused,
    /// Messages of users to this node.
    counter user_messages_received,
    /// Messages of users of this node to single members.
    counter user_messages_sent,
    /// Broadcasts of others, each counted once.
    counter broadcasts_received,
    /// Broadcasts that came so late that they were not told: superseded, or older than what is
    /// remembered of their sender.
    counter broadcasts_late,
    /// Broadcasts that were sent again to members that had missed them.
    counter broadcasts_repaired,
    /// Broadcasts that were told but not passed on, because too many waited.
    counter broadcasts_unpassed,
    /// User events of serf's that were told here.
    counter user_events_received,
    /// Queries of serf's that were told here.
    counter queries_received,
    /// User events and queries older than what is remembered of them, and so not told.
    counter serf_too_old,
    /// Answers to queries that were over: those of this node, or those to this node.
    counter query_answers_late,
    /// Network coordinates that no honest member has, and measurements that are none.
    counter coordinates_refused,
    /// Connections that peers opened.
    counter streams_accepted,
    /// Connections that this node opened.
    counter streams_opened,
    /// Bytes sent on connections.
    counter stream_bytes_sent,
    /// Bytes received on connections.
    counter stream_bytes_received,
    /// Connections refused because too many were open.
    counter streams_refused,
    /// Connections that ended early, timed out, or carried something that could not be read.
    counter streams_failed,
    /// Connections of peers without the label of this cluster.
    counter streams_mislabelled,
    /// Connections of peers that spoke in clear, where encryption is demanded.
    counter streams_plaintext_refused,
    /// Connections of peers that sent what none of the keys opens, or encrypted to a node without.
    counter streams_undecryptable,
    /// Datagrams and connections from, and announcements of, addresses that are not allowed.
    counter addresses_refused,
    /// Exchanges of the full state, begun by either side and finished.
    counter push_pulls,
    /// Exchanges refused because the versions of the two sides exclude each other.
    counter push_pulls_refused,
    /// Microseconds that exchanges begun by this node took, until the answer was there.
    counter push_pull_micros,
    /// Probes of this node that were answered.
    counter probes_answered,
    /// Probes of this node that were not answered in any way.
    counter probes_failed,
    /// Those of them that were refused over UDP and TCP, and to others as well.
    counter probes_refused,
    /// Members that this node declared failed because they refused.
    counter failures_refused,
    /// Probes that only TCP saved: the peer's UDP does not get through.
    counter probes_saved_by_tcp,
    /// Pings sent for others that had no answer of their own.
    counter probes_relayed,
    /// Probes begun while this node doubted its own health.
    counter probes_degraded,
    /// Those of them that were not answered.
    counter probes_degraded_failed,
    /// Direct answers to probes and pings that were measured.
    counter round_trips,
    /// Microseconds that they took together.
    counter round_trip_micros,
    /// Members that this node has heard suspected, by itself or by others.
    counter suspicions,
    /// Accusations of this node that it refuted.
    counter refutations,
    /// Announcements under a name that somebody else holds.
    counter conflicts,
    /// Warnings that were not told of, because one of the same code was a moment before.
    counter warnings_suppressed,
    /// Times that a member which failed was asked whether it is there again.
    counter redials,
    /// Times that this node was stopped, by a signal or its hypervisor, and went on.
    counter pauses,
    /// Present members that were taken over at another address.
    counter moves,
    /// Answers of members that have had another ring than this node for a while.
    counter ring_mismatches,
    /// Slots that this node took without a release of who had them.
    counter handoffs_unclean,
    /// Slots that it did not release in time.
    counter handoffs_late,
    /// Releases that it made and remembers no more, as it makes thousands a minute: who asks for
    /// one again is not answered at once.
    counter handoffs_forgotten,
    /// Changes of keys of members that were told here, those of this node among them.
    counter space_changes,
    /// Deltas of keys that were sent: gossiped, each counted once, and in answers.
    counter space_deltas_sent,
    /// Deltas of keys that came, news or not.
    counter space_deltas_received,
    /// Bytes about keys in questions and answers that were sent on connections.
    counter space_bytes_sent,
    /// Bytes about keys that came, in datagrams and on connections.
    counter space_bytes_received,
    /// Times that a member was asked for what this node lacked of keys.
    counter space_wants,
    /// Times that all keys were compared with those of a member.
    counter space_comparisons,
    /// Deltas of keys that were refused: more than a member may have, or all together, or of a run
    /// that begins in the far future.
    counter space_refused,
    /// Records of shared maps that this node took into its own keys, because nobody else had them
    /// any more.
    counter map_records_adopted,
    /// Records of shared maps that were none.
    counter map_records_malformed,
    /// Records of shared maps for which there was no room, here or in the own keys.
    counter map_records_refused,
    /// Bytes of the state in the last exchange that this node sent, before compression.
    gauge state_bytes_sent,
    /// Bytes of the last state that it received, as they came.
    gauge state_bytes_received,
    /// News of members that waits to be gossiped now.
    gauge queue_depth,
    /// Messages of users that wait to be gossiped now.
    gauge user_queue_depth,
    /// Bytes of memory that the keys of others take now.
    gauge space_memory,
    /// serf's clock of members now; 0 in a cluster that does not speak serf.
    gauge member_clock,
    /// serf's clock of user events now.
    gauge event_clock,
    /// serf's clock of queries now.
    gauge query_clock,
    /// Local health now: 0 is healthy.
    gauge health_score,
    /// 1 while plaintext may come and go over an address that is not loopback.
    gauge insecure,
    /// Calls that this node has made.
    counter calls_made,
    /// Calls that its servers have taken on.
    counter calls_served,
    /// Answers of its servers for which nobody was waiting any more.
    counter replies_late,
    /// Answers of others that came too late, or to nothing that was asked.
    counter replies_unwanted,
    /// Items of calls that stream that were sent, of requests and of answers.
    counter items_sent,
    /// Such items that came and were wanted.
    counter items_received,
    /// Such items that came when nobody read them any more: they were dropped.
    counter items_unwanted,
    /// Casts that this node was told to send.
    counter casts_sent,
    /// Casts that its servers have taken on.
    counter casts_served,
    /// Casts that were dropped here: for want of a server or of room, because they had become old,
    /// or because a newer one took their place.
    counter casts_dropped,
    /// Casts and publications of this node that were on a connection which broke, and have not
    /// come, as the other side says.
    counter casts_lost,
    /// The same, where the other side is gone and cannot say.
    counter casts_in_doubt,
    /// What this node was told to publish.
    counter publications_made,
    /// What of it was sent: one for each frame to a member, and one for this node's subscribers.
    counter publications_sent,
    /// Publications that came for subscribers of this node, its own among them.
    counter publications_received,
    /// Publications that were dropped: for want of room on the way to a member, or because nobody
    /// subscribed any more.
    counter publications_dropped,
    /// Publications that subscribers of this node have not taken: they were slow, or they subscribe
    /// no longer.
    counter publications_missed,
    /// Messages that waited for a server until nobody waited for them.
    counter requests_expired,
    /// Messages refused because too much waited.
    counter requests_refused,
    /// Connections for messages that this node opened.
    counter links_opened,
    /// Connections for messages that others opened.
    counter links_accepted,
    /// Connections for messages that broke.
    counter links_lost,
    /// Connections for messages that came to nothing: for their keys, for want of room, or because
    /// the other side did not say in time who it is.
    counter links_refused,
    /// Those of them that were refused for keys or certificates, or for having none.
    counter links_keys_refused,
    /// Connections for messages that were closed for what came on them.
    counter frames_malformed,
    /// Workers that are attached to this member now.
    gauge workers,
    /// Times that a worker attached.
    counter workers_attached,
    /// Connections of workers that came to nothing: of another user or version, or too many.
    counter workers_refused,
    /// Workers that were let go because they did not read.
    counter workers_dropped,
    /// Look-ups by sources of discovery.
    counter discovery_lookups,
    /// Of them, those that found nobody.
    counter discovery_empty,
    /// Those that failed: no answer, or none that makes sense.
    counter discovery_failed,
    /// Those that were refused by whoever was asked.
    counter discovery_refused,
    /// Candidates that the sources know now, present or not.
    gauge discovery_candidates,
}

impl Stats {
    /// serf's clocks: of members, events and queries.
    #[cfg(feature = "runtime")]
    pub(crate) fn clocks(&self) -> [u64; 3] {
        [self.member_clock, self.event_clock, self.query_clock]
    }

    /// Counts a round trip.
    pub(crate) fn round_trip(&mut self, span: std::time::Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.round_trips += 1;
        self.round_trip_micros = self.round_trip_micros.saturating_add(micros);
        for (count, bound) in self.round_trip_counts.iter_mut().zip(ROUND_TRIP_BOUNDS) {
            *count += u64::from(micros <= bound);
        }
    }
}
