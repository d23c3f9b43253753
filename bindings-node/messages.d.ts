import type { Abortable, ChinwagError, Decoded, Encodable } from './index.js';

/**
 * How a payload travels: as MessagePack (the default), as JSON, as the bytes that it is, or as
 * bytes in an encoding that users agree on by a number from 128 to 255.
 */
export type Codec = 'msgpack' | 'json' | 'raw' | number;

/** Of a call, a cast, and what goes to several. */
export interface MessageOptions extends Abortable {
  /** Default: `msgpack`. A reply is encoded as its question was. */
  codec?: Codec | undefined;
}

/** Of a call. */
export interface CallOptions extends MessageOptions {
  /**
   * Milliseconds until nobody waits any more. Default: `callTimeout`. Within a handler of a call,
   * no more than is left of that one.
   */
  timeout?: number | undefined;
  /** What goes along, such as `traceparent`: 4,096 bytes at most. */
  headers?: Readonly<Record<string, string>> | undefined;
}

/** Of a cast. */
export interface CastOptions extends MessageOptions {
  /** Milliseconds until it is of no use. Default: none. */
  timeout?: number | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** It takes the place of one to the same server and operation that still waits. */
  latest?: boolean | undefined;
}

/** Of a call to all servers of a name. */
export interface MultiCallOptions extends MessageOptions {
  /** Milliseconds, as in `CallOptions`. */
  timeout?: number | undefined;
  /** How many answers are enough. Without, all are waited for, and fewer are no error. */
  minOk?: number | undefined;
}

/** What all servers of a name answered, by the names of their members. */
export interface Replies<T = Decoded> {
  readonly replies: Record<string, T>;
  /** Who did not answer, and why. */
  readonly failed: Record<string, ChinwagError>;
}

/** What a failed server said of itself. */
export interface Remote {
  /** The member that hosts it. */
  readonly node: string;
  /** Its language: `rust`, `c`, `python`, `node` or `elixir`. */
  readonly language: string;
  /** The type of the error there, such as `ValueError`. */
  readonly class: string;
  /** Its own words. */
  readonly message: string;
  /** The stack, if the server passes it on. */
  readonly stack: string | null;
}

/** Who sent a message. */
export interface From {
  /** The member. */
  readonly node: string;
  readonly op: string;
  /** Whether it is a call, which is to be answered, or a cast. */
  readonly isCall: boolean;
  /** What came along. */
  readonly headers: Readonly<Record<string, string>>;
  /** The key behind `#`, for a message to the owner of one. */
  readonly key: Uint8Array | undefined;
  /** When nobody waits any more; none of most casts. */
  readonly deadline: Date | undefined;
  /** Milliseconds until then. */
  readonly remaining: number | undefined;
  /** Aborted when nobody waits any more; `reason` is why. */
  readonly signal: AbortSignal;
  /** Whether it is a call that streams. */
  readonly isStream: boolean;
  /**
   * The items of the request, which the caller sends from when they are read; none of a call that
   * does not stream. Once the caller is gone, it throws why. Left early, the caller is told.
   */
  readonly body: AsyncIterableIterator<any>;
  /** Sends an item of the answer, once there is room; what a generator yields is sent so. */
  send(item?: Encodable): Promise<void>;
  /**
   * Answers the call, once, also after its handler has returned `NO_REPLY`. False if nobody was
   * waiting: it was answered before, was given up, or is a cast.
   * @throws {CodecError} the value has no encoding; the call still waits
   */
  reply(value?: Encodable): boolean;
  /** Answers the call with an error, as if its handler had thrown it. */
  fail(error: unknown): boolean;
}

/** What a handler may return: an answer, or a promise of one. Nothing is null. */
export type Answered = Encodable | void | NoReply;

/** Items of an answer, as an async generator has them: what it returns is the answer. */
export type Items = AsyncIterable<Encodable | void, Answered> | AsyncIterable<Encodable | void>;

/** Answers a call that streams. */
export type StreamHandler = (
  payload: any,
  from: From,
) => Items | Answered | PromiseLike<Items | Answered>;

/** Answers a call, or hears a cast. */
export type Handler = (payload: any, from: From) => Answered | PromiseLike<Answered>;

/**
 * The functions of a server by operation, with the server as their `this`. Only those that the
 * objects have themselves are called.
 */
export interface Handlers {
  readonly call?: Readonly<Record<string, Handler>> | undefined;
  readonly cast?: Readonly<Record<string, Handler>> | undefined;
  /** A call that streams and has no function here is answered by that in `call`, without items. */
  readonly stream?: Readonly<Record<string, StreamHandler>> | undefined;
}

