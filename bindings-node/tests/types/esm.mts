// What a program may and may not write, as an ES module. Checked by tsc, never run.

import {
  actor,
  ActorTable,
  ChinwagError,
  CodecError,
  decode,
  encode,
  EVENT_TYPES,
  ERRORS,
  Folded,
  HybridClock,
  HybridTime,
  JoinFailedError,
  jump,
  LamportClock,
  NO_REPLY,
  Node,
  RemoteError,
  Retired,
  Ring,
  RingChange,
  Siblings,
  splitActor,
  start,
  VectorClock,
} from 'chinwag';
import type {
  Answers,
  Causality,
  ChinwagEvent,
  Coordinate,
  EventType,
  Explanation,
  From,
  Handlers,
  KeyInfo,
  KeyOutcome,
  Member,
  MemberState,
  Replies,
  RingMove,
  RoundTrip,
  Served,
  StartOptions,
} from 'chinwag';

function never(value: never): never {
  throw new Error(String(value));
}

function payloads(error: unknown): Uint8Array {
  const order = { id: 2n ** 60n, items: [{ sku: 'tea' }], at: new Date(), note: undefined };
  const bytes: Uint8Array = encode(order);
  encode(new Map([['a', [null, 1.5, true]]]));
  // @ts-expect-error keys are texts
  encode(new Map([[1, 2]]));
  // @ts-expect-error functions have no encoding
  encode({ a: () => 1 });
  const value = decode(bytes);
  if (typeof value === 'bigint' || error instanceof CodecError) return encode(value);
  return bytes;
}

function describe(event: ChinwagEvent): string {
  switch (event.type) {
    case 'member-join':
    case 'member-leave':
    case 'member-failed':
    case 'member-suspect':
    case 'member-recover':
    case 'member-reap':
      return event.member.name;
    case 'member-update':
    case 'member-move':
      return `${event.previous.tags['role'] ?? ''} ${event.member.addr}`;
    case 'events-lost':
      return `${event.count} ${event.members.length}`;
    case 'member-conflict':
      return `${event.member.name} ${event.addr}`;
    case 'message':
    case 'broadcast':
    case 'remote-state':
      return `${event.sender} ${event.payload.length}`;
    case 'admission':
      return `${event.id} ${event.member.name}`;
    case 'user-event':
      return `${event.name} ${event.ltime} ${event.payload.length} ${event.coalesce}`;
    case 'query':
      return `${event.id} ${event.sender} ${event.name} ${event.timeout}`;
    case 'ring-change':
      return `${event.version} ${event.change.lost(['k']).length}`;
    case 'handoff-prepare':
      return `${event.id} ${event.peer} ${event.slots[0]} ${event.epoch} ${event.timeout}`;
    case 'handoff-acquired':
      return `${event.peer} ${event.slots.length} ${event.epoch} ${event.clean}`;
    case 'warning':
      return `${event.code} ${event.subject} ${event.text}`;
    case 'replay-done':
      return String(event.seq + 1);
    default:
      return never(event);
  }
}

const options: StartOptions = { name: 'a', seeds: ['b:1'], tags: { role: 'web' }, profile: 'wan' };
const controller = new AbortController();

export async function program(): Promise<void> {
  await using node = await start({ ...options, probeInterval: 250, signal: controller.signal });
  const members: Member[] = node.members({ tags: { role: 'web' } });
  const state: MemberState | undefined = node.member('a')?.state;
  node.on('member-join', (member, event) => console.log(member.name, event.seq, members, state));
  node.once('events-lost', (event) => console.log(event.members.map((m) => m.meta.length)));
  node.on('warning', (warning) => console.log(warning.code, warning.message));
  const count: number = await node.join('b:1', { signal: AbortSignal.timeout(100) });
  await node.updateTags({ role: 'draining', canary: null, shard: undefined });
  await node.setMeta(new Uint8Array(count));
  node.on('message', (event) => console.log(event.sender, event.payload.byteLength));
  await node.send('b', 'text', { reliable: false, signal: controller.signal });
  await node.broadcast(new Uint8Array(2), { name: 'load', supersede: true });
  const told: RoundTrip = await node.roundTrip('b');
  console.log((told.smoothed ?? 0) + (await node.ping('b')), told.payload.length);
  await secrets(node);
  await serf(node);
  await placed(node);
  await named(node);
  for await (const event of node.events({ replay: true })) console.log(describe(event));
  await using stream = node.events();
  const first = await stream.next();
  if (!first.done) console.log(first.value.type);
  await node.leave({ timeout: 5000 });
  node.unref().ref();
  try {
    await start();
  } catch (error) {
    if (error instanceof JoinFailedError) console.log(error.attempts[0]?.seed);
    if (error instanceof ChinwagError && error.code === 'ERR_CHINWAG_TIMEOUT') {
      console.log(error.retryable, error.cause);
    }
  }
}

