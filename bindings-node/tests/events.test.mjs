// Events, as an emitter and as asynchronous iterators.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { EVENT_TYPES } from '../index.mjs';
import { find, open, run, seeds, silent, until } from './helpers.mjs';

const of = (type, name) => (event) => event.type === type && event.member?.name === name;

test('an iterator tells what happens, in order and numbered', async (t) => {
  const a = await open(t, 'a');
  const events = a.events({ replay: true });
  assert.deepEqual(await events.next(), { done: false, value: { type: 'replay-done', seq: 0 } });
  const b = await open(t, 'b', { seeds: seeds(a), tags: { n: '0' } });
  const joined = await find(events, of('member-join', 'b'));
  assert.deepEqual(Object.keys(joined), ['type', 'seq', 'member']);
  assert.equal(joined.seq, 1);
  assert.deepEqual(joined.member.tags, { n: '0' });

  await b.updateTags({ n: '1' });
  const update = await find(events, of('member-update', 'b'));
  assert.equal(update.member.tags.n, '1');
  assert.equal(update.previous.tags.n, '0');
  assert.deepEqual(update.previous, joined.member);
  assert.equal(update.previous.addr, b.localMember().addr);
  assert.equal(update.seq, 2);

  await b.leave();
  const left = await find(events, of('member-leave', 'b'));
  assert.equal(left.member.state, 'left');
  assert.equal(left.seq, 3);
});

test('a replay closes the gap between subscribing and starting', async (t) => {
  const a = await open(t, 'a');
  await open(t, 'b', { seeds: seeds(a) });
  await until(() => a.member('b'));
  const live = a.events();
  const replayed = a.events({ replay: true });
  const first = (await replayed.next()).value;
  assert.equal(first.type, 'member-join');
  assert.equal(first.member.name, 'b');
  assert.equal((await replayed.next()).value.type, 'replay-done');
  await open(t, 'c', { seeds: seeds(a) });
  assert.equal((await live.next()).value.member.name, 'c', 'without a replay: what is new');
  assert.equal((await replayed.next()).value.member.name, 'c');
});

test('a crash is suspected, then failed', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  const events = a.events({ replay: true });
  await find(events, of('member-join', 'b'));
  await b.close();
  assert.equal((await find(events, of('member-suspect', 'b'))).member.state, 'suspect');
  assert.equal((await find(events, of('member-failed', 'b'))).member.state, 'failed');
});

test('several may wait on one iterator; each event goes to one of them', async (t) => {
  const a = await open(t, 'a');
  const events = a.events();
  const waiting = [events.next(), events.next(), events.next()];
  await open(t, 'b', { seeds: seeds(a) });
  await open(t, 'c', { seeds: seeds(a) });
  const [first, second] = await Promise.all(waiting.slice(0, 2));
  assert.deepEqual([first, second].map(({ value }) => value.seq), [1, 2]);
  await events.return();
  assert.deepEqual(await waiting[2], { done: true, value: undefined });
  assert.deepEqual(await events.next(), { done: true, value: undefined });
});

test('close ends iterators, after what they have not read yet', async (t) => {
  const a = await open(t, 'a');
  const unread = a.events();
  const waiting = a.events();
  await open(t, 'b', { seeds: seeds(a) });
  assert.equal((await waiting.next()).value.type, 'member-join');
  const ends = (async () => {
    const types = [];
    for await (const event of waiting) types.push(event.type);
    return types;
  })();
  await a.close();
  assert.deepEqual(await ends, []);
  const left = [];
  for await (const event of unread) left.push(event.type);
  assert.equal(left[0], 'member-join');
});

