// The example and the programs of the README do what they say.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { open, package_root, Program, run, seeds, until } from './helpers.mjs';

const join = (t, ...args) => example(t, 'join', args);

/** An example in a process of its own; `ended` is its code or signal. */
function example(t, file, args) {
  const command = [`examples/${file}.mjs`, ...args];
  const child = spawn(process.execPath, command, { cwd: package_root });
  t.after(() => child.kill('SIGKILL'));
  const running = { child, text: '', errors: '', ended: null };
  child.stdout.setEncoding('utf8').on('data', (text) => (running.text += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (running.errors += text));
  child.on('close', (code, signal) => (running.ended = signal ?? code));
  running.says = (pattern) =>
    until(() => {
      assert.ok(running.ended === null || pattern.test(running.text), running.errors);
      return running.text.match(pattern);
    }, `${pattern} in ${running.text}`);
  running.ends = async (how) => {
    await until(() => running.ended !== null, 'the end');
    assert.deepEqual([running.ended, running.errors], [how, '']);
  };
  return running;
}

test('join.mjs prints what happens, takes orders, and leaves', async (t) => {
  const a = join(t, 'a', '-', 'role=web');
  const [, addr] = await a.says(/^ready a (127\.0\.0\.1:\d+)\n/);
  const b = join(t, 'b', addr);
  await b.says(new RegExp(`\nmember-join a ${addr} alive role=web\n`));
  await a.says(/\nmember-join b 127\.0\.0\.1:\d+ alive -\n/);
  b.child.stdin.write('tag role=db=2\n');
  await a.says(/\nmember-update b \S+ alive role=db=2\n/);
  b.child.stdin.write('leave\n');
  // Its input stays open, and must not keep it.
  await b.ends(0);
  await a.says(/\nmember-leave b \S+ left role=db=2\n/);

  const c = join(t, 'c', addr);
  await a.says(/\nmember-join c/);
  c.child.stdin.end();
  await c.ends(0);
  await a.says(/\nmember-leave c/);

  const d = join(t, 'd', addr);
  await a.says(/\nmember-join d/);
  // It is seen before its start is over, and until then a signal ends it as any program.
  await d.says(/^ready d/);
  d.child.kill('SIGTERM');
  await d.ends('SIGTERM');
  await a.says(/\nmember-leave d/);
});

test('orders.mjs publishes what is typed, and shows what comes', async (t) => {
  const a = example(t, 'orders', ['ann', '-']);
  const [, addr] = await a.says(/^ready ann (127\.0\.0\.1:\d+)\n/);
  const b = example(t, 'orders', ['bob', addr]);
  await b.says(/^ready bob/);
  b.child.stdin.write('subscribe orders\nsubscribe orders workers\n');
  await b.says(/subscribed to orders\nsubscribed to orders\n/);
  await until(async () => {
    a.child.stdin.write('topics\n');
    await new Promise((resolve) => a.child.stdout.once('data', resolve));
    return /topics orders=1\n$/.test(a.text);
  }, 'the topic to be known');
  a.child.stdin.write('publish orders black tea\npublish no/body x\npublish ! x\n');
  await a.says(/sent to 1\nsent to 0\nERR_CHINWAG_BAD_ARGUMENT: .*\n$/);
  await b.says(/orders by ann: black tea\norders by ann: black tea\n$/);
  for (const program of [a, b]) {
    program.child.stdin.write('leave\n');
    await program.ends(0);
  }
});

test('web.mjs answers from all of its processes, on both members, and replaces one', async (t) => {
  const one = example(t, 'web', ['one', '-', '2']);
  const [, addr] = await one.says(/^ready one (127\.0\.0\.1:\d+)\n/);
  const two = example(t, 'web', ['two', addr, '1']);
  const started = /^worker (\d+) (\d+)$/gm;
  const workers = async (program, count) => {
    await until(() => [...program.text.matchAll(started)].length >= count, program.text);
    return [...program.text.matchAll(started)].map(([, pid, port]) => [Number(pid), port]);
  };
  const [[first, port], [second]] = await workers(one, 2);
  const [[third, far]] = await workers(two, 1);
  const get = async (at) => {
    const response = await fetch(`http://127.0.0.1:${at}/`).catch(() => null);
    return response?.ok ? (await response.text()).trim() : '';
  };
  const heard = async (ports, wanted) => {
    const seen = new Set();
    await until(async () => {
      for (const at of ports) seen.add(await get(at));
      return wanted.every((answer) => seen.has(answer));
    }, wanted.join());
  };
  const all = [`${first} on one`, `${second} on one`, `${third} on two`];
  await heard([port, far], all);
  process.kill(first, 'SIGKILL');
  const [, , [fourth]] = await workers(one, 3);
  await heard([port, far], [`${fourth} on one`, ...all.slice(1)]);
  for (const program of [two, one]) {
    program.child.kill('SIGTERM');
    await program.ends(0);
  }
});

test('the first program of the README runs', async (t) => {
  const node = await open(t, 'web-2');
  const readme = readFileSync(`${package_root}README.md`, 'utf8');
  const [, source] = readme.match(/```js\n([^]*?)```/);
  assert.ok(source.split('\n').length <= 14, source);
  const [seed] = seeds(node);
  const here = source
    .replace(/^import .*\n/m, '')
    .replace("'127.0.0.1:7946'", "'127.0.0.1:0', profile: 'local'")
    .replace("'127.0.0.1:7947'", `'${seed}'`);
  const program = new Program(here);
  await program.says('web-2');
  await until(() => node.member('web-1'));
  await node.updateTags({ role: 'db' });
  await program.says("role: 'db'");
  program.signal('SIGTERM');
  await program.ends({ code: null, signal: 'SIGTERM' });
  assert.equal(node.member('web-1').state, 'left');
});

for (const [title, lines] of [['Messages', 3], ['Rings', 3], ['Clocks', 5]]) {
  test(`the program of "${title}" in the README prints what it says`, async () => {
    const readme = readFileSync(`${package_root}README.md`, 'utf8');
    const [, source] = readme.match(new RegExp(`^## ${title}\n[^]*?\`\`\`js\n([^]*?)\`\`\``, 'm'));
    const library = JSON.stringify(`${package_root}index.mjs`);
    const out = await run(source.replace("'chinwag'", library), { head: '' });
    const promised = [...source.matchAll(/^console.* \/\/ (.*)$/gm)].map(([, line]) => `${line}\n`);
    assert.equal(promised.length, lines);
    assert.equal(out, promised.join(''));
  });
}

test('the program of the README that asks the ring of the cluster runs', async (t) => {
  const readme = readFileSync(`${package_root}README.md`, 'utf8');
  const [, source] = readme.match(/^### The ring of the cluster\n[^]*?```js\n([^]*?)```/m);
  const AsyncFunction = (async () => {}).constructor;
  const program = new AsyncFunction('node', 'load', `${source}; return cache;`);
  const a = await open(t, 'a');
  const b = await open(t, 'b', { seeds: seeds(a) });
  await until(() => a.ring.size === 2 && b.ring.size === 2);
  const owner = a.owns('user:42') ? a : b;
  const asked = once(owner, 'message');
  const [first, second] = [await program(a, String), await program(b, String)];
  const [has, lacks] = owner === a ? [first, second] : [second, first];
  assert.deepEqual([[...has], [...lacks]], [[['user:42', 'user:42']], []]);
  assert.equal(String(Buffer.from((await asked)[0].payload)), 'user:42');
  await owner.updateTags({ weight: '0' });
  await until(() => has.size === 0, 'what was lost to be deleted');
});
