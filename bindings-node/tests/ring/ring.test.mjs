// What a ring does, as JavaScript has it. That owners are right, the vectors say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { jump, Ring, RingChange } from '../../index.mjs';

const names = (count) => Array.from({ length: count }, (_, n) => `web-${n + 1}`);
const keys = Array.from({ length: 3000 }, (_, n) => `user:${n}`);
const around = (middle, off) => Array.from({ length: 2 * off }, (_, n) => middle - off + n);
/** Keys that nothing about text may confuse. */
const odd = ['', '\n', 'a\nb', '\0', 'schlüssel', '鍵', '🔑', '__proto__', 'x'.repeat(5000)];

test('the order of nodes makes no difference, and equal rings are equal everywhere', () => {
  const [one, other] = [new Ring(names(20)), new Ring(names(20).reverse())];
  assert.ok(one.equals(other) && !one.equals(one.without('web-3')) && !one.equals({}));
  assert.deepEqual(one, other);
  assert.notDeepEqual(one, one.without('web-3'));
  assert.equal(one.fingerprint, other.fingerprint);
  assert.equal(new Map([[one.fingerprint, 'here']]).get(other.fingerprint), 'here');
  assert.deepEqual(one.names, names(20).sort());
  assert.equal(one.size, 20);
});

test('a key has one owner, whatever it is given as', () => {
  const ring = new Ring(names(10));
  for (const key of [...keys, ...odd]) {
    const owner = ring.owner(key);
    assert.equal(ring.owner(Buffer.from(key)), owner);
    assert.equal(ring.owner(new Uint8Array(Buffer.from(key))), owner);
    assert.ok(ring.isOwner(owner, key) && !ring.isOwner('web-0', key));
  }
  // As TextEncoder has it, and Buffer.
  assert.equal(ring.owner('\ud800'), ring.owner('\ufffd'));
  // Around the lengths up to which a key is read as ASCII, and without an allocation. The lower
  // half of each unit of the last is ASCII, which the unit is not.
  for (const length of [1, 8, 16, 63, 124, 125, 126, 127, 128, 129, ...around(253, 8)]) {
    const start = 'x'.repeat(length - 1);
    for (const text of [`${start}x`, `${start}🔑`, `${start}ü`, `${start}\x80`, `${start}\u0141`]) {
      const texts = [text, `${text}\ud800`, `\0${text}`, text.replaceAll('x', '\u0178')];
      const bytes = texts.map((text) => Buffer.from(text));
      const owners = bytes.map((key) => ring.owner(key));
      assert.deepEqual(texts.map((key) => ring.owner(key)), owners, `${length}`);
      assert.deepEqual(ring.ownersMany([...texts, ...bytes]), [...owners, ...owners], `${length}`);
      assert.deepEqual(texts.map((key) => ring.owners(key, 2)[0]), owners, `${length}`);
    }
  }
});

test('so many owners are all different, of other zones first, and never too many', () => {
  const nodes = names(9).map((name, n) => ({ name, zone: `rack-${n % 3}`, weight: 1 + (n % 2) }));
  const ring = new Ring(nodes);
  const zone = new Map(nodes.map((node) => [node.name, node.zone]));
  for (const key of keys.slice(0, 300)) {
    const all = ring.owners(key, 9);
    assert.equal(new Set(all).size, 9);
    for (let count = 0; count <= 12; count++) {
      assert.deepEqual(ring.owners(key, count), all.slice(0, count));
    }
    assert.equal(new Set(all.slice(0, 3).map((name) => zone.get(name))).size, 3);
    assert.equal(all[0], ring.owner(key));
  }
  assert.equal(ring.owners('k', Number.MAX_SAFE_INTEGER).length, 9);
});

test('an owner without room is passed over, in the order of owners', () => {
  const ring = new Ring(names(30));
  const asked = [];
  const all = ring.owners('k', 30);
  const found = ring.ownerWithRoom('k', (name) => asked.push(name) === 30);
  assert.deepEqual(asked, all);
  assert.equal(found, all[29]);
  assert.equal(ring.ownerWithRoom('k', () => false), undefined);
  assert.equal(ring.ownerWithRoom('k', (name) => name !== all[0]), all[1]);
  assert.throws(() => ring.ownerWithRoom('k', () => { throw new Error('mine'); }), /^Error: mine$/);
});

