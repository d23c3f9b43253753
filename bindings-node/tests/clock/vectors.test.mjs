// The vectors of tests/vectors/clocks, which its README describes, line by line.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  actor,
  ActorTable,
  ChinwagError,
  ERRORS,
  Folded,
  HybridClock,
  HybridTime,
  LamportClock,
  Retired,
  Siblings,
  VectorClock,
} from '../../index.mjs';
import { package_root } from '../helpers.mjs';

const folder = join(package_root, '../tests/vectors/clocks');
const hex = (bytes) => Buffer.from(bytes).toString('hex') || '-';
const unhex = (word) => Buffer.from(word === '-' ? '' : word, 'hex');
const escaped = (text) => encodeURIComponent(text).replace(/[!'()*]/g, percent);
const percent = (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;
const stamp = (time) => `${time} ${hex(time.toBuffer())}`;
const codes = new Map(Object.entries(ERRORS).map(([key, { code }]) => [code, key]));

/** A number as a caller may have it: the one kind as well as the other. */
function number(word) {
  const bigint = BigInt(word);
  return bigint <= Number.MAX_SAFE_INTEGER && bigint % 2n === 0n ? Number(bigint) : bigint;
}

/** Options of a change. */
const at = (word) => (word === undefined ? undefined : { time: number(word) });

/** Everything that statements have named, and what they do with it. */
class Player {
  #named = new Map();
  #log = new Retired();

  /** The outcome of a statement. */
  play(statement) {
    const [verb, ...words] = statement.split(' ');
    try {
      return this[verb.replace(/-(.)/g, (_, letter) => letter.toUpperCase())](...words);
    } catch (error) {
      if (!(error instanceof ChinwagError)) throw error;
      return codes.get(error.code);
    }
  }

  get(name, make = () => new VectorClock()) {
    if (!this.#named.has(name)) this.#named.set(name, make());
    return this.#named.get(name);
  }

  /** Names a value; its bytes. */
  set(name, value) {
    this.#named.set(name, value);
    const bytes = value.toBuffer();
    assert.ok(value.constructor.from(bytes).equals(value));
    return hex(bytes);
  }

  insert(a, name, time) {
    return this.set(a, this.get(a).insert(decodeURIComponent(name), at(time)));
  }

  increment(a, name, time) {
    return this.set(a, this.get(a).increment(decodeURIComponent(name), at(time)));
  }

  update(a, name, count, time) {
    return this.set(a, this.get(a).update(decodeURIComponent(name), number(count), at(time)));
  }

  remove(a, name) {
    return this.set(a, this.get(a).remove(decodeURIComponent(name)));
  }

  merge(a, b) {
    return this.set(a, this.get(a).merge(this.get(b)));
  }

  copy(a, b) {
    return this.set(b, this.get(a));
  }

  trim(a, now, ...bounds) {
    const [lower, youngUs, upper, oldUs] = bounds.map(number);
    return this.set(a, this.get(a).trim(number(now), { lower, youngUs, upper, oldUs }));
  }

  compare(a, b) {
    const [one, other] = [this.get(a), this.get(b)];
    const verdict = one.compare(other);
    assert.equal(one.equals(other), verdict === 'equal');
    assert.equal(one.descends(other), verdict === 'equal' || verdict === 'after');
    assert.equal(one.dominates(other), verdict === 'after');
    return verdict;
  }

  dot(a, name) {
    const actor = decodeURIComponent(name);
    const dot = this.get(a).dot(actor);
    if (dot === undefined) return 'none';
    assert.equal(dot.actor, actor);
    assert.ok(this.get(a).descendsDot(dot));
    return String(dot.count);
  }

  actor(name, incarnation) {
    return escaped(actor(decodeURIComponent(name), number(incarnation)));
  }

  json(a) {
    const text = JSON.stringify(this.get(a));
    assert.deepEqual(VectorClock.from(text), VectorClock.from(JSON.parse(text)));
    assert.deepEqual(VectorClock.from(text).toBuffer(), this.get(a).toBuffer());
    return text;
  }

  fromJson(text) {
    return hex(VectorClock.from(decodeURIComponent(text)).toBuffer());
  }

  table(m, ...names) {
    const table = new ActorTable(names.map(decodeURIComponent));
    this.#named.set(m, table);
    return table.fingerprint.toString(16).padStart(16, '0');
  }

  dense(a, m) {
    return hex(this.get(a).toDense(this.get(m)));
  }

  fromDense(m, bytes) {
    return hex(VectorClock.fromDense(this.get(m), unhex(bytes)).toBuffer());
  }

  read(form, word) {
    const bytes = unhex(word);
    const classes = { clock: VectorClock, folded: Folded, siblings: Siblings, retired: Retired };
    const value = classes[form].from(bytes);
    assert.deepEqual(value.toBuffer(), bytes);
    return 'ok';
  }

  retire(name, count) {
    return String(this.#log.retire(decodeURIComponent(name), number(count)));
  }

  relog() {
    this.#log = new Retired();
    return '0';
  }

  log() {
    return hex(this.#log.toBuffer());
  }

  logJson() {
    const text = JSON.stringify(this.#log);
    for (const form of [text, JSON.parse(text), this.#log.toBuffer()]) {
      assert.deepEqual([...Retired.from(form)], [...this.#log]);
    }
    return text;
  }

  fromLogJson(text) {
    return hex(Retired.from(decodeURIComponent(text)).toBuffer());
  }

  folded(f) {
    return this.get(f, () => new Retired().fold(new VectorClock()));
  }

  fold(f, a) {
    return this.set(f, this.#log.fold(this.get(a)));
  }

  foldRaise(f) {
    return this.set(f, this.#log.raise(this.folded(f)));
  }

  unfold(f, a) {
    return this.set(a, this.#log.unfold(this.folded(f)));
  }

  foldCompare(f, g) {
    return this.#log.compare(this.folded(f), this.folded(g));
  }

  foldMerge(f, g) {
    return this.set(f, this.#log.merge(this.folded(f), this.folded(g)));
  }

  foldJson(f) {
    const text = JSON.stringify(this.folded(f));
    assert.deepEqual(Folded.from(text), Folded.from(JSON.parse(text)));
    return text;
  }

  record(s) {
    return this.get(s, () => new Siblings());
  }

  put(s, name, a, value) {
    this.record(s).put(decodeURIComponent(name), this.get(a), unhex(value));
    return this.set(s, this.record(s));
  }

  context(s, a) {
    return this.set(a, this.record(s).context);
  }

  discard(s, a) {
    this.record(s).discard(this.get(a));
    return this.set(s, this.record(s));
  }

  sync(s, t) {
    this.record(s).merge(this.record(t));
    return this.set(s, this.record(s));
  }

  resolve(s, name) {
    const parted = this.record(s).size > 1;
    assert.equal(this.record(s).resolve(decodeURIComponent(name), Buffer.concat), parted);
    return this.set(s, this.record(s));
  }

  values(s) {
    return this.record(s).values().map(hex).join() || 'none';
  }

  siblingsJson(s) {
    const text = JSON.stringify(this.record(s));
    assert.ok(Siblings.from(text).equals(this.record(s)));
    assert.ok(Siblings.from(JSON.parse(text)).equals(this.record(s)));
    return text;
  }

  fromSiblingsJson(text) {
    return hex(Siblings.from(decodeURIComponent(text)).toBuffer());
  }

  compareSiblings(s, t) {
    return this.record(s).compare(this.record(t));
  }

  hybrid(h, drift) {
    this.#named.set(h, new HybridClock({ driftUs: number(drift) }));
    return 'ok';
  }

  tick(h, now) {
    return stamp(this.get(h).tick(number(now)));
  }

  observe(h, remote, now) {
    return stamp(this.get(h).observe(HybridTime.from(remote), number(now)));
  }

  readStamp(text) {
    return String(HybridTime.from(decodeURIComponent(text)).value);
  }

  lamportTick(l) {
    return String(this.get(l, () => new LamportClock()).tick());
  }

  lamportObserve(l, remote) {
    return String(this.get(l, () => new LamportClock()).observe(number(remote)));
  }
}

/** `get` of a statement, which is another one than that of a player. */
function entry(clock, name) {
  const entry = clock.entry(name);
  assert.equal(clock.get(name), entry?.count ?? 0n);
  assert.equal(clock.has(name), entry !== undefined);
  if (entry === undefined) return 'none';
  return [entry.count, entry.insert ?? '-', entry.time ?? '-'].join(' ');
}

const files = readdirSync(folder).filter((file) => file.endsWith('.txt'));
assert.deepEqual(files.length, 5, files.join());

for (const file of files) {
  test(`every line of ${file} comes out as it says`, () => {
    let [player, played] = [new Player(), 0];
    for (const line of readFileSync(join(folder, file), 'utf8').split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      if (line.startsWith('case ')) {
        player = new Player();
        continue;
      }
      const [statement, outcome] = line.split(' => ');
      const [verb, a, name] = statement.split(' ');
      const is = verb === 'get' ? entry(player.get(a), decodeURIComponent(name)) : null;
      assert.equal(is ?? player.play(statement), outcome, `${file}:${played}: ${statement}`);
      played++;
    }
    assert.ok(played >= 400, `${played} lines`);
  });
}
