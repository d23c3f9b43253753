/**
 * A number of 64 bits: a bigint, or a number as long as that is exact. What is given back is always
 * a bigint. Times are in microseconds, such as `Date.now() * 1000`.
 */
export type Whole = number | bigint;

/** A Buffer; to a program that was given no types of Node, what a Buffer is as well. */
export type ClockBytes = typeof globalThis extends { Buffer: { alloc(size: number): infer Bytes } }
  ? Bytes
  : Uint8Array;

/**
 * How one history stands to another: it knows of less, of more, of the same; or each of something
 * that the other does not know of.
 */
export type Causality = 'before' | 'after' | 'equal' | 'concurrent';

/** What a clock holds of one actor. */
export interface ClockEntry {
  /** How many events of the actor are known. */
  readonly count: bigint;
  /** When it was seen first. */
  readonly insert: bigint | undefined;
  /** When it was changed last. */
  readonly time: bigint | undefined;
}

/** The same as it is given. */
export interface ClockEntryOptions {
  readonly count: Whole | string;
  readonly insert?: Whole | string | undefined;
  readonly time?: Whole | string | undefined;
}

/** One event: the `count`-th of its actor, from 1. */
export interface Dot {
  readonly actor: string;
  readonly count: bigint;
}

/** When a change happened; without a time, it leaves no stamp. */
export interface ClockChangeOptions {
  readonly time?: Whole | undefined;
}

/** When a clock is trimmed, and to what. */
export interface TrimBounds {
  /** A clock with at most so many entries is left alone. Default: 10. */
  readonly lower?: Whole | undefined;
  /** As is one whose oldest entry is not older than this. Default: 20 s. */
  readonly youngUs?: Whole | undefined;
  /** More entries than this are too many. Default: 50. */
  readonly upper?: Whole | undefined;
  /** An entry older than this is too old. Default: 24 h. */
  readonly oldUs?: Whole | undefined;
}

/** What is read as a vector clock: entries by actor, as an object or as pairs. */
export type ClockEntries =
  | Readonly<Record<string, Whole | string | ClockEntryOptions>>
  | Iterable<readonly [string, Whole | string | ClockEntryOptions]>;

/**
 * A counter for each actor that ever wrote: whether one state knows of another. An immutable value,
 * for which no node has to run; what changes it gives another one.
 *
 * An actor is a process that writes, never a client: a text of 1 to 1,024 bytes, see `actor()`. One
 * without an entry counts 0. Counters that are at their end, 2^64 - 1, stay there. Stamps of time
 * are no part of any comparison.
 *
 * Another thread gets `toBuffer()`, as every language does.
 */
export class VectorClock {
  /** A clock that knows of nothing. */
  constructor();
  /**
   * The clock of bytes that `toBuffer` made in any language, of a JSON text, of what `JSON.parse`
   * makes of one, or of pairs such as those of another clock. In an object, a number above 2^53 is
   * a bigint or a text of its digits.
   * @throws {BadArgumentError} it is none of these
   * @throws {TooLargeError} a text of more than 4 MiB, or names of more than 16 MiB
   */
  static from(value: VectorClock | Uint8Array | string | ClockEntries): VectorClock;
  /**
   * The clock of bytes that `toDense` made with the same table. An actor of count 0 has no entry.
   * @throws {BadArgumentError} these are none, or of another table
   */
  static fromDense(table: ActorTable, bytes: Uint8Array): VectorClock;

  /**
   * With an entry that counts 0, unless there is one.
   * @throws {BadArgumentError} a name of 0 or more than 1,024 bytes; so it is with every change
   * @throws {TooLargeError} all names would take more than 16 MiB; so it is with every change
   */
  insert(actor: string, options?: ClockChangeOptions): VectorClock;
  /** With one more event of the actor. */
  increment(actor: string, options?: ClockChangeOptions): VectorClock;
  /** With another count, be it less than it was. */
  update(actor: string, count: Whole, options?: ClockChangeOptions): VectorClock;
  /** Without the actor. */
  remove(actor: string): VectorClock;
  /** All that either knows: the higher count of each actor. */
  merge(other: VectorClock): VectorClock;
  /**
   * Without the oldest entries, as long as there are too many or they are too old, by the time of
   * their last change. Entries without a time stay. A trimmed clock has forgotten events, so that
   * it may look concurrent; clocks of members are better folded, see `Retired`.
   */
  trim(now: Whole, bounds?: TrimBounds): VectorClock;

