/// <reference lib="esnext.disposable" />

import type {
  Answers,
  ChangeStream,
  Coordinate,
  Explanation,
  KeyChange,
  KeyEntry,
  KeyInfo,
  KeyOutcome,
  Observed,
  QueryOptions,
  RoundTrip,
  SharedMap,
} from './answers.js';
import type { MemberState, StartOptions } from './constants.js';
import type { EventStream, Listener, NodeEvents } from './events.js';
import type {
  CallOptions,
  CallStream,
  CastOptions,
  Down,
  LoopState,
  MessageOptions,
  MultiCallOptions,
  PublishOptions,
  Replies,
  Served,
  ServeOptions,
  Server,
  Subscriber,
  StreamOptions,
  SubscribeOptions,
} from './messages.js';
import type { Ring, RingKey, RingOverrides } from './ring.js';

export * from './answers.js';
export * from './clock.js';
export * from './constants.js';
export * from './events.js';
export * from './messages.js';
export * from './ring.js';

/** The version of this package and of the core inside it. */
export const version: string;

/** Gives up waiting. What was begun may still happen. */
export interface Abortable {
  /**
   * Rejects with `CancelledError` when it is aborted, or with `TimeoutError` when it comes from
   * `AbortSignal.timeout()`; `cause` is the signal's reason.
   */
  signal?: AbortSignal | undefined;
}

/**
 * Binds, starts, and tries the seeds once. Being alone is success, unless `requireJoin` is set.
 *
 * Listeners that are attached at once, before anything else is awaited, hear of the members that
 * are here already; those attached later hear what happens from then on.
 *
 * @throws {BadConfigError} an option is unknown or malformed
 * @throws {BindFailedError} the address is taken, or not of this host
 * @throws {JoinFailedError} no seed answered, and `requireJoin` is set
 */
export function start(options?: StartOptions & Abortable): Promise<Node>;

/**
 * What `encode` takes. Integers up to 2^53 - 1 are numbers or bigints, larger ones of up to 64 bits
 * are bigints. Of plain objects, what is undefined is left out.
 */
export type Encodable =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | readonly Encodable[]
  | ReadonlyMap<string, Encodable>
  | { readonly [key: string]: Encodable | undefined };

/** What `decode` gives. Integers beyond 2^53 - 1 are bigints, and bytes are a `Buffer`. */
export type Decoded =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | Decoded[]
  | { [key: string]: Decoded };

/**
 * The bytes of a value that every language reads alike, in a `Buffer`.
 *
 * @throws {CodecError} something in it has no encoding; the message has the place
 * @throws {TooLargeError} they would be more than 64 MiB
 */
export function encode(value: Encodable): Uint8Array;

/**
 * The value of bytes that `encode` made in any language.
 *
 * @throws {CodecError} they are none, or JavaScript cannot hold it; the message has the place
 */
export function decode(data: Uint8Array): Decoded;

/** What a message may be given as. Text travels as UTF-8; what arrives is always bytes. */
export type Payload = Uint8Array | string;

/** A member, as it was when the value was taken. */
export class Member {
  private constructor();
  /** Its name, unique in the cluster. */
  readonly name: string;
  /** The address it advertises, for UDP and TCP alike: `ip:port`. */
  readonly addr: string;
  /** What was believed about it. */
  readonly state: MemberState;
  /** How often it has announced itself; grows with every change and refutation. */
  readonly incarnation: number;
  /** Its tags; empty when its metadata is not in serf's encoding. */
  readonly tags: Readonly<Record<string, string>>;
  /** Its metadata as it travels. */
  get meta(): Uint8Array;
  /** Protocol versions: memberlist's min, max, current, then the application's three. */
  get versions(): number[];
}

/**
 * A running node; made by `start`. It holds the event loop, like a server that listens, until it is
 * closed; see `unref`. All methods may be called from any listener.
 */
export class Node {
  private constructor();

