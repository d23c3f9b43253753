// What is said in serf's way, where members stand, and what is known of them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { find, open, seeds, until } from './helpers.mjs';

const ODD = Uint8Array.of(255, 0, 0xc3, 0x28, 0);
const KEY = Buffer.alloc(16, 1).toString('base64');
const SERF = { delegateVersions: '2,5,5' };
/** Answers are waited for as long as a busy machine may take. */
const timeout = 30_000;

const text = (payload) => Buffer.from(payload).toString();
const refused = (call, code) => assert.rejects(call, { code: `ERR_CHINWAG_${code}` }, String(call));

/** Nodes of these names that see each other. */
async function together(t, names, options = SERF) {
  const nodes = [];
  for (const name of names) {
    const first = nodes.length > 0 ? { seeds: seeds(nodes[0]) } : {};
    nodes.push(await open(t, name, { ...options, tags: { role: name }, ...first }));
  }
  await until(() => nodes.every((node) => node.members().length === names.length));
  return nodes;
}

/** Answers what it is asked with its name; what it was asked is kept. */
function answering(node) {
  const asked = [];
  node.on('query', (event) => {
    asked.push(event);
    node.respond(event.id, node.localMember().name).catch(() => {});
  });
  return asked;
}

test('a user event is told to everybody, here too', async (t) => {
  const [a, b] = await together(t, ['a', 'b']);
  const [events, heard] = [b.events(), once(a, 'user-event')];
  await a.userEvent('deploy', ODD, { coalesce: true });
  const { seq, ltime, ...event } = await find(events, (e) => e.type === 'user-event');
  assert.ok(seq > 0 && Number.isInteger(ltime));
  assert.deepEqual(event, { type: 'user-event', name: 'deploy', payload: ODD, coalesce: true });
  const [own] = await heard;
  assert.deepEqual([own.name, own.ltime, own.payload], ['deploy', ltime, ODD]);
  await b.userEvent('wörd', 'v2');
  const next = await find(events, (e) => e.type === 'user-event');
  assert.deepEqual([next.name, text(next.payload), next.coalesce], ['wörd', 'v2', false]);
  assert.ok(next.ltime > ltime);
  await b.userEvent('bare');
  assert.equal((await find(events, (e) => e.name === 'bare')).payload.length, 0);
  await refused(() => a.userEvent('large', new Uint8Array(600)), 'TOO_LARGE');
});

test('a query is answered by all who are meant', async (t) => {
  const nodes = await together(t, ['a', 'b', 'c']);
  const [a, b] = nodes;
  const asked = nodes.map(answering);
  const all = await a.query('uptime', ODD, { ack: true, relayFactor: 1, timeout });
  assert.deepEqual(Object.keys(all), ['acks', 'responses', 'complete']);
  assert.deepEqual([...all.acks].sort(), ['a', 'b', 'c']);
  const answers = all.responses.map(({ sender, payload }) => [sender, text(payload)]);
  assert.deepEqual(answers.sort(), [['a', 'a'], ['b', 'b'], ['c', 'c']]);
  assert.equal(all.complete, true);
  const { type, seq, id, ...event } = asked[1][0];
  assert.deepEqual([type, seq > 0, id > 0], ['query', true, true]);
  assert.deepEqual(event, { sender: 'a', name: 'uptime', payload: ODD, timeout });
  for (const [options, wanted] of [
    [{ nodes: ['b'] }, ['b']],
    [{ nodes: ['b', 'c'], tags: { role: '^[ac]$' } }, ['c']],
    [{ tags: { role: '^b', zone: '^$' } }, ['b']],
    [{ nodes: ['nobody'] }, []],
  ]) {
    const span = wanted.length === 0 ? 100 : timeout;
    const { acks, responses } = await b.query('load', undefined, { ...options, timeout: span });
    assert.deepEqual(acks, []);
    assert.deepEqual(responses.map(({ sender }) => sender), wanted);
  }
  const load = asked.map((events) => events.filter(({ name }) => name === 'load').length);
  assert.deepEqual(load, [0, 2, 1]);
});