test('many keys in one call have the owners that they have one by one', () => {
  const ring = new Ring(names(40), { pins: { 'user:7': 'web-1' } });
  const one = (list) => list.map((key) => ring.owner(key));
  const mixed = keys.map((key, n) => (n % 50 === 0 ? Buffer.from(key) : key));
  const between = [...keys.slice(0, 20), ...odd, ...keys.slice(20, 40)];
  const borders = [16, 17, 511, 512, 513, 1024, 1025].map((count) => keys.slice(0, count));
  const lists = [[], ['a'], keys, mixed, odd, between, ...borders];
  for (const list of lists) assert.deepEqual(ring.ownersMany(list), one(list));
  assert.deepEqual(ring.ownersMany(new Set(keys)), one(keys));
  const named = (numbers) => Array.from(numbers, (number) => ring.names[number]);
  assert.deepEqual(named(ring.ownersJoined(keys.join('\n'))), one(keys));
  assert.deepEqual(named(ring.ownersJoined(Buffer.from(keys.join('\n')))), one(keys));
  assert.deepEqual(named(ring.ownersJoined('a\n')), one(['a', '']));
  const wide = keys.map((key) => key.padStart(12));
  assert.deepEqual(named(ring.ownersPacked(Buffer.from(wide.join('')), 12)), one(wide));
  const ends = Uint32Array.of(1, 1, 3);
  assert.deepEqual(named(ring.ownersPacked(Buffer.from('abc'), ends)), one(['a', '', 'bc']));
  assert.equal(ring.ownersPacked(new Uint8Array(), new Uint32Array()).length, 0);
});

test('rings that are asked in turn do not answer for each other', () => {
  const rings = Array.from({ length: 30 }, (_, n) => new Ring(names(n)));
  const expected = rings.map((ring) => keys.slice(0, 50).map((key) => ring.owners(key, 99)[0]));
  const turns = keys.slice(0, 50).map((key) => rings.map((ring) => ring.owner(key)));
  assert.deepEqual(expected, rings.map((_, n) => turns.map((owners) => owners[n])));
  assert.deepEqual(expected, rings.map((ring) => ring.ownersMany(keys.slice(0, 50))));
});

test('an empty ring has no owners', () => {
  const ring = new Ring();
  assert.deepEqual([ring.size, ring.owner('k'), ring.owners('k', 3)], [0, undefined, []]);
  assert.deepEqual(ring.ownersMany(keys.slice(0, 20)), new Array(20).fill(undefined));
  assert.deepEqual([...ring.ownersJoined('a\nb')], [65535, 65535]);
  assert.deepEqual([ring.ranges(), ring.balance(), ring.ownersBefore('k', 2)], [[], [], []]);
  assert.equal(ring.ownerWithRoom('k', () => true), undefined);
  assert.equal(ring.isOwner('a', 'k'), false);
});

test('slots, ranges and shares are those of the keys', () => {
  const ring = new Ring(names(7), { profile: 'exact', slots: 271 });
  const seen = new Map();
  for (const name of ring.names) for (const slot of ring.slotsOf(name)) seen.set(slot, name);
  const slots = Array.from({ length: 271 }, (_, slot) => slot);
  assert.deepEqual([...seen.keys()].sort((a, b) => a - b), slots);
  for (const key of keys.slice(0, 200)) {
    const slot = ring.slot(key);
    assert.equal(seen.get(slot), ring.owner(key));
    assert.deepEqual(ring.slotOwners(slot), ring.owners(key, 3));
    const range = ring.ranges().find(({ start, end }) => start <= slot && slot <= end);
    assert.equal(range.owner, ring.owner(key));
  }
  assert.deepEqual(ring.slotOwners(271), []);
  assert.deepEqual(ring.slotOwners(2 ** 32), []);
  assert.equal(ring.slotsOf('nobody').length, 0);
  for (const { name, share, ideal } of ring.balance()) {
    assert.equal(share, ring.slotsOf(name).length / 271);
    assert.equal(ideal, 1 / 7);
  }
});

