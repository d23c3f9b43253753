// Servers that are followed until they are down, and event loops that are watched.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRORS } from '../../index.mjs';
import { find, open, Program, run, seeds, until } from '../helpers.mjs';

const rejected = (call, key) => assert.rejects(call, { code: ERRORS[key].code });
const server = { call: { get: () => 1 } };

test('who follows a server hears why it is down', async (t) => {
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  const [none, elsewhere] = await Promise.all([a.monitor('nobody'), a.monitor('counter@b')]);
  assert.deepEqual([none.server, none.member, none.reason], ['nobody', null, 'no_server']);
  assert.deepEqual([elsewhere.member, elsewhere.reason], ['b', 'no_server']);
  assert.ok(Object.isFrozen(none));
  const served = await b.serve('counter', server);
  await until(() => a.servers().counter === 1);
  const follow = [a.monitor('counter'), a.monitor('counter@b'), b.monitor('counter')];
  await a.call('counter', 'get');
  await served.stop(new TypeError('no disk'));
  const down = { server: 'counter', member: 'b', reason: 'stopped', text: 'TypeError: no disk' };
  for (const told of await Promise.all(follow)) assert.deepEqual({ ...told }, down);
  const again = await b.serve('counter', server);
  await until(() => a.servers().counter === 1);
  const plain = a.monitor('counter@b');
  await a.call('counter', 'get');
  await again.stop();
  assert.deepEqual(await plain, { ...down, text: '' });
});

test('a member that fails or leaves takes its servers along', async (t) => {
  const a = await open(t, 'a');
  // Two names: what the first one had told would be shown again until the second one is heard.
  const ends = [['b', 'SIGTERM', 'node_left'], ['c', 'SIGKILL', 'node_failed']];
  for (const [name, signal, reason] of ends) {
    const program = new Program(`
      const node = await start({ ...QUICK, name: '${name}', seeds, handleSignals: true });
      await node.serve('counter', { call: { get: () => 1 } });
      console.log('ready');
    `, { seed: seeds(a)[0] });
    await program.says('ready');
    await until(() => a.servers().counter === 1);
    const down = a.monitor('counter');
    await a.call(`counter@${name}`, 'get');
    program.signal(signal);
    await program.ends({ code: null, signal });
    assert.equal((await down).reason, reason);
  }
});

test('a monitor is given up by its signal, and ends with its node', async (t) => {
  const node = await open(t, 'a');
  await node.serve('counter', server);
  const controller = new AbortController();
  const given = node.monitor('counter', { signal: controller.signal });
  controller.abort();
  await rejected(given, 'cancelled');
  await rejected(node.monitor('no spaces'), 'bad_argument');
  await rejected(node.monitor(5), 'bad_argument');
  await rejected(node.monitor('counter', { timeout: 5 }), 'bad_argument');
  const last = node.monitor('counter');
  await node.close();
  assert.equal((await last).reason, 'closed');
  await rejected(node.monitor('counter'), 'closed');
});

test('a monitor holds no process up, and ends with it quietly', async () => {
  const body = `const node = await start({ ...QUICK, name: 'x', handleSignals: true });
    await node.serve('counter', { call: { get: () => 1 } });
    const down = node.monitor('counter').then(({ reason }) => console.log(reason));
  `;
  assert.equal(await run(`${body} node.unref();`), '');
  await run(`${body} process.exit(0);`);
  assert.equal(await run(`${body} await node.close(); await down;`), 'closed\n');
  const term = `${body} process.kill(process.pid, 'SIGTERM'); await down;`;
  await run(term, { code: null, signal: 'SIGTERM' });
});

test('an event loop that is blocked is seen by the others, and again when it turns', async (t) => {
  const node = await open(t, 'a', { loopStuck: 1000 });
  const program = new Program(`
    const node = await start({ ...QUICK, name: 'x', seeds, loopStuck: 1000 });
    process.once('SIGUSR2', () => node.close());
    console.log('ready');
    process.stdin.once('data', () => {
      const cell = new Int32Array(new SharedArrayBuffer(4));
      Atomics.wait(cell, 0, 0, 5000);
      console.log('free');
      process.stdin.destroy();
    });
  `, { seed: seeds(node)[0] });
  await program.says('ready');
  const events = node.events();
  await until(() => node.loopState('x') === 'ok');
  program.child.stdin.write('block\n');
  const stuck = await find(events, ({ type, code }) => type === 'warning' && code === 'loop-stuck');
  assert.equal(stuck.subject, 'x');
  await until(() => node.loopState('x') === 'stuck');
  await program.says('free');
  await until(() => node.loopState('x') === 'ok');
  assert.deepEqual([node.loopState('a'), node.loopState('nobody')], ['ok', undefined]);
  assert.throws(() => node.loopState(), { code: ERRORS.bad_argument.code });
  program.signal('SIGUSR2');
  await program.ends();
});