test('a query is answered once, and in time', async (t) => {
  const [a, b] = await together(t, ['a', 'b']);
  const heard = once(b, 'query');
  const asking = a.query('uptime', '', { nodes: ['b'], timeout });
  const [{ id }] = await heard;
  await refused(() => b.respond(id, new Uint8Array(1024)), 'TOO_LARGE');
  await b.respond(id, ODD);
  assert.deepEqual((await asking).responses, [{ sender: 'b', payload: ODD }]);
  await refused(() => b.respond(id, ODD), 'TIMEOUT');
  await refused(() => b.respond(12_345, ODD), 'TIMEOUT');
  const span = 300;
  const late = once(b, 'query').then(([event]) => ({ ...event, over: performance.now() + span }));
  const { complete, responses } = await a.query('late', '', { nodes: ['b'], timeout: span });
  assert.deepEqual([complete, responses], [false, []]);
  // Who is asked counts from when it was told.
  const event = await late;
  await until(() => performance.now() > event.over);
  await refused(() => b.respond(event.id, ODD), 'TIMEOUT');
});

test('what cannot be asked is refused', async (t) => {
  const [a, b] = await together(t, ['a', 'b']);
  await refused(() => a.query('large', new Uint8Array(1100)), 'TOO_LARGE');
  for (const call of [
    () => a.query(),
    () => a.query('q', 5),
    () => a.query('q', '', { nodes: 'b' }),
    () => a.query('q', '', { nodes: [5] }),
    () => a.query('q', '', { tags: 'role=b' }),
    () => a.query('q', '', { tags: { role: /b/ } }),
    () => a.query('q', '', { tags: { role: null } }),
    () => a.query('q', '', { tags: { role: '(' } }),
    () => a.query('q', '', { ack: 1 }),
    () => a.query('q', '', { relayFactor: '1' }),
    () => a.query('q', '', { relayFactor: 1.5 }),
    () => a.query('q', '', { relayFactor: 256 }),
    () => a.query('q', '', { relayFactor: -1 }),
    () => a.query('q', '', { timeout: '1s' }),
    () => a.query('q', '', { timeout: -1 }),
    () => a.query('q', '', { timeout: 1e300 }),
    () => a.query('q', '', { timeOut: 1 }),
    () => a.userEvent(5),
    () => a.userEvent('e', [1]),
    () => a.userEvent('e', '', { coalesce: 1 }),
    () => a.respond('1', ''),
    () => a.respond(-1, ''),
    () => a.respond(1),
    () => a.forceLeave(),
    () => a.forceLeave('b'),
    () => a.forceLeave('nobody', { prune: 'yes' }),
    () => a.rtt('a'),
    () => a.rtt(null, 'a'),
    () => a.explain(5),
  ]) {
    await refused(call, 'BAD_ARGUMENT');
  }
  await refused(() => a.rtt('a', 'nobody'), 'UNKNOWN_MEMBER');
  await b.close();
  for (const call of everything(b)) await refused(() => call({}), 'CLOSED');
});

/** Each operation of this file, with its options. */
function everything(node) {
  return [
    (options) => node.userEvent('e', '', options),
    (options) => node.query('q', '', options),
    (options) => node.respond(1, '', options),
    (options) => node.forceLeave('nobody', options),
    (options) => node.coordinate(options),
    (options) => node.rtt('a', 'b', options),
    (options) => node.clusterKeys('list', undefined, options),
    (options) => node.explain('a', options),
  ];
}

