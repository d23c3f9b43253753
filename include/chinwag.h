/*
 * Chinwag: one cluster, every runtime. Membership for C and for all that can call C.
 *
 * Written from bindings-c/src by `cargo test -p chinwag-c --test header`. Change it there.
 *
 * Ownership. A pointer is *borrowed* (it lives as long as what it came from, and you do not free
 * it), *yours* (you free it with the function that is named), or *taken* (the library frees it).
 * What you pass in is borrowed until the call returns, unless a comment says that it is taken.
 *
 * Threads. Any function may be called from any thread and from any callback. Exceptions: a
 * chinwag_config is for one thread at a time, as is what else you change step by step (rings'
 * builders, clocks, siblings), and freeing something is the last use of it.
 * Functions that talk to others (chinwag_start, _join, _send, _ping, _query, _call, _multi_call,
 * _cluster_keys, _leave, _close) block, and so do those that change what the node says; the others
 * do not, except for those with a `timeout_ms`, such as chinwag_next_event(), when told to wait,
 * and, for some milliseconds, for whichever is the first to need the cluster's ring.
 *
 * Errors. A function that can fail returns CHINWAG_OK or a negative chinwag_status. Results are
 * written on success only. `err` may be NULL; otherwise it is set to NULL on success, and on
 * failure to an error that is yours. NULL for a required pointer is CHINWAG_EBADARGUMENT, never a
 * crash.
 *
 * Text ends with a zero byte and is UTF-8, in both directions.
 *
 * Fork. A child gets CHINWAG_EFORKED from its parent's nodes, and may start its own.
 */


#ifndef CHINWAG_H
#define CHINWAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Version that this header belongs to.
 */
#define CHINWAG_VERSION "0.1.0"

/**
 * Its first number.
 */
#define CHINWAG_VERSION_MAJOR 0

/**
 * Its second number.
 */
#define CHINWAG_VERSION_MINOR 1

/**
 * Its third number.
 */
#define CHINWAG_VERSION_PATCH 0

/**
 * All three, to be compared: 1.2.3 is 1002003.
 */
#define CHINWAG_VERSION_NUMBER 1000


/**
 * Number of the binary interface: that of the shared library's name. It grows when a program that
 * was compiled for an older one would not work any more.
 */
#define CHINWAG_ABI_VERSION 0

/**
 * No time: what a change is given that shall leave no stamp, and what an entry has that got none.
 */
#define CHINWAG_NO_TIME UINT64_MAX

/**
 * Room that any actor fits into, with the zero byte at its end.
 */
#define CHINWAG_ACTOR_SIZE 1025

/**
 * Room for the text of a stamp, with the zero byte at its end.
 */
#define CHINWAG_STAMP_SIZE 22

/**
 * Bit of `member-join` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_JOIN 2

/**
 * Bit of `member-leave` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_LEAVE 4

/**
 * Bit of `member-failed` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_FAILED 8

/**
 * Bit of `member-update` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_UPDATE 16

/**
 * Bit of `member-suspect` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_SUSPECT 32

/**
 * Bit of `member-recover` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_RECOVER 64

/**
 * Bit of `replay-done` in a mask of events.
 */
#define CHINWAG_MASK_REPLAY_DONE 128

/**
 * Bit of `events-lost` in a mask of events.
 */
#define CHINWAG_MASK_EVENTS_LOST 256

/**
 * Bit of `member-reap` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_REAP 512

/**
 * Bit of `member-move` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_MOVE 1024

/**
 * Bit of `member-conflict` in a mask of events.
 */
#define CHINWAG_MASK_MEMBER_CONFLICT 2048

/**
 * Bit of `warning` in a mask of events.
 */
#define CHINWAG_MASK_WARNING 4096

/**
 * Bit of `message` in a mask of events.
 */
#define CHINWAG_MASK_MESSAGE 8192

/**
 * Bit of `broadcast` in a mask of events.
 */
#define CHINWAG_MASK_BROADCAST 16384

/**
 * Bit of `remote-state` in a mask of events.
 */
#define CHINWAG_MASK_REMOTE_STATE 32768

/**
 * Bit of `admission` in a mask of events.
 */
#define CHINWAG_MASK_ADMISSION 65536

/**
 * Bit of `user-event` in a mask of events.
 */
#define CHINWAG_MASK_USER_EVENT 131072

/**
 * Bit of `query` in a mask of events.
 */
#define CHINWAG_MASK_QUERY 262144

/**
 * Bit of `ring-change` in a mask of events.
 */
#define CHINWAG_MASK_RING_CHANGE 524288

/**
 * Bit of `handoff-prepare` in a mask of events.
 */
#define CHINWAG_MASK_HANDOFF_PREPARE 1048576

/**
 * Bit of `handoff-acquired` in a mask of events.
 */
#define CHINWAG_MASK_HANDOFF_ACQUIRED 2097152

/**
 * Bytes as they are.
 */
#define CHINWAG_CODEC_RAW 0

/**
 * MessagePack, as a chinwag_payload has it: what all languages send unless told otherwise.
 */
#define CHINWAG_CODEC_MSGPACK 1

/**
 * A text in JSON.
 */
#define CHINWAG_CODEC_JSON 2

/**
 * Erlang's external terms, between members of Elixir and Erlang.
 */
#define CHINWAG_CODEC_ETF 3

/**
 * The first of those that the two sides agree on by themselves, up to 255.
 */
#define CHINWAG_CODEC_USER 128

/**
 * Slack for chinwag_ring_builder_slots() that bounds nothing.
 */
#define CHINWAG_RING_UNBOUNDED UINT32_MAX

/**
 * What an answer is.
 */
enum chinwag_answer_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing, or nothing that is known.
     */
    CHINWAG_ANSWER_NONE = 0,
    /**
     * See chinwag_answer_flag().
     */
    CHINWAG_ANSWER_FLAG = 1,
    /**
     * A whole number; see chinwag_answer_number().
     */
    CHINWAG_ANSWER_COUNT = 2,
    /**
     * Any other number; see chinwag_answer_real().
     */
    CHINWAG_ANSWER_REAL = 3,
    /**
     * A span of time; see chinwag_answer_number().
     */
    CHINWAG_ANSWER_DURATION = 4,
    /**
     * See chinwag_answer_text().
     */
    CHINWAG_ANSWER_TEXT = 5,
    /**
     * See chinwag_answer_bytes().
     */
    CHINWAG_ANSWER_BYTES = 6,
    /**
     * Values in an order; see chinwag_answer_at().
     */
    CHINWAG_ANSWER_LIST = 7,
    /**
     * Values under names that are documented; see chinwag_answer_get().
     */
    CHINWAG_ANSWER_RECORD = 8,
    /**
     * Values under names from the cluster; see chinwag_answer_name().
     */
    CHINWAG_ANSWER_MAP = 9,
    /**
     * What a server answered; see chinwag_answer_bytes() and chinwag_answer_codec().
     */
    CHINWAG_ANSWER_PAYLOAD = 10,
    /**
     * What went wrong with a part; see chinwag_answer_error().
     */
    CHINWAG_ANSWER_ERROR = 11,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chinwag_answer_kind chinwag_answer_kind;
#else
typedef uint32_t chinwag_answer_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a call came to: zero, or the negative number of an error.
 */
enum chinwag_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Done.
     */
    CHINWAG_OK = 0,
    /**
     * An option is unknown, malformed, or contradicts another; nothing was started.
     */
    CHINWAG_EBADCONFIG = -1,
    /**
     * An argument is malformed or missing; nothing was changed.
     */
    CHINWAG_EBADARGUMENT = -2,
    /**
     * The address could not be bound; nothing was started.
     */
    CHINWAG_EBINDFAILED = -3,
    /**
     * No seed answered; the node goes on as it was. Each attempt is listed with its cause.
     */
    CHINWAG_EJOINFAILED = -4,
    /**
     * A value is over its size limit; the old value stays.
     */
    CHINWAG_ETOOLARGE = -5,
    /**
     * The deadline passed before the outcome was known; it may still happen.
     */
    CHINWAG_ETIMEOUT = -6,
    /**
     * The node is closed, or was closed while the operation was under way.
     */
    CHINWAG_ECLOSED = -7,
    /**
     * The caller gave the operation up; it may still happen.
     */
    CHINWAG_ECANCELLED = -8,
    /**
     * The node belongs to the parent process; a forked child starts a node of its own.
     */
    CHINWAG_EFORKED = -9,
    /**
     * A defect in Chinwag, caught at the border; the node may be unusable. Please report it.
     */
    CHINWAG_EINTERNAL = -10,
    /**
     * A member that answers has this name already; nothing was joined. The message says where.
     */
    CHINWAG_ENAMECONFLICT = -11,
    /**
     * The other side is encrypted under another key, or only one of the two sides is encrypted.
     */
    CHINWAG_EKEYMISMATCH = -12,
    /**
     * A member of the cluster refused to let this node in; the message has its reason.
     */
    CHINWAG_ENOTADMITTED = -13,
    /**
     * No present member has this name; nothing was sent.
     */
    CHINWAG_EUNKNOWNMEMBER = -14,
    /**
     * The member could not be reached, or the connection broke; it may still have got the message.
     */
    CHINWAG_ENODEDOWN = -15,
    /**
     * Too much waits to be sent already; nothing was sent.
     */
    CHINWAG_EOVERLOADED = -16,
    /**
     * This node, or its cluster, does not offer that; the message has what would.
     */
    CHINWAG_EUNSUPPORTED = -17,
    /**
     * Nobody who is present hosts a server of this name, or not the member asked; nothing ran.
     */
    CHINWAG_ENOSERVER = -18,
    /**
     * The server's own code failed; carries its language, type of error, message and node.
     */
    CHINWAG_EREMOTEERROR = -19,
    /**
     * The server has no operation of this name; nothing ran.
     */
    CHINWAG_EUNKNOWNOP = -20,
    /**
     * A value has no encoding, or bytes are no value; the message says where in it.
     */
    CHINWAG_ECODEC = -21,
    /**
     * This node has a server of this name already; that one stays.
     */
    CHINWAG_ESERVEREXISTS = -22,
    /**
     * Fewer servers answered than were asked for; the message says which did not, and why.
     */
    CHINWAG_ENOQUORUM = -23,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chinwag_status chinwag_status;
#else
typedef int32_t chinwag_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How one history stands to another.
 */
enum chinwag_causality
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Both know of the same events.
     */
    CHINWAG_EQUAL = 0,
    /**
     * The other knows of all that this one does, and more.
     */
    CHINWAG_BEFORE = 1,
    /**
     * This one knows of all that the other does, and more.
     */
    CHINWAG_AFTER = 2,
    /**
     * Each knows of something that the other does not: they have parted.
     */
    CHINWAG_CONCURRENT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chinwag_causality chinwag_causality;
#else
typedef uint32_t chinwag_causality;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Type of an event.
 */
enum chinwag_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A member is here: new, or back after it had failed or left.
     */
    CHINWAG_EVENT_MEMBER_JOIN = 1,
    /**
     * A member said goodbye.
     */
    CHINWAG_EVENT_MEMBER_LEAVE = 2,
    /**
     * A suspected member did not refute in time.
     */
    CHINWAG_EVENT_MEMBER_FAILED = 3,
    /**
     * A member changed its tags, metadata or address; carries what it was before.
     */
    CHINWAG_EVENT_MEMBER_UPDATE = 4,
    /**
     * A member does not answer; it fails unless it refutes in time.
     */
    CHINWAG_EVENT_MEMBER_SUSPECT = 5,
    /**
     * A suspected member refuted.
     */
    CHINWAG_EVENT_MEMBER_RECOVER = 6,
    /**
     * The members that were known at the time of subscribing have all been reported; what follows
     * is live.
     */
    CHINWAG_EVENT_REPLAY_DONE = 7,
    /**
     * The reader was too slow; carries how many events are missing and the members as they are
     * now.
     */
    CHINWAG_EVENT_EVENTS_LOST = 8,
    /**
     * A failed or departed member is no longer remembered.
     */
    CHINWAG_EVENT_MEMBER_REAP = 9,
    /**
     * A member has another address: it came back elsewhere, and nobody answers where it was.
     */
    CHINWAG_EVENT_MEMBER_MOVE = 10,
    /**
     * Somebody at another address announces itself under the name of a member that answers.
     */
    CHINWAG_EVENT_MEMBER_CONFLICT = 11,
    /**
     * Something is wrong and the node goes on; the code says what, the subject with whom.
     */
    CHINWAG_EVENT_WARNING = 12,
    /**
     * A member sent this node a message.
     */
    CHINWAG_EVENT_MESSAGE = 13,
    /**
     * A member sent everybody a message; each is told once.
     */
    CHINWAG_EVENT_BROADCAST = 14,
    /**
     * The state that a member hands on came with an exchange of states.
     */
    CHINWAG_EVENT_REMOTE_STATE = 15,
    /**
     * A newcomer waits to be let in, with `admission` at ask; it is refused when nobody decides.
     */
    CHINWAG_EVENT_ADMISSION = 16,
    /**
     * A member told everybody something, in serf's way; each is told once, here too.
     */
    CHINWAG_EVENT_USER_EVENT = 17,
    /**
     * A member asks everybody something, in serf's way; the answer names the id.
     */
    CHINWAG_EVENT_QUERY = 18,
    /**
     * The cluster's ring is another one; answers which of your keys have moved. Told once somebody
     * has asked for the ring.
     */
    CHINWAG_EVENT_RING_CHANGE = 19,
    /**
     * Slots go to another member: stop writing, pass on what it needs, and say released with the
     * id.
     */
    CHINWAG_EVENT_HANDOFF_PREPARE = 20,
    /**
     * Slots are this node's from now on; clean if the peer that had them released them, or nobody
     * had them.
     */
    CHINWAG_EVENT_HANDOFF_ACQUIRED = 21,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chinwag_event_kind chinwag_event_kind;
#else
typedef uint32_t chinwag_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What is believed about a member.
 */
enum chinwag_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Answers probes.
     */
    CHINWAG_STATE_ALIVE = 0,
    /**
     * Did not answer; still counted as a member.
     */
    CHINWAG_STATE_SUSPECT = 1,
    /**
     * Did not answer and did not refute in time.
     */
    CHINWAG_STATE_FAILED = 2,
    /**
     * Said goodbye.
     */
    CHINWAG_STATE_LEFT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chinwag_state chinwag_state;
#else
typedef uint32_t chinwag_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a part of a value is.
 */
enum chinwag_payload_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The whole value was read.
     */
    CHINWAG_PAYLOAD_END = 0,
    /**
     * Nothing.
     */
    CHINWAG_PAYLOAD_NIL = 1,
    /**
     * `flag`.
     */
    CHINWAG_PAYLOAD_BOOL = 2,
    /**
     * `integer`, up to 2^63 - 1, and the same in `natural` if it is not negative.
     */
    CHINWAG_PAYLOAD_INT = 3,
    /**
     * `natural`, from 2^63 on.
     */
    CHINWAG_PAYLOAD_UINT = 4,
    /**
     * `number`.
     */
    CHINWAG_PAYLOAD_FLOAT = 5,
    /**
     * `count` bytes of UTF-8 at `text`, without a zero byte at their end, perhaps with some
     * within; in a map, each key is one.
     */
    CHINWAG_PAYLOAD_TEXT = 6,
    /**
     * `count` bytes at `bytes`.
     */
    CHINWAG_PAYLOAD_BYTES = 7,
    /**
     * A list: the next `count` values.
     */
    CHINWAG_PAYLOAD_ARRAY = 8,
    /**
     * A map: the next `count` pairs, each a text as its key and a value.
     */
    CHINWAG_PAYLOAD_MAP = 9,
    /**
     * A point in time: `integer` seconds since 1970 in UTC, and `nanos` after that.
     */
    CHINWAG_PAYLOAD_TIMESTAMP = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chinwag_payload_kind chinwag_payload_kind;
#else
typedef uint32_t chinwag_payload_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happened to a key.
 */
enum chinwag_change_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It has this value now.
     */
    CHINWAG_CHANGE_PUT = 0,
    /**
     * It has none any more: it was deleted or has expired, or its member has failed or left.
     * Should that recover, its keys are put again.
     */
    CHINWAG_CHANGE_DELETED = 1,
    /**
     * What was there when the watch began has been told.
     */
    CHINWAG_CHANGE_REPLAY_DONE = 2,
    /**
     * The reader was too slow: chinwag_change_count() changes were not told. What follows comes
     * after all that there is now, which is in chinwag_change_entries().
     */
    CHINWAG_CHANGE_LOST = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum chinwag_change_kind chinwag_change_kind;