  /** The local member. */
  localMember(): Member;
  /** The members that are present, alive or suspect, this one among them, by name. */
  members(filter?: { tags?: Readonly<Record<string, string>> | undefined }): Member[];
  /** Everybody remembered, failed and departed members included, by name. */
  knownMembers(): Member[];
  /** The member of that name, in whatever state it is remembered. */
  member(name: string): Member | undefined;
  /**
   * The ring of the members that are present, alive or suspect: the same object until it is another
   * ring. It stays as it is when members come and go; ask again for the next one, or listen for
   * `ring-change`.
   *
   * The first time makes it, which takes some milliseconds for a hundred members, and the event
   * loop waits. From then on it is kept: when members change, the next one is there some 20 ms
   * later, after a burst of changes 200 ms at most, and what it takes to make it. For many keys,
   * have it in a variable.
   */
  get ring(): Ring;
  /** The rings that were before it, the newest first: up to `ringHistory`. */
  pastRings(): Ring[];
  /** The member that owns a key; none if nobody is on the ring. */
  owner(key: RingKey): Member | undefined;
  /** So many members that a key belongs to, the owner first, or all if there are fewer. */
  owners(key: RingKey, count: number): Member[];
  /** Whether this node owns a key. */
  owns(key: RingKey): boolean;
  /**
   * The name of who owned a key before its present owner did, as far back as rings are kept: where
   * to look for what has not moved yet.
   */
  previousOwner(key: RingKey): string | undefined;
  /**
   * Replaces what is decided by hand: what is not given is nothing. It holds for all members, also
   * those that join later; their rings follow as after a change of members. Resolves once others
   * are told.
   * @throws {TooLargeError} more than 60 KiB in all, or a text of more than 1,024 bytes; nothing
   * was changed
   */
  setRingOverrides(overrides: RingOverrides, options?: Abortable): Promise<void>;
  /**
   * Says that the slots of a `handoff-prepare` may be had by their next owner, by its `id`: once
   * nothing of theirs is written here any more, and what the next owner needs is where it finds it.
   * @throws {BadArgumentError} no such hand-off waits: its time is over, or the slots came back
   */
  released(id: number, options?: Abortable): Promise<void>;

  /** Counters since the start. */
  stats(): Record<string, number>;
  /** The counters, and members by state, as OpenMetrics text, which Prometheus reads. */
  metrics(): string;

  /**
   * Asks a server, and waits for its answer. The target is `name` for the nearest server of that
   * name, `name@node` for that of a member, or `name#key` for that of the member who owns the key.
   * Nothing is said to be null.
   *
   * What is known at once is told at once; `maybeExecuted` of the error says whether the server may
   * have done it all the same.
   * @throws {NoServerError} nobody hosts it, or not the member that was asked
   * @throws {TimeoutError} no answer within `timeout`
   * @throws {NodeDownError} the member failed meanwhile
   * @throws {OverloadedError} too much waits, here or for the server
   * @throws {RemoteError} the server's code failed; `remote` has what it said
   * @throws {UnknownOpError} the server has no such operation
   * @throws {CodecError} the payload has no encoding, or the answer cannot be read
   */
  call<T = Decoded>(
    target: string,
    op: string,
    payload?: Encodable,
    options?: CallOptions,
  ): Promise<T>;
  /**
   * Tells a server something; nobody answers. Resolves once it is on its way: it waits for a
   * connection for `outboxAge` at most, and what is dropped is counted.
   * @throws {NoServerError} nobody hosts it, or not the member that was asked
   * @throws {OverloadedError} there is no room for it
   */
  cast(target: string, op: string, payload?: Encodable, options?: CastOptions): Promise<void>;
  /**
   * Asks the servers of a name on all members, this one included, and waits until `minOk` have
   * answered, or all.
   * @throws {NoServerError} nobody hosts it
   * @throws {NoQuorumError} fewer answered than `minOk`
   */
  multiCall<T = Decoded>(
    server: string,
    op: string,
    payload?: Encodable,
    options?: MultiCallOptions,
  ): Promise<Replies<T>>;
  /**
   * Tells the servers of a name on all members something; how many it was sent to.
   * @throws {NoServerError} nobody hosts it
   */
  abcast(
    server: string,
    op: string,
    payload?: Encodable,
    options?: MessageOptions,
  ): Promise<number>;
  /**
   * A call that carries items in both directions, as many as there are; a slow reader slows the
   * writer. Left early, it is given up. Nothing is awaited here: what goes wrong is thrown behind
   * the items, unless it is known at once.
   */
  stream<T = Decoded, A = Decoded>(
    target: string,
    op: string,
    payload?: Encodable,
    options?: StreamOptions,
  ): CallStream<T, A>;
  /**
   * Follows a server until it is down, wherever it is, and resolves with why; that there is none is
   * no error, but told at once. One that is started again under its name is another. While it
   * waits, it does not hold the event loop; `signal` ends it.
   */
  monitor(target: string, options?: Abortable): Promise<Down>;
  /**
   * How the event loop of a present member does: `slow` when it has not turned for a fifth of
   * `loopStuck`, `stuck` when for all of it.
   */
  loopState(member: string): LoopState | undefined;
  /** Who hosts a server, this node included, by name. */
  hosts(server: string): string[];
  /** Every server that is known, and how many members host it. */
  servers(): Record<string, number>;
  /**
   * Serves a name: other members find it here. Messages come one at a time, unless `concurrency`
   * says otherwise, and what the handler of a call returns, or its promise, is the answer. What it
   * throws is a `RemoteError` to the caller; a `ChinwagError` arrives as it is. A cast that comes
   * to nothing is a `warning` with the code `CHINWAG_CAST_FAILED`.
   * @throws {ServerExistsError} this node has one of that name, which stays
   */
  serve(name: string, server: Server, options?: ServeOptions): Promise<Served>;

