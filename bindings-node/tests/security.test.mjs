// Who may take part: keys, those of one node and those of a cluster, and newcomers on approval;
// and what is known after a crash.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { QUICK, open, seeds, until } from './helpers.mjs';
import { start } from '../index.mjs';

const aes = (byte, length = 16) => Buffer.alloc(length, byte).toString('base64');
const [OLD, NEW] = [aes(1), aes(2, 32)];
const COOKIE = 'correct horse battery';
/** What the cookie stands for in the cluster `blue`. */
const DERIVED = 'ZrNgeJfIQbwzTG9f97r03WJxgMNdpbGAdNp2cmOtnCM=';

/** Serf's versions; queries last 16 of these intervals, which a busy machine may need. */
const SERF = { delegateVersions: '2,5,5', gossipInterval: 400 };

const refused = (call, code) => assert.rejects(call, { code: `ERR_CHINWAG_${code}` }, String(call));

/** A path in a folder that is gone after the test. */
function path(t, name) {
  const folder = mkdtempSync(join(tmpdir(), 'chinwag-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}

/** Two nodes that see each other. */
async function pair(t, first, second = first) {
  const a = await open(t, 'a', first);
  const b = await open(t, 'b', { ...second, seeds: seeds(a) });
  await until(() => a.member('b'));
  return [a, b];
}

/** That nothing which is printed of a value has a key in it. */
function hides(value) {
  const options = { depth: null, showHidden: true, getters: true };
  const shown = inspect(value) + inspect(value, options) + JSON.stringify(value);
  for (const key of [OLD, NEW]) assert.ok(!shown.includes(key), shown);
  return shown;
}

test('a node has a keyring, and shows fingerprints', async (t) => {
  const node = await open(t, 'node', { keys: [OLD] });
  const [old] = node.keys();
  assert.match(old.fingerprint, /^[0-9a-f]{8}$/);
  assert.deepEqual(node.keys(), [{ fingerprint: old.fingerprint, bits: 128, primary: true }]);
  await node.addKey(NEW);
  const fresh = node.keys()[1];
  assert.deepEqual([fresh.bits, fresh.primary], [256, false]);
  await refused(() => node.removeKey(OLD), 'BAD_ARGUMENT');
  await node.useKey(fresh.fingerprint);
  assert.deepEqual(node.keys().map((key) => key.primary), [true, false]);
  await node.removeKey(OLD);
  assert.deepEqual(node.keys(), [{ ...fresh, primary: true }]);
  hides([node, node.keys()]);
  await refused(() => node.useKey(old.fingerprint), 'BAD_ARGUMENT');
  for (let byte = 10; byte < 17; byte++) await node.addKey(aes(byte));
  await refused(() => node.addKey(aes(17)), 'BAD_ARGUMENT');
});

test('what is no key is refused and not shown', async (t) => {
  const node = await open(t, 'node', { ...SERF, keys: [OLD] });
  for (const key of ['hunter2', 'aHVudGVyMg==', Buffer.from('hunter2'), 1.1e9, null, undefined]) {
    const calls = ['addKey', 'useKey', 'removeKey'].map((call) => () => node[call](key));
    for (const call of [...calls, () => node.clusterKeys('install', key)]) {
      await assert.rejects(call, (error) => {
        assert.equal(error.code, 'ERR_CHINWAG_BAD_ARGUMENT');
        assert.doesNotMatch(inspect(error, { depth: null }), /hunter2|aHVudGVyMg|1100000000/);
        return true;
      });
    }
  }
  for (const args of [[], [5], ['rotate', NEW], ['install'], ['list', NEW], ['list', null]]) {
    await refused(() => node.clusterKeys(...args), 'BAD_ARGUMENT');
  }
  for (const keys of [['hunter2'], [5], 5]) {
    await assert.rejects(start({ ...QUICK, keys }), (error) => {
      assert.equal(error.code, 'ERR_CHINWAG_BAD_CONFIG');
      return !inspect(error).includes('hunter2');
    });
  }
  const plain = await open(t, 'plain');
  assert.deepEqual(plain.keys(), []);
  await refused(() => plain.addKey(OLD), 'BAD_ARGUMENT');
  await node.close();
  for (const call of ['addKey', 'useKey', 'removeKey']) {
    await refused(() => node[call](OLD), 'CLOSED');
  }
  await refused(() => node.clusterKeys('list'), 'CLOSED');
});

test('the key of a cluster is changed from one node', async (t) => {
  const [a, b] = await pair(t, { ...SERF, keys: [OLD] });
  const old = a.keys()[0].fingerprint;
  for (const [op, key] of [['install', NEW], ['use', NEW], ['remove', OLD]]) {
    const outcomes = await a.clusterKeys(op, key);
    assert.deepEqual(Object.keys(outcomes).sort(), ['a', 'b'], op);
    for (const { done, message } of Object.values(outcomes)) assert.ok(done, `${op}: ${message}`);
  }
  for (const node of [a, b]) {
    assert.equal(node.keys().length, 1);
    assert.notEqual(node.keys()[0].fingerprint, old);
  }
  const listed = await b.clusterKeys('list');
  for (const { done, keys, primary } of [listed.a, listed.b]) {
    assert.deepEqual({ done, keys, primary }, { done: true, keys: [NEW], primary: NEW });
  }
  assert.match(hides(listed), /KeyOutcome \{ done: true, message: '', keys: 1 \}/);
  const heard = once(a, 'message');
  await b.send('a', 'under the new key');
  assert.equal(Buffer.from((await heard)[0].payload).toString(), 'under the new key');
  // What members do not do, they say.
  const { a: own, b: other } = await a.clusterKeys('remove', NEW);
  for (const { done, message } of [own, other]) {
    assert.equal(done, false);
    assert.match(message, /primary/);
  }
});

test('another key, or none, is a key mismatch on both sides', async (t) => {
  const a = await open(t, 'a', { keys: [OLD] });
  const warned = once(a, 'warning');
  const stranger = await open(t, 'stranger', { keys: [NEW] });
  await assert.rejects(stranger.join(seeds(a)), (error) => {
    assert.equal(error.name, 'KeyMismatchError');
    assert.equal(error.code, 'ERR_CHINWAG_KEY_MISMATCH');
    assert.equal(error.retryable, false);
    hides(error);
    return true;
  });
  const [warning] = await warned;
  assert.equal(warning.code, 'CHINWAG_KEY_MISMATCH');
  const plain = await open(t, 'plain');
  await refused(() => plain.join(seeds(a)), 'KEY_MISMATCH');
  assert.deepEqual(a.members().map((member) => member.name), ['a']);
  // With the key beside its own, it is let in.
  await stranger.addKey(OLD);
  await stranger.useKey(OLD);
  assert.equal(await stranger.join(seeds(a)), 1);
});

test('a cookie and a file stand for the same key', async (t) => {
  const keyFile = path(t, 'keys');
  writeFileSync(keyFile, `# of blue\n${DERIVED}\n${OLD}\n`, { mode: 0o600 });
  const [a, b] = await pair(
    t,
    { cluster: 'blue', cookie: COOKIE },
    { cluster: 'blue', keyFile },
  );
  assert.deepEqual(a.keys(), b.keys().slice(0, 1));
  assert.deepEqual(b.keys().map((key) => key.bits), [256, 128]);
  writeFileSync(keyFile, 'hunter2\n');
  for (const options of [{ keyFile }, { keys: [OLD], cookie: COOKIE }, { cookie: 'hunter2' }]) {
    await assert.rejects(start({ ...QUICK, ...options }), (error) => {
      assert.equal(error.code, 'ERR_CHINWAG_BAD_CONFIG');
      return !/hunter2|horse/.test(inspect(error));
    });
  }
});

/** Newcomers have time to be decided about. */
const GATE = { tcpTimeout: 30_000 };

test('newcomers wait until they are let in', async (t) => {
  const gate = await open(t, 'gate', { ...GATE, admission: 'ask' });
  const asked = once(gate, 'admission');
  const guest = await open(t, 'guest', { ...GATE, tags: { role: 'web' } });
  const joining = guest.join(seeds(gate));
  const [member, { id }] = await asked;
  assert.deepEqual([member.name, member.tags], ['guest', { role: 'web' }]);
  assert.deepEqual(gate.members().map((known) => known.name), ['gate']);
  await gate.admit(id);
  assert.equal(await joining, 1);
  await until(() => gate.member('guest') && guest.member('gate'));
  await refused(() => gate.admit(id), 'BAD_ARGUMENT');
});

test('who is refused is told why', async (t) => {
  const gate = await open(t, 'gate', { ...GATE, admission: 'ask' });
  const events = gate.events();
  const guest = await open(t, 'guest', GATE);
  const told = assert.rejects(guest.join(seeds(gate)), {
    name: 'NotAdmittedError',
    code: 'ERR_CHINWAG_NOT_ADMITTED',
    message: /no room at the inn/,
  });
  const { value } = await events.next();
  assert.deepEqual([value.type, value.member.name], ['admission', 'guest']);
  await gate.refuse(value.id, 'no room at the inn');
  await told;
  assert.deepEqual(gate.members().map((known) => known.name), ['gate']);
  for (const args of [[], ['1'], [1n], [-1], [1.5], [NaN], [2 ** 53], [value.id], [12_345]]) {
    await refused(() => gate.admit(...args), 'BAD_ARGUMENT');
    await refused(() => gate.refuse(...args), 'BAD_ARGUMENT');
  }
  await refused(() => gate.refuse(12_345, 5), 'BAD_ARGUMENT');
  await gate.close();
  await refused(() => gate.admit(1), 'CLOSED');
  await refused(() => gate.refuse(1), 'CLOSED');
});

test('who crashed finds its cluster by its snapshot', async (t) => {
  const snapshot = path(t, 'snapshot');
  const [a] = await pair(t, {});
  const c = await open(t, 'c', { snapshot, seeds: seeds(a) });
  await until(() => c.member('b'));
  const written = () => (existsSync(snapshot) ? readFileSync(snapshot, 'utf8') : '');
  await until(() => written().includes(' a\n') && written().includes(' b\n'));
  // As a crash, and without the seed of then.
  await c.close();
  await a.close();
  const again = await open(t, 'c', { snapshot });
  await until(() => again.member('b'));
  // The file is that of a running node.
  await assert.rejects(start({ ...QUICK, snapshot }), { name: 'BadConfigError' });
});

test('certificates are taken, and files that cannot be read are told of', async () => {
  const missing = '/nowhere/cert.pem';
  const tls = { tlsCert: missing, tlsKey: missing, tlsCa: missing };
  for (const [options, message] of [
    [tls, /\/nowhere\/cert\.pem/],
    [{ tlsCert: missing }, /tls_key/],
    [{ ...tls, tlsCert: 5 }, /"tlsCert" is 5/],
  ]) {
    const code = 'ERR_CHINWAG_BAD_CONFIG';
    await assert.rejects(start({ ...QUICK, ...options }), { code, message });
  }
});