#else
typedef uint32_t chinwag_change_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Actors that both sides know, such as all members of a cluster: a clock then takes a byte or two
 * for each. It never changes, and any thread may read it. You free it with
 * chinwag_actor_table_free().
 */
typedef struct chinwag_actor_table chinwag_actor_table;

/**
 * What an operation came to: a value, or a list, record or map of others. It never changes; any
 * thread may read it.
 *
 * An answer within another one is borrowed and lives as long as that; one that a function gave you
 * is freed with chinwag_answer_free().
 */
typedef struct chinwag_answer chinwag_answer;

/**
 * What happened to keys that are watched. It never changes; any thread may read it.
 *
 * In a callback it is borrowed until the callback returns; one that a function gave you is freed
 * with chinwag_change_free().
 */
typedef struct chinwag_change chinwag_change;

/**
 * Options to start nodes with. You free it with chinwag_config_free(). To be used by one thread
 * at a time.
 */
typedef struct chinwag_config chinwag_config;

/**
 * Counters of a node, as they were when they were taken. You free them with
 * chinwag_counters_free().
 */
typedef struct chinwag_counters chinwag_counters;

/**
 * What went wrong: a stable code and number, and a sentence that says what happened, to whom, the
 * likely cause and the next step. You free it with chinwag_error_free().
 */
typedef struct chinwag_error chinwag_error;

/**
 * One event, numbered in the order in which it happened on this node. It never changes; any thread
 * may read it.
 *
 * In a callback it is borrowed until the callback returns; one that a function gave you is freed
 * with chinwag_event_free().
 */
typedef struct chinwag_event chinwag_event;

/**
 * A vector clock under the first so many retirements of a log, without the entries of actors of
 * which it knows everything. It never changes, and any thread may read it. You free it with
 * chinwag_folded_free().
 */
typedef struct chinwag_folded chinwag_folded;

/**
 * A hybrid logical clock: stamps near the time that it is told, which ascend whatever that does. A
 * stamp is a number, 48 bits of milliseconds and 16 of a counter below them. You free it with
 * chinwag_hybrid_free(). To be used by one thread at a time.
 */
typedef struct chinwag_hybrid chinwag_hybrid;

/**
 * One member, as it was when the value was taken. It never changes; any thread may read it.
 *
 * A member within an event, a list or another value is borrowed and lives as long as that; one
 * that a function gave you is freed with chinwag_member_free().
 */
typedef struct chinwag_member chinwag_member;

/**
 * Members in the order of their names, unless the function that gives the list says otherwise. You
 * free it with chinwag_member_list_free().
 */
typedef struct chinwag_member_list chinwag_member_list;

/**
 * A running node. Any thread may use it. You free it with chinwag_node_free().
 */
typedef struct chinwag_node chinwag_node;

/**
 * What a call came to that was begun by chinwag_call_async(), or a monitor: an answer, or an
 * error. It never changes; any thread may read it.
 *
 * In a callback it is borrowed until the callback returns; one that a function gave you is freed
 * with chinwag_outcome_free().
 */
typedef struct chinwag_outcome chinwag_outcome;

/**
 * A value that is written part by part, as the bytes that every language reads alike. You free it
 * with chinwag_payload_free(). One thread at a time uses it.
 *
 * A container says how many values it has, and these come next; in a map each has its
 * chinwag_payload_key() before it. What does not belong where it stands is CHINWAG_ECODEC, what is
 * larger than 64 MiB CHINWAG_ETOOLARGE. An error stays: nothing is written any more, every call
 * has that status, and chinwag_payload_bytes() has the error. So it is enough to look there.
 */
typedef struct chinwag_payload chinwag_payload;

/**
 * Reads a payload part by part. You free it with chinwag_payload_reader_free(). One thread at a
 * time uses it.
 */
typedef struct chinwag_payload_reader chinwag_payload_reader;

/**
 * Something that was published. It never changes; any thread may read it.
 *
 * In a callback it is borrowed until the callback returns; one that a function gave you is freed
 * with chinwag_published_free().
 */
typedef struct chinwag_published chinwag_published;

/**
 * A message for a server. It is yours: answer it, at once or later, and free it with
 * chinwag_request_free(). Any thread may use it; what it was sent with never changes.
 */
typedef struct chinwag_request chinwag_request;

/**
 * A log of actors that have ended, each with its final count: what a cluster has agreed on. It
 * only grows, at its end, and the same for all; its length is the *epoch*. You free it with
 * chinwag_retired_free(). Whoever adds to it must be the only one that uses it then.
 */
typedef struct chinwag_retired chinwag_retired;

/**
 * Which node owns which key: a value that never changes, and that any thread may read. The same
 * nodes give the same owners in every language, whatever the order in which they came;
 * docs/RING.md says how. You free it with chinwag_ring_free().
 *
 * Names that a ring gives are borrowed from it. A key is any bytes.
 */
typedef struct chinwag_ring chinwag_ring;

/**
 * What a ring shall be made from. You free it with chinwag_ring_builder_free(). To be used by one
 * thread at a time.
 *
 * A step that names an impossible value, such as a weight of 0, is told of by
 * chinwag_ring_build(): the first such.
 */
typedef struct chinwag_ring_builder chinwag_ring_builder;

/**
 * From one ring to another. Keys have no bound, so it answers questions about yours. It never
 * changes; any thread may read it.
 *
 * One within an event is borrowed and lives as long as that; one that chinwag_ring_change_new()
 * gave you is freed with chinwag_ring_change_free().
 */
typedef struct chinwag_ring_change chinwag_ring_change;

/**
 * Rings of a node, the newest first. You free it with chinwag_ring_list_free().
 */
typedef struct chinwag_ring_list chinwag_ring_list;

/**
 * A server of this node. You free it with chinwag_server_free(). It may outlive its node, and has
 * nothing to give then.
 */
typedef struct chinwag_server chinwag_server;

/**
 * The values of one record that stand side by side, and the history that they come from. Who
 * writes reads first, and hands back the context of what was read: a value is replaced by who knew
 * of it, and kept beside what was written by somebody who did not. You free it with
 * chinwag_siblings_free(). Whoever changes it must be the only one that uses it then.
 *
 * A context is a claim: who makes one up can replace what it never read.
 */
typedef struct chinwag_siblings chinwag_siblings;

/**
 * One end of a call that streams: of who calls, or of the server. You free it with
 * chinwag_stream_free(). Any thread may use it, and one may send while another takes; it may
 * outlive its node, and has nothing to give then.
 */
typedef struct chinwag_stream chinwag_stream;

/**
 * A subscriber of a topic. You free it with chinwag_subscriber_free(). It may outlive its node,
 * and has nothing to give then.
 */
typedef struct chinwag_subscriber chinwag_subscriber;

/**
 * A counter for each actor that ever wrote: whether one state knows of another. docs/CLOCKS.md
 * says what it does; it is the same in every language. You free it with chinwag_vclock_free().
 * Whoever changes it must be the only one that uses it then.
 *
 * An actor is a process that writes: a text of 1 to 1,024 bytes. An actor without an entry counts
 * 0. Counters that are at their end stay there. Where a clock is only asked, NULL is one without
 * entries.
 */
typedef struct chinwag_vclock chinwag_vclock;

/**
 * A watch of keys. You free it with chinwag_watcher_free(). It may outlive its node, and has
 * nothing to give then.
 */
typedef struct chinwag_watcher chinwag_watcher;

/**
 * A callback: runs on the node's dispatcher thread, never on the protocol's, one event at a time.
 * `event` is borrowed until it returns. It may call any function, chinwag_close() and
 * chinwag_node_free() included. It must return, not throw, jump or end the thread; while it takes
 * its time, the events after this one wait, and after the option "loop_stuck" the others are told
 * that the thread is stuck.
 */
typedef void (*chinwag_event_fn)(const chinwag_event *event, void *user_data);

/**
 * Frees the data of a callback: called once, after its last event, on the thread that ends it.
 */
typedef void (*chinwag_free_fn)(void *user_data);

/**
 * When chinwag_vclock_trim() trims a clock, and to what.
 */
typedef struct {
    /**
     * A clock with at most so many entries is left alone.
     */
    size_t lower;
    /**
     * More entries than this are too many.
     */
    size_t upper;
    /**
     * A clock whose oldest entry is not older than this, in microseconds, is left alone.
     */
    uint64_t young_us;
    /**
     * An entry older than this, in microseconds, is too old.
     */
    uint64_t old_us;
} chinwag_trim_bounds;

/**
 * What a clock holds of one actor.
 */
typedef struct {
    /**
     * How many events of the actor are known.
     */
    uint64_t count;
    /**
     * When it was seen first, in microseconds, or CHINWAG_NO_TIME.
     */
    uint64_t insert;
    /**
     * When it was changed last, in microseconds, or CHINWAG_NO_TIME.
     */
    uint64_t time;
} chinwag_vclock_entry;

/**
 * A tag to set, or to remove when `value` is NULL.
 */
typedef struct {
    /**
     * The key.
     */
    const char *key;
    /**
     * The value, or NULL.
     */
    const char *value;
} chinwag_tag;

/**
 * A message to a server. Set what you do not need to zero: `chinwag_message m = {0};`.
 */
typedef struct {
    /**
     * Whom it is for: "name" for any server of that name, this node's first; "name@node" for the
     * one on that member; "name#key" for the one on the member that owns the key. The key is
     * whatever is behind the first "#".
     */
    const char *target;
    /**
     * What is asked or told, such as "incr".
     */
    const char *op;
    /**
     * What goes along; NULL for nothing, which other languages see as nil, whatever the codec.
     */
    const uint8_t *payload;
    /**
     * Bytes of that.
     */
    size_t length;
    /**
     * Texts that go along, such as "traceparent": 4,096 bytes at most in all.
     */
    const chinwag_tag *headers;
    /**
     * How many of these.
     */
    size_t header_count;
    /**
     * How long a call waits; 0 for the option "call_timeout". For a cast, after which time it is
     * of no use; 0 for never.
     */
    uint32_t timeout_ms;
    /**
     * How the payload is encoded: CHINWAG_CODEC_MSGPACK for what a chinwag_payload wrote.
     */
    uint8_t codec;
    /**
     * For a cast: it is about a state, so a newer one to the same server and operation takes its
     * place while it waits to be sent.
     */
    bool latest;
} chinwag_message;

/**
 * Is told what a call came to: once, on the node's dispatcher thread, with CHINWAG_ECLOSED when
 * the node is closed first. What holds for a chinwag_event_fn holds for it.
 */
typedef void (*chinwag_outcome_fn)(const chinwag_outcome *outcome, void *user_data);

/**
 * Gets a message for a server: on the node's dispatcher thread, one at a time, never while a
 * callback for events runs. `request` is its own, to be freed with chinwag_request_free() then or
 * later, from any thread. What holds for a chinwag_event_fn holds for it.
 */
typedef void (*chinwag_request_fn)(chinwag_request *request, void *user_data);

/**
 * How a server is served. Set what you do not need to zero: `chinwag_service s = {0};`.
 */
typedef struct {
    /**
     * Gets the messages; NULL when they are taken with chinwag_next_request().
     */
    chinwag_request_fn callback;
    /**
     * Its data. Taken if the server is there.
     */
    void *user_data;
    /**
     * Frees that once no message can follow; may be NULL.
     */
    chinwag_free_fn free_user_data;
    /**
     * Messages that may wait; beyond that, callers get CHINWAG_EOVERLOADED, and casts are dropped
     * and counted. 0 for the option "mailbox".
     */
    size_t mailbox;
} chinwag_service;

/**
 * Something to publish. Set what you do not need to zero: `chinwag_publication p = {0};`.
 */
typedef struct {
    /**
     * Where: a name as a server's is, of 1 to 64 letters, digits and ._:/-
     */
    const char *topic;
    /**
     * What; NULL for nothing, which other languages see as nil, whatever the codec.
     */
    const uint8_t *payload;
    /**
     * Bytes of that.
     */
    size_t length;
    /**
     * Texts that go along, such as "traceparent": 4,096 bytes at most in all.
     */
    const chinwag_tag *headers;
    /**
     * How many of these.
     */
    size_t header_count;
    /**
     * How the payload is encoded: CHINWAG_CODEC_MSGPACK for what a chinwag_payload wrote.
     */
    uint8_t codec;
    /**
     * It is about a state, so a newer one of the topic takes its place while it waits to be sent.
     */
    bool latest;
} chinwag_publication;

/**
 * Gets what is published: on the node's dispatcher thread, one at a time. `published` is borrowed
 * until it returns. What holds for a chinwag_event_fn holds for it.
 */
typedef void (*chinwag_published_fn)(const chinwag_published *published, void *user_data);

/**
 * How a topic is subscribed to. Set what you do not need to zero, as in
 * `chinwag_subscription s = {0};`.
 */
typedef struct {
    /**
     * Each queue gets everything once, and its subscribers, on whatever members they are, share
     * that. NULL: the subscriber gets everything.
     */
    const char *queue;
    /**
     * Publications that may wait; who is slower misses the oldest. 0 for 1024.
     */
    size_t buffer;
    /**
     * Gets them; NULL when they are taken with chinwag_next_published().
     */
    chinwag_published_fn callback;
    /**
     * Its data. Taken if the subscriber is there.
     */
    void *user_data;
    /**
     * Frees that once nothing can follow; may be NULL.
     */
    chinwag_free_fn free_user_data;
} chinwag_subscription;

/**
 * A part of a value. What its kind does not name is 0 or NULL.
 */
typedef struct {
    /**
     * What it is.
     */
    chinwag_payload_kind kind;
    /**
     * Nanoseconds, below 1,000,000,000.
     */
    uint32_t nanos;
    /**
     * True or false.
     */
    bool flag;
    /**
     * An integer, or seconds.
     */
    int64_t integer;
    /**
     * An integer that is not negative.
     */
    uint64_t natural;
    /**
     * A float.
     */
    double number;
    /**
     * A text, as long as the payload is there.
     */
    const char *text;
    /**
     * Bytes, as long as the payload is there.
     */
    const uint8_t *bytes;
    /**
     * Bytes of a text or of bytes; values of a list; pairs of a map.
     */
    size_t count;
} chinwag_payload_part;

/**
 * A key, or the beginning of keys, that is given to a member.
 */
typedef struct {
    /**
     * The key or beginning: any bytes, 1,024 at most.
     */
    const uint8_t *key;
    /**
     * Bytes of that.
     */
    size_t length;
    /**
     * The name of the member.
     */
    const char *name;
} chinwag_ring_pin;

/**
 * What is decided by hand. Set what you do not need to zero: `chinwag_ring_overrides o = {0};`. At
 * most 65,536 of a kind.
 */
typedef struct {
    /**
     * Names of members that own nothing, whether they are here or not.
     */
    const char *const *excluded;
    /**
     * How many names.
     */
    size_t excluded_count;
    /**
     * Keys that are given to a member, for as long as that one can own anything.
     */
    const chinwag_ring_pin *pins;
    /**
     * How many keys.
     */
    size_t pin_count;
    /**
     * Beginnings of keys that are given to a member; the longest counts, and a pinned key more.
     */
    const chinwag_ring_pin *pin_prefixes;
    /**
     * How many beginnings.
     */
    size_t pin_prefix_count;
} chinwag_ring_overrides;

/**
 * Gets changes of keys: on the node's dispatcher thread, one at a time. `change` is borrowed until
 * it returns. What holds for a chinwag_event_fn holds for it.
 */
typedef void (*chinwag_change_fn)(const chinwag_change *change, void *user_data);

/**
 * How keys are watched. Set what you do not need to zero: `chinwag_watching w = {0};`.
 */
typedef struct {
    /**
     * Gets the changes; NULL when they are taken with chinwag_next_change().
     */
    chinwag_change_fn callback;
    /**
     * Its data. Taken if the watcher is there.
     */
    void *user_data;
    /**
     * Frees that once nothing can follow; may be NULL.
     */
    chinwag_free_fn free_user_data;
    /**
     * The keys that are there come first, then CHINWAG_CHANGE_REPLAY_DONE.
     */
    bool replay;
} chinwag_watching;

/**
 * What is written to a key of a shared map. Set what you do not need to zero:
 * `chinwag_map_write w = {0};`.
 */