async function secrets(node: Node): Promise<void> {
  const keys: KeyInfo[] = node.keys();
  await node.addKey('MDEyMzQ1Njc4OWFiY2RlZg==', { signal: controller.signal });
  await node.useKey(keys[0]?.fingerprint ?? '');
  await node.removeKey('MDEyMzQ1Njc4OWFiY2RlZg==');
  const outcomes: Record<string, KeyOutcome> = await node.clusterKeys('list');
  await node.clusterKeys('install', 'MDEyMzQ1Njc4OWFiY2RlZg==', { signal: controller.signal });
  await node.clusterKeys('list', undefined, { signal: controller.signal });
  console.log(outcomes['a']?.done, outcomes['a']?.keys.length, outcomes['a']?.primary);
  node.on('admission', async (member, { id }) => {
    if (member.tags['role'] === 'web') await node.admit(id);
    else await node.refuse(id, 'web only', { signal: controller.signal });
  });
  const why: Explanation = await node.explain('b');
  console.log(why.state, (why.failsIn ?? 0) + (why.since ?? 0), why.observed[0]?.text);
}

async function serf(node: Node): Promise<void> {
  await node.userEvent('deploy', 'v1', { coalesce: true, signal: controller.signal });
  await node.userEvent('deploy');
  const options = { nodes: ['b'], tags: { role: '^web$' }, ack: true, relayFactor: 1 };
  const answers: Answers = await node.query('uptime', new Uint8Array(1), {
    ...options,
    timeout: 500,
  });
  console.log(answers.acks, answers.responses[0]?.sender, answers.complete);
  node.on('query', ({ id }) => void node.respond(id, 'an hour'));
  await node.forceLeave('b', { prune: true });
  const place: Coordinate = await node.coordinate();
  console.log(place.vec.length, (await node.rtt('a', 'b')) + 1, node.metrics().length);
}

class Counter implements Handlers {
  n = 0;
  readonly call = {
    incr: (by: number, from: From): number => (this.n += from.isCall ? by : 0),
    later: (_: null, from: From) => {
      void Promise.resolve().then(() => from.reply({ n: this.n }));
      return NO_REPLY;
    },
  };
  readonly cast = { reset: async () => void (this.n = 0) };
}

async function named(node: Node): Promise<void> {
  await using served: Served = await node.serve('counter', new Counter(), { concurrency: 2 });
  const n: number = await node.call<number>('counter@a', 'incr', 1, { timeout: 500 });
  await node.cast('counter#user:42', 'reset', null, { latest: true, codec: 'json' });
  const { replies, failed }: Replies<number> = await node.multiCall('counter', 'incr', n, {
    minOk: 1,
  });
  console.log(replies['a'], failed['b']?.maybeExecuted, await node.abcast('counter', 'reset'));
  console.log(node.hosts('counter').length, node.servers()['counter'], served.pause().resume().name);
  await node.serve('all', async (op, payload, { node, key, remaining, signal, deadline }) => {
    return [op, payload, node, key ?? null, remaining ?? null, signal.aborted, deadline ?? null];
  });
  await node.call('all', 'x', Uint8Array.of(1), { codec: 'raw' }).catch((error: unknown) => {
    if (error instanceof RemoteError) console.log(error.remote.class, error.remote.stack?.length);
  });
  const value = await node.call('all', 'x', undefined, { headers: { traceparent: '00' } });
  if (typeof value === 'bigint') console.log(value + 1n);
  // @ts-expect-error no such codec
  await node.call('all', 'x', 1, { codec: 'xml' });
  // @ts-expect-error a function has no encoding
  await node.cast('all', 'x', () => 1);
  // @ts-expect-error a server is a function, or has functions
  await node.serve('none', { call: { incr: 1 } });
  // @ts-expect-error items come from a stream
  await node.serve('none', { stream: 5 });
}