  /**
   * Sends something to everybody who subscribes to a topic, on whatever members they are, this one
   * included; to how many members. Nothing is stored, and it waits for nobody: what there is no
   * room for on the way to a member is dropped there and counted.
   * @throws {BadArgumentError} a topic is 1 to 64 letters, digits and `._:/-`
   * @throws {TooLargeError} the payload, or the headers; nothing was sent
   */
  publish(topic: string, payload?: Encodable, options?: PublishOptions): Promise<number>;
  /**
   * What is published on a topic, from now on until it is closed or the node is. A subscriber that
   * waits does not hold the event loop.
   * @throws {BadArgumentError} no name of a topic, or more than 64 queues of this member at it
   */
  subscribe<T = Decoded>(topic: string, options?: SubscribeOptions): Subscriber<T>;
  /** The names of the members that have subscribers of a topic. */
  subscribers(topic: string): string[];
  /** Every topic that somebody subscribes to, and how many members do. */
  topics(): Record<string, number>;

  /**
   * Gives a key of this node a value that all members read; with a `ttl`, for so many milliseconds.
   * Resolves once the others are told, and keeps the order of the calls.
   * @throws {TooLargeError} a key of more than 254 bytes, a value of more than 64 KiB, or all keys
   * of this node together of more than 1 MiB
   * @throws {BadArgumentError} an empty key, or no time to live
   */
  put(
    key: string,
    value: Payload,
    options?: Abortable & { ttl?: number | undefined },
  ): Promise<void>;
  /** Deletes a key of this node, if it is there. */
  delete(key: string, options?: Abortable): Promise<void>;
  /** The value that a key of a present member has, as far as this node has heard. */
  get(member: string, key: string): Uint8Array | undefined;
  /** The keys of all present members that begin so, by the names of the members and by keys. */
  entries(prefix?: string): KeyEntry[];
  /**
   * Follows the keys of all members that begin so; with `replay`, those that are there come first,
   * then one `replay-done`. Who falls further behind than `eventBuffer` gets one `lost`. A stream
   * that waits does not hold the event loop.
   */
  watch(
    prefix?: string,
    options?: Abortable & { replay?: boolean | undefined },
  ): ChangeStream<KeyChange>;
  /**
   * The map of that name, which all members read and write, and which outlives who wrote it. It is
   * there for all as soon as somebody puts something.
   * @throws {BadArgumentError} a name is 1 to 64 letters, digits and `._:-`
   */
  map(name: string): SharedMap;
  /**
   * Joins through seeds, each `host[:port]`, all at once; how many answered.
   * @throws {JoinFailedError} none did; `attempts` has the cause for each
   */
  join(seeds: string | readonly string[], options?: Abortable): Promise<number>;
  /**
   * Sets tags, and removes those given as null; the others stay.
   * @throws {TooLargeError} the result does not fit; nothing was changed
   */
  updateTags(
    changes: Readonly<Record<string, string | null | undefined>>,
    options?: Abortable,
  ): Promise<void>;
  /**
   * Replaces all tags.
   * @throws {TooLargeError} they do not fit; nothing was changed
   */
  setTags(tags: Readonly<Record<string, string>>, options?: Abortable): Promise<void>;
  /**
   * Replaces the raw metadata.
   * @throws {TooLargeError} it does not fit; nothing was changed
   */
  setMeta(meta: Uint8Array, options?: Abortable): Promise<void>;