typedef struct {
    /**
     * The name of the map, as a server's is: 1 to 64 letters, digits and ._:/-
     */
    const char *map;
    /**
     * The key.
     */
    const char *key;
    /**
     * Its new value; of chinwag_map_delete(), nothing.
     */
    const uint8_t *value;
    /**
     * Bytes of that.
     */
    size_t length;
    /**
     * The "context" of an entry that was read: what is written is in place of that, and nothing
     * else. NULL: in place of all that this node knows.
     */
    const uint8_t *context;
    /**
     * Bytes of that.
     */
    size_t context_length;
} chinwag_map_write;

/**
 * A question to the members. Set what you do not need to zero: `chinwag_question q = {0};`.
 */
typedef struct {
    /**
     * Its name.
     */
    const char *name;
    /**
     * What comes with it; NULL when that is nothing.
     */
    const uint8_t *payload;
    /**
     * Bytes of that.
     */
    size_t length;
    /**
     * Names of the members who are meant; NULL for everybody.
     */
    const char *const *nodes;
    /**
     * How many names.
     */
    size_t node_count;
    /**
     * Tags that those who are meant have, with regular expressions that the values match.
     */
    const chinwag_tag *tags;
    /**
     * How many tags.
     */
    size_t tag_count;
    /**
     * Whether everybody who is meant acknowledges it.
     */
    bool ack;
    /**
     * Through how many other members a copy of each answer is sent.
     */
    uint8_t relay_factor;
    /**
     * How long answers are waited for; 0 for a time that grows with the cluster.
     */
    uint32_t timeout_ms;
} chinwag_question;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * CHINWAG_ABI_VERSION of the library at run time: not yours? Then do not use it.
 */
uint32_t chinwag_abi_version(void);

/**
 * CHINWAG_VERSION of the library at run time. Never freed.
 */
const char *chinwag_version(void);

/**
 * What it is; CHINWAG_ANSWER_NONE for NULL.
 */
chinwag_answer_kind chinwag_answer_type(const chinwag_answer *answer);

/**
 * Yes or no; false for what is no flag.
 */
bool chinwag_answer_flag(const chinwag_answer *answer);

/**
 * A count, or a span of time in nanoseconds; 0 for what is neither.
 */
uint64_t chinwag_answer_number(const chinwag_answer *answer);

/**
 * Any number; a span of time in seconds. 0 for what is none.
 */
double chinwag_answer_real(const chinwag_answer *answer);

/**
 * The text. Borrowed from the answer. NULL for what is none.
 */
const char *chinwag_answer_text(const chinwag_answer *answer);

/**
 * The bytes, also those of a payload; `length` is set to their number. Borrowed from the answer.
 * NULL for what is none.
 */
const uint8_t *chinwag_answer_bytes(const chinwag_answer *answer, size_t *length);

/**
 * How a payload is encoded, such as CHINWAG_CODEC_MSGPACK; -1 for what is none.
 */
int32_t chinwag_answer_codec(const chinwag_answer *answer);

/**
 * What went wrong with a part, such as one of several servers. Borrowed from the answer. NULL for
 * what is none.
 */
const chinwag_error *chinwag_answer_error(const chinwag_answer *answer);

/**
 * How many answers are in a list, record or map; 0 for others.
 */
size_t chinwag_answer_count(const chinwag_answer *answer);

/**
 * Answer `index` of a list, record or map, counted from 0. Borrowed from that. NULL when there is
 * no such answer.
 */
const chinwag_answer *chinwag_answer_at(const chinwag_answer *answer, size_t index);

/**
 * The name that answer `index` of a record or map has there. Borrowed from that. NULL when there
 * is no such answer, and in lists.
 */
const char *chinwag_answer_name(const chinwag_answer *answer, size_t index);

/**
 * The answer of that name in a record or map. Borrowed from that. NULL when there is none.
 */
const chinwag_answer *chinwag_answer_get(const chinwag_answer *answer, const char *name);

/**
 * Frees an answer that a function gave you, and those within. NULL is allowed.
 */
void chinwag_answer_free(chinwag_answer *answer);

/**
 * Calls `callback` for the events whose bits are set in `mask`; "events-lost" is told whatever the
 * mask. A mask with CHINWAG_MASK_REPLAY_DONE, as ~0u has, asks for a replay: first one
 * "member-join" for each member that is here, then "replay-done", then what happens.
 *
 * A mask that names CHINWAG_MASK_RING_CHANGE or a hand-off has the cluster's ring kept, as a call
 * of chinwag_node_ring() does, and takes as long. One that is made from ~0u takes what there is:
 * these events come then once somebody has asked for the ring.
 *
 * Returns a number above 0, for chinwag_off_event(), or a negative status. On success `user_data`
 * is taken: `free_user_data`, if not NULL, is called with it once no event can follow. On failure
 * it stays yours.
 */
int32_t chinwag_on_event(chinwag_node *node,
                         uint32_t mask,
                         chinwag_event_fn callback,
                         void *user_data,
                         chinwag_free_fn free_user_data);

/**
 * Ends the callback of that number. When this returns, the callback does not run and will not run
 * again, and its data is freed; so do not hold a lock that it waits for. From within a callback it
 * does not wait: then that holds once the running callback has returned.
 */
chinwag_status chinwag_off_event(chinwag_node *node, int32_t number);

/**
 * A clock without entries.
 */
chinwag_vclock *chinwag_vclock_new(void);

/**
 * Another clock that is the same, and yours too. NULL for NULL.
 */
chinwag_vclock *chinwag_vclock_copy(const chinwag_vclock *clock);

/**
 * Frees a clock. NULL is allowed.
 */
void chinwag_vclock_free(chinwag_vclock *clock);

/**
 * Makes an entry that counts 0; one that is there stays as it is. `now_us` is the time in
 * microseconds, or CHINWAG_NO_TIME.
 *
 * CHINWAG_EBADARGUMENT for an actor of 0 or more than 1,024 bytes, CHINWAG_ETOOLARGE when all
 * names would take more than 16 MiB; nothing is changed then. So it is with every change.
 */
chinwag_status chinwag_vclock_insert(chinwag_vclock *clock,
                                     const char *actor,
                                     uint64_t now_us,
                                     chinwag_error **err);

/**
 * Counts one more event of the actor: `count`, which may be NULL, is its number. `now_us` as for
 * chinwag_vclock_insert().
 */
chinwag_status chinwag_vclock_increment(chinwag_vclock *clock,
                                        const char *actor,
                                        uint64_t now_us,
                                        uint64_t *count,
                                        chinwag_error **err);

/**
 * Sets the counter, be it to less than it was. `now_us` as for chinwag_vclock_insert().
 */
chinwag_status chinwag_vclock_update(chinwag_vclock *clock,
                                     const char *actor,
                                     uint64_t count,
                                     uint64_t now_us,
                                     chinwag_error **err);

/**
 * Forgets the actor; whether there was an entry.
 */
bool chinwag_vclock_remove(chinwag_vclock *clock, const char *actor);

/**
 * Takes in all that another clock knows: the higher count of each actor.
 *
 * CHINWAG_ETOOLARGE when all names would take more than 16 MiB; nothing is changed then.
 */
chinwag_status chinwag_vclock_merge(chinwag_vclock *clock,
                                    const chinwag_vclock *other,
                                    chinwag_error **err);

/**
 * Drops the oldest entries as long as there are too many or they are too old; how many were
 * dropped. `bounds` NULL: more than 10 entries of which the oldest is older than 20 s are trimmed
 * to 50 of at most 24 h. Entries without a time stay.
 */
size_t chinwag_vclock_trim(chinwag_vclock *clock,
                           uint64_t now_us,
                           const chinwag_trim_bounds *bounds);

/**
 * How many entries there are.
 */
size_t chinwag_vclock_size(const chinwag_vclock *clock);

/**
 * The counter of an actor: the number of its last event; 0 without an entry.
 */
uint64_t chinwag_vclock_count(const chinwag_vclock *clock, const char *actor);

/**
 * Whether the actor has an entry, be it with 0.
 */
bool chinwag_vclock_has(const chinwag_vclock *clock, const char *actor);

/**
 * The entry of an actor, written to `entry`; false, and nothing is written, when there is none.
 */
bool chinwag_vclock_get(const chinwag_vclock *clock,
                        const char *actor,
                        chinwag_vclock_entry *entry);

/**
 * As chinwag_vclock_get(), of entry `index`, counted from 0 in the order of the actors' bytes.
 */
bool chinwag_vclock_at(const chinwag_vclock *clock, size_t index, chinwag_vclock_entry *entry);

/**
 * The actor of entry `index`. Returns how many bytes it has, 0 when there is no such entry, and
 * writes it if `capacity` is more than that: always, if it is CHINWAG_ACTOR_SIZE. (Other languages
 * can write a zero byte into a name; it is longer than it looks then.)
 */
size_t chinwag_vclock_actor(const chinwag_vclock *clock,
                            size_t index,
                            char *actor,
                            size_t capacity);

/**
 * How a history stands to another, by the counters alone.
 */
chinwag_causality chinwag_vclock_compare(const chinwag_vclock *clock, const chinwag_vclock *other);

/**
 * Whether `clock` knows of all that `other` does: it is equal or after.
 */
bool chinwag_vclock_descends(const chinwag_vclock *clock, const chinwag_vclock *other);

/**
 * Whether `clock` knows of all that `other` does, and more: it is after.
 */
bool chinwag_vclock_dominates(const chinwag_vclock *clock, const chinwag_vclock *other);

/**
 * Whether event `count` of the actor is known. False if the actor is NULL.
 */
bool chinwag_vclock_descends_dot(const chinwag_vclock *clock, const char *actor, uint64_t count);

/**
 * The actor that a node is in one of its lives: its name, `~`, its incarnation. Returns how many
 * bytes that has, and writes it if `capacity` is more: always, if it is CHINWAG_ACTOR_SIZE. 0 for
 * a name that is NULL, empty or too long.
 */
size_t chinwag_actor(const char *name, uint64_t incarnation, char *actor, size_t capacity);

/**
 * The clock as bytes, with its stamps if it has any: one form for each value, the same in every
 * language. Returns how many there are, and writes them if `capacity` is enough.
 */
size_t chinwag_vclock_to_bytes(const chinwag_vclock *clock, uint8_t *bytes, size_t capacity);

/**
 * The clock of these bytes, as chinwag_vclock_to_bytes() writes them in any language. It is yours.
 *
 * CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE when all names take more than 16 MiB.
 */
chinwag_status chinwag_vclock_from_bytes(const uint8_t *bytes,
                                         size_t length,
                                         chinwag_vclock **clock,
                                         chinwag_error **err);

/**
 * The clock as JSON, an object by actor: the text of `answer`, which is yours; free it with
 * chinwag_answer_free().
 */
chinwag_status chinwag_vclock_to_json(const chinwag_vclock *clock,
                                      chinwag_answer **answer,
                                      chinwag_error **err);

/**
 * The clock of that JSON, as chinwag_vclock_to_json() writes it. It is yours.
 *
 * CHINWAG_EBADARGUMENT for what is not the JSON of a clock, CHINWAG_ETOOLARGE for more than 4 MiB.
 */
chinwag_status chinwag_vclock_from_json(const char *json,
                                        chinwag_vclock **clock,
                                        chinwag_error **err);

/**
 * A table of these actors, in whatever order; one that comes twice counts once. It is yours.
 *
 * CHINWAG_EBADARGUMENT for what is no actor, CHINWAG_ETOOLARGE when all take more than 16 MiB.
 */
chinwag_status chinwag_actor_table_new(const char *const *actors,
                                       size_t count,
                                       chinwag_actor_table **table,
                                       chinwag_error **err);

/**
 * Frees a table. NULL is allowed.
 */
void chinwag_actor_table_free(chinwag_actor_table *table);

/**
 * The same for two tables exactly if they have the same actors. 0 for NULL.
 */
uint64_t chinwag_actor_table_fingerprint(const chinwag_actor_table *table);

/**
 * The counters alone, for who has the same table: the bytes of `answer`, which is yours; free it
 * with chinwag_answer_free().
 *
 * CHINWAG_EBADARGUMENT when an actor that counts more than 0 is not in the table.
 */
chinwag_status chinwag_vclock_to_dense(const chinwag_vclock *clock,
                                       const chinwag_actor_table *table,
                                       chinwag_answer **answer,
                                       chinwag_error **err);

/**
 * The clock of bytes that chinwag_vclock_to_dense() made with the same table. It is yours. An
 * actor that counts 0 has no entry.
 *
 * CHINWAG_EBADARGUMENT for bytes that are none, or of another table.
 */
chinwag_status chinwag_vclock_from_dense(const chinwag_actor_table *table,
                                         const uint8_t *bytes,
                                         size_t length,
                                         chinwag_vclock **clock,
                                         chinwag_error **err);

/**
 * A log without a retirement, of epoch 0.
 */
chinwag_retired *chinwag_retired_new(void);

/**
 * Frees a log. NULL is allowed.
 */
void chinwag_retired_free(chinwag_retired *log);

/**
 * Adds an actor that has ended with `count` events; `epoch`, which may be NULL, is the new one.
 *
 * CHINWAG_EBADARGUMENT for an actor of 0 or more than 1,024 bytes, and for one that has ended
 * before; CHINWAG_ETOOLARGE when all names would take more than 16 MiB.
 */
chinwag_status chinwag_retired_add(chinwag_retired *log,
                                   const char *actor,
                                   uint64_t count,
                                   uint64_t *epoch,
                                   chinwag_error **err);

/**
 * How many actors have ended. 0 for NULL.
 */
uint64_t chinwag_retired_epoch(const chinwag_retired *log);

/**
 * Whether an actor has ended; its final count is written to `count` then, which may be NULL.
 */
bool chinwag_retired_get(const chinwag_retired *log, const char *actor, uint64_t *count);

/**
 * The clock under this log. It is yours. Stamps of what is dropped are gone; counters are not.
 *
 * CHINWAG_ETOOLARGE when the names of those of whom nothing is known do not fit.
 */
chinwag_status chinwag_retired_fold(const chinwag_retired *log,
                                    const chinwag_vclock *clock,
                                    chinwag_folded **folded,
                                    chinwag_error **err);

/**
 * The clock as it was before it was folded, counter by counter. It is yours.
 *
 * CHINWAG_EBADARGUMENT when it was folded under a longer log, CHINWAG_ETOOLARGE when the names do
 * not fit. So it is with all that follow.
 */
chinwag_status chinwag_retired_unfold(const chinwag_retired *log,
                                      const chinwag_folded *folded,
                                      chinwag_vclock **clock,
                                      chinwag_error **err);

/**
 * The same clock under all of this log. It is yours.
 */
chinwag_status chinwag_retired_raise(const chinwag_retired *log,
                                     const chinwag_folded *folded,
                                     chinwag_folded **raised,
                                     chinwag_error **err);

/**
 * How two clocks stand to each other, of whatever epochs: as before they were folded.
 */
chinwag_status chinwag_retired_compare(const chinwag_retired *log,
                                       const chinwag_folded *folded,
                                       const chinwag_folded *other,
                                       chinwag_causality *causality,
                                       chinwag_error **err);

/**
 * All that either of two clocks knows, of whatever epochs, under all of this log. It is yours.
 */
chinwag_status chinwag_retired_merge(const chinwag_retired *log,
                                     const chinwag_folded *folded,
                                     const chinwag_folded *other,
                                     chinwag_folded **merged,
                                     chinwag_error **err);

/**
 * The log as bytes, the same in every language, to be kept beside what was folded under it.
 * Returns how many there are, and writes them if `capacity` is enough.
 */
size_t chinwag_retired_to_bytes(const chinwag_retired *log, uint8_t *bytes, size_t capacity);

/**
 * The log of these bytes, as chinwag_retired_to_bytes() writes them in any language. It is yours.
 *
 * CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE when all names take more than 16 MiB.
 */
chinwag_status chinwag_retired_from_bytes(const uint8_t *bytes,
                                          size_t length,
                                          chinwag_retired **log,
                                          chinwag_error **err);

/**
 * The log as JSON, an array of actors and counts: the text of `answer`, which is yours; free it
 * with chinwag_answer_free().
 */
chinwag_status chinwag_retired_to_json(const chinwag_retired *log,
                                       chinwag_answer **answer,
                                       chinwag_error **err);