test("Clusterluck's ring goes both ways", () => {
  const nodes = ['a', 'b', 'c', 'd'].map((name) => ({ name, weight: 3 }));
  const ring = new Ring(nodes, { profile: 'clusterluck' });
  assert.equal(ring.owner('k'), 'd');
  assert.deepEqual(ring.owners('k', 3), ['d', 'c', 'b']);
  assert.deepEqual(ring.ownersBefore('k', 3), ['b', 'd', 'c']);
  assert.deepEqual([ring.next('d', 2), ring.previous('d', 2)], [['c', 'b'], ['b', 'c']]);
  assert.deepEqual([ring.slots, ring.slack, ring.slot('k')], [0, null, undefined]);
  const ranges = ring.ranges();
  assert.ok(ranges.every(({ start, end }) => typeof start === 'bigint' && start <= end));
  assert.ok(ranges.some(({ end }) => end > Number.MAX_SAFE_INTEGER), 'not exact as numbers');
});

test('overrides are what was given, and win', () => {
  const bytes = Uint8Array.of(0xff, 0);
  const ring = new Ring(names(9), {
    hashTags: true,
    replicas: 2,
    pins: new Map([['vip', 'web-2'], [bytes, 'web-3']]),
    pinPrefixes: { 'user:': 'web-4', __proto_: 'web-5' },
    excluded: new Set(['web-9', 'web-99']),
  });
  assert.deepEqual([ring.owner('vip'), ring.owner(bytes)], ['web-2', 'web-3']);
  assert.deepEqual([ring.owner('user:1'), ring.owner('__proto__')], ['web-4', 'web-5']);
  assert.equal(ring.owner('{tag}a'), ring.owner('b{tag}'));
  assert.deepEqual([...ring.pins], [['vip', 'web-2'], [bytes, 'web-3']]);
  assert.deepEqual([...ring.pinPrefixes], [['__proto_', 'web-5'], ['user:', 'web-4']]);
  assert.deepEqual(ring.excluded, ['web-9', 'web-99']);
  assert.deepEqual([ring.hashTags, ring.replicas, ring.size], [true, 2, 8]);
  assert.equal(ring.nodes.length, 9);
  const plain = ring.replace({ pins: [], pinPrefixes: {}, excluded: [], hashTags: false });
  assert.ok(plain.equals(new Ring(names(9), { replicas: 2 })));
  assert.ok(ring.equals(plain.replace({
    pins: ring.pins,
    pinPrefixes: ring.pinPrefixes,
    excluded: ring.excluded,
    hashTags: true,
  })));
});

test('rings are made from rings, and are what they would be at once', () => {
  const ring = new Ring(names(12));
  const web13 = { name: 'web-13', weight: 2, zone: 'b' };
  const larger = ring.withNode(web13);
  assert.ok(larger.equals(new Ring([...names(12), web13])));
  assert.deepEqual(larger.nodes.find(({ name }) => name === 'web-13'), web13);
  assert.ok(larger.without('web-13').equals(ring));
  assert.ok(larger.update('web-13').equals(new Ring(names(13))));
  assert.ok(ring.replace({ nodes: names(13) }).equals(new Ring(names(13))));
  assert.ok(ring.union(new Ring(names(13))).equals(new Ring(names(13))));
  assert.ok(ring.intersection(new Ring(names(5))).equals(new Ring(names(5))));
  const terms = ({ profile, slots, slack }) => [profile, slots, slack];
  assert.deepEqual(terms(ring), ['default', 65536, 50]);
  const small = ring.replace({ slots: 512 });
  assert.deepEqual(terms(small), ['default', 512, 50]);
  assert.deepEqual(terms(small.replace({ profile: 'pure' })), ['pure', 512, null]);
  assert.deepEqual(terms(small.replace({ profile: 'exact' })), ['exact', 512, 0]);
  assert.deepEqual(terms(small.replace({ profile: 'exact' }).replace({})), ['exact', 512, 0]);
  assert.deepEqual(terms(small.replace({ profile: 'exact' }).replace({ slack: 9 })), [
    'default', 512, 9,
  ]);
  assert.deepEqual(terms(small.replace({ profile: 'ketama' })), ['ketama', 0, null]);
});