async function placed(node: Node): Promise<void> {
  const cache = new Map([['k', 1]]);
  node.on('ring-change', ({ version, change }) => {
    for (const key of change.lost(cache.keys())) cache.delete(key);
    console.log(version, change.after.version, change.gained(['k'], 'b'));
  });
  const ring: Ring = node.ring;
  const past: Ring[] = node.pastRings();
  const owner: Member | undefined = node.owner('k') ?? node.owners(new Uint8Array(1), 2)[0];
  console.log(ring === past[0], owner?.addr, node.owns('k'), node.previousOwner('k')?.length);
  await node.setRingOverrides({ excluded: ['b'], pins: { k: 'a' }, pinPrefixes: new Map() });
  node.on('handoff-prepare', ({ id }) => void node.released(id, { signal: controller.signal }));
  // @ts-expect-error a ring is asked for, not set
  node.ring = ring;
  // @ts-expect-error that is no override
  await node.setRingOverrides({ slots: 5 });
}

export function rings(): bigint {
  const nodes = ['a', { name: 'b', weight: 2, zone: 'x' }] as const;
  const ring = new Ring(nodes, { profile: 'exact', slots: 271, pins: new Map([['k', 'a']]) });
  const owner: string | undefined = ring.owner(new Uint8Array(1)) ?? ring.owner('k');
  const owners: string[] = ring.owners('k', 2);
  const after = Ring.fromJSON(JSON.stringify(ring)).replace({ nodes, excluded: [...ring.excluded] });
  const change = new RingChange(ring, after.withNode('c').update({ name: 'c', weight: 3 }));
  const moved: RingMove<string>[] = change.moved(['k', 'l']);
  console.log(owner, owners, moved[0]?.from, change.lost(new Set(['k']), 'a'), jump('k', 3));
  const busy: ReadonlySet<string> = new Set(owners);
  const names = Array.from(ring.ownersPacked(new Uint8Array(8), 4), (at) => ring.names[at]);
  console.log(ring.ownerWithRoom('k', (name) => !busy.has(name)), ring.ranges()[0]?.start, names);
  // @ts-expect-error keys are text or bytes
  ring.owner(5);
  // @ts-expect-error how many has to be said
  ring.owners('k');
  // @ts-expect-error no such profile
  new Ring(nodes, { profile: 'even' });
  // @ts-expect-error a ring does not change
  ring.names = [];
  // @ts-expect-error a misspelt field
  new Ring([{ name: 'a', wieght: 1 }]);
  return ring.fingerprint;
}

export function clocks(): bigint {
  const clock = new VectorClock().increment('a', { time: 5n }).update('b', 2).insert('c');
  const verdict: Causality = clock.compare(VectorClock.from({ a: 1, b: { count: '5', time: 2n } }));
  const stored: Uint8Array = VectorClock.from(new Map([['a', 1n]])).merge(clock).toBuffer();
  const again = VectorClock.from(stored).trim(Date.now() * 1000, { upper: 5 });
  for (const [name, count] of again) console.log(name, count + 1n, verdict, JSON.stringify(again));
  for (const [name, { time }] of VectorClock.from(again).entries()) console.log(name, time);
  console.log(VectorClock.from(again.entries()).size);
  const table = new ActorTable(clock.actors);
  console.log(VectorClock.fromDense(table, clock.toDense(table)).dot('a')?.count, table.size);
  const log = new Retired([['a', 1]]);
  const folded: Folded = log.raise(Folded.from(log.fold(clock).toBuffer()));
  console.log(Retired.from(log.toBuffer()).size, Retired.from(log.toJSON()).size);
  console.log(log.retire('b', 5n) + folded.epoch, log.compare(folded, folded) === 'equal');
  const record = new Siblings<string[]>();
  record.put('a', null, ['tea']);
  record.put('a', record.context, ['tea', 'milk']);
  record.resolve('a', (values) => values.flat());
  const back = Siblings.from(record.toBuffer((value) => new Uint8Array(value.length)), String);
  const texts: string[] = back.values();
  const json = record.toJSON((value) => new Uint8Array(value.length));
  console.log(JSON.stringify(back), Siblings.from(json, String).size, Siblings.from('{}').size);
  const plain: Siblings = Siblings.from(stored);
  const stamp: HybridTime = new HybridClock({ driftUs: 5 }).tick(7n);
  console.log(texts, plain.dots()[0]?.value.length, stamp < HybridTime.from('x'));
  console.log(splitActor('a~1')?.incarnation);
  // @ts-expect-error an actor is text
  clock.get(5);
  // @ts-expect-error a clock does not change
  clock.size = 5;
  // @ts-expect-error no such answer
  if (verdict === 'same') return 0n;
  // @ts-expect-error times are options
  clock.increment('a', 5);
  // @ts-expect-error a misspelt bound
  clock.trim(5, { young: 5 });
  // @ts-expect-error what was read has to be said
  record.put('a', ['tea']);
  // @ts-expect-error values go through bytes
  record.toJSON(String);
  // @ts-expect-error a decision is made at once
  record.resolve('a', async (values) => values.flat());
  // @ts-expect-error clocks are folded by a log
  new Folded(5n, clock);
  return new LamportClock().observe(clock.get(actor('a', 1)));
}