  /**
   * Sends a message to the present member of that name; it gets a `message` event.
   *
   * Reliable (the default) is a connection for this one message, of at most 20 MiB: the promise
   * resolves once the member has read all of it. Otherwise it is one datagram, which may be lost or
   * come twice, and fits into `packetSize`.
   * @throws {UnknownMemberError} there is none; nothing was sent
   * @throws {TooLargeError} it does not fit; nothing was sent
   * @throws {NodeDownError} the member may have got it all the same
   */
  send(
    member: string,
    payload: Payload,
    options?: Abortable & { reliable?: boolean | undefined },
  ): Promise<void>;
  /**
   * Gossips a message to all members; each gets one `broadcast` event, this node none. It fits into
   * one packet, and who joins within a minute may still get it. Where one with a `name` still
   * waits, a newer one of that name takes its place; with `supersede`, whoever has got the newer
   * one does not get this one any more.
   * @throws {TooLargeError} it does not fit
   * @throws {OverloadedError} too many wait already
   */
  broadcast(
    payload: Payload,
    options?: Abortable & { name?: string | undefined; supersede?: boolean | undefined },
  ): Promise<void>;
  /**
   * Replaces the state that is handed on with every exchange of states, of at most 20 MiB; the
   * other side gets a `remote-state` event. An empty one is not handed on.
   * @throws {TooLargeError} it does not fit; nothing was changed
   */
  setState(state: Payload, options?: Abortable): Promise<void>;
  /**
   * Replaces what is added to answers to pings, of at most 512 bytes; others find it with
   * `roundTrip`.
   * @throws {TooLargeError} it does not fit; nothing was changed
   */
  setPingPayload(payload: Payload, options?: Abortable): Promise<void>;
  /**
   * Pings the present member of that name, in a datagram; the milliseconds until its answer.
   * @throws {UnknownMemberError} there is none
   * @throws {TimeoutError} no answer within `probeTimeout`
   */
  ping(member: string, options?: Abortable): Promise<number>;
  /**
   * What the last answers of the present member of that name told.
   * @throws {UnknownMemberError} there is none
   */
  roundTrip(member: string, options?: Abortable): Promise<RoundTrip>;

  /**
   * What this node knows of a member, and why: who probed, who suspected, which answers were
   * missing, who confirmed and when. Nothing is known of a member that nobody remembers.
   */
  explain(member: string, options?: Abortable): Promise<Explanation>;

  /** What may be shown of the keys of this node, the primary first; none without encryption. */
  keys(): KeyInfo[];
  /**
   * Adds a key, in base64, to the keyring of this node: what it opens is read from now on.
   * @throws {BadArgumentError} it is no key, there are 8 already, or the node was started without
   */
  addKey(key: string, options?: Abortable): Promise<void>;
  /**
   * Encrypts under a key of the keyring from now on, by its fingerprint or in base64.
   * @throws {BadArgumentError} there is no such key in the keyring
   */
  useKey(key: string, options?: Abortable): Promise<void>;
  /**
   * Removes a key from the keyring, by its fingerprint or in base64.
   * @throws {BadArgumentError} there is no such key, or it is the primary
   */
  removeKey(key: string, options?: Abortable): Promise<void>;
  /**
   * Has every member, serf agents too, install, use or remove a key in base64, or list its keys;
   * what came of it, by member, for those that answered.
   * @throws {BadArgumentError} it is no key; nobody was asked
   * @throws {UnsupportedError} this node does not speak serf's versions
   */
  clusterKeys(
    op: 'install' | 'use' | 'remove',
    key: string,
    options?: Abortable,
  ): Promise<Record<string, KeyOutcome>>;
  clusterKeys(
    op: 'list',
    key?: undefined,
    options?: Abortable,
  ): Promise<Record<string, KeyOutcome>>;

  /**
   * Lets a newcomer in, by the `id` of its `admission` event.
   * @throws {BadArgumentError} it is decided already, or its time is over
   */
  admit(id: number, options?: Abortable): Promise<void>;
  /**
   * Keeps a newcomer out, by the `id` of its `admission` event; it is told the reason.
   * @throws {BadArgumentError} it is decided already, or its time is over
   */
  refuse(id: number, reason?: string, options?: Abortable): Promise<void>;

