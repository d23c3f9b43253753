// The owners in tests/vectors/ring, which every language finds.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ring } from '../../index.mjs';
import { package_root } from '../helpers.mjs';

const folder = join(package_root, '../tests/vectors/ring');
const hex = (text) => Buffer.from(text === '-' ? '' : text, 'hex');

/** A ring, its fingerprint, and keys with the names of their first four owners. */
function vectors(file) {
  const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n');
  const [[form, bytes], [fingerprint, digits], ...rest] = lines.map((line) => {
    const space = line.indexOf(' ');
    return [line.slice(0, space), line.slice(space + 1)];
  });
  assert.deepEqual([form, fingerprint], ['form', 'fingerprint']);
  const keys = rest.map(([key, names]) => {
    const owners = names === '-' ? [] : names.split(' ').map((name) => String(hex(name)));
    return { key: hex(key), owners };
  });
  return { bytes: Buffer.concat([hex(bytes), Buffer.of(3)]), digits, keys };
}

const files = readdirSync(folder).filter((file) => file.endsWith('.txt'));
assert.ok(files.length > 15, files.join());

for (const file of files) {
  test(`everybody finds the owners of ${file}`, () => {
    const { bytes, digits, keys } = vectors(file);
    const ring = Ring.fromBytes(bytes);
    assert.deepEqual(Buffer.from(ring.toBytes()), bytes);
    assert.equal(ring.fingerprint, BigInt(`0x${digits}`));
    assert.ok(ring.equals(Ring.fromJSON(JSON.stringify(ring))));
    assert.ok(keys.length > 200);
    for (const { key, owners } of keys) {
      assert.equal(ring.owner(key), owners[0]);
      for (let count = 0; count <= 4; count++) {
        assert.deepEqual(ring.owners(key, count), owners.slice(0, count), key.toString('hex'));
      }
      const text = key.toString();
      if (Buffer.from(text).equals(key)) assert.equal(ring.owner(text), owners[0], text);
    }
    const first = keys.map(({ owners }) => owners[0]);
    assert.deepEqual(ring.ownersMany(keys.map(({ key }) => key)), first);
    const ends = new Uint32Array(keys.length);
    keys.reduce((end, { key }, at) => (ends[at] = end + key.length), 0);
    const packed = ring.ownersPacked(Buffer.concat(keys.map(({ key }) => key)), ends);
    assert.deepEqual(Array.from(packed, (number) => ring.names[number]), first);
  });
}