/**
 * The log of that JSON, as chinwag_retired_to_json() writes it. It is yours.
 *
 * CHINWAG_EBADARGUMENT for what is none, CHINWAG_ETOOLARGE for more than 4 MiB.
 */
chinwag_status chinwag_retired_from_json(const char *json,
                                         chinwag_retired **log,
                                         chinwag_error **err);

/**
 * Frees a folded clock. NULL is allowed.
 */
void chinwag_folded_free(chinwag_folded *folded);

/**
 * How many retirements a clock is folded under. 0 for NULL.
 */
uint64_t chinwag_folded_epoch(const chinwag_folded *folded);

/**
 * A folded clock as bytes, the same in every language. Returns how many there are, and writes them
 * if `capacity` is enough.
 */
size_t chinwag_folded_to_bytes(const chinwag_folded *folded, uint8_t *bytes, size_t capacity);

/**
 * The folded clock of these bytes, as chinwag_folded_to_bytes() writes them in any language. It is
 * yours.
 *
 * CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE when all names take more than 16 MiB.
 */
chinwag_status chinwag_folded_from_bytes(const uint8_t *bytes,
                                         size_t length,
                                         chinwag_folded **folded,
                                         chinwag_error **err);

/**
 * A folded clock as JSON, an object of `clock` and `epoch`: the text of `answer`, which is yours;
 * free it with chinwag_answer_free().
 */
chinwag_status chinwag_folded_to_json(const chinwag_folded *folded,
                                      chinwag_answer **answer,
                                      chinwag_error **err);

/**
 * The folded clock of that JSON, as chinwag_folded_to_json() writes it. It is yours.
 *
 * CHINWAG_EBADARGUMENT for what is none, CHINWAG_ETOOLARGE for more than 4 MiB.
 */
chinwag_status chinwag_folded_from_json(const char *json,
                                        chinwag_folded **folded,
                                        chinwag_error **err);

/**
 * A record that was never written.
 */
chinwag_siblings *chinwag_siblings_new(void);

/**
 * Another record that is the same, and yours too. NULL for NULL.
 */
chinwag_siblings *chinwag_siblings_copy(const chinwag_siblings *siblings);

/**
 * Frees a record, and with it the values that it gave. NULL is allowed.
 */
void chinwag_siblings_free(chinwag_siblings *siblings);

/**
 * Writes a value, which is copied, in place of all those that the context knows of; with `context`
 * NULL, beside all. The actor is the process that holds the record, not the client that asks.
 *
 * CHINWAG_EBADARGUMENT for an actor of 0 or more than 1,024 bytes, and for one whose counter is at
 * its end; CHINWAG_ETOOLARGE when all names would take more than 16 MiB. Nothing is changed then.
 */
chinwag_status chinwag_siblings_put(chinwag_siblings *siblings,
                                    const char *actor,
                                    const chinwag_vclock *context,
                                    const uint8_t *value,
                                    size_t length,
                                    chinwag_error **err);

/**
 * Replaces several values by the one that you made of them; with fewer than two, does nothing.
 * Errors as for chinwag_siblings_put().
 */
chinwag_status chinwag_siblings_resolve(chinwag_siblings *siblings,
                                        const char *actor,
                                        const uint8_t *value,
                                        size_t length,
                                        chinwag_error **err);

/**
 * Drops all values that the context knows of; with the record's own, that deletes it. The history
 * stays, so that an old replica does not bring them back.
 *
 * CHINWAG_ETOOLARGE when all names would take more than 16 MiB; nothing is changed then.
 */
chinwag_status chinwag_siblings_discard(chinwag_siblings *siblings,
                                        const chinwag_vclock *context,
                                        chinwag_error **err);

/**
 * Takes in another replica of the record: of each side stay the values that the other has too, or
 * does not know of. Errors as for chinwag_siblings_discard().
 */
chinwag_status chinwag_siblings_merge(chinwag_siblings *siblings,
                                      const chinwag_siblings *other,
                                      chinwag_error **err);

/**
 * How many values there are. More than one: somebody has to decide.
 */
size_t chinwag_siblings_count(const chinwag_siblings *siblings);

/**
 * Value `index`, counted from 0; `length` is set to the number of its bytes. Borrowed from the
 * record, until that is changed. NULL when there is no such value.
 */
const uint8_t *chinwag_siblings_value(const chinwag_siblings *siblings,
                                      size_t index,
                                      size_t *length);

/**
 * All events of which the record knows: what a writer hands back that has read all values. It is
 * yours; free it with chinwag_vclock_free(). NULL for NULL.
 */
chinwag_vclock *chinwag_siblings_context(const chinwag_siblings *siblings);

/**
 * How a replica stands to another: after it, when a merge would change nothing here, and something
 * there. NULL is a record that was never written.
 */
chinwag_causality chinwag_siblings_compare(const chinwag_siblings *siblings,
                                           const chinwag_siblings *other);

/**
 * Whether two replicas have the same history and the same values. NULL is a record that was never
 * written.
 */
bool chinwag_siblings_equal(const chinwag_siblings *siblings, const chinwag_siblings *other);

/**
 * The record as bytes, history and values: one form for each, the same in every language. Returns
 * how many there are, and writes them if `capacity` is enough.
 */
size_t chinwag_siblings_to_bytes(const chinwag_siblings *siblings, uint8_t *bytes, size_t capacity);

/**
 * The record of these bytes, as chinwag_siblings_to_bytes() writes them in any language. It is
 * yours.
 *
 * CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE when all names take more than 16 MiB.
 */
chinwag_status chinwag_siblings_from_bytes(const uint8_t *bytes,
                                           size_t length,
                                           chinwag_siblings **siblings,
                                           chinwag_error **err);

/**
 * The record as JSON, an object by actor with each value in base64: the text of `answer`, which is
 * yours; free it with chinwag_answer_free().
 */
chinwag_status chinwag_siblings_to_json(const chinwag_siblings *siblings,
                                        chinwag_answer **answer,
                                        chinwag_error **err);

/**
 * The record of that JSON, as chinwag_siblings_to_json() writes it. It is yours.
 *
 * CHINWAG_EBADARGUMENT for what is none, CHINWAG_ETOOLARGE for more than 4 MiB.
 */
chinwag_status chinwag_siblings_from_json(const char *json,
                                          chinwag_siblings **siblings,
                                          chinwag_error **err);

/**
 * A clock that accepts stamps of others up to half a second ahead of its own time.
 */
chinwag_hybrid *chinwag_hybrid_new(void);

/**
 * A clock that accepts stamps of others up to so many microseconds ahead of its own time.
 */
chinwag_hybrid *chinwag_hybrid_with_drift(uint64_t drift_us);

/**
 * Frees a clock. NULL is allowed.
 */
void chinwag_hybrid_free(chinwag_hybrid *clock);

/**
 * The last stamp that was given. 0 for NULL.
 */
uint64_t chinwag_hybrid_last(const chinwag_hybrid *clock);

/**
 * A stamp for something that happens here, now: greater than all before. `now_us` is the time in
 * microseconds. 0 for NULL.
 */
uint64_t chinwag_hybrid_tick(chinwag_hybrid *clock, uint64_t now_us);

/**
 * A stamp for having received `remote`, now: greater than it, and than all before. `stamp` may be
 * NULL.
 *
 * CHINWAG_EBADARGUMENT when `remote` is too far ahead of `now_us`; the clock stays as it is.
 */
chinwag_status chinwag_hybrid_observe(chinwag_hybrid *clock,
                                      uint64_t remote,
                                      uint64_t now_us,
                                      uint64_t *stamp,
                                      chinwag_error **err);

/**
 * The text of a stamp: 15 digits of milliseconds, a dot, 5 digits of the counter. Texts sort as
 * stamps do. Returns its length, and writes it if `capacity` is more than that, such as
 * CHINWAG_STAMP_SIZE.
 */
size_t chinwag_stamp_text(uint64_t stamp, char *text, size_t capacity);

/**
 * The stamp of a text that chinwag_stamp_text() wrote.
 *
 * CHINWAG_EBADARGUMENT for any other.
 */
chinwag_status chinwag_stamp_parse(const char *text, uint64_t *stamp, chinwag_error **err);

/**
 * The number of something that happens here. A Lamport clock is a number of yours, 0 at first,
 * which this changes; at the largest one it stays. 0 for NULL.
 */
uint64_t chinwag_lamport_tick(uint64_t *clock);

/**
 * The number of having received something with the number `remote`: greater than that. 0 for NULL.
 */
uint64_t chinwag_lamport_observe(uint64_t *clock, uint64_t remote);

/**
 * Options at their defaults.
 */
chinwag_config *chinwag_config_new(void);

/**
 * Frees options; nodes that were started with them are not touched. NULL is allowed.
 */
void chinwag_config_free(chinwag_config *config);

/**
 * Sets the option `key` from text, such as ("bind", "127.0.0.1:0"), ("probe_interval", "500ms"),
 * ("seeds", "10.0.0.1,10.0.0.2:7947"), ("tags", "role=web,zone=a") or ("insecure", "true").
 *
 * CHINWAG_EBADCONFIG when the key is unknown or the text malformed; the old value stays.
 */
chinwag_status chinwag_config_set(chinwag_config *config,
                                  const char *key,
                                  const char *value,
                                  chinwag_error **err);

/**
 * Sets an option to `length` bytes as they are: "meta", which may contain zeros.
 */
chinwag_status chinwag_config_set_bytes(chinwag_config *config,
                                        const char *key,
                                        const uint8_t *bytes,
                                        size_t length,
                                        chinwag_error **err);

/**
 * Adds one tag to the option "tags"; key and value may contain commas and equals signs.
 */
chinwag_status chinwag_config_set_tag(chinwag_config *config,
                                      const char *key,
                                      const char *value,
                                      chinwag_error **err);

/**
 * What may be shown of the keys of this node, the primary first: a list of records of the text
 * "fingerprint", the count "bits" and the flag "primary". Empty without encryption. `answer` is
 * yours: free it with chinwag_answer_free().
 */
chinwag_status chinwag_keys(const chinwag_node *node, chinwag_answer **answer, chinwag_error **err);

/**
 * Installs a key, in base64, on this node: what is encrypted under it is understood. To change the
 * key of a cluster, install the new one everywhere, then use it everywhere, then remove the old
 * one; or see chinwag_cluster_keys().
 *
 * CHINWAG_EBADARGUMENT for what is no key, when there are 8, and on a node without keys.
 */
chinwag_status chinwag_add_key(chinwag_node *node, const char *key, chinwag_error **err);

/**
 * Encrypts under that key of the ring from now on, named by its fingerprint or in base64.
 *
 * CHINWAG_EBADARGUMENT when the ring has no such key.
 */
chinwag_status chinwag_use_key(chinwag_node *node, const char *key, chinwag_error **err);

/**
 * Forgets a key of the ring, named by its fingerprint or in base64.
 *
 * CHINWAG_EBADARGUMENT when the ring has no such key, or encrypts under it.
 */
chinwag_status chinwag_remove_key(chinwag_node *node, const char *key, chinwag_error **err);

/**
 * Has every member change or list its keys, serf agents too, this node as well: `op` is "install",
 * "use" or "remove", with a key in base64; or "list", with NULL. Waits as chinwag_query() does.
 *
 * `answer` is a map: under the name of each member that answered, a record of the flag "done", the
 * text "message", which says why it did not, and for "list" also "keys", a list of texts, and the
 * text "primary", both in base64. A member that is not in the map did not answer: before you go on
 * to use or remove a key, see that all are there and have done it. `answer` is yours: free it with
 * chinwag_answer_free().
 *
 * CHINWAG_EBADARGUMENT for another `op` and for what is no key, which the error does not show;
 * otherwise as chinwag_query().
 */
chinwag_status chinwag_cluster_keys(chinwag_node *node,
                                    const char *op,
                                    const char *key,
                                    chinwag_answer **answer,
                                    chinwag_error **err);

/**
 * The permanent code, such as "join_failed". Borrowed until the error is freed. NULL for NULL.
 */
const char *chinwag_error_code(const chinwag_error *error);

/**
 * The permanent number, from 1; the status is its negative. 0 for NULL.
 */
uint32_t chinwag_error_number(const chinwag_error *error);

/**
 * The sentence. Borrowed until the error is freed. NULL for NULL.
 */
const char *chinwag_error_message(const chinwag_error *error);

/**
 * Whether the same call may succeed later.
 */
bool chinwag_error_retryable(const chinwag_error *error);

/**
 * Whether what was asked for may have happened all the same. `false` is certain. False for NULL.
 */
bool chinwag_error_maybe_executed(const chinwag_error *error);

/**
 * Of a "remote_error", the member whose server failed. Borrowed until the error is freed. NULL for
 * others.
 */
const char *chinwag_error_remote_node(const chinwag_error *error);

/**
 * Of a "remote_error", the language of the server, such as "python". Borrowed until the error is
 * freed. NULL for others.
 */
const char *chinwag_error_remote_language(const chinwag_error *error);

/**
 * Of a "remote_error", the type of the error there, such as "ValueError". Borrowed until the error
 * is freed. NULL for others.
 */
const char *chinwag_error_remote_class(const chinwag_error *error);

/**
 * Of a "remote_error", the server's own words. Borrowed until the error is freed. NULL for others.
 */
const char *chinwag_error_remote_message(const chinwag_error *error);

/**
 * Of a "remote_error", the stack there, where the server passes it on. Borrowed until the error is
 * freed. NULL for others.
 */
const char *chinwag_error_remote_stack(const chinwag_error *error);

/**
 * How many addresses a failed join tried; 0 for other errors.
 */
size_t chinwag_error_attempts(const chinwag_error *error);

/**
 * The seed of attempt `index`, counted from 0. Borrowed until the error is freed. NULL when there
 * is no such attempt.
 */
const char *chinwag_error_attempt_seed(const chinwag_error *error, size_t index);

/**
 * Why attempt `index` failed. Borrowed until the error is freed. NULL when there is no such
 * attempt.
 */
const char *chinwag_error_attempt_cause(const chinwag_error *error, size_t index);

/**
 * Frees an error. NULL is allowed.
 */
void chinwag_error_free(chinwag_error *error);

/**
 * What any status means: its code and what happened to the state. Never NULL, never freed.
 */
const char *chinwag_strstatus(int32_t status);

/**
 * Starts the events of chinwag_next_event() again from here. With `replay`, one "member-join" for
 * each member that is here and "replay-done" come first. Without this call they start, with a
 * replay, at the first use of chinwag_event_fd() or chinwag_next_event().
 *
 * Those of the cluster's ring are among them once somebody has asked for it: see
 * chinwag_node_ring().
 */
chinwag_status chinwag_subscribe(chinwag_node *node, bool replay, chinwag_error **err);

/**
 * A descriptor for poll, epoll, libuv or GLib: readable while chinwag_next_event() has something
 * to say, now and then also when it has not. It tells of messages for servers, outcomes,
 * publications and changes of keys too: whenever it is readable, take events until there are none,
 * and only then chinwag_next_request(), chinwag_next_outcome() and their like. Borrowed: only wait
 * for it, do not read, write or close it; it is closed by chinwag_node_free(). A negative status
 * on failure.
 */
int chinwag_event_fd(chinwag_node *node);

/**
 * Takes the next event. Waits for it up to `timeout_ms` milliseconds; 0 does not wait, a negative
 * number waits for ever. `event` is yours: free it with chinwag_event_free().
 *
 * CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when none will come any more.
 */
chinwag_status chinwag_next_event(chinwag_node *node, int32_t timeout_ms, chinwag_event **event);

/**
 * What happened. "events-lost" for NULL.
 */
chinwag_event_kind chinwag_event_type(const chinwag_event *event);

/**
 * Number of the event, from 1. Events of a replay carry that of the last event before it, and
 * "events-lost" that of the last event which is missing. 0 for NULL.
 */
uint64_t chinwag_event_seq(const chinwag_event *event);

/**
 * The member that it is about, as it is after the event; of an "admission" the newcomer. Borrowed
 * from the event. NULL for those that are about none, such as "replay-done" and "events-lost".
 */
const chinwag_member *chinwag_event_member(const chinwag_event *event);

/**
 * The member before a "member-update" or "member-move". Borrowed from the event. NULL for others.
 */
const chinwag_member *chinwag_event_previous(const chinwag_event *event);

/**
 * A text that the event carries under that name, such as "code" of a "warning" or "addr" of a
 * "member-conflict". Borrowed from the event. NULL where it carries none.
 */