export async function talked(node: Node): Promise<string> {
  const sent: number = await node.publish('x', { id: 7 }, { headers: { a: 'b' }, latest: true });
  for await (const { payload, missed } of node.subscribe<{ id: number }>('x', { queue: 'y' })) {
    console.log(payload.id + missed + sent);
  }
  await node.put('key', 'value', { ttl: 500 });
  for await (const change of node.watch('k', { replay: true })) {
    if (change.type === 'put') console.log(change.value.length);
    else if (change.type === 'lost') console.log(change.entries[0]?.member, change.count);
    // @ts-expect-error only what is put has a value
    else console.log(change.value);
  }
  const carts = node.map('carts');
  const entry = carts.read('alice');
  await carts.put('alice', 'tea', { after: entry });
  await carts.resolve('alice', (values) => values[0]?.value ?? 'none');
  await node.serve('s', {
    stream: {
      async *count(many: number, { body }) {
        for await (const item of body) yield item as string;
        return many;
      },
    },
  });
  const stream = node.stream<string, number>('s', 'count', 5, { items: ['a'] });
  for await (const item of stream) console.log(item.length);
  const many: number = await stream.answer();
  // @ts-expect-error no such option
  node.subscribe('x', { buffers: 5 });
  // @ts-expect-error what is put is bytes or text
  await node.put('key', 5);
  // @ts-expect-error items are many
  node.stream('s', 'count', 5, { items: 5 });
  const { reason, member } = await node.monitor('s');
  // @ts-expect-error no such reason
  if (reason === 'gone') return 'never';
  return `${many} ${member} ${node.loopState('a') === 'stuck'}`;
}

const types: readonly EventType[] = EVENT_TYPES;
console.log(types, ERRORS['timeout']?.number);

// @ts-expect-error a misspelt option
void start({ probeIntervall: 1 });
// @ts-expect-error times are numbers of milliseconds
void start({ probeInterval: '1s' });
// @ts-expect-error one of the profiles
void start({ profile: 'moon' });
// @ts-expect-error nodes are made by start
new Node();

export function refused(node: Node, error: ChinwagError): void {
  // @ts-expect-error no such event
  node.on('member-joined', () => {});
  // @ts-expect-error there is no error event
  node.on('error', () => {});
  // @ts-expect-error no such code
  if (error.code === 'ERR_CHINWAG_TIMEOUTS') return;
  // @ts-expect-error tags are texts
  void node.updateTags({ shard: 3 });
  // @ts-expect-error a payload is bytes or text
  void node.send('b', 5);
  // @ts-expect-error no such option
  void node.broadcast('b', { kind: 'unique' });
  // @ts-expect-error no such change
  void node.clusterKeys('rotate', 'key');
  // @ts-expect-error a key is missing
  void node.clusterKeys('install');
  // @ts-expect-error ids are numbers
  void node.admit('1');
  // @ts-expect-error expressions are texts
  void node.query('uptime', '', { tags: { role: /web/ } });
  // @ts-expect-error members are values
  node.localMember().name = 'b';
}