test('JSON and bytes are read again', () => {
  const pins = new Map([[Uint8Array.of(0xff), 'web-1']]);
  const ring = new Ring([...names(3), { name: '__proto__', zone: 'z' }], { pins, slack: 70 });
  const text = JSON.stringify(ring);
  assert.ok(Ring.fromJSON(text).equals(ring) && Ring.fromJSON(JSON.parse(text)).equals(ring));
  assert.ok(Ring.fromBytes(ring.toBytes()).equals(ring));
  assert.ok(Ring.fromJSON({ nodes: [{ name: 'a' }] }).equals(new Ring(['a'])));
  assert.equal(JSON.stringify({ ring }), `{"ring":${text}}`);
});

test('a ring is a value, and shows itself', () => {
  'use strict';
  const ring = new Ring(['a', 'b']);
  const shown = /^Ring \{ profile: 'default', nodes: 2, fingerprint: '[0-9a-f]{16}' \}$/;
  assert.match(inspect(ring), shown);
  assert.match(inspect(new RingChange(ring, ring)), /^RingChange \{\s+before: Ring \{/);
  assert.throws(() => { ring.names = []; }, TypeError);
  assert.throws(() => ring.names.push('c'), TypeError);
  ring.excluded.push('a');
  assert.deepEqual(ring.excluded, []);
  assert.ok(ring.memory > 2 * 65536);
});

test('a change tells what it means for keys', () => {
  const before = new Ring(names(10));
  const after = before.withNode('web-11');
  const change = new RingChange(before, after);
  const moved = change.moved(keys);
  const expected = keys.filter((key) => before.owner(key) !== after.owner(key));
  assert.ok(expected.length > 100 && expected.length < 600, `${expected.length}`);
  assert.deepEqual(moved.map(({ key }) => key), expected);
  for (const { key, from, to } of moved) {
    assert.deepEqual([from, to], [before.owner(key), after.owner(key)]);
  }
  const gained = change.gained(keys, 'web-11');
  assert.deepEqual(gained, keys.filter((key) => after.isOwner('web-11', key)));
  assert.deepEqual(change.lost(keys, 'web-11'), []);
  assert.deepEqual(new RingChange(after, before).lost(new Set(keys), 'web-11'), gained);
  const slots = change.slots();
  for (const { slot, from, to } of slots) {
    assert.deepEqual([from, to], [before.slotOwners(slot)[0], after.slotOwners(slot)[0]]);
  }
  const flows = change.flows();
  assert.equal(flows.reduce((sum, flow) => sum + flow.slots, 0), slots.length);
  const first = slots.filter(({ from, to }) => from === flows[0].from && to === flows[0].to);
  assert.equal(first.length, flows[0].slots);
  const begun = new RingChange(new Ring(), new Ring(['a']));
  assert.deepEqual(begun.moved(['k']), [{ key: 'k', from: null, to: 'a' }]);
  assert.deepEqual(begun.flows(), [{ from: null, to: 'a', slots: 65536 }]);
  assert.deepEqual(begun.slots()[9], { slot: 9, from: null, to: 'a' });
  assert.deepEqual(new RingChange(before, before.replace({ slots: 9 })).slots(), []);
});

test('jump moves keys to the new bucket only', () => {
  assert.equal(jump('k', 0), undefined);
  for (const key of [...keys.slice(0, 500), ...odd]) {
    let bucket = 0;
    for (let buckets = 1; buckets < 40; buckets++) {
      const now = jump(key, buckets);
      assert.ok(now === bucket || now === buckets - 1);
      bucket = now;
    }
    assert.equal(jump(Buffer.from(key), 39), bucket);
  }
});
