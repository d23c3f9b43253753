// How processes end: what the others see, and that the process neither hangs nor ends too early.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { find, open, Program, run, seeds, silent, until } from './helpers.mjs';

const OPEN = `
  const node = await start({ ...QUICK, name: 'x', seeds, handleSignals: HANDLE });
  console.log('ready');
`.replace('HANDLE', 'globalThis.handle ?? false');
const HANDLING = `globalThis.handle = true; ${OPEN}`;

/** A witness, and what it hears of the others. */
async function witness(t) {
  const node = await open(t, 'witness');
  return { node, seed: seeds(node)[0], events: node.events() };
}

const gone = (event) => /leave|failed/.test(event.type);

test('close lets the process end by itself', async () => {
  await run(`${OPEN} await node.close();`);
  await run(`${OPEN} await node.leave(); await node.close(); await node.close();`);
  await run(`${OPEN} await node[Symbol.asyncDispose]();`);
});

test('an open node holds the process; unref lets go, ref takes hold again', async (t) => {
  const { node, seed } = await witness(t);
  // A listener for a signal holds nothing. If the node did not either, this would be over.
  const source = `${OPEN} process.on('SIGUSR2', () => node.close());`;
  for (const held of [source, `${source} node.unref().ref();`]) {
    const told = `${held}
      node.on('member-update', (member) => console.log(member.tags.n));
      node.on('replay-done', () => console.log('listening'));
    `;
    const program = new Program(told, { seed });
    await program.says('listening');
    await until(() => node.member('x')?.state === 'alive');
    await node.updateTags({ n: 'still here' });
    await program.says('still here');
    program.signal('SIGUSR2');
    await program.ends();
    await node.updateTags({ n: null });
  }
  await run(`${OPEN} node.unref();`, { seed });
  await run(`${OPEN} node.unref().on('member-join', () => {}); node.events().next();`, { seed });
});

test('what is awaited holds the process, even when the node does not', async (t) => {
  const seed = await silent(t);
  const short = '...QUICK, tcpTimeout: 500';
  // Ended too early, node would say so with code 13.
  const body = `${OPEN.replace('...QUICK', short)} node.unref();
    const seed = '${seed}';
    const tell = (error) => console.log(error.code);
  `;
  assert.match(
    await run(`${body} await node.join(seed).catch(tell);`),
    /JOIN_FAILED/,
  );
  const late = `await node.join(seed, { signal: AbortSignal.timeout(200) }).catch(tell);`;
  assert.match(await run(`${body} ${late}`), /TIMEOUT/);
  await run(`${body} await node.updateTags({ a: 'b' }); await node.leave(); await node.close();`);
  await run(`const node = await start({ ${short}, seeds: ['${seed}'] }); await node.close();`);
});

test('an exit under way is not held up, whatever is pending', async (t) => {
  const seed = await silent(t);
  await run(`${OPEN} process.exit(0);`);
  await run(`${OPEN} node.join('${seed}'); process.exit(0);`);
  await run(`${OPEN} node.close(); process.exit(0);`);
  await run(`${OPEN} node.events().next(); node.on('member-join', () => {}); process.exit(0);`);
  const last = `process.on('exit', () => { node.members(); node.close(); });`;
  await run(`${OPEN} ${last} process.exit(0);`);
});

test('an exit in a flood of events and outcomes is quiet', async () => {
  const flood = `
    const a = await start({ ...QUICK, name: 'a' });
    const b = await start({ ...QUICK, name: 'b', seeds: [a.localMember().addr] });
    const stream = a.events();
    let heard = 0;
    a.on('member-update', () => { if (++heard === 20) process.exit(0); });
    (async () => { for await (const event of stream) event.member.tags; })();
    for (let n = 0; ; n++) {
      await Promise.all([b.updateTags({ n: String(n) }), b.updateTags({ m: String(n) })]);
    }
  `;
  for (let round = 0; round < 6; round++) await run(flood);
});

test('an exception ends the process, and the others see a failure', async (t) => {
  const { seed, events } = await witness(t);
  await run(`${OPEN} throw new Error('boom');`, { seed, code: 1, stderr: /Error: boom/ });
  assert.equal((await find(events, gone)).type, 'member-failed');
});

test('kill -9 is a failure to the others', async (t) => {
  const { node, seed, events } = await witness(t);
  const program = new Program(OPEN, { seed });
  await program.says('ready');
  await until(() => node.member('x'));
  program.signal('SIGKILL');
  await program.ends({ code: null, signal: 'SIGKILL' });
  assert.equal((await find(events, gone)).type, 'member-failed');
});

test('SIGTERM and SIGINT leave first, then end the process as ever', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const { node, seed, events } = await witness(t);
    const program = new Program(HANDLING, { seed });
    await program.says('ready');
    await until(() => node.member('x'));
    program.signal(signal);
    await program.ends({ code: null, signal });
    assert.equal((await find(events, gone)).type, 'member-leave');
  }
});

test('without handleSignals a signal ends the process at once', async (t) => {
  const { node, seed, events } = await witness(t);
  const program = new Program(OPEN, { seed });
  await program.says('ready');
  await until(() => node.member('x'));
  program.signal('SIGTERM');
  await program.ends({ code: null, signal: 'SIGTERM' });
  assert.equal((await find(events, gone)).type, 'member-failed');
});

test('a second signal ends the process at once', async () => {
  const program = new Program(`${HANDLING}
    node.leave = () => {
      console.log('leaving');
      return new Promise(() => {});
    };
  `);
  await program.says('ready');
  program.signal('SIGTERM');
  await program.says('leaving');
  program.signal('SIGINT');
  await program.ends({ code: null, signal: 'SIGINT' });
});

test('a program that handles signals itself decides how it ends', async (t) => {
  const { node, seed, events } = await witness(t);
  const source = `${HANDLING}
    process.on('SIGTERM', () => console.log('mine'));
    node.on('close', () => console.log('closed'));
  `;
  const program = new Program(source, { seed });
  await program.says('ready');
  await until(() => node.member('x'));
  program.signal('SIGTERM');
  await program.ends();
  assert.match(program.stdout, /^ready\nmine\nclosed\n$/);
  assert.equal((await find(events, gone)).type, 'member-leave');
});

test('handlers are there only while a node wants them', async () => {
  const counted = `
    const count = () => ['SIGTERM', 'SIGINT'].map((s) => process.listenerCount(s)).join('');
    const options = { ...QUICK, handleSignals: true };
    const [a, b] = [await start(options), await start(options)];
    console.log(count());
    await a.close();
    console.log(count());
    await b.close();
    console.log(count());
    const nobody = { requireJoin: true, seeds: ['127.0.0.1:1'] };
    await start({ ...options, ...nobody }).catch((error) => console.log(error.code));
    console.log(count());
  `;
  assert.equal(await run(counted), '11\n11\n00\nERR_CHINWAG_JOIN_FAILED\n00\n');
});
