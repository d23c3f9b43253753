// What a program may and may not write, as an ES module. Checked by tsc, never run.

import { ChinwagError, EVENT_TYPES, ERRORS, JoinFailedError, Node, start } from 'chinwag';
import type { ChinwagEvent, EventType, Member, MemberState, RoundTrip, StartOptions } from 'chinwag';

function never(value: never): never {
  throw new Error(String(value));
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
  // @ts-expect-error members are values
  node.localMember().name = 'b';
}
