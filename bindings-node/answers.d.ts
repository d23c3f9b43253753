// What operations come to, where it is more than a number: values, and errors.

import type { HybridTime } from './clock.js';
import type { ErrorCode, MemberState } from './constants.js';
import type { Abortable, Payload } from './index.js';
import type { Remote } from './messages.js';

/** What the last answers of a member to pings told. */
export interface RoundTrip {
  /** Milliseconds that they took, smoothed as TCP smooths it; null before the first. */
  readonly smoothed: number | null;
  /** What the member added to the last one; mostly nothing. */
  readonly payload: Uint8Array;
}

/** What a node knows of a member, and why. Times are in milliseconds. */
export interface Explanation {
  /** As it is remembered; null when it is not. */
  readonly state: MemberState | null;
  /** How long it has been in that state. */
  readonly since: number | null;
  /** How long a suspect has to refute, as things stand. */
  readonly failsIn: number | null;
  /** What was observed while it was in trouble, the oldest first: the last 32 things at most. */
  readonly observed: readonly Observed[];
}

/** Something that a node observed of a member. */
export interface Observed {
  /** How many milliseconds ago. */
  readonly ago: number;
  /** A stable word, such as `probe-failed`, `suspected`, `confirmed`, `refuted` or `failed`. */
  readonly kind: string;
  /** A sentence: who did what, and what was missing. */
  readonly text: string;
}

/** What may be shown of a key. */
export interface KeyInfo {
  /** What it is called: eight hexadecimal digits of a hash. */
  readonly fingerprint: string;
  /** Its length: 128, 192 or 256. */
  readonly bits: number;
  /** Whether it is the one that encrypts. */
  readonly primary: boolean;
}

/** What one member's keyring has come to. Inspected or as JSON, it shows no keys. */
export interface KeyOutcome {
  /** Whether it did as it was told. */
  readonly done: boolean;
  /** Why it did not, or what else there is to say. */
  readonly message: string;
  /** Asked for a list: the keys that are installed, in base64. Secrets. */
  get keys(): string[];
  /** Asked for a list: the key that it encrypts with, in base64. A secret. */
  get primary(): string;
}

/** Who is asked by a query, and how. */
export interface QueryOptions {
  /** The members who are meant. Default: everybody. */
  nodes?: readonly string[] | undefined;
  /**
   * Tags, and regular expressions that their values have to match; a tag that a member does not
   * have counts as an empty text.
   */
  tags?: Readonly<Record<string, string>> | undefined;
  /** Whether everybody who is meant acknowledges it. Default: false. */
  ack?: boolean | undefined;
  /** Through how many other members a copy of each answer is sent, up to 255. Default: 0. */
  relayFactor?: number | undefined;
  /** How many milliseconds answers are waited for. Default: longer in a larger cluster. */
  timeout?: number | undefined;
}

/** What came back to a query. */
export interface Answers {
  /** Who acknowledged it, in the order in which that arrived. */
  readonly acks: readonly string[];
  /** The answers, in the order in which they arrived. */
  readonly responses: readonly { readonly sender: string; readonly payload: Uint8Array }[];
  /** Whether everybody who is meant, as far as this node knows, has answered. */
  readonly complete: boolean;
}

/** Where a node stands in serf's coordinate space, in seconds as serf has it. */
export interface Coordinate {
  readonly vec: readonly number[];
  /** How far off it may be, as a share. */
  readonly error: number;
  readonly adjustment: number;
  readonly height: number;
}

/** A key of a member, and its value. */
export interface KeyEntry {
  readonly member: string;
  readonly key: string;
  readonly value: Uint8Array;
}

/** What happens to keys of members; `type` tells which. */
export type KeyChange =
  | (KeyEntry & { readonly type: 'put' })
  /** Also of a member that has failed or left; should it recover, its keys are put again. */
  | { readonly type: 'deleted'; readonly member: string; readonly key: string }
  | ReplayDone
  | Lost<KeyEntry>;

/** What was there when a watch began has been told. */
export interface ReplayDone {
  readonly type: 'replay-done';
}

/** The reader was too slow. */
export interface Lost<Entry> {
  readonly type: 'lost';
  /** How many changes were not told, of these or of other keys. */
  readonly count: number;
  /** All keys that are watched, as they are now. */
  readonly entries: readonly Entry[];
}