/** A function for all operations. It throws an `UnknownOpError` for those that it has not. */
export type Server =
  | Handlers
  | ((
      op: string,
      payload: any,
      from: From,
    ) => Items | Answered | PromiseLike<Items | Answered>);

/** Of a server. */
export interface ServeOptions {
  /** How many messages are handled at the same time. Default: 1. */
  concurrency?: number | undefined;
  /** Messages that may wait; more are refused as `overloaded`. Default: the option `mailbox`. */
  mailbox?: number | undefined;
  /** Whether callers see the stacks of errors. Default: false. */
  exposeStack?: boolean | undefined;
}

/** A server of this node. */
export interface Served {
  readonly name: string;
  /** Whether it is no more. */
  readonly stopped: boolean;
  /** Holds messages back, up to the mailbox's bounds. */
  pause(): this;
  /** Hands messages over again. */
  resume(): this;
  /**
   * Takes the server off. What is not answered is answered with `NoServerError`. Who follows it
   * hears the reason: text, or an error.
   */
  stop(reason?: string | Error): Promise<void>;
  /** As `stop`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Why a server is down that was followed. */
export interface Down {
  /** The name of the server. */
  readonly server: string;
  /** The member that hosted it; null where there was none. */
  readonly member: string | null;
  /**
   * There is none; it was stopped; its member has failed or left; the key of `name#key` has another
   * owner; or this node was closed.
   */
  readonly reason: 'no_server' | 'stopped' | 'node_failed' | 'node_left' | 'moved' | 'closed';
  /** What else there is to say, such as the reason of a `stop`; often nothing. */
  readonly text: string;
}

/** How the event loop of a member does, or whatever else runs its users' code. */
export type LoopState = 'ok' | 'slow' | 'stuck';

/** What a handler returns that answers later, with `from.reply`. */
export const NO_REPLY: NoReply;

/** The type of that, of which there is one value. */
export type NoReply = symbol & { readonly noReply: true };

/** Of a call that streams. */
export interface StreamOptions extends Omit<CallOptions, 'timeout'> {
  /** Milliseconds in which nothing moves, in either direction. Default: `callTimeout`. */
  timeout?: number | undefined;
  /** The items of the request: they are sent as there is room, and then it is finished. */
  items?: Iterable<Encodable> | AsyncIterable<Encodable> | undefined;
}

/** A call that streams: its items, in the reader's own time, then its answer. */
export interface CallStream<T = Decoded, A = Decoded> extends AsyncIterableIterator<T> {
  /**
   * The next item; or, `done`, the answer of the call behind them.
   * @throws {ChinwagError} what the call came to, as for `call`, behind the items
   */
  next(): Promise<IteratorResult<T, A | undefined>>;
  /**
   * Sends an item of the request, once there is room; the server reads first.
   * @throws {CancelledError} the server reads no more, or has answered
   * @throws {TooLargeError} this item alone
   */
  send(item?: Encodable): Promise<void>;
  /** Says that all items of the request are sent. */
  finish(): void;
  /** Finishes, skips the items that still come, and gives the answer. */
  answer(): Promise<A>;
  /** Gives the call up, unless it is over. */
  close(): void;
  /** As `close`. */
  return(value?: undefined): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Of a publication. */
export interface PublishOptions extends MessageOptions {
  headers?: Readonly<Record<string, string>> | undefined;
  /** While it waits to be sent to a member, a newer one of the topic takes its place. */
  latest?: boolean | undefined;
}

/** Of a subscriber. */
export interface SubscribeOptions extends Abortable {
  /** Each publication goes to one of the subscribers of a queue, on whatever members they are. */
  queue?: string | undefined;
  /** Publications that may wait; who is slower misses the oldest. Default: 1024. */
  buffer?: number | undefined;
}

/** Something that was published. */
export interface Published<T = Decoded> {
  readonly topic: string;
  /** The member that published it. */
  readonly sender: string;
  /**
   * What was published.
   * @throws {CodecError} it cannot be read; the next one comes all the same
   */
  readonly payload: T;
  readonly headers: Readonly<Record<string, string>>;
  /** How many before it this subscriber has missed, because it was slow. */
  readonly missed: number;
}

/** Publications in the reader's own time. */
export interface Subscriber<T = Decoded> extends AsyncIterableIterator<Published<T>> {
  readonly topic: string;
  /** How many it has missed in all. */
  readonly missed: number;
  next(): Promise<IteratorResult<Published<T>, undefined>>;
  /** Subscribes no longer, also under a `next()` that waits; what waits is dropped. */
  close(): void;
  /** As `close`. */
  return(value?: undefined): Promise<IteratorResult<Published<T>, undefined>>;
  [Symbol.asyncIterator](): this;
  [Symbol.asyncDispose](): Promise<void>;
}
