/** What a ring places: text, as UTF-8, or bytes. Half a character counts as U+FFFD. */
export type RingKey = string | Uint8Array;

/** A node of a ring. */
export interface RingNode {
  /** Unique in the ring; 1 to 1,024 bytes. */
  readonly name: string;
  /** Its part of the keys, compared with those of the others: 1 to 65,535. Default: 1. */
  readonly weight?: number | undefined;
  /** What fails together with it, such as a rack; empty if nothing is known. */
  readonly zone?: string | undefined;
}

/**
 * How keys are placed. The first three have slots that nodes bid for: by default a node has at most
 * 5 % above its share; `pure` bounds nothing, and then no key moves between nodes that stay; with
 * `exact`, nobody has more than its share. `ketama` and `clusterluck` are the rings of those names.
 */
export type RingProfile = 'default' | 'pure' | 'exact' | 'ketama' | 'clusterluck';

/** Keys, or beginnings of keys, and the names of the nodes that own them. */
export type RingPins = Readonly<Record<string, string>> | Iterable<readonly [RingKey, string]>;

/** How a ring is made. */
export interface RingOptions {
  /** Default: `default`. */
  profile?: RingProfile | undefined;
  /** 1 to 1,048,576, the same in all processes. Default: 65,536. */
  slots?: number | undefined;
  /** What a node may have above its share, in thousandths; of `default` alone. Default: 50. */
  slack?: number | undefined;
  /** Owners of a key that are found without a search, 1 to 255. Default: 3. */
  replicas?: number | undefined;
  /** Whether what stands between `{` and `}` in a key places it. Default: false. */
  hashTags?: boolean | undefined;
  /** Keys that a node owns as long as it can own anything. */
  pins?: RingPins | undefined;
  /** Beginnings of such keys; the longest counts, and a key that is pinned itself counts more. */
  pinPrefixes?: RingPins | undefined;
  /** Names of nodes that own nothing, whether they are in the ring or not. */
  excluded?: Iterable<string> | undefined;
}

/** What is decided by hand of the ring of the members. */
export type RingOverrides = Pick<RingOptions, 'pins' | 'pinPrefixes' | 'excluded'>;

/** A range of places with one owner: slots, or the places of points. */
export interface RingRange {
  /** The first place. */
  readonly start: bigint;
  /** The last place. */
  readonly end: bigint;
  readonly owner: string;
}

/** What a node has of the keys. */
export interface RingShare {
  readonly name: string;
  /** Its share of all keys, from 0 to 1. */
  readonly share: number;
  /** What its weight entitles it to. */
  readonly ideal: number;
}

/**
 * Which node owns which key: an immutable value, for which no node has to run. The same nodes give
 * the same owners in every process and language, whatever the order in which they came.
 *
 * Look-ups wait for nothing. To make a ring takes some milliseconds, and up to a second or two with
 * thousands of nodes: see `build`. One that differs from another by a node or two is made from that
 * in less. Another thread gets `toBytes()`, and makes the ring again.
 */
export class Ring {
  /**
   * @throws {BadArgumentError} a name that is empty or there twice, a weight out of range, an
   * option that is unknown or malformed
   * @throws {TooLargeError} more or longer names than a ring can have
   */
  constructor(nodes?: Iterable<string | RingNode>, options?: RingOptions);
  /** The same, made on another thread, for rings of thousands of nodes. */
  static build(nodes?: Iterable<string | RingNode>, options?: RingOptions): Promise<Ring>;
  /** @throws {BadArgumentError} these are not what `toBytes` gives */
  static fromBytes(bytes: Uint8Array): Ring;
  /**
   * The ring of this text, or of what `JSON.parse` makes of it.
   * @throws {BadArgumentError} it is not the JSON of a ring
   */
  static fromJSON(json: string | object): Ring;

  /** The nodes that own something, in the order of their numbers. */
  readonly names: readonly string[];
  /** Owners of a key that are found without a search. */
  readonly replicas: number;
  /** The same in two rings exactly if they place all keys alike, but for one in 2^64. */
  readonly fingerprint: bigint;
  /** Which of a node's rings it is, counted by each node from 1; 0 of one made by hand. */
  readonly version: number;
  /** How many nodes own something. */
  get size(): number;
  /** Bytes that it takes, names not included. */
  get memory(): number;
  get profile(): RingProfile;
  /** How many slots there are; 0 with a ring of points. */
  get slots(): number;
  /** In thousandths; null if nothing is bounded. */
  get slack(): number | null;
  get hashTags(): boolean;
  /** All nodes, also those that are excluded, in the order of their names. */
  get nodes(): Required<RingNode>[];
  get excluded(): string[];
  get pins(): Map<RingKey, string>;
  get pinPrefixes(): Map<RingKey, string>;