  /**
   * Tells everybody something in serf's way, serf agents too. Each member gets one `user-event`,
   * this node as well. With `coalesce`, the last of several events of this name is enough.
   * @throws {TooLargeError} name and payload exceed `userEventSizeLimit`
   * @throws {OverloadedError} too much waits already
   * @throws {UnsupportedError} this node does not speak serf's versions
   */
  userEvent(
    name: string,
    payload?: Payload,
    options?: Abortable & { coalesce?: boolean | undefined },
  ): Promise<void>;
  /**
   * Asks everybody who is meant something in serf's way, serf agents too: each gets a `query`
   * event, this node as well. Resolves when all have answered, or when its time is over.
   * @throws {TooLargeError} it takes more than 1024 bytes
   * @throws {BadArgumentError} an expression is none
   * @throws {OverloadedError} too much waits already
   * @throws {UnsupportedError} this node does not speak serf's versions
   */
  query(name: string, payload?: Payload, options?: Abortable & QueryOptions): Promise<Answers>;
  /**
   * Answers a query, by the `id` of its event; once.
   * @throws {TooLargeError} the answer takes more than 1024 bytes
   * @throws {TimeoutError} the query is over, or was answered already
   */
  respond(id: number, payload: Payload, options?: Abortable): Promise<void>;
  /**
   * Has everybody take a failed member for one that has left, serf agents too; with `prune`, they
   * forget it at once.
   * @throws {BadArgumentError} the member is present
   * @throws {UnsupportedError} this node does not speak serf's versions
   */
  forceLeave(
    member: string,
    options?: Abortable & { prune?: boolean | undefined },
  ): Promise<void>;
  /**
   * Where this node stands in serf's coordinate space, by its measurements so far.
   * @throws {UnsupportedError} this node does not speak serf's versions
   */
  coordinate(options?: Abortable): Promise<Coordinate>;
  /**
   * The estimated milliseconds between two members, neither of which has to be this node.
   * @throws {UnknownMemberError} it is not known yet where one of them stands
   * @throws {UnsupportedError} this node does not speak serf's versions
   */
  rtt(from: string, to: string, options?: Abortable): Promise<number>;

  /**
   * What happens to the other members. The subscription begins with this call. With `replay` the
   * members that are here come first, each as `member-join`, then one `replay-done`. Of rings it
   * tells once somebody has asked for `ring`. Ends when the node is closed. A stream that waits
   * does not hold the event loop; the node does.
   */
  events(options?: Abortable & { replay?: boolean | undefined }): EventStream;

  /**
   * Says goodbye, so that the others see a leave and not a failure; the node can join again.
   * `timeout` is in milliseconds. Default: 5000.
   * @throws {TimeoutError} the farewell could not be sent often enough in time
   */
  leave(options?: Abortable & { timeout?: number | undefined }): Promise<void>;
  /**
   * Frees everything that the node holds. Without a leave before it, the others see a failure.
   * Pending promises reject with `ClosedError`. Closing again does nothing.
   */
  close(): Promise<void>;
  /** Whether it was closed. */
  get closed(): boolean;
  /** Leaves, then closes. */
  [Symbol.asyncDispose](): Promise<void>;

  /** The open node holds the event loop; this is how it begins. */
  ref(): this;
  /**
   * The open node does not hold the event loop; a promise that is pending still does. Nobody
   * listens, waits or has it in a variable: it may be collected, and is closed then.
   */
  unref(): this;

  /**
   * Calls the listener with each event of that type from now on. The first one for `ring-change`,
   * `handoff-prepare` or `handoff-acquired` has the ring made and kept, as `ring` does.
   */
  on<T extends keyof NodeEvents>(type: T, listener: Listener<T>): this;
  once<T extends keyof NodeEvents>(type: T, listener: Listener<T>): this;
  off<T extends keyof NodeEvents>(type: T, listener: Listener<T>): this;
  addListener<T extends keyof NodeEvents>(type: T, listener: Listener<T>): this;
  removeListener<T extends keyof NodeEvents>(type: T, listener: Listener<T>): this;
  prependListener<T extends keyof NodeEvents>(type: T, listener: Listener<T>): this;
  prependOnceListener<T extends keyof NodeEvents>(type: T, listener: Listener<T>): this;
  removeAllListeners(type?: keyof NodeEvents): this;
  listenerCount(type: keyof NodeEvents): number;
  listeners<T extends keyof NodeEvents>(type: T): Listener<T>[];
  rawListeners<T extends keyof NodeEvents>(type: T): Listener<T>[];
  eventNames(): (keyof NodeEvents)[];
  emit<T extends keyof NodeEvents>(type: T, ...args: NodeEvents[T]): boolean;
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
}