test('break and an aborted signal end an iteration', async (t) => {
  const a = await open(t, 'a');
  const events = a.events({ replay: true });
  for await (const event of events) {
    assert.equal(event.type, 'replay-done');
    break;
  }
  assert.deepEqual(await events.next(), { done: true, value: undefined });

  const controller = new AbortController();
  const aborted = a.events({ signal: controller.signal });
  const next = aborted.next();
  const behind = aborted.next();
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(next, { name: 'CancelledError', cause: reason });
  assert.deepEqual(await behind, { done: true, value: undefined });
  const never = a.events({ signal: AbortSignal.abort() });
  await assert.rejects(never.next(), { name: 'CancelledError' });

  const disposed = a.events();
  await disposed[Symbol.asyncDispose]();
  assert.equal((await disposed.next()).done, true);
});

/** Changes a tag of `node` so often. */
async function flood(node, count, from = 0) {
  for (let n = 1; n <= count; n++) await node.updateTags({ n: String(from + n) });
}

test('a slow reader gets one events-lost, with the members as they are', async (t) => {
  const a = await open(t, 'a', { eventBuffer: 4 });
  const b = await open(t, 'b', { seeds: seeds(a) });
  await until(() => a.member('b'));
  const slow = a.events();
  const quick = a.events();
  const seen = [];
  const reading = (async () => {
    for await (const event of quick) seen.push(event);
  })();
  for (let n = 1; n <= 20; n++) {
    await b.updateTags({ n: String(n) });
    await until(() => a.member('b').tags.n === String(n));
  }
  await until(() => seen.at(-1)?.member.tags.n === '20');
  const { value: lost } = await slow.next();
  assert.equal(lost.type, 'events-lost');
  assert.equal(lost.count, 20);
  assert.deepEqual(lost.members.map((m) => [m.name, m.tags.n]), [['b', '20']]);
  assert.equal(lost.seq, seen.at(-1).seq);
  await flood(b, 1, 20);
  const { value: next } = await slow.next();
  assert.equal(next.member.tags.n, '21', 'what follows is live');
  assert.equal(next.seq, lost.seq + 1);
  await quick.return();
  await reading;
  assert.deepEqual(new Set(seen.map((event) => event.type)), new Set(['member-update']));
  assert.deepEqual(seen.map((event) => event.seq), seen.map((_, i) => i + 2));
});

test('listeners attached at once hear of those here; later ones of the news', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  const early = [];
  for (const type of EVENT_TYPES) b.on(type, (...args) => early.push([type, args[0].name]));
  await once(b, 'replay-done');
  assert.deepEqual(early, [['member-join', 'a'], ['replay-done', undefined]]);

  await until(() => a.member('b'));
  const late = [];
  a.on('member-join', (member, event) => late.push([member.name, event.member === member]));
  await open(t, 'c', { seeds: seeds(a) });
  await until(() => late.length > 0 && early.length > 2);
  assert.deepEqual(late, [['c', true]]);
  assert.deepEqual(early[2], ['member-join', 'c']);
});

test('update listeners get the member and what it was', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a), tags: { n: '0' } });
  const updated = once(a, 'member-update');
  await b.updateTags({ n: '1' });
  const [member, { previous, seq }] = await updated;
  assert.deepEqual([previous.tags.n, member.tags.n, seq], ['0', '1', 2]);
});

test('nobody listens, somebody listens again: on, once, prepend, off', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  await until(() => a.member('b'));
  const heard = [];
  const hear = (member) => heard.push(member.tags.n);
  const methods = ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'];
  for (const [n, method] of methods.entries()) {
    a[method]('member-update', hear);
    await b.updateTags({ n: String(n) });
    await until(() => heard.length === n + 1, method);
    a.removeAllListeners();
    // Nobody hears this one.
    await b.updateTags({ n: 'unheard' });
    await until(() => a.member('b').tags.n === 'unheard');
  }
  assert.deepEqual(heard, ['0', '1', '2', '3', '4']);
});