const char *chinwag_event_text(const chinwag_event *event, const char *name);

/**
 * The bytes that the event carries, such as the payload of a "message"; `len` gets their number.
 * Borrowed from the event. NULL where it carries none.
 */
const uint8_t *chinwag_event_bytes(const chinwag_event *event, size_t *len);

/**
 * From which ring of the cluster to which, of a "ring-change"; its keys are this node's where a
 * question does not say. Borrowed from the event: to keep it, keep a chinwag_event_copy(). NULL
 * for others.
 */
const chinwag_ring_change *chinwag_event_ring_change(const chinwag_event *event);

/**
 * The slots of the cluster's ring that a "handoff-prepare" or "handoff-acquired" is about, in
 * order; `count`, which may be NULL, is set to how many. Borrowed from the event. NULL for others.
 */
const uint32_t *chinwag_event_slots(const chinwag_event *event, size_t *count);

/**
 * Whether a flag of that name is set in the event, such as "reliable" of a "message".
 */
bool chinwag_event_flag(const chinwag_event *event, const char *name);

/**
 * A whole number that the event carries under that name, such as "count" of an "events-lost" or
 * "id" of a "query"; a span of time, such as "timeout" of a "query", in nanoseconds. 0 where it
 * carries none.
 */
uint64_t chinwag_event_number(const chinwag_event *event, const char *name);

/**
 * How many events an "events-lost" stands for; 0 for others.
 */
uint64_t chinwag_event_count(const chinwag_event *event);

/**
 * The other members as they were when an "events-lost" was made, whatever their state. Borrowed
 * from the event. NULL for others.
 */
const chinwag_member_list *chinwag_event_members(const chinwag_event *event);

/**
 * An event of your own, to be kept beyond the callback. You free it with chinwag_event_free().
 * NULL for NULL.
 */
chinwag_event *chinwag_event_copy(const chinwag_event *event);

/**
 * Frees an event that a function gave you. NULL is allowed.
 */
void chinwag_event_free(chinwag_event *event);

/**
 * The word for any type of event, such as "member-join". Never NULL, never freed.
 */
const char *chinwag_strevent(uint32_t kind);

/**
 * The name, unique in the cluster. Borrowed from the member. NULL for NULL.
 *
 * In all text, a zero byte that a peer sent stands as U+FFFD.
 */
const char *chinwag_member_name(const chinwag_member *member);

/**
 * The address it advertises for UDP and TCP alike, such as "127.0.0.1:7946" or "[::1]:7946".
 * Borrowed from the member. NULL for NULL.
 */
const char *chinwag_member_addr(const chinwag_member *member);

/**
 * What was believed about it; "failed" for NULL.
 */
chinwag_state chinwag_member_state(const chinwag_member *member);

/**
 * The value of a tag, or NULL when it has none of that key. Borrowed from the member.
 */
const char *chinwag_member_tag(const chinwag_member *member, const char *key);

/**
 * How many tags it has.
 */
size_t chinwag_member_tag_count(const chinwag_member *member);

/**
 * The key of tag `index`, counted from 0 in the order of the keys. Borrowed from the member. NULL
 * when there is no such tag.
 */
const char *chinwag_member_tag_key(const chinwag_member *member, size_t index);

/**
 * The value of tag `index`, counted from 0 in the order of the keys. Borrowed from the member.
 * NULL when there is no such tag.
 */
const char *chinwag_member_tag_value(const chinwag_member *member, size_t index);

/**
 * The metadata as it travels; `length` is set to its number of bytes. Borrowed from the member.
 * NULL for NULL.
 */
const uint8_t *chinwag_member_meta(const chinwag_member *member, size_t *length);

/**
 * How often it has announced itself; grows with every change and refutation.
 */
uint32_t chinwag_member_incarnation(const chinwag_member *member);

/**
 * A member of your own, to be kept beyond what it was borrowed from. You free it with
 * chinwag_member_free(). NULL for NULL.
 */
chinwag_member *chinwag_member_copy(const chinwag_member *member);

/**
 * Frees a member that a function gave you. NULL is allowed.
 */
void chinwag_member_free(chinwag_member *member);

/**
 * How many members are in the list.
 */
size_t chinwag_member_list_count(const chinwag_member_list *list);

/**
 * Member `index`, counted from 0. Borrowed from the list. NULL when there is no such member.
 */
const chinwag_member *chinwag_member_list_get(const chinwag_member_list *list, size_t index);

/**
 * Frees a list that a function gave you, and the members in it. NULL is allowed.
 */
void chinwag_member_list_free(chinwag_member_list *list);

/**
 * The word for any state: "alive", "suspect", "failed" or "left". Never NULL, never freed.
 */
const char *chinwag_strstate(uint32_t state);

/**
 * Asks a server, here or elsewhere, and waits for its answer: a payload, for
 * chinwag_answer_codec() and chinwag_answer_bytes(). `answer` is yours: free it with
 * chinwag_answer_free(). Called from within a callback, it keeps the servers of this node that
 * have callbacks from answering meanwhile.
 *
 * CHINWAG_ENOSERVER, CHINWAG_EUNKNOWNMEMBER, CHINWAG_EOVERLOADED, CHINWAG_ETOOLARGE,
 * CHINWAG_EBADARGUMENT: nothing was sent. CHINWAG_ETIMEOUT; CHINWAG_ENODEDOWN when the member
 * fails meanwhile; CHINWAG_EREMOTEERROR, CHINWAG_EUNKNOWNOP and whatever else the server answers.
 * See chinwag_error_maybe_executed().
 */
chinwag_status chinwag_call(chinwag_node *node,
                            const chinwag_message *message,
                            chinwag_answer **answer,
                            chinwag_error **err);

/**
 * Tells a server something, here or elsewhere; nobody answers. It waits for a connection if there
 * is none, for the option "outbox_age" at most; what is dropped is counted. This call does not
 * wait, except for room with the option "outbox_overflow" at "block", if the message has neither
 * headers nor a time and is not "latest".
 *
 * The errors of a chinwag_call() that are known at once: nothing was sent then.
 */
chinwag_status chinwag_cast(chinwag_node *node,
                            const chinwag_message *message,
                            chinwag_error **err);

/**
 * Asks the servers of a name on all members, this one included, and waits until `min_ok` have
 * answered, or all if that is 0. The target is the name alone; there are no headers.
 *
 * `answer` is a record of two maps by the names of members: "replies", of payloads, and "failed",
 * of errors for chinwag_answer_error(). It is yours: free it with chinwag_answer_free().
 *
 * CHINWAG_ENOQUORUM when fewer than `min_ok` answer; CHINWAG_ENOSERVER when there is none, and
 * the errors of a chinwag_call() that are about what is asked.
 */
chinwag_status chinwag_multi_call(chinwag_node *node,
                                  const chinwag_message *message,
                                  size_t min_ok,
                                  chinwag_answer **answer,
                                  chinwag_error **err);

/**
 * Tells the servers of a name on all members something. The target is the name alone; there are no
 * headers, and no time. `count`, which may be NULL, is set to how many it was sent to.
 *
 * CHINWAG_ENOSERVER when there is none, and the errors of a chinwag_cast() that are about what is
 * said.
 */
chinwag_status chinwag_abcast(chinwag_node *node,
                              const chinwag_message *message,
                              size_t *count,
                              chinwag_error **err);

/**
 * The members that host a server, this one included, as a list of their names in order. `answer`
 * is yours: free it with chinwag_answer_free().
 */
chinwag_status chinwag_hosts(const chinwag_node *node,
                             const char *server,
                             chinwag_answer **answer,
                             chinwag_error **err);

/**
 * Every server that this node knows of, as a map of its name to a count: how many members host it.
 * `answer` is yours: free it with chinwag_answer_free().
 */
chinwag_status chinwag_servers(const chinwag_node *node,
                               chinwag_answer **answer,
                               chinwag_error **err);

/**
 * Follows a server until it is down, wherever it is: the one to which a call would go now. One
 * that is started again under its name is another. `callback` is told once; when it is
 * NULL, chinwag_next_outcome() gives that. `monitor`, which may be NULL, is set to a number for
 * chinwag_call_cancel(), which ends it with the outcome CHINWAG_ECANCELLED; it is that of
 * chinwag_outcome_call(), and is written before the callback can run.
 *
 * The answer of the outcome is a record: "server", the text of its name; "member", the text of its
 * member's name, or none where there was none; "reason", one of the texts "no_server", "stopped",
 * "node_failed", "node_left", "moved" (the key has another owner) and "closed" (this node is); and
 * "text", what there is to say about it, often empty. A bad target is an outcome, too, and so is
 * CHINWAG_EOVERLOADED beyond 65,536 monitors.
 *
 * On failure nothing was begun, and the callback is not called: CHINWAG_ECLOSED,
 * CHINWAG_EBADARGUMENT.
 */
chinwag_status chinwag_monitor(chinwag_node *node,
                               const char *target,
                               chinwag_outcome_fn callback,
                               void *user_data,
                               uint64_t *monitor,
                               chinwag_error **err);

/**
 * How the loop of a present member does on which it runs its users' code: "ok", "slow", or "stuck"
 * when it has not turned for the option "loop_stuck". In C that is the thread of the callbacks,
 * once there is one. `state` is set to such a text, which is never freed, or to NULL when there is
 * no such member.
 */
chinwag_status chinwag_loop_state(const chinwag_node *node,
                                  const char *member,
                                  const char **state,
                                  chinwag_error **err);

/**
 * Serves a name of this node: other members find it there by that name, wherever they are. The
 * messages go to the callback of `service`, or, without one or when that is NULL, wait for
 * chinwag_next_request().
 *
 * `server` is yours: free it with chinwag_server_free(), which takes the server off. It may be
 * NULL if there is a callback: then the server lasts until the node is closed.
 *
 * CHINWAG_ESERVEREXISTS when this node has one of that name, which stays; CHINWAG_EBADARGUMENT
 * for what is no name: 1 to 64 letters, digits and ._:/-
 */
chinwag_status chinwag_serve(chinwag_node *node,
                             const char *name,
                             const chinwag_service *service,
                             chinwag_server **server,
                             chinwag_error **err);

/**
 * Holds messages back, up to what the mailbox takes.
 */
chinwag_status chinwag_server_pause(chinwag_server *server);

/**
 * Hands messages over again.
 */
chinwag_status chinwag_server_resume(chinwag_server *server);

/**
 * Takes the server off: what waits is answered with CHINWAG_ENOSERVER, and what was handed out can
 * not be answered any more. When this returns, its callback does not run and will not run again,
 * and its data is freed; so do not hold a lock that it waits for. From within a callback it does
 * not wait: then that holds once the running callback has returned. Stopping again does nothing.
 */
chinwag_status chinwag_server_stop(chinwag_server *server);

/**
 * As chinwag_server_stop(), with last words: `reason` goes to those who follow the server and to
 * those whose calls wait. 256 bytes of it reach other members.
 */
chinwag_status chinwag_server_stop_with(chinwag_server *server, const char *reason);

/**
 * Stops the server if it is not stopped, and frees it. It must be the last call with this server.
 * NULL is allowed.
 */
void chinwag_server_free(chinwag_server *server);

/**
 * Takes the next message for a server that has no callback. Waits for it up to `timeout_ms`
 * milliseconds; 0 does not wait, a negative number waits for ever. Several threads may do so at
 * the same time: each gets messages of its own. `request` is yours: free it with
 * chinwag_request_free().
 *
 * CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when none will come any more: the
 * server was stopped, or the node closed.
 */
chinwag_status chinwag_next_request(chinwag_server *server,
                                    int32_t timeout_ms,
                                    chinwag_request **request);

/**
 * Whether an answer is wanted; a cast wants none. False for NULL.
 */
bool chinwag_request_is_call(const chinwag_request *request);

/**
 * What is asked or told. Borrowed from the request. NULL for NULL.
 */
const char *chinwag_request_op(const chinwag_request *request);

/**
 * The member that sent it. Borrowed from the request. NULL for NULL.
 */
const char *chinwag_request_from(const chinwag_request *request);

/**
 * The key after "#", where it was sent to the owner of one; `length`, which may be NULL, is set to
 * its bytes. Borrowed from the request. NULL when there is none.
 */
const uint8_t *chinwag_request_key(const chinwag_request *request, size_t *length);

/**
 * The header of that name. Borrowed from the request. NULL when there is none.
 */
const char *chinwag_request_header(const chinwag_request *request, const char *name);

/**
 * How many headers there are.
 */
size_t chinwag_request_header_count(const chinwag_request *request);

/**
 * The name of header `index`, counted from 0. Borrowed from the request. NULL when there is no
 * such header.
 */
const char *chinwag_request_header_name(const chinwag_request *request, size_t index);

/**
 * What came with it; `length`, which may be NULL, is set to its bytes. Borrowed from the request.
 * NULL for NULL.
 */
const uint8_t *chinwag_request_payload(const chinwag_request *request, size_t *length);

/**
 * How the payload is encoded, such as CHINWAG_CODEC_MSGPACK; -1 for NULL.
 */
int32_t chinwag_request_codec(const chinwag_request *request);

/**
 * What is left of the caller's time, in milliseconds: give it to the calls that you make for the
 * answer. 0 when it is over, -1 when there is no end.
 */
int64_t chinwag_request_remaining_ms(const chinwag_request *request);

/**
 * Whether nobody waits for the answer any more: the time is over, the caller has given the call up
 * or is gone, or the server or the node is. False for a cast, and once it was answered.
 */
bool chinwag_request_given_up(const chinwag_request *request);

/**
 * Answers a call with a payload, in the codec that it came in unless you have agreed on another;
 * NULL answers with nothing, which other languages see as nil. The request is still to be freed.
 *
 * CHINWAG_ECANCELLED when nobody waits for it any more; CHINWAG_EBADARGUMENT for a second answer
 * and for that of a cast, which reach nobody.
 */
chinwag_status chinwag_request_reply(chinwag_request *request,
                                     const uint8_t *payload,
                                     size_t length,
                                     uint8_t codec,
                                     chinwag_error **err);

/**
 * Answers a call with a CHINWAG_EREMOTEERROR: `class` is the type of the error, such as
 * "OutOfStock", and `message` says what is wrong.
 *
 * As for chinwag_request_reply().
 */
chinwag_status chinwag_request_fail(chinwag_request *request,
                                    const char *class_,
                                    const char *message,
                                    chinwag_error **err);

/**
 * Answers a call with a CHINWAG_EUNKNOWNOP: the server has no operation of that name.
 *
 * As for chinwag_request_reply().
 */
chinwag_status chinwag_request_unknown_op(chinwag_request *request, chinwag_error **err);

/**
 * Frees a request; a call that was not answered is answered with a CHINWAG_EREMOTEERROR of the
 * class "Unanswered". NULL is allowed.
 */
void chinwag_request_free(chinwag_request *request);

/**
 * Makes a call that streams: found, refused and answered as any other, with items in both
 * directions, each a payload with a codec of its own. The time of the message is how long nothing
 * may move, in either direction; while an item waits to be taken here, it does not run. `stream`
 * is yours: free it with chinwag_stream_free().
 *
 * The errors of a chinwag_call() that are known at once; the others come with
 * chinwag_stream_next() and chinwag_stream_answer().
 */
chinwag_status chinwag_stream_open(chinwag_node *node,
                                   const chinwag_message *message,
                                   chinwag_stream **stream,
                                   chinwag_error **err);

/**
 * Whether who asks streams: then chinwag_request_stream() gives the server's end. One that is
 * answered without that gets the answer, and no items. False for NULL.
 */
bool chinwag_request_is_stream(const chinwag_request *request);

/**
 * The server's end of a call that streams, once: for the items of the request and of the answer.
 * The request is answered as any other, which ends the items: send none behind that. `stream` is
 * yours: keep it until then, and free it with chinwag_stream_free().
 *
 * CHINWAG_EBADARGUMENT when who asks does not stream, when it was answered, and for a second time.
 */
chinwag_status chinwag_request_stream(chinwag_request *request,
                                      chinwag_stream **stream,
                                      chinwag_error **err);

/**
 * Sends an item. Waits for room up to `timeout_ms` milliseconds, as the other side takes items in
 * its time, and before it has begun to; 0 does not wait, a negative number waits for ever. NULL is
 * nothing, as in a chinwag_message.
 *
 * CHINWAG_ETIMEOUT when there was no room in time: nothing was sent. CHINWAG_ETOOLARGE for this
 * item alone. Otherwise no more can be sent: CHINWAG_ECANCELLED when the other side reads no more,
 * has given up or has answered, CHINWAG_ENODEDOWN, and whatever else the call came to;
 * CHINWAG_EBADARGUMENT after chinwag_stream_finish().
 */
