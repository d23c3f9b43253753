import type { WarningCode } from './constants.js';
import type { Member } from './index.js';
import type { RingChange } from './ring.js';

interface Numbered<Type extends string> {
  readonly type: Type;
  /**
   * Number of the event on this node, from 1, exact up to 2^53. Events of a replay carry that of
   * the last event before it, and `events-lost` that of the last event which is missing.
   */
  readonly seq: number;
}

/** A member is here: new, or back after it had failed or left. */
export interface MemberJoinEvent extends Numbered<'member-join'> {
  readonly member: Member;
}

/** A member said goodbye. */
export interface MemberLeaveEvent extends Numbered<'member-leave'> {
  readonly member: Member;
}

/** A suspected member did not refute in time. */
export interface MemberFailedEvent extends Numbered<'member-failed'> {
  readonly member: Member;
}

/** A member changed its tags, metadata or address. */
export interface MemberUpdateEvent extends Numbered<'member-update'> {
  readonly member: Member;
  /** As it was before. */
  readonly previous: Member;
}

/** A member does not answer; it fails unless it refutes in time. */
export interface MemberSuspectEvent extends Numbered<'member-suspect'> {
  readonly member: Member;
}

/** A suspected member refuted. */
export interface MemberRecoverEvent extends Numbered<'member-recover'> {
  readonly member: Member;
}

/** The members known at the time of subscribing have all been reported. */
export interface ReplayDoneEvent extends Numbered<'replay-done'> {}

/** The reader was too slow. */
export interface EventsLostEvent extends Numbered<'events-lost'> {
  /** How many events it will not see. */
  readonly count: number;
  /** Everybody known now, the local member left out. */
  readonly members: Member[];
}

/** A failed or departed member is no longer remembered. */
export interface MemberReapEvent extends Numbered<'member-reap'> {
  readonly member: Member;
}

/** A member has another address: it came back elsewhere, and nobody answers where it was. */
export interface MemberMoveEvent extends Numbered<'member-move'> {
  readonly member: Member;
  /** As it was before. */
  readonly previous: Member;
}

/** Somebody elsewhere announces itself under the name of a member that answers. */
export interface MemberConflictEvent extends Numbered<'member-conflict'> {
  /** The one that keeps the name. */
  readonly member: Member;
  /** Where the other one says it is. */
  readonly addr: string;
}

/** Something is wrong and the node goes on. */
export interface WarningEvent extends Numbered<'warning'> {
  readonly code: WarningCode;
  /** The name or address of whom it is about; empty for this node itself. */
  readonly subject: string;
  /** The likely cause and the next step. */
  readonly text: string;
}

/** A member sent this node a message. */
export interface MessageEvent extends Numbered<'message'> {
  /** The member of the address; empty when none, or more than one, has it. */
  readonly sender: string;
  readonly addr: string;
  /** Whether it came over a connection. */
  readonly reliable: boolean;
  readonly payload: Uint8Array;
}

/** A member sent everybody a message; each is told once. */
export interface BroadcastEvent extends Numbered<'broadcast'> {
  readonly sender: string;
  /** What it is about; empty for a unique one. */
  readonly name: string;
  readonly payload: Uint8Array;
}

/** The state that a member hands on came with an exchange of states. */
export interface RemoteStateEvent extends Numbered<'remote-state'> {
  /** Whose it is; empty when several members share the address that it came from. */
  readonly sender: string;
  /** Whether the exchange was about joining. */
  readonly join: boolean;
  readonly payload: Uint8Array;
}

/** A newcomer waits to be let in; it is refused when nobody decides. */
export interface AdmissionEvent extends Numbered<'admission'> {
  /** Number of the question, for `admit` and `refuse`. */
  readonly id: number;
  /** As it announces itself. It is no member yet. */
  readonly member: Member;
}

/** A member told everybody something, in serf's way; each is told once, here too. */
export interface UserEvent extends Numbered<'user-event'> {
  readonly name: string;
  /** Its Lamport time: what happened because of it has a later one. */
  readonly ltime: number;
  readonly payload: Uint8Array;
  /** Whether the last of several events of this name is enough. */
  readonly coalesce: boolean;
}

/** A member asks everybody something, in serf's way; the answer names the id. */
export interface QueryEvent extends Numbered<'query'> {
  /** Number of the query, for `respond`. */
  readonly id: number;
  readonly sender: string;
  readonly name: string;
  readonly payload: Uint8Array;
  /** How long an answer is waited for, from when it was asked, in milliseconds. */
  readonly timeout: number;
}