  /** The node that owns a key; none if the ring is empty. */
  owner(key: RingKey): string | undefined;
  /**
   * So many different nodes that a key belongs to, or all if there are fewer: the owner, then those
   * of other zones, then the rest.
   */
  owners(key: RingKey, count: number): string[];
  isOwner(name: string, key: RingKey): boolean;
  /**
   * The first of the nodes that a key belongs to that has room for more: for loads that only the
   * caller knows, such as requests under way.
   */
  ownerWithRoom(key: RingKey, hasRoom: (name: string) => boolean): string | undefined;

  /** The owner of each key, for two thirds of what it takes to ask one by one. */
  ownersMany(keys: Iterable<RingKey>): (string | undefined)[];
  /**
   * The owners of keys with a newline between them, such as the lines of a file, as numbers: places
   * in `names`. Nobody is 65,535.
   */
  ownersJoined(keys: RingKey): Uint16Array;
  /**
   * As `ownersJoined`, of keys one behind the other: all have so many bytes, or these are the
   * places where they end.
   * @throws {BadArgumentError} that is not where they end
   */
  ownersPacked(keys: Uint8Array, layout: number | Uint32Array): Uint16Array;

  /** The slot of a key; none with a ring of points, or an empty one. */
  slot(key: RingKey): number | undefined;
  /** The nodes of a slot, the owner first, as many as there are replicas. */
  slotOwners(slot: number): string[];
  /** The slots of a node, in order. */
  slotsOf(name: string): Uint32Array;
  /** So many different nodes that own the places before a key, the nearest first. */
  ownersBefore(key: RingKey, count: number): string[];
  /** So many other nodes that own the places behind the first one of a node. */
  next(name: string, count: number): string[];
  /** So many other nodes that own the places before the first one of a node. */
  previous(name: string, count: number): string[];
  /** All ranges in order, as large as they can be; together they are the whole ring. */
  ranges(): RingRange[];
  /** How much of all keys each node has, in the order of their names. */
  balance(): RingShare[];

  /** @throws {BadArgumentError} it is there already */
  withNode(node: string | RingNode): Ring;
  /**
   * With another weight and zone of a node.
   * @throws {BadArgumentError} it is not there
   */
  update(node: string | RingNode): Ring;
  /** @throws {BadArgumentError} it is not there */
  without(name: string): Ring;
  /** With other options, or other nodes; what is not given stays as it is. */
  replace(options: RingOptions & { nodes?: Iterable<string | RingNode> | undefined }): Ring;
  /**
   * The nodes of both rings, and what is pinned in either.
   * @throws {BadArgumentError} they place keys in different ways
   */
  union(other: Ring): Ring;
  /**
   * The nodes that are in both rings, and what is pinned alike in both.
   * @throws {BadArgumentError} they place keys in different ways
   */
  intersection(other: Ring): Ring;

  /** Whether both are made from the same. */
  equals(other: unknown): boolean;
  /** What the ring is made from, in the one form of every language. */
  toBytes(): Uint8Array;
  /** What `JSON.stringify` writes, and every language reads. */
  toJSON(): object;
}

/** A key that has another owner. */
export interface RingMove<Key extends RingKey = RingKey> {
  readonly key: Key;
  /** Who owned it; null if the ring was empty. */
  readonly from: string | null;
  /** Who owns it now. */
  readonly to: string | null;
}

/** From one ring to another, in terms of the caller's keys: those have no bound. */
export class RingChange {
  constructor(before: Ring, after: Ring);
  readonly before: Ring;
  readonly after: Ring;
  /** Those of the keys that have another owner. */
  moved<Key extends RingKey>(keys: Iterable<Key>): RingMove<Key>[];
  /**
   * Those of the keys that a node owns, and did not: this one, if the change is told by an event.
   * @throws {BadArgumentError} the change was made by hand, and no name is given
   */
  gained<Key extends RingKey>(keys: Iterable<Key>, name?: string): Key[];
  /**
   * Those of the keys that a node owned, and does not any more: this one, if the change is told by
   * an event.
   * @throws {BadArgumentError} the change was made by hand, and no name is given
   */
  lost<Key extends RingKey>(keys: Iterable<Key>, name?: string): Key[];
  /** The slots that have another owner, in order; none unless both rings have equally many. */
  slots(): { slot: number; from: string | null; to: string | null }[];
  /** How many slots go from whom to whom. */
  flows(): { from: string | null; to: string | null; slots: number }[];
}

/**
 * The bucket of a key among so many, for those who count shards and have no names for them: jump
 * consistent hash. Buckets come and go at the end only; there is none of none.
 */
export function jump(key: RingKey, buckets: number): number | undefined;