chinwag_status chinwag_stream_send(chinwag_stream *stream,
                                   const uint8_t *payload,
                                   size_t length,
                                   uint8_t codec,
                                   int32_t timeout_ms,
                                   chinwag_error **err);

/**
 * Takes the next item: a payload, for chinwag_answer_codec() and chinwag_answer_bytes(). Waits for
 * it up to `timeout_ms` milliseconds; 0 does not wait, a negative number waits for ever. `item` is
 * set to NULL when there are no more: the server has answered, or who calls has finished. It is
 * yours: free it with chinwag_answer_free().
 *
 * CHINWAG_ETIMEOUT when nothing came in time, unless chinwag_stream_ended(): then it is what the
 * call came to, as is any other error, behind all items. At the server CHINWAG_ECANCELLED when who
 * calls has given up, and CHINWAG_ENODEDOWN when that is gone.
 */
chinwag_status chinwag_stream_next(chinwag_stream *stream,
                                   int32_t timeout_ms,
                                   chinwag_answer **item,
                                   chinwag_error **err);

/**
 * What the server answered behind the items; those that were not taken are dropped. As for
 * chinwag_stream_next(), it waits; before it does, it says that no more items will be sent.
 * `answer` is yours: free it with chinwag_answer_free().
 *
 * CHINWAG_EBADARGUMENT at the server's end; the errors of a chinwag_call().
 */
chinwag_status chinwag_stream_answer(chinwag_stream *stream,
                                     int32_t timeout_ms,
                                     chinwag_answer **answer,
                                     chinwag_error **err);

/**
 * Whether all items were taken and what is behind them is known. False for NULL.
 */
bool chinwag_stream_ended(chinwag_stream *stream);

/**
 * Says that no more items of the request will come. At the server it does nothing: those of an
 * answer end with it.
 */
chinwag_status chinwag_stream_finish(chinwag_stream *stream);

/**
 * Reads no more: whoever sends items is told by CHINWAG_ECANCELLED, and the call goes on.
 */
chinwag_status chinwag_stream_stop(chinwag_stream *stream);

/**
 * Gives the call up, and tells the server: it comes to CHINWAG_ECANCELLED, behind the items that
 * have come. At the server it does nothing.
 */
chinwag_status chinwag_stream_cancel(chinwag_stream *stream);

/**
 * Frees the end of a stream. A call of your own is given up, unless it is over; at the server
 * nothing more is read. It must be the last call with this stream. NULL is allowed.
 */
void chinwag_stream_free(chinwag_stream *stream);

/**
 * Sends something to everybody who subscribes to a topic, on whatever members, this one included.
 * Nothing is stored for who subscribes later. It never waits: what there is no room for on the way
 * to one member is dropped there and counted, and the others get it. `count`, which may be NULL,
 * is set to how many members it was sent to.
 *
 * CHINWAG_EBADARGUMENT for what is no name of a topic, CHINWAG_ETOOLARGE: nothing was sent then.
 */
chinwag_status chinwag_publish(chinwag_node *node,
                               const chinwag_publication *publication,
                               size_t *count,
                               chinwag_error **err);

/**
 * Subscribes to exactly that topic, from now on. What is published goes to the callback of
 * `subscription`, or, without one or when that is NULL, waits for chinwag_next_published(). The
 * others hear of it within milliseconds.
 *
 * `subscriber` is yours: free it with chinwag_subscriber_free(), which ends it. It may be NULL if
 * there is a callback: then it lasts until the node is closed.
 *
 * CHINWAG_EBADARGUMENT for what is no name of a topic or of a queue.
 */
chinwag_status chinwag_subscribe_topic(chinwag_node *node,
                                       const char *topic,
                                       const chinwag_subscription *subscription,
                                       chinwag_subscriber **subscriber,
                                       chinwag_error **err);

/**
 * Takes the next publication for a subscriber that has no callback. Waits for it up to
 * `timeout_ms` milliseconds; 0 does not wait, a negative number waits for ever. Several threads
 * may do so at the same time: each gets publications of its own. `published` is yours: free it
 * with chinwag_published_free().
 *
 * CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when none will come any more: the
 * subscriber was closed, or the node.
 */
chinwag_status chinwag_next_published(chinwag_subscriber *subscriber,
                                      int32_t timeout_ms,
                                      chinwag_published **published);

/**
 * How many publications it has missed in all, because it was slow. 0 for NULL, and once it is
 * closed.
 */
uint64_t chinwag_subscriber_missed(chinwag_subscriber *subscriber);

/**
 * Subscribes no longer; what waits is dropped. When this returns, its callback does not run and
 * will not run again, and its data is freed; so do not hold a lock that it waits for. From within
 * a callback it does not wait: then that holds once the running callback has returned. Closing
 * again does nothing.
 */
chinwag_status chinwag_subscriber_close(chinwag_subscriber *subscriber);

/**
 * Closes the subscriber if it is not closed, and frees it. It must be the last call with this
 * subscriber. NULL is allowed.
 */
void chinwag_subscriber_free(chinwag_subscriber *subscriber);

/**
 * The topic. Borrowed. NULL for NULL.
 */
const char *chinwag_published_topic(const chinwag_published *published);

/**
 * The member that published it. Borrowed. NULL for NULL.
 */
const char *chinwag_published_from(const chinwag_published *published);

/**
 * What was published; `length`, which may be NULL, is set to its bytes. Borrowed. NULL for NULL.
 */
const uint8_t *chinwag_published_payload(const chinwag_published *published, size_t *length);

/**
 * How the payload is encoded, such as CHINWAG_CODEC_MSGPACK; -1 for NULL.
 */
int32_t chinwag_published_codec(const chinwag_published *published);

/**
 * How many publications the subscriber has missed just before this one, because it was slow. 0 for
 * NULL.
 */
uint64_t chinwag_published_missed(const chinwag_published *published);

/**
 * The header of that name. Borrowed. NULL when there is none.
 */
const char *chinwag_published_header(const chinwag_published *published, const char *name);

/**
 * How many headers there are.
 */
size_t chinwag_published_header_count(const chinwag_published *published);

/**
 * The name of header `index`, counted from 0. Borrowed. NULL when there is no such header.
 */
const char *chinwag_published_header_name(const chinwag_published *published, size_t index);

/**
 * Frees a publication that a function gave you. NULL is allowed.
 */
void chinwag_published_free(chinwag_published *published);

/**
 * Which members have subscribers of a topic, this one included, as a list of their names in order.
 * `answer` is yours: free it with chinwag_answer_free().
 */
chinwag_status chinwag_subscribers(const chinwag_node *node,
                                   const char *topic,
                                   chinwag_answer **answer,
                                   chinwag_error **err);

/**
 * Every topic that somebody subscribes to, as far as this node knows, as a map of its name to a
 * count: how many members do. `answer` is yours: free it with chinwag_answer_free().
 */
chinwag_status chinwag_topics(const chinwag_node *node,
                              chinwag_answer **answer,
                              chinwag_error **err);

/**
 * Starts a node: binds its address, then tries the seeds. Being alone is success, unless
 * "require_join" is set; the seeds are tried again while it lasts.
 *
 * `config` is borrowed; NULL stands for the defaults. `node` is yours: free it with
 * chinwag_node_free().
 *
 * CHINWAG_EBADCONFIG, CHINWAG_ETOOLARGE, CHINWAG_EBINDFAILED, CHINWAG_EJOINFAILED.
 */
chinwag_status chinwag_start(const chinwag_config *config,
                             chinwag_node **node,
                             chinwag_error **err);

/**
 * The members that are present, alive or suspect, the local one among them until it has left.
 * `members` is yours: free it with chinwag_member_list_free().
 */
chinwag_status chinwag_members(const chinwag_node *node,
                               chinwag_member_list **members,
                               chinwag_error **err);

/**
 * Everybody remembered, failed and departed members included. `members` is yours: free it with
 * chinwag_member_list_free().
 */
chinwag_status chinwag_known_members(const chinwag_node *node,
                                     chinwag_member_list **members,
                                     chinwag_error **err);

/**
 * The member of that name, in whatever state it is remembered; `member` is set to NULL when there
 * is none. It is yours: free it with chinwag_member_free().
 */
chinwag_status chinwag_find_member(const chinwag_node *node,
                                   const char *name,
                                   chinwag_member **member,
                                   chinwag_error **err);

/**
 * The local member. It is yours: free it with chinwag_member_free().
 */
chinwag_status chinwag_local_member(const chinwag_node *node,
                                    chinwag_member **member,
                                    chinwag_error **err);

/**
 * The counters of the node since its start. `counters` is yours: free it with
 * chinwag_counters_free().
 */
chinwag_status chinwag_stats(const chinwag_node *node,
                             chinwag_counters **counters,
                             chinwag_error **err);

/**
 * How many counters there are.
 */
size_t chinwag_counters_count(const chinwag_counters *counters);

/**
 * The name of counter `index`, counted from 0, such as "probes_failed". Borrowed from the
 * counters. NULL when there is no such counter.
 */
const char *chinwag_counters_name(const chinwag_counters *counters, size_t index);

/**
 * The value of counter `index`, counted from 0; 0 when there is no such counter.
 */
uint64_t chinwag_counters_value(const chinwag_counters *counters, size_t index);

/**
 * Frees counters. NULL is allowed.
 */
void chinwag_counters_free(chinwag_counters *counters);

/**
 * The counters, and how many members are in which state, as OpenMetrics text, which Prometheus and
 * its kin read: `answer` is a text, for chinwag_answer_text(). Its media type is
 * "application/openmetrics-text; version=1.0.0; charset=utf-8". It is yours: free it with
 * chinwag_answer_free().
 */
chinwag_status chinwag_metrics(const chinwag_node *node,
                               chinwag_answer **answer,
                               chinwag_error **err);

/**
 * Joins through `seeds`, "host[:port],…", all at once, and waits. `contacted`, which may be NULL,
 * is set to how many of them answered.
 *
 * CHINWAG_EJOINFAILED when none did; the error lists what was tried and the cause for each.
 */
chinwag_status chinwag_join(chinwag_node *node,
                            const char *seeds,
                            size_t *contacted,
                            chinwag_error **err);

/**
 * Sets one tag of the local member, or removes it when `value` is NULL. The others stay.
 *
 * CHINWAG_ETOOLARGE when the tags would not fit into 512 bytes; nothing is changed then.
 */
chinwag_status chinwag_update_tag(chinwag_node *node,
                                  const char *key,
                                  const char *value,
                                  chinwag_error **err);

/**
 * As chinwag_update_tag() for `count` tags in one step: all are changed, or none.
 */
chinwag_status chinwag_update_tags(chinwag_node *node,
                                   const chinwag_tag *tags,
                                   size_t count,
                                   chinwag_error **err);

/**
 * Replaces all tags of the local member by `count` others, none of which has a NULL.
 *
 * CHINWAG_ETOOLARGE when they do not fit into 512 bytes; nothing is changed then.
 */
chinwag_status chinwag_set_tags(chinwag_node *node,
                                const chinwag_tag *tags,
                                size_t count,
                                chinwag_error **err);

/**
 * Replaces the metadata of the local member by `length` bytes, for peers that do not use tags.
 *
 * CHINWAG_ETOOLARGE when there are more than 512; nothing is changed then.
 */
chinwag_status chinwag_set_meta(chinwag_node *node,
                                const uint8_t *bytes,
                                size_t length,
                                chinwag_error **err);

/**
 * Says goodbye, so that the others see "member-leave" and not "member-failed". The node stays
 * open, alone and silent, until it is closed or joins again.
 *
 * CHINWAG_ETIMEOUT when the farewell could not be sent often enough within `timeout_ms`; 5000 is a
 * good limit.
 */
chinwag_status chinwag_leave(chinwag_node *node, uint32_t timeout_ms, chinwag_error **err);

/**
 * Frees sockets and threads. Without a chinwag_leave() before it, the others see a failure. Calls
 * that are waiting return CHINWAG_ECLOSED, and so do all later ones, except those that tell what
 * was known. Events that no callback has got yet are dropped; callbacks of calls are told
 * CHINWAG_ECLOSED. Closing again does nothing.
 *
 * When this returns, no callback runs, and the data of all is freed; so do not hold a lock that a
 * callback waits for. From within a callback it does not wait: then that holds once the running
 * callback has returned.
 */
chinwag_status chinwag_close(chinwag_node *node);

/**
 * Whether the node is closed; also true for NULL and in a forked child.
 */
bool chinwag_is_closed(const chinwag_node *node);

/**
 * Closes the node if it is not closed, and frees it. It must be the last call with this node: none
 * may be under way on another thread. NULL is allowed.
 *
 * In a forked child it only forgets the node: memory stays taken and no callback's data is freed.
 */
void chinwag_node_free(chinwag_node *node);

/**
 * A value of which nothing was written.
 */
chinwag_payload *chinwag_payload_new(void);

/**
 * Frees a value. NULL is allowed.
 */
void chinwag_payload_free(chinwag_payload *payload);

/**
 * Nothing.
 */
chinwag_status chinwag_payload_nil(chinwag_payload *payload);

/**
 * True or false.
 */
chinwag_status chinwag_payload_bool(chinwag_payload *payload, bool flag);

/**
 * An integer.
 */
chinwag_status chinwag_payload_int(chinwag_payload *payload, int64_t integer);

/**
 * An integer that is not negative.
 */
chinwag_status chinwag_payload_uint(chinwag_payload *payload, uint64_t natural);

/**
 * A float. Every NaN becomes the same one.
 */
chinwag_status chinwag_payload_float(chinwag_payload *payload, double number);

/**
 * A text of `count` bytes; there may be zero bytes in it. CHINWAG_ECODEC for what is no UTF-8.
 */
chinwag_status chinwag_payload_text(chinwag_payload *payload, const char *text, size_t count);

/**
 * The key of the value that comes next in a map, of `count` bytes. The keys of a map differ.
 * CHINWAG_ECODEC for what is no UTF-8.
 */
chinwag_status chinwag_payload_key(chinwag_payload *payload, const char *key, size_t count);

/**
 * Bytes. NULL is allowed for none.
 */
chinwag_status chinwag_payload_octets(chinwag_payload *payload, const uint8_t *bytes, size_t count);

/**
 * A list of `count` values, which come next.
 */
chinwag_status chinwag_payload_array(chinwag_payload *payload, size_t count);

/**
 * A map of `count` pairs, which come next: a chinwag_payload_key() and a value each.
 */
chinwag_status chinwag_payload_map(chinwag_payload *payload, size_t count);

/**
 * A point in time: seconds since 1970 in UTC, and nanoseconds after that, below 1,000,000,000.
 */
chinwag_status chinwag_payload_timestamp(chinwag_payload *payload, int64_t secs, uint32_t nanos);

/**
 * The bytes of a value that is whole, borrowed until it is freed, or written to again.
 *
 * CHINWAG_ECODEC when something is missing, when a key comes twice, and for whatever else went
 * wrong before; the message has the place, such as `$.items[3].price`.
 */
chinwag_status chinwag_payload_bytes(chinwag_payload *payload,
                                     const uint8_t **bytes,
                                     size_t *count,
                                     chinwag_error **err);

/**
 * A reader of `count` bytes, which must stay as they are until it is freed. NULL when `bytes` is
 * NULL and `count` is not 0.
 */
chinwag_payload_reader *chinwag_payload_reader_new(const uint8_t *bytes, size_t count);

/**
 * Frees a reader. NULL is allowed.
 */
void chinwag_payload_reader_free(chinwag_payload_reader *reader);

/**
 * The part that comes next; after the last one CHINWAG_PAYLOAD_END, each time.
 *
 * CHINWAG_ECODEC for bytes that are no payload; the message has the place, and every further call
 * the same error. All containers within
 * each other together never announce more values than there are bytes, and go 64 deep at most.
 * That nothing follows the value is known with its last part, that the keys of a map differ behind
 * its last value.
 */
chinwag_status chinwag_payload_read(chinwag_payload_reader *reader,
                                    chinwag_payload_part *part,
                                    chinwag_error **err);

/**
 * The error of a reader for what is valid and yet not what the program expects, at the part that
 * was read last: CHINWAG_ECODEC with the place. `why` says what is wrong with it.
 */