/** Changes in the reader's own time. */
export interface ChangeStream<Change> extends AsyncIterableIterator<Change> {
  next(): Promise<IteratorResult<Change, undefined>>;
  /** Ends the watch, also under a `next()` that waits. */
  return(value?: undefined): Promise<IteratorResult<Change, undefined>>;
  [Symbol.asyncIterator](): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A map that all members read and write. */
export interface SharedMap {
  readonly name: string;
  /**
   * Gives a key a value, in place of all that this node knows; with `after`, in place of what was
   * read then, and nothing else. Resolves once the others are told.
   * @throws {TooLargeError} the key, the value, or the map
   */
  put(key: string, value: Payload, options?: MapWriteOptions): Promise<void>;
  /** Deletes a key in the same way. */
  delete(key: string, options?: MapWriteOptions): Promise<void>;
  /**
   * Replaces the values of a key that stand side by side by the one that `decide` makes of them,
   * the newest first. Resolves with whether there was anything to decide.
   */
  resolve(
    key: string,
    decide: (values: MapEntry['values']) => Payload | PromiseLike<Payload>,
    options?: Abortable,
  ): Promise<boolean>;
  /** The newest value of a key, as far as this node has heard. */
  get(key: string): Uint8Array | undefined;
  /** All values of a key, and what to give to `put` in order to replace them. */
  read(key: string): MapEntry | undefined;
  /** The keys that begin so, in their order. */
  entries(prefix?: string): MapEntry[];
  /** Follows the keys that begin so, as `watch` of the node does. */
  watch(
    prefix?: string,
    options?: Abortable & { replay?: boolean | undefined },
  ): ChangeStream<MapChange>;
}

/** Of what is written to a map. */
export interface MapWriteOptions extends Abortable {
  /** An entry that was read, or its `context`, which may have been elsewhere meanwhile. */
  after?: MapEntry | Uint8Array | undefined;
}

/** A key of a map. */
export interface MapEntry {
  readonly key: string;
  /** The newest value. */
  readonly value: Uint8Array;
  /** The newest first; more than one were put without knowing of each other. */
  readonly values: readonly MapValue[];
  /** All that was known of the key. */
  readonly context: Uint8Array;
}

/** One value of a key of a map. */
export interface MapValue {
  readonly value: Uint8Array;
  /** When, by the hybrid clock of who put it. */
  readonly stamp: HybridTime;
  /** The member that put it. */
  readonly writer: string;
}

/** What happens to keys of a map; `type` tells which. */
export type MapChange =
  | (MapEntry & { readonly type: 'put' })
  | { readonly type: 'deleted'; readonly key: string }
  | ReplayDone
  | Lost<MapEntry>;

/** Whatever Chinwag throws or rejects with. */
export class ChinwagError extends Error {
  /** The permanent code. */
  readonly code: ErrorCode;
  /** Its permanent number. */
  readonly number: number;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** Whether what was asked for may have happened all the same; false is certain. */
  readonly maybeExecuted: boolean;
}

/** An option is unknown, malformed, or contradicts another; nothing was started. */
export class BadConfigError extends ChinwagError {}
/** An argument is malformed or missing; nothing was changed. */
export class BadArgumentError extends ChinwagError {}
/** The address could not be bound; nothing was started. */
export class BindFailedError extends ChinwagError {}
/** No seed answered; the node goes on as it was. */
export class JoinFailedError extends ChinwagError {
  /** Every address that was tried, and why it did not answer. */
  readonly attempts: readonly { readonly seed: string; readonly cause: string }[];
}
/** A value is over its size limit; the old value stays. */
export class TooLargeError extends ChinwagError {}
/** A member that answers has this name already; nothing was joined. */
export class NameConflictError extends ChinwagError {}
/** The other side has another key, or only one of the two sides is encrypted. */
export class KeyMismatchError extends ChinwagError {}
/** A member of the cluster refused to let this node in; the message has its reason. */
export class NotAdmittedError extends ChinwagError {}
/** No present member has this name; nothing was sent. */
export class UnknownMemberError extends ChinwagError {}
/** The member could not be reached, or the connection broke; it may have got the message. */
export class NodeDownError extends ChinwagError {}
/** Too much waits to be sent already; nothing was sent. */
export class OverloadedError extends ChinwagError {}
/** This node, or its cluster, does not offer that; the message has what would. */
export class UnsupportedError extends ChinwagError {}
/** No present member hosts a server of this name, or the one that was asked does not. */
export class NoServerError extends ChinwagError {}
/** The server's own code failed. */
export class RemoteError extends ChinwagError {
  /** What it said. */
  readonly remote: Remote;
}
/** The server has no operation of this name; nothing ran. */
export class UnknownOpError extends ChinwagError {}
/** A value has no encoding, or bytes are no value; the message says where in it. */
export class CodecError extends ChinwagError {}
/** This node has a server of this name already; that one stays. */
export class ServerExistsError extends ChinwagError {}
/** Fewer servers answered than were asked for. */
export class NoQuorumError extends ChinwagError {}
/** The deadline passed before the outcome was known; it may still happen. */
export class TimeoutError extends ChinwagError {}
/** The node is closed, or was closed while the operation was under way. */
export class ClosedError extends ChinwagError {}
/** The caller gave the operation up; it may still happen. */
export class CancelledError extends ChinwagError {}
/** The node belongs to the parent process. */
export class ForkedError extends ChinwagError {}
/** A defect in Chinwag, caught at the border. Please report it. */
export class InternalError extends ChinwagError {}
