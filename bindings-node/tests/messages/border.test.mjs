// What members in other languages may send: encodings that Node.js has not, and values that
// JavaScript cannot hold. Said to the native library as no program of ours would.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { QUICK, until } from '../helpers.mjs';

const require = createRequire(import.meta.url);
const { NativeNode } = require('../../lib/native.js');
const { Maker } = require('../../lib/payload/decode.js');

const ETF = 3;
const RAW = 0;

/** A message to `s` as `lib/messages` says it. */
function said(codec, bytes) {
  const numbers = Float64Array.of('s'.length, 'op'.length, -1, -1, 0, codec);
  return [numbers, 'sop', bytes];
}

function native(t) {
  const node = new NativeNode({ ...QUICK, name: 'a' }, () => {});
  t.after(async () => {
    await node.close();
    node.release();
  });
  return { node, serving: node.serve('s') };
}

const outcome = (node) =>
  until(() => {
    const { all, told } = node.outcomes(9);
    return all[0] && { ...all[0], told };
  });

test('a question that cannot be read is answered, and no handler hears of it', async (t) => {
  const { node, serving } = native(t);
  node.call(...said(ETF, Uint8Array.of(131, 97, 1)));
  const told = new Maker(serving.drain(1));
  assert.deepEqual([told.number(), told.number(), told.more], [0, 0, false]);
  const { failed } = await outcome(node);
  assert.equal(failed.code, 'codec');
  assert.match(failed.message, /sent with codec 3/);
  assert.equal(failed.maybeExecuted, false);
});

test('of a cast that cannot be read it is told why, and the next one comes', (t) => {
  const { node, serving } = native(t);
  assert.equal(node.cast(...said(ETF, Uint8Array.of(131))), null);
  assert.equal(node.cast(...said(RAW, Uint8Array.of(7))), null);
  const told = new Maker(serving.drain(9));
  assert.deepEqual([told.number(), told.number(), told.number()], [0, 0, -1]);
  assert.match(told.text(), /sent with codec 3/);
  // Number, codec, whether it streams, time, op, sender, key, headers.
  assert.deepEqual([told.number(), told.number(), told.number()], [0, RAW, 0]);
  assert.equal(told.number(), -1);
  assert.deepEqual([told.text(), told.text()], ['op', 'a']);
  assert.deepEqual([told.bytes(), told.number()], [undefined, 0]);
  assert.deepEqual(told.value(), Buffer.of(7));
  assert.ok(!told.more);
});

test('an answer that cannot be read is an error, and it may have happened', async (t) => {
  const { node, serving } = native(t);
  node.call(...said(RAW, Uint8Array.of(7)));
  const told = new Maker(serving.drain(1));
  const [, , id] = [told.number(), told.number(), told.number()];
  assert.equal(serving.reply(id, Float64Array.of(ETF), '', Uint8Array.of(131)), true);
  assert.equal(serving.reply(id, Float64Array.of(RAW), '', Uint8Array.of(1)), false);
  const { failed } = await outcome(node);
  assert.deepEqual([failed.code, failed.maybeExecuted], ['codec', true]);
});

test('what says less than it announces is refused', (t) => {
  const { node, serving } = native(t);
  for (const numbers of [[], [1], [1, 2, -1, -1, 5, 1], [1, 2, -1, -1, 0]]) {
    const short = [Float64Array.from(numbers), 'sop', new Uint8Array()];
    assert.throws(() => node.call(...short), { code: 'internal' });
    assert.equal(node.cast(...short).code, 'internal');
    assert.throws(() => node.multiCall(...short), { code: 'internal' });
    assert.throws(() => node.abcast(...short), { code: 'internal' });
  }
  for (const id of [-1, 1.5, NaN, 2 ** 60]) {
    const reply = () => serving.reply(id, Float64Array.of(RAW), '', new Uint8Array());
    assert.throws(reply, { code: 'bad_argument' });
  }
  assert.throws(() => serving.fail(1, { code: 5 }));
  assert.equal(serving.fail(1, { code: 'nothing', message: '', maybeExecuted: true }), false);
});
