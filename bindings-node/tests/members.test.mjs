// Members as values: what they hold, and what survives the border.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { Member } from '../index.mjs';
import { open, seeds, until } from './helpers.mjs';

test('a member is a plain value', async (t) => {
  const node = await open(t, 'web-1', { tags: { role: 'web' } });
  const member = node.localMember();
  assert.ok(member instanceof Member);
  assert.deepEqual(Object.keys(member), ['name', 'addr', 'state', 'incarnation', 'tags']);
  assert.match(member.addr, /^127\.0\.0\.1:\d+$/);
  assert.equal(member.state, 'alive');
  assert.ok(member.incarnation > 1);
  assert.equal(member.versions.length, 6);
  assert.deepEqual(JSON.parse(JSON.stringify(member)).tags, { role: 'web' });
  assert.equal(
    inspect(member, { breakLength: Infinity }),
    `Member { name: 'web-1', addr: '${member.addr}', state: 'alive', tags: { role: 'web' } }`,
  );
  assert.match(inspect(node), /^Node \{\s+name: 'web-1',[^]*closed: false\s+\}$/);
});

test('texts of every width stay whole, wherever they stand', async (t) => {
  const tags = {
    '': 'empty key',
    empty: '',
    __proto: 'no',
    ['__proto__']: 'own',
    constructor: 'text',
    ключ: 'значение',
    '日本': '\u{1F9A6} otter',
    nul: 'a\0b',
  };
  const a = await open(t, 'наблюдатель \u{1F9A6}', { tags });
  const b = await open(t, 'b c', { seeds: seeds(a), tags: { after: 'wards' } });
  const [seen] = b.members().filter(({ name }) => name !== 'b c');
  assert.equal(seen.name, 'наблюдатель \u{1F9A6}');
  assert.deepEqual(Object.entries(seen.tags).sort(), Object.entries(tags).sort());
  assert.equal(Object.getPrototypeOf(seen.tags), Object.prototype);
  assert.deepEqual(b.member('b c').tags, { after: 'wards' });
});

test('raw metadata passes through', async (t) => {
  const meta = Uint8Array.from({ length: 512 }, (_, i) => i);
  const a = await open(t, 'a', { meta });
  const b = await open(t, 'b', { seeds: seeds(a) });
  assert.deepEqual(b.member('a').meta, meta);
  assert.deepEqual(b.member('a').tags, {});
  await a.setMeta(Buffer.from('other'));
  await until(() => Buffer.from(b.member('a').meta).toString() === 'other');
  const kept = b.member('a');
  kept.meta.fill(0);
  assert.equal(Buffer.from(kept.meta).toString(), 'other', 'a copy each time');
});

test('tags merge, vanish and are replaced', async (t) => {
  const a = await open(t, 'a', { tags: { role: 'web', canary: 'yes' } });
  const b = await open(t, 'b', { seeds: seeds(a) });
  await a.updateTags({ role: 'draining', canary: null, rack: undefined });
  assert.deepEqual(a.localMember().tags, { role: 'draining' });
  await until(() => b.member('a').tags.role === 'draining');
  assert.deepEqual(b.member('a').tags, { role: 'draining' });
  await a.setTags({ only: 'this' });
  await until(() => b.member('a').tags.only);
  assert.deepEqual(b.member('a').tags, { only: 'this' });
});

test('members are found by tags, by name, and after they have left', async (t) => {
  const a = await open(t, 'a', { tags: { role: 'web', zone: 'x' } });
  const b = await open(t, 'b', { tags: { role: 'web' }, seeds: seeds(a) });
  const c = await open(t, 'c', { tags: { role: 'db' }, seeds: seeds(a) });
  await until(() => a.members().length === 3);
  const names = (members) => members.map((member) => member.name);
  assert.deepEqual(names(a.members()), ['a', 'b', 'c']);
  assert.deepEqual(names(a.members({ tags: { role: 'web' } })), ['a', 'b']);
  assert.deepEqual(names(a.members({ tags: { role: 'web', zone: 'x' } })), ['a']);
  assert.deepEqual(names(a.members({ tags: { toString: 'x' } })), []);
  assert.equal(a.member('nobody'), undefined);
  await c.leave();
  await until(() => a.members().length === 2);
  assert.equal(a.member('c').state, 'left');
  assert.deepEqual(names(a.knownMembers()), ['a', 'b', 'c']);
  assert.equal(await c.join(seeds(b)), 1, 'it can come back');
  await until(() => a.member('c').state === 'alive');
});

test('counters are numbers by camelCase names', async (t) => {
  const a = await open(t, 'a');
  await open(t, 'b', { seeds: seeds(a) });
  await until(() => a.stats().packetsReceived > 0);
  for (const [name, count] of Object.entries(a.stats())) {
    assert.match(name, /^[a-z]+(?:[A-Z][a-z]+)*$/);
    assert.ok(Number.isSafeInteger(count), name);
  }
});