test('who listens next hears what nobody heard only if it listens at once', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  await until(() => a.member('b'));
  // The core goes on meanwhile, but no event reaches a listener before the turn is over.
  const change = (n) => {
    const done = b.updateTags({ n });
    const end = Date.now() + 30_000;
    while (a.member('b').tags.n !== n) assert.ok(Date.now() < end, 'the change gets about');
    return done;
  };
  const heard = [];
  const hear = (who) => (member) => heard.push(`${who} ${member.tags.n}`);
  const first = hear('first');
  a.on('member-update', first);
  const changed = change('1');
  a.off('member-update', first).once('member-update', hear('second'));
  await changed;
  await until(() => heard.length > 0);
  assert.deepEqual(heard, ['second 1']);

  await new Promise(setImmediate);
  const unheard = change('2');
  a.on('member-update', hear('third'));
  await unheard;
  await change('3');
  await until(() => heard.length > 1);
  assert.deepEqual(heard, ['second 1', 'third 3']);
});

test('anything may be called from a listener', async (t) => {
  const a = await open(t, 'a');
  const done = new Promise((resolve, reject) => {
    a.on('member-join', (member) => {
      const calls = async () => {
        assert.ok(a.members().some((present) => present.name === member.name));
        a.on('member-failed', () => {});
        const stream = a.events({ replay: true });
        assert.equal((await stream.next()).value.member.name, member.name);
        await a.updateTags({ seen: member.name });
        assert.equal(await a.join(member.addr), 1);
        await a.leave();
        await a.close();
      };
      calls().then(resolve, reject);
    });
  });
  await open(t, 'b', { seeds: seeds(a) });
  await done;
  assert.equal(a.localMember().tags.seen, 'b');
});

test('a close from a listener ends what was to come', async (t) => {
  const a = await open(t, 'a');
  for (const name of ['b', 'c', 'd']) await open(t, name, { seeds: seeds(a) });
  const late = await open(t, 'late', { seeds: seeds(a) });
  await until(() => late.members().length === 5);
  const heard = [];
  let closing;
  late.on('member-join', (member) => {
    heard.push(member.name);
    closing = late.close();
  });
  await once(late, 'close');
  await closing;
  assert.deepEqual(heard, ['a']);
});

test('a listener that throws is uncaught, as in any emitter, and the rest goes on', async (t) => {
  const a = await open(t, 'a');
  for (const name of ['b', 'c', 'd']) await open(t, name, { seeds: seeds(a) });
  await until(() => a.members().length === 4);
  const source = `
    const node = await start({ ...QUICK, name: 'x', seeds });
    process.on('uncaughtException', (error) => console.log(error.message));
    node.on('member-join', (member) => { throw new Error('no ' + member.name); });
    node.once('replay-done', () => node.close());
  `;
  const [seed] = seeds(a);
  assert.equal(await run(source, { seed }), 'no a\nno b\nno c\nno d\n');
  const fatal = source.replace(/process\.on.*\n/, '');
  await run(fatal, { seed, code: 1, stderr: /Error: no a/ });
});

test('pending promises reject when the node is closed', async (t) => {
  const a = await open(t, 'a', { tcpTimeout: 10_000 });
  const joining = a.join(await silent(t));
  const closing = a.close();
  await assert.rejects(joining, { code: 'ERR_CHINWAG_CLOSED' });
  await closing;
  assert.equal(a.close(), closing);
  await assert.rejects(a.updateTags({ a: 'b' }), { code: 'ERR_CHINWAG_CLOSED' });
  assert.equal(a.localMember().name, 'a', 'what was known stays');
  assert.ok(a.closed);
  assert.deepEqual(await a.events().next(), { done: true, value: undefined });
});

test('thousands of operations settle, each once', async (t) => {
  const a = await open(t, 'a');
  const count = 5000;
  const changes = Array.from({ length: count }, (_, n) => a.updateTags({ n: String(n) }));
  await Promise.all(changes);
  assert.equal(a.localMember().tags.n, String(count - 1), 'in the order of the calls');
});