  /** How this history stands to the other, by the counters alone. */
  compare(other: VectorClock): Causality;
  /** Whether it is the same history: `compare` says `equal`. False for what is no clock. */
  equals(other: unknown): boolean;
  /** Whether this one knows of all that the other does: it is equal or after. */
  descends(other: VectorClock): boolean;
  /** Whether this one knows of all that the other does, and more: it is after. */
  dominates(other: VectorClock): boolean;

  /** The count of an actor; 0 without an entry. */
  get(actor: string): bigint;
  /** Whether the actor has an entry, be it with 0. */
  has(actor: string): boolean;
  /** Count and stamps of an actor. */
  entry(actor: string): ClockEntry | undefined;
  /** The last event of an actor that is known; none if it counts 0. */
  dot(actor: string): Dot | undefined;
  /** Whether that event is known. */
  descendsDot(dot: { readonly actor: string; readonly count: Whole }): boolean;
  /** How many entries there are. */
  get size(): number;
  /** The actors, in the order of their bytes. */
  get actors(): string[];
  /** Actors with counts and stamps, in the same order. */
  entries(): IterableIterator<[string, ClockEntry]>;
  /** Actors with their counts, in the same order. */
  [Symbol.iterator](): IterableIterator<[string, bigint]>;

  /** The clock as bytes, with its stamps if it has any: one form for each value. */
  toBuffer(): ClockBytes;
  /**
   * The counts alone, for who has the same table: a byte or two for an actor.
   * @throws {BadArgumentError} an actor that counts more than 0 is not in the table
   */
  toDense(table: ActorTable): ClockBytes;
  /** What `JSON.stringify` makes the one text from, which every language reads. */
  toJSON(): Record<string, number | string | Record<string, number | string>>;
}

/** Actors that both sides know, such as all members of a cluster, in the order of their bytes. */
export class ActorTable {
  /**
   * One that comes twice counts once.
   * @throws {BadArgumentError} a name of 0 or more than 1,024 bytes
   * @throws {TooLargeError} all names take more than 16 MiB
   */
  constructor(actors?: Iterable<string>);
  readonly actors: readonly string[];
  /** The same for two tables exactly if they have the same actors, but for one in 2^64. */
  readonly fingerprint: bigint;
  get size(): number;
  [Symbol.iterator](): IterableIterator<string>;
}

/**
 * A log of actors that have ended, each with its final count: what a cluster has agreed on. It only
 * grows, at its end, and the same for all; its length is the epoch. Under it a clock needs no entry
 * of an actor of which it knows everything, and nothing is forgotten.
 */