chinwag_status chinwag_payload_wrong(const chinwag_payload_reader *reader,
                                     const char *why,
                                     chinwag_error **err);

/**
 * A ring of `count` names, with the default profile: 65,536 slots, and nobody with more than 5 %
 * above its share. For weights, zones and the rest there is a chinwag_ring_builder.
 *
 * CHINWAG_EBADARGUMENT for a name that is empty or there twice, CHINWAG_ETOOLARGE for one of more
 * than 1,024 bytes.
 */
chinwag_status chinwag_ring_new(const char *const *names,
                                size_t count,
                                chinwag_ring **ring,
                                chinwag_error **err);

/**
 * Frees a ring, and with it the names that it gave. NULL is allowed.
 */
void chinwag_ring_free(chinwag_ring *ring);

/**
 * How many nodes own something. 0 for NULL.
 */
size_t chinwag_ring_count(const chinwag_ring *ring);

/**
 * The name of node `index`, counted from 0 in the order of the names. NULL when there is none.
 */
const char *chinwag_ring_name(const chinwag_ring *ring, size_t index);

/**
 * The node that owns a key. NULL if the ring is empty, or NULL.
 */
const char *chinwag_ring_owner(const chinwag_ring *ring, const uint8_t *key, size_t length);

/**
 * Up to `capacity` different nodes that a key belongs to, the owner first: as many, or all if
 * there are fewer. Returns how many were written to `owners`. Nothing is allocated for up to as
 * many as the ring has replicas, 16 at most.
 */
size_t chinwag_ring_owners(const chinwag_ring *ring,
                           const uint8_t *key,
                           size_t length,
                           const char **owners,
                           size_t capacity);

/**
 * The owners of many keys in one call: key i has the bytes from `ends[i - 1]` (0 for the first) to
 * `ends[i]` of `keys`, which has as many bytes as the last end says. `owners` gets the index of
 * each owner, for chinwag_ring_name().
 *
 * CHINWAG_EBADARGUMENT if the ends are not in order, or the ring is empty.
 */
chinwag_status chinwag_ring_owners_many(const chinwag_ring *ring,
                                        const uint8_t *keys,
                                        const size_t *ends,
                                        size_t count,
                                        uint32_t *owners,
                                        chinwag_error **err);

/**
 * The slot of a key, to be used as the number of a shard; -1 in a ring that is empty or has none.
 */
int64_t chinwag_ring_slot(const chinwag_ring *ring, const uint8_t *key, size_t length);

/**
 * The owner of a slot for `rank` 0, then those who come next, as many as the ring has replicas.
 * NULL when there is none.
 */
const char *chinwag_ring_slot_owner(const chinwag_ring *ring, uint32_t slot, size_t rank);

/**
 * Which of a node's rings it is: each node counts its own, from 1. 0 for a ring that was made by
 * hand, and for NULL. To compare rings of several nodes, there is chinwag_ring_fingerprint().
 */
uint64_t chinwag_ring_version(const chinwag_ring *ring);

/**
 * The same in two rings exactly if they place all keys alike. 0 for NULL.
 */
uint64_t chinwag_ring_fingerprint(const chinwag_ring *ring);

/**
 * The ring as JSON, in one line: the text of `answer`, which is yours; free it with
 * chinwag_answer_free().
 */
chinwag_status chinwag_ring_to_json(const chinwag_ring *ring,
                                    chinwag_answer **answer,
                                    chinwag_error **err);

/**
 * The ring of that JSON, as chinwag_ring_to_json() writes it; fields that are not there have their
 * defaults.
 *
 * CHINWAG_EBADARGUMENT for what is not the JSON of a ring, CHINWAG_ETOOLARGE for more than one can
 * have.
 */
chinwag_status chinwag_ring_from_json(const char *json, chinwag_ring **ring, chinwag_error **err);

/**
 * The ring as bytes. Returns how many there are, and writes them if `capacity` is enough.
 */
size_t chinwag_ring_to_bytes(const chinwag_ring *ring, uint8_t *bytes, size_t capacity);

/**
 * The ring of these bytes, as chinwag_ring_to_bytes() writes them in any language.
 *
 * CHINWAG_EBADARGUMENT for others, CHINWAG_ETOOLARGE for more than a ring can have.
 */
chinwag_status chinwag_ring_from_bytes(const uint8_t *bytes,
                                       size_t length,
                                       chinwag_ring **ring,
                                       chinwag_error **err);

/**
 * The bucket of a key among `buckets` that are only ever added and removed at the end, by jump
 * consistent hash; -1 without a bucket.
 */
int64_t chinwag_jump(const uint8_t *key, size_t length, uint32_t buckets);

/**
 * A builder without nodes, of the default profile, with 3 replicas.
 */
chinwag_ring_builder *chinwag_ring_builder_new(void);

/**
 * A builder with all that a ring is made from, to make another one: a change of a node or two then
 * takes a millisecond or a few. NULL for NULL.
 */
chinwag_ring_builder *chinwag_ring_builder_from(const chinwag_ring *ring);

/**
 * Frees a builder. NULL is allowed.
 */
void chinwag_ring_builder_free(chinwag_ring_builder *builder);

/**
 * How keys are placed: "default", "pure", "exact", "ketama" or "clusterluck"; docs/RING.md has
 * them.
 *
 * CHINWAG_EBADARGUMENT for another name.
 */
chinwag_status chinwag_ring_builder_profile(chinwag_ring_builder *builder,
                                            const char *profile,
                                            chinwag_error **err);

/**
 * So many slots, of which a node may have `slack` thousandths above its share, or
 * CHINWAG_RING_UNBOUNDED. With a slack of 0 they are partitions.
 */
chinwag_status chinwag_ring_builder_slots(chinwag_ring_builder *builder,
                                          uint32_t slots,
                                          uint32_t slack,
                                          chinwag_error **err);

/**
 * Owners of a key that are found without a search, 1 to 255.
 */
chinwag_status chinwag_ring_builder_replicas(chinwag_ring_builder *builder,
                                             uint8_t replicas,
                                             chinwag_error **err);

/**
 * Whether what stands between { and } in a key places it, as in Redis Cluster.
 */
chinwag_status chinwag_ring_builder_hash_tags(chinwag_ring_builder *builder,
                                              bool hash_tags,
                                              chinwag_error **err);

/**
 * Adds a node with a weight from 1 to 65,535; `zone` is what fails together with it, or NULL.
 */
chinwag_status chinwag_ring_builder_add(chinwag_ring_builder *builder,
                                        const char *name,
                                        uint32_t weight,
                                        const char *zone,
                                        chinwag_error **err);

/**
 * Gives a node that is there another weight and zone.
 */
chinwag_status chinwag_ring_builder_update(chinwag_ring_builder *builder,
                                           const char *name,
                                           uint32_t weight,
                                           const char *zone,
                                           chinwag_error **err);

/**
 * Removes a node.
 */
chinwag_status chinwag_ring_builder_remove(chinwag_ring_builder *builder,
                                           const char *name,
                                           chinwag_error **err);

/**
 * Lets a node own nothing, whether it is there yet or not; or something again, with `excluded`
 * false.
 */
chinwag_status chinwag_ring_builder_exclude(chinwag_ring_builder *builder,
                                            const char *name,
                                            bool excluded,
                                            chinwag_error **err);

/**
 * Gives a key to a node, for as long as that one can own anything; with `name` NULL, takes that
 * back.
 */
chinwag_status chinwag_ring_builder_pin(chinwag_ring_builder *builder,
                                        const uint8_t *key,
                                        size_t length,
                                        const char *name,
                                        chinwag_error **err);

/**
 * Gives all keys with that beginning to a node; of several, the longest counts, and a key that is
 * pinned itself counts more. With `name` NULL, takes that back.
 */
chinwag_status chinwag_ring_builder_pin_prefix(chinwag_ring_builder *builder,
                                               const uint8_t *prefix,
                                               size_t length,
                                               const char *name,
                                               chinwag_error **err);

/**
 * Makes the ring. The builder stays as it is. Some tens of milliseconds for a hundred nodes.
 *
 * CHINWAG_EBADARGUMENT for a name that is empty, there twice, or not there to be changed, for a
 * weight out of range and other impossible values; CHINWAG_ETOOLARGE for more than a ring can
 * have.
 */
chinwag_status chinwag_ring_build(const chinwag_ring_builder *builder,
                                  chinwag_ring **ring,
                                  chinwag_error **err);

/**
 * From one ring to another one by hand, such as the last one that you know of after an
 * "events-lost". `name` is whose keys are meant where a question does not say. `change` is yours:
 * free it with chinwag_ring_change_free(). It does not need the two rings any more.
 *
 * CHINWAG_EBADARGUMENT for NULL.
 */
chinwag_status chinwag_ring_change_new(const chinwag_ring *before,
                                       const chinwag_ring *after,
                                       const char *name,
                                       chinwag_ring_change **change,
                                       chinwag_error **err);

/**
 * Frees a change that was made by hand. NULL is allowed.
 */
void chinwag_ring_change_free(chinwag_ring_change *change);

/**
 * Whether a node owned a key and does not any more. `name` is the node; NULL stands for the one
 * that told of the change, or that was given when it was made. False if `change` is NULL.
 */
bool chinwag_ring_change_lost(const chinwag_ring_change *change,
                              const char *name,
                              const uint8_t *key,
                              size_t length);

/**
 * Whether a node owns a key and did not; otherwise as chinwag_ring_change_lost().
 */
bool chinwag_ring_change_gained(const chinwag_ring_change *change,
                                const char *name,
                                const uint8_t *key,
                                size_t length);

/**
 * Whether a key has another owner. The rings before and after the change know whom. False if
 * `change` is NULL.
 */
bool chinwag_ring_change_moved(const chinwag_ring_change *change,
                               const uint8_t *key,
                               size_t length);

/**
 * The ring before the change. Borrowed from the change. NULL for NULL.
 */
const chinwag_ring *chinwag_ring_change_before(const chinwag_ring_change *change);

/**
 * The ring after the change. Borrowed from the change. NULL for NULL.
 */
const chinwag_ring *chinwag_ring_change_after(const chinwag_ring_change *change);

/**
 * Whether a key has another owner in `after` than in `before`. False if one of them is NULL.
 */
bool chinwag_ring_moved(const chinwag_ring *before,
                        const chinwag_ring *after,
                        const uint8_t *key,
                        size_t length);

/**
 * The slots that have another owner in `after`, in order: writes up to `capacity` of them, and
 * returns how many there are. None unless both rings have equally many slots.
 */
size_t chinwag_ring_moved_slots(const chinwag_ring *before,
                                const chinwag_ring *after,
                                uint32_t *slots,
                                size_t capacity);

/**
 * The nodes of both rings; one that is in both has the greater weight.
 *
 * CHINWAG_EBADARGUMENT if they place keys in different ways.
 */
chinwag_status chinwag_ring_union(const chinwag_ring *one,
                                  const chinwag_ring *other,
                                  chinwag_ring **ring,
                                  chinwag_error **err);

/**
 * The nodes that are in both rings, with the lesser weight.
 *
 * CHINWAG_EBADARGUMENT if they place keys in different ways.
 */
chinwag_status chinwag_ring_intersection(const chinwag_ring *one,
                                         const chinwag_ring *other,
                                         chinwag_ring **ring,
                                         chinwag_error **err);

/**
 * How much of all keys each node has, from 0 to 1, and what its weight entitles it to, in the
 * order of chinwag_ring_name(). Writes up to `capacity` of each, and returns how many there are.
 * Either may be NULL.
 */
size_t chinwag_ring_balance(const chinwag_ring *ring,
                            double *shares,
                            double *ideals,
                            size_t capacity);

/**
 * Up to `capacity` other nodes that own the places behind the first one of a node; returns how
 * many were written. None if the node is not there.
 */
size_t chinwag_ring_next(const chinwag_ring *ring,
                         const char *name,
                         const char **nodes,
                         size_t capacity);

/**
 * As chinwag_ring_next(), backwards: those before the first place of a node, the nearest first.
 */
size_t chinwag_ring_previous(const chinwag_ring *ring,
                             const char *name,
                             const char **nodes,
                             size_t capacity);

/**
 * Up to `capacity` different nodes that own the places before a key, the nearest first; returns
 * how many were written.
 */
size_t chinwag_ring_owners_before(const chinwag_ring *ring,
                                  const uint8_t *key,
                                  size_t length,
                                  const char **nodes,
                                  size_t capacity);

/**
 * The ring of the members that are present, alive or suspect, the local one among them. It is
 * yours: free it with chinwag_ring_free(). It stays as it is when members come and go: ask again
 * for the next one, or wait for a "ring-change".
 *
 * The first call makes the ring, which takes some milliseconds for a hundred members; it is kept
 * from then on, and a call allocates no more than the handle. When members change, the next one is
 * there some 20 ms later, after a burst of changes 200 ms at most, and what it takes to make it.
 * All members need the same options "ring_...".
 *
 * NULL for NULL, and in a forked child. A closed node has the ring of those it knew.
 */
chinwag_ring *chinwag_node_ring(const chinwag_node *node);

/**
 * The rings that were before it, as many as the option "ring_history" keeps; their versions count
 * down by one. `rings` is yours: free it with chinwag_ring_list_free().
 */
chinwag_status chinwag_past_rings(const chinwag_node *node,
                                  chinwag_ring_list **rings,
                                  chinwag_error **err);

/**
 * How many rings are in the list.
 */
size_t chinwag_ring_list_count(const chinwag_ring_list *list);

/**
 * Ring `index`, counted from 0. Borrowed from the list. NULL when there is no such ring.
 */
const chinwag_ring *chinwag_ring_list_get(const chinwag_ring_list *list, size_t index);

/**
 * Frees a list that a function gave you, and the rings in it. NULL is allowed.
 */
void chinwag_ring_list_free(chinwag_ring_list *list);

/**
 * The member that owns a key, by the ring of the members; `member` is set to NULL when nobody is
 * on it. It is yours: free it with chinwag_member_free(). For many keys, or where the name is
 * enough, ask the ring: chinwag_ring_owner() allocates nothing.
 */
chinwag_status chinwag_owner(const chinwag_node *node,
                             const uint8_t *key,
                             size_t length,
                             chinwag_member **member,
                             chinwag_error **err);

/**
 * Up to `count` members that a key belongs to, the owner first, then who takes over from it.
 * `members` is yours: free it with chinwag_member_list_free().
 */
chinwag_status chinwag_owners(const chinwag_node *node,
                              const uint8_t *key,
                              size_t length,
                              size_t count,
                              chinwag_member_list **members,
                              chinwag_error **err);

/**
 * Whether this node owns a key, by the ring of the members. False for NULL, and in a forked child.
 */
bool chinwag_owns(const chinwag_node *node, const uint8_t *key, size_t length);

/**
 * Who owned a key before its present owner did, as far back as rings are kept: where to look for
 * what has not moved yet. `answer` is the name as a text, since that member may be forgotten by
 * now, or none. It is yours: free it with chinwag_answer_free().
 */
chinwag_status chinwag_previous_owner(const chinwag_node *node,
                                      const uint8_t *key,
                                      size_t length,
                                      chinwag_answer **answer,
                                      chinwag_error **err);

/**
 * Replaces what is decided by hand, on all members; NULL takes all of it back. Returns once others
 * are told; each member's ring follows as after a change of members. Of a key that is there twice,
 * the last counts; of what two members decide at the same time, what was decided last.
 *
 * CHINWAG_ETOOLARGE for more than 60 KiB in all, or a name or key of more than 1,024 bytes;
 * nothing is changed then.
 */
chinwag_status chinwag_set_ring_overrides(chinwag_node *node,
                                          const chinwag_ring_overrides *overrides,
                                          chinwag_error **err);

/**
 * The slots of a "handoff-prepare" are released, by the "id" of that event: their next owner may
 * have them. Call it once nothing of theirs is written here any more, and what the next owner
 * needs is where it finds it.
 *
 * CHINWAG_EBADARGUMENT if no such hand-off waits: its time is over, or the slots came back.
 */
chinwag_status chinwag_released(chinwag_node *node, uint64_t id, chinwag_error **err);

/**
 * Gives a key of this node a value of `length` bytes, which all members read: for `ttl_ms`
 * milliseconds, or, with 0, until it is deleted or the node is gone.
 *
 * CHINWAG_ETOOLARGE for a key of more than 254 bytes, a value of more than 64 KiB, and when all of
 * this node would be more than 1 MiB; CHINWAG_EBADARGUMENT for an empty key.
 */