test('a signal ends the waiting for any of them', async (t) => {
  const [a] = await together(t, ['a', 'b']);
  const keyring = ['addKey', 'useKey', 'removeKey'].map((call) => (o) => a[call](KEY, o));
  const gate = [(options) => a.admit(1, options), (options) => a.refuse(1, '', options)];
  const signal = AbortSignal.abort();
  for (const call of [...everything(a), ...keyring, ...gate]) {
    const cancelled = { code: 'ERR_CHINWAG_CANCELLED', cause: signal.reason };
    await assert.rejects(() => call({ signal }), cancelled, String(call));
    await refused(() => call({ signal: {} }), 'BAD_ARGUMENT');
  }
  const controller = new AbortController();
  const heard = once(a, 'query');
  const asking = a.query('patience', '', { timeout, signal: controller.signal });
  controller.abort();
  await refused(() => asking, 'CANCELLED');
  // It was asked all the same.
  assert.equal((await heard)[0].name, 'patience');
});

test('who does not speak serf says so', async (t) => {
  const plain = await open(t, 'plain');
  const calls = everything(plain).slice(0, -1);
  for (const call of calls) {
    await assert.rejects(() => call({}), { name: 'UnsupportedError', message: /2,5,5/ });
  }
});

test('a failed member is made to leave, and to be forgotten', async (t) => {
  const [a, b, c, d] = await together(t, ['a', 'b', 'c', 'd']);
  await refused(() => a.forceLeave('c'), 'BAD_ARGUMENT');
  const state = (node, name) => node.member(name)?.state;
  await Promise.all([c.close(), d.close()]);
  const failed = (name) => state(a, name) === 'failed' && state(b, name) === 'failed';
  await until(() => failed('c') && failed('d'));
  await a.forceLeave('c');
  await until(() => state(a, 'c') === 'left' && state(b, 'c') === 'left');
  await a.forceLeave('d', { prune: true });
  await until(() => state(a, 'd') === undefined && state(b, 'd') === undefined);
});

test('members have places, and so times between them', async (t) => {
  const [a] = await together(t, ['a', 'b', 'c']);
  const millis = await until(() => a.rtt('b', 'c').catch((error) => {
    assert.equal(error.code, 'ERR_CHINWAG_UNKNOWN_MEMBER');
  }));
  assert.ok(millis > 0 && millis < 30_000, `${millis} ms`);
  const { vec, error, adjustment, height } = await a.coordinate();
  assert.equal(vec.length, 8);
  for (const number of [...vec, error, adjustment, height]) assert.ok(Number.isFinite(number));
  assert.ok(error > 0 && height > 0);
});

test('what is known of a member is explained', async (t) => {
  const [a, b] = await together(t, ['a', 'b'], {});
  const calm = await a.explain('b');
  assert.deepEqual(Object.keys(calm), ['state', 'since', 'failsIn', 'observed']);
  assert.equal(calm.state, 'alive');
  assert.ok(calm.since >= 0);
  const nobody = { state: null, since: null, failsIn: null, observed: [] };
  assert.deepEqual(await a.explain('nobody'), nobody);
  await b.close();
  const suspicion = await until(async () => {
    const { state, failsIn, observed } = await a.explain('b');
    assert.ok(failsIn === null || state === 'suspect');
    return state === 'failed' && observed;
  });
  const kinds = suspicion.map(({ kind }) => kind);
  assert.ok(kinds.includes('probe-failed') && kinds.at(-1) === 'failed', String(kinds));
  for (const { ago, text } of suspicion) assert.ok(ago >= 0 && text.length > 0);
  const ages = suspicion.map(({ ago }) => ago);
  assert.deepEqual(ages, [...ages].sort((x, y) => y - x), 'the oldest first');
});

test('metrics are text that Prometheus reads', async (t) => {
  const [a] = await together(t, ['a', 'b'], {});
  const metrics = a.metrics();
  assert.match(metrics, /^# (?:TYPE|HELP) chinwag_/);
  assert.match(metrics, /\n# EOF\n$/);
  assert.match(metrics, /^chinwag_members\{[^}]*state="alive"[^}]*\} 2$/m);
});