export class Retired {
  /** A log of these, in this order, such as what another log gives. */
  constructor(log?: Iterable<readonly [string, Whole]>);
  /**
   * The log of bytes, of a JSON text, or of what `JSON.parse` makes of one.
   * @throws {BadArgumentError} this is none
   * @throws {TooLargeError} the text has more than 4 MiB, or all names have more than 16 MiB
   */
  static from(value: Uint8Array | string | Iterable<readonly [string, Whole | string]>): Retired;
  /**
   * Adds an actor that has ended with so many events; the new epoch.
   * @throws {BadArgumentError} it has ended before, or this is no actor
   * @throws {TooLargeError} all names would take more than 16 MiB
   */
  retire(actor: string, count: Whole): bigint;
  get epoch(): bigint;
  get size(): number;
  /** The final count of an actor; none as long as it has not ended. */
  get(actor: string): bigint | undefined;
  /** Actors and final counts, in the order of the log. */
  [Symbol.iterator](): IterableIterator<[string, bigint]>;
  /** The clock under this log. Stamps of what is dropped are gone; counts are not. */
  fold(clock: VectorClock): Folded;
  /**
   * The clock as it was before it was folded.
   * @throws {BadArgumentError} it was folded under a longer log; so it is with all that follow
   */
  unfold(folded: Folded): VectorClock;
  /** The same clock under all of this log. */
  raise(folded: Folded): Folded;
  /** How two clocks stand to each other, of whatever epochs: as before they were folded. */
  compare(ours: Folded, theirs: Folded): Causality;
  /** All that either of two clocks knows, of whatever epochs. */
  merge(ours: Folded, theirs: Folded): Folded;
  /** The log as bytes, to be kept beside what was folded under it: one form for each. */
  toBuffer(): ClockBytes;
  /** What `JSON.stringify` makes the one text from, which every language reads. */
  toJSON(): [string, number | string][];
}

/** A clock under the first so many retirements of a log. It never changes. */
export class Folded {
  private constructor();
  /** The folded clock of bytes, of a JSON text, or of what `JSON.parse` makes of one. */
  static from(
    value: Folded | Uint8Array | string | { readonly epoch: Whole | string; readonly clock: object }
  ): Folded;
  readonly epoch: bigint;
  /**
   * The entries that are left. Of a retired actor none means all of its events, so they are
   * compared by `Retired` alone.
   */
  readonly clock: VectorClock;
  /** Whether both are of one epoch and hold the same counts. */
  equals(other: unknown): boolean;
  toBuffer(): ClockBytes;
  toJSON(): { clock: object; epoch: number | string };
}

/**
 * The values of one record that stand side by side, and the history that they come from. Who writes
 * reads first, and hands back the `context` of what was read: a value is replaced by who knew of
 * it, and kept beside what was written by somebody who did not. The actor of a write is the process
 * that holds the record, not the client that asks.
 *
 * A context is a claim: who makes one up can replace what it never read.
 *
 * Values are anything but undefined; they are kept, not copied. On their way into bytes and back
 * they go through functions of yours, unless they are bytes already.
 */
export class Siblings<Value = Uint8Array> {
  /** A record that was never written. */
  constructor();
  /**
   * The record of bytes that `toBuffer` made in any language, of a JSON text, or of what
   * `JSON.parse` makes of one.
   * @throws {BadArgumentError} this is none
   * @throws {TooLargeError} the text has more than 4 MiB
   */
  static from(form: Uint8Array | string | Readonly<Record<string, SiblingsEntry>>): Siblings;
  static from<Value>(
    form: Uint8Array | string | Readonly<Record<string, SiblingsEntry>>,
    decode: (bytes: Uint8Array) => Value,
  ): Siblings<Value>;
  /**
   * Writes a value in place of all those that the context knows of; of none where it is null. The
   * number of the event.
   * @throws {BadArgumentError} this is no actor, or its counter is at its end; nothing is changed
   * @throws {TooLargeError} all names would take more than 16 MiB; nothing is changed
   */
  put(actor: string, context: VectorClock | null, value: Value): bigint;
  /**
   * Drops all values that the context knows of; with the record's own, that deletes it. The history
   * stays, so that an old replica does not bring them back.
   */
  discard(context: VectorClock): void;
  /**
   * Takes in another replica: of each side stay the values that the other has too, or does not know
   * of.
   */
  merge(other: Siblings<Value>): void;
  /**
   * Replaces several values by the one that is made of them; whether there was anything to decide.
   * If `decide` throws, nothing is changed; what is written while it runs stays beside its value.
   */
  resolve(actor: string, decide: (values: Value[]) => Value): boolean;
  /** The greatest value in an order of yours, as `Array.sort` takes it; of equal ones the last. */
  newestBy(compare: (one: Value, other: Value) => number): Value | undefined;
  /** As `resolve`, by that value. */
  resolveNewestBy(actor: string, compare: (one: Value, other: Value) => number): boolean;
  /** All events of which the record knows: what a writer hands back that has read all values. */
  get context(): VectorClock;
  /** How many values there are. More than one: somebody has to decide. */
  get size(): number;
  /** The values: by actor, the oldest first. */
  values(): Value[];
  /** The values, each with the event that wrote it. */
  dots(): (Dot & { readonly value: Value })[];
  [Symbol.iterator](): IterableIterator<Value>;
  /**
   * How this replica stands to another: `after` when a merge would change nothing here, and
   * something there. Values themselves are not looked at.
   */
  compare(other: Siblings<Value>): Causality;
  /** Whether both have the same history and the same values. */
  equals(other: unknown): boolean;
  /** Another record with the same values. */
  clone(): Siblings<Value>;
  /** Another record with each value made into another. */
  map<Other>(change: (value: Value) => Other): Siblings<Other>;
  /**
   * The record as bytes, history and values: one form for each.
   * @throws {BadArgumentError} values are no bytes, and there is no `encode` that makes some
   */
  toBuffer(encode?: (value: Value) => Uint8Array): ClockBytes;
  /**
   * What `JSON.stringify` makes the one text from, which every language reads, values in base64.
   * If they are no bytes, this is called with an `encode`, and what it gives is made a text.
   * @throws {BadArgumentError} values are no bytes, and there is no `encode` that makes some
   */
  toJSON(encode?: ((value: Value) => Uint8Array) | string): Record<string, SiblingsEntry>;
}