/** The ring of the members is another one. Told once somebody has asked for the ring. */
export interface RingChangeEvent extends Numbered<'ring-change'> {
  /** Number of the ring as it is; each node counts its own. */
  readonly version: number;
  /** Answers which keys have come and gone; knows this node's name. */
  readonly change: RingChange;
}

/** Slots go to another member, which waits for `released` until the time is over. */
export interface HandoffPrepareEvent extends Numbered<'handoff-prepare'> {
  /** Number of the question, for `released`. */
  readonly id: number;
  /** Who owns them next. */
  readonly peer: string;
  /** Which, in order. */
  readonly slots: Uint32Array;
  /** Under which epoch this node had them at most: whoever has them next has a greater one. */
  readonly epoch: number;
  /** How long the other one waits, in milliseconds. */
  readonly timeout: number;
}

/** Slots are this node's from now on. */
export interface HandoffAcquiredEvent extends Numbered<'handoff-acquired'> {
  /** Who had them; empty if nobody did. */
  readonly peer: string;
  /** Which, in order. */
  readonly slots: Uint32Array;
  /**
   * A number that grows with every owner of a slot: a store that has seen a greater one refuses who
   * comes with this one.
   */
  readonly epoch: number;
  /** Whether who had them released them, or nobody had them. If not, it may still write. */
  readonly clean: boolean;
}

/** One event; `type` tells which. */
export type ChinwagEvent =
  | MemberJoinEvent
  | MemberLeaveEvent
  | MemberFailedEvent
  | MemberUpdateEvent
  | MemberSuspectEvent
  | MemberRecoverEvent
  | ReplayDoneEvent
  | EventsLostEvent
  | MemberReapEvent
  | MemberMoveEvent
  | MemberConflictEvent
  | WarningEvent
  | MessageEvent
  | BroadcastEvent
  | RemoteStateEvent
  | AdmissionEvent
  | UserEvent
  | QueryEvent
  | RingChangeEvent
  | HandoffPrepareEvent
  | HandoffAcquiredEvent;

/**
 * Something odd that the node deals with by itself: an event of type `warning`, its code in
 * screaming case, or one of three that are made here: two at the start, and one for a cast that
 * came to nothing, with the `cause`. Of those three the process is warned when there is no
 * listener, of casts once for each server.
 */
export interface ChinwagWarning extends Error {
  readonly code:
    | 'CHINWAG_ALONE'
    | 'CHINWAG_PORT_TAKEN'
    | 'CHINWAG_CAST_FAILED'
    | `CHINWAG_${string}`;
  /** The name or address of whom it is about, or the server that a cast was for. */
  readonly subject?: string;
}

/** What listeners are called with. There is no `error` event: trouble is reported by promises. */
export interface NodeEvents {
  'member-join': [member: Member, event: MemberJoinEvent];
  'member-leave': [member: Member, event: MemberLeaveEvent];
  'member-failed': [member: Member, event: MemberFailedEvent];
  'member-update': [member: Member, event: MemberUpdateEvent];
  'member-suspect': [member: Member, event: MemberSuspectEvent];
  'member-recover': [member: Member, event: MemberRecoverEvent];
  'replay-done': [event: ReplayDoneEvent];
  'events-lost': [event: EventsLostEvent];
  'member-reap': [member: Member, event: MemberReapEvent];
  'member-move': [member: Member, event: MemberMoveEvent];
  'member-conflict': [member: Member, event: MemberConflictEvent];
  message: [event: MessageEvent];
  broadcast: [event: BroadcastEvent];
  'remote-state': [event: RemoteStateEvent];
  admission: [member: Member, event: AdmissionEvent];
  'user-event': [event: UserEvent];
  query: [event: QueryEvent];
  'ring-change': [event: RingChangeEvent];
  'handoff-prepare': [event: HandoffPrepareEvent];
  'handoff-acquired': [event: HandoffAcquiredEvent];
  warning: [warning: ChinwagWarning];
  close: [];
}

/** A listener for one type of event. */
export type Listener<Type extends keyof NodeEvents> = (...args: NodeEvents[Type]) => void;

/** Events in the reader's own time. Who falls too far behind gets a single `events-lost`. */
export interface EventStream extends AsyncIterableIterator<ChinwagEvent> {
  next(): Promise<IteratorResult<ChinwagEvent, undefined>>;
  /** Ends the iteration, also under a `next()` that waits. */
  return(value?: undefined): Promise<IteratorResult<ChinwagEvent, undefined>>;
  [Symbol.asyncIterator](): this;
  [Symbol.asyncDispose](): Promise<void>;
}