chinwag_status chinwag_put(chinwag_node *node,
                           const char *key,
                           const uint8_t *value,
                           size_t length,
                           uint64_t ttl_ms,
                           chinwag_error **err);

/**
 * Deletes a key of this node; one that is not there, too.
 */
chinwag_status chinwag_delete(chinwag_node *node, const char *key, chinwag_error **err);

/**
 * The value that a key of a present member has, as far as this node has heard: bytes, for
 * chinwag_answer_bytes(), or CHINWAG_ANSWER_NONE. `answer` is yours: free it with
 * chinwag_answer_free().
 */
chinwag_status chinwag_get(const chinwag_node *node,
                           const char *member,
                           const char *key,
                           chinwag_answer **answer,
                           chinwag_error **err);

/**
 * The keys of all present members that begin so, as a list of records of "member", "key" and
 * "value", in the order of the members' names and of the keys. `answer` is yours: free it with
 * chinwag_answer_free().
 */
chinwag_status chinwag_entries(const chinwag_node *node,
                               const char *prefix,
                               chinwag_answer **answer,
                               chinwag_error **err);

/**
 * Follows the keys of all members that begin so, from now on. Changes go to the callback of
 * `watching`, or, without one or when that is NULL, wait for chinwag_next_change(): as many as the
 * option "event_buffer" says.
 *
 * `watcher` is yours: free it with chinwag_watcher_free(), which ends it. It may be NULL if there
 * is a callback: then it lasts until the node is closed.
 */
chinwag_status chinwag_watch(chinwag_node *node,
                             const char *prefix,
                             const chinwag_watching *watching,
                             chinwag_watcher **watcher,
                             chinwag_error **err);

/**
 * Takes the next change for a watcher that has no callback. Waits for it up to `timeout_ms`
 * milliseconds; 0 does not wait, a negative number waits for ever. `change` is yours: free it with
 * chinwag_change_free().
 *
 * CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when none will come any more: the
 * watcher was closed, or the node.
 */
chinwag_status chinwag_next_change(chinwag_watcher *watcher,
                                   int32_t timeout_ms,
                                   chinwag_change **change);

/**
 * Watches no longer. When this returns, its callback does not run and will not run again, and its
 * data is freed; so do not hold a lock that it waits for. From within a callback it does not wait:
 * then that holds once the running callback has returned. Closing again does nothing.
 */
chinwag_status chinwag_watcher_close(chinwag_watcher *watcher);

/**
 * Closes the watcher if it is not closed, and frees it. It must be the last call with this
 * watcher. NULL is allowed.
 */
void chinwag_watcher_free(chinwag_watcher *watcher);

/**
 * What happened. CHINWAG_CHANGE_LOST for NULL.
 */
chinwag_change_kind chinwag_change_type(const chinwag_change *change);

/**
 * Whose key it is. Borrowed. NULL for those of a map, and for what is about no single key.
 */
const char *chinwag_change_member(const chinwag_change *change);

/**
 * Which key. Borrowed. NULL for what is about no single one.
 */
const char *chinwag_change_key(const chinwag_change *change);

/**
 * The value that was put, of a map the newest one; `length`, which may be NULL, is set to its
 * bytes. Borrowed. NULL for all but CHINWAG_CHANGE_PUT.
 */
const uint8_t *chinwag_change_value(const chinwag_change *change, size_t *length);

/**
 * The whole entry that was put, as in the list of chinwag_entries() or chinwag_map_entries().
 * Borrowed. NULL for all but CHINWAG_CHANGE_PUT.
 */
const chinwag_answer *chinwag_change_entry(const chinwag_change *change);

/**
 * How many changes a CHINWAG_CHANGE_LOST stands for; 0 for others.
 */
uint64_t chinwag_change_count(const chinwag_change *change);

/**
 * All keys that are watched, as they were when a CHINWAG_CHANGE_LOST was made: a list as of
 * chinwag_entries() or chinwag_map_entries(). Borrowed. NULL for others.
 */
const chinwag_answer *chinwag_change_entries(const chinwag_change *change);

/**
 * Frees a change that a function gave you. NULL is allowed.
 */
void chinwag_change_free(chinwag_change *change);

/**
 * Gives a key of a map that all members read and write a value. What two members put without
 * having heard of each other stays side by side, until somebody who knows of both puts something.
 * A key outlives who wrote it.
 *
 * CHINWAG_EBADARGUMENT for what is no name of a map, an empty key, and bytes that are no context;
 * CHINWAG_ETOOLARGE.
 */
chinwag_status chinwag_map_put(chinwag_node *node,
                               const chinwag_map_write *write,
                               chinwag_error **err);

/**
 * Deletes a key of a map, likewise; one that is not there, too.
 *
 * As for chinwag_map_put().
 */
chinwag_status chinwag_map_delete(chinwag_node *node,
                                  const chinwag_map_write *write,
                                  chinwag_error **err);

/**
 * The newest value of a key of a map, as far as this node has heard: bytes, for
 * chinwag_answer_bytes(), or CHINWAG_ANSWER_NONE. `answer` is yours: free it with
 * chinwag_answer_free().
 *
 * CHINWAG_EBADARGUMENT for what is no name of a map.
 */
chinwag_status chinwag_map_get(const chinwag_node *node,
                               const char *map,
                               const char *key,
                               chinwag_answer **answer,
                               chinwag_error **err);

/**
 * All of a key of a map: a record of "key", "values" and "context", or CHINWAG_ANSWER_NONE. The
 * values are a list, the newest first, of records of "value", "stamp" (of a chinwag_hybrid) and
 * "writer". The context is bytes for a chinwag_map_write, which replaces just these values.
 * `answer` is yours: free it with chinwag_answer_free().
 *
 * As for chinwag_map_get().
 */
chinwag_status chinwag_map_read(const chinwag_node *node,
                                const char *map,
                                const char *key,
                                chinwag_answer **answer,
                                chinwag_error **err);

/**
 * The keys of a map that begin so, in their order: a list of records as of chinwag_map_read().
 * `answer` is yours: free it with chinwag_answer_free().
 *
 * As for chinwag_map_get().
 */
chinwag_status chinwag_map_entries(const chinwag_node *node,
                                   const char *map,
                                   const char *prefix,
                                   chinwag_answer **answer,
                                   chinwag_error **err);

/**
 * Follows the keys of a map that begin so, as chinwag_watch() does those of members.
 *
 * As for chinwag_map_get().
 */
chinwag_status chinwag_map_watch(chinwag_node *node,
                                 const char *map,
                                 const char *prefix,
                                 const chinwag_watching *watching,
                                 chinwag_watcher **watcher,
                                 chinwag_error **err);

/**
 * Sends `length` bytes to the present member of that name, who gets a "message" event; a member
 * on memberlist gets it as NotifyMsg. `payload` may be NULL when there are none.
 *
 * With `reliable`, over a connection for this one message of at most 20 MiB: returns once the
 * member has read all of it, or after the option "tcp_timeout". Otherwise in one datagram, which
 * may be lost or come twice, and which the option "packet_size" limits.
 *
 * CHINWAG_EUNKNOWNMEMBER and CHINWAG_ETOOLARGE: nothing was sent. CHINWAG_ENODEDOWN: the member
 * may have got it all the same.
 */
chinwag_status chinwag_send(chinwag_node *node,
                            const char *member,
                            const uint8_t *payload,
                            size_t length,
                            bool reliable,
                            chinwag_error **err);

/**
 * Gossips `length` bytes to all members, each of whom gets one "broadcast" event; this node gets
 * none, and who joins within a minute may still get it. At most what fits into one packet beside
 * the names. Members on memberlist are not shown it.
 *
 * `name` may be NULL. Otherwise a newer one of this node and name takes the place of this one
 * where it still waits; with `supersede`, whoever has got the newer one does not get this one any
 * more.
 *
 * CHINWAG_ETOOLARGE, CHINWAG_EBADARGUMENT, CHINWAG_EOVERLOADED: nothing was sent.
 */
chinwag_status chinwag_broadcast(chinwag_node *node,
                                 const uint8_t *payload,
                                 size_t length,
                                 const char *name,
                                 bool supersede,
                                 chinwag_error **err);

/**
 * Replaces the state that this node hands on with every exchange of states; the other side gets a
 * "remote-state" event. At most 20 MiB. With 0 bytes, none is handed on.
 *
 * CHINWAG_ETOOLARGE; nothing is changed then.
 */
chinwag_status chinwag_set_state(chinwag_node *node,
                                 const uint8_t *bytes,
                                 size_t length,
                                 chinwag_error **err);

/**
 * Replaces what this node adds to its answers to pings, of at most 512 bytes. Others find it with
 * chinwag_round_trip().
 *
 * CHINWAG_ETOOLARGE; nothing is changed then.
 */
chinwag_status chinwag_set_ping_payload(chinwag_node *node,
                                        const uint8_t *bytes,
                                        size_t length,
                                        chinwag_error **err);

/**
 * Lets a newcomer in, with the option "admission" at "ask": `id` is the number of that name in its
 * "admission" event. From then on it is a member like all others.
 *
 * Who waits when nobody listens yet is refused in the end, so start the node without the option
 * "seeds", and call chinwag_join() once you listen.
 *
 * CHINWAG_EBADARGUMENT when it is decided already: by somebody else, or because half of the option
 * "tcp_timeout" is over.
 */
chinwag_status chinwag_admit(chinwag_node *node, uint64_t id, chinwag_error **err);

/**
 * Keeps a newcomer out, for 30 seconds without asking again. A joiner gets CHINWAG_ENOTADMITTED
 * with the reason, of which 256 bytes travel.
 *
 * CHINWAG_EBADARGUMENT as for chinwag_admit().
 */
chinwag_status chinwag_refuse(chinwag_node *node,
                              uint64_t id,
                              const char *reason,
                              chinwag_error **err);

/**
 * What this node knows of a member, and why, as a record: the text "state", the durations "since"
 * and "fails_in", of which any may be none; and "observed", a list of records of the duration
 * "ago", the text "kind", which is a stable word, and the text "text", which is a sentence.
 * `answer` is yours: free it with chinwag_answer_free().
 */
chinwag_status chinwag_explain(chinwag_node *node,
                               const char *member,
                               chinwag_answer **answer,
                               chinwag_error **err);

/**
 * Pings the present member of that name, in a datagram, and waits for the answer. `time_ns`, which
 * may be NULL, is set to the nanoseconds that it took.
 *
 * CHINWAG_EUNKNOWNMEMBER; CHINWAG_ETIMEOUT after the option "probe_timeout".
 */
chinwag_status chinwag_ping(chinwag_node *node,
                            const char *member,
                            uint64_t *time_ns,
                            chinwag_error **err);

/**
 * What the last answers of the present member of that name told, as a record: "smoothed", the
 * duration of a round trip as TCP smooths it, or none before the first; and "payload", the bytes
 * that the member added to the last one. Measured with each probe. `answer` is yours: free it with
 * chinwag_answer_free().
 *
 * CHINWAG_EUNKNOWNMEMBER.
 */
chinwag_status chinwag_round_trip(chinwag_node *node,
                                  const char *member,
                                  chinwag_answer **answer,
                                  chinwag_error **err);

/**
 * As chinwag_call(), without waiting. `callback` is told what it came to; when it is NULL,
 * chinwag_next_outcome() gives that. `call`, which may be NULL, is set to a number for
 * chinwag_call_cancel(), and is written before the callback can run.
 *
 * Every call that was begun has one outcome, also of an error that is known at once. On failure
 * nothing was begun, and the callback is not called: CHINWAG_ECLOSED, CHINWAG_EBADARGUMENT.
 */
chinwag_status chinwag_call_async(chinwag_node *node,
                                  const chinwag_message *message,
                                  chinwag_outcome_fn callback,
                                  void *user_data,
                                  uint64_t *call,
                                  chinwag_error **err);

/**
 * Gives a call up that was begun by chinwag_call_async(), and tells the server; or ends a
 * monitor. Its outcome is CHINWAG_ECANCELLED, unless it was over before; of a call that is over,
 * nothing happens.
 */
chinwag_status chinwag_call_cancel(chinwag_node *node, uint64_t call);

/**
 * Takes the next outcome of calls and monitors that were begun without a callback. Waits for it up
 * to `timeout_ms` milliseconds; 0 does not wait, a negative number waits for ever. `outcome` is
 * yours: free it with chinwag_outcome_free().
 *
 * CHINWAG_ETIMEOUT when none came in time, CHINWAG_ECLOSED when the node is closed and all were
 * taken.
 */
chinwag_status chinwag_next_outcome(chinwag_node *node,
                                    int32_t timeout_ms,
                                    chinwag_outcome **outcome);

/**
 * The number of the call or monitor. 0 for NULL.
 */
uint64_t chinwag_outcome_call(const chinwag_outcome *outcome);

/**
 * What the server answered, or why it is down. Borrowed from the outcome. NULL when there is an
 * error instead.
 */
const chinwag_answer *chinwag_outcome_answer(const chinwag_outcome *outcome);

/**
 * What went wrong. Borrowed from the outcome. NULL when there is an answer instead.
 */
const chinwag_error *chinwag_outcome_error(const chinwag_outcome *outcome);

/**
 * Frees an outcome that a function gave you. NULL is allowed.
 */
void chinwag_outcome_free(chinwag_outcome *outcome);

/**
 * Tells everybody something, serf agents too: each member gets one "user-event", this node as
 * well, and who joins later gets the recent ones. With `coalesce`, the last of several events of
 * this name is enough.
 *
 * CHINWAG_ETOOLARGE, CHINWAG_EOVERLOADED; CHINWAG_EUNSUPPORTED while this node does not speak
 * serf's versions.
 */
chinwag_status chinwag_user_event(chinwag_node *node,
                                  const char *name,
                                  const uint8_t *payload,
                                  size_t length,
                                  bool coalesce,
                                  chinwag_error **err);

/**
 * Asks everybody who is meant, serf agents too: each gets a "query" event and may answer, this
 * node as well. Waits until all who are known to be meant have answered, or its time is over;
 * called from within a callback, it keeps the callbacks of this node from answering meanwhile.
 *
 * `answer` is a record: "acks", a list of names; "responses", a list of records of "sender" and
 * "payload"; and the flag "complete". It is yours: free it with chinwag_answer_free().
 *
 * CHINWAG_ETOOLARGE, CHINWAG_EBADARGUMENT, CHINWAG_EOVERLOADED; CHINWAG_EUNSUPPORTED while this
 * node does not speak serf's versions.
 */
chinwag_status chinwag_query(chinwag_node *node,
                             const chinwag_question *question,
                             chinwag_answer **answer,
                             chinwag_error **err);

/**
 * Answers a query, by the "id" of its event; once, and before its time is over.
 *
 * CHINWAG_ETOOLARGE; CHINWAG_ETIMEOUT when the query is over, or was answered already.
 */
chinwag_status chinwag_respond(chinwag_node *node,
                               uint64_t id,
                               const uint8_t *payload,
                               size_t length,
                               chinwag_error **err);

/**
 * Has everybody take a failed member for one that has left, serf agents too; with `prune`, forget
 * it at once.
 *
 * CHINWAG_EBADARGUMENT when the member is present; CHINWAG_EUNSUPPORTED.
 */
chinwag_status chinwag_force_leave(chinwag_node *node,
                                   const char *member,
                                   bool prune,
                                   chinwag_error **err);

/**
 * Where this node stands in serf's coordinate space, as a record: "vec", a list of numbers, and
 * the numbers "error", "adjustment" and "height". `answer` is yours: free it with
 * chinwag_answer_free().
 *
 * CHINWAG_EUNSUPPORTED while this node does not speak serf's versions.
 */
chinwag_status chinwag_coordinate(chinwag_node *node, chinwag_answer **answer, chinwag_error **err);

/**
 * The estimated round-trip time between two members, neither of which has to be this node.
 * `time_ns` is set to its nanoseconds.
 *
 * CHINWAG_EUNKNOWNMEMBER while it is not known where one of them stands; CHINWAG_EUNSUPPORTED.
 */
chinwag_status chinwag_rtt(chinwag_node *node,
                           const char *from,
                           const char *to,
                           uint64_t *time_ns,
                           chinwag_error **err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CHINWAG_H */