/** The count of an actor alone, or with the values of its last events. */
export type SiblingsEntry =
  | number
  | string
  | { readonly count: number | string; readonly values: readonly string[] };

/** A stamp of a hybrid clock. Stamps are in order as numbers, as texts and as bytes: `a < b`. */
export class HybridTime {
  /** Milliseconds, of 48 bits, and a counter within them, of 16. */
  constructor(ms?: number, counter?: number);
  /**
   * The stamp of a number, of a text or of 8 bytes.
   * @throws {BadArgumentError} it is none of these
   */
  static from(value: HybridTime | Whole | string | Uint8Array): HybridTime;
  readonly ms: number;
  readonly counter: number;
  /** The stamp as one number. */
  get value(): bigint;
  /** Below, at or above 0, as `Array.sort` takes it. */
  compare(other: HybridTime): number;
  equals(other: unknown): boolean;
  /** 8 bytes, the highest first. */
  toBuffer(): ClockBytes;
  /** 15 digits of milliseconds, a dot, 5 digits of the counter. */
  toString(): string;
  toJSON(): string;
  valueOf(): bigint;
}

/**
 * A hybrid logical clock: stamps near the time that it is told, which ascend whatever that does.
 * Times are in microseconds.
 */
export class HybridClock {
  /** Stamps of others may be ahead of the time here by so much; by default by half a second. */
  constructor(options?: { readonly driftUs?: Whole | undefined });
  /** The last stamp that was given. */
  get last(): HybridTime;
  /** A stamp for something that happens here, now: greater than all before. */
  tick(now: Whole): HybridTime;
  /**
   * A stamp for having received another one, now: greater than it, and than all before.
   * @throws {BadArgumentError} it is too far ahead of `now`; the clock stays as it is
   */
  observe(remote: HybridTime, now: Whole): HybridTime;
}

/** A number that is raised by every event and by every number of others. */
export class LamportClock {
  constructor(time?: Whole);
  /** The number of the last event. */
  get time(): bigint;
  /** The number of something that happens here. */
  tick(): bigint;
  /** The number of having received something with that number. */
  observe(remote: Whole): bigint;
}

/**
 * The actor that a node is in one of its lives: its name, `~`, its incarnation.
 * @throws {BadArgumentError} a name that is empty, or too long with all
 */
export function actor(name: string, incarnation: Whole): string;

/** Name and incarnation of what `actor` made; none of any other text. */
export function splitActor(actor: string): { name: string; incarnation: bigint } | undefined;
