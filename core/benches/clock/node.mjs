// Vector clocks in Node.js; `src/languages.rs` has what is printed.
//
//     node node.mjs PACKAGE PEERS CLUSTERLUCK ACTORS...
//
// PACKAGE is ours, PEERS the folder with `node_modules`, CLUSTERLUCK a checkout of it or `-`.
// Passes take turns, and of each figure the median counts. Times are CPU time of the process.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { load } from '../peers/clusterluck.mjs';

const PASSES = 7;

const [folder, peersFolder, clusterluck, ...sizes] = process.argv.slice(2);
const { ActorTable, VectorClock } = await import(join(folder, 'index.mjs'));
const need = createRequire(join(peersFolder, 'index.js'));
const npm = need('vectorclock');
// It is an ES module, which a plain `require` does not find.
const thing = await import(
  pathToFileURL(join(peersFolder, 'node_modules/@thi.ng/vclock/index.js')).href
);

function ours(counts) {
  const [clock, other] = [VectorClock.from(counts), VectorClock.from(counts)];
  const [actor] = Object.keys(counts);
  const bytes = clock.toBuffer();
  const works = {
    increment: () => clock.increment(actor),
    merge: () => clock.merge(other),
    compare: () => clock.compare(other),
    encode: () => clock.toBuffer(),
    decode: () => VectorClock.from(bytes),
  };
  const table = new ActorTable(Object.keys(counts));
  return { works, sizes: { bytes: bytes.length, 'bytes, dense': clock.toDense(table).length } };
}

function ofVectorclock(counts) {
  const [clock, other, text] = [{ ...counts }, { ...counts }, JSON.stringify(counts)];
  const [actor] = Object.keys(counts);
  const works = {
    increment: () => npm.increment(clock, actor),
    merge: () => npm.merge(clock, other),
    compare: () => npm.compare(clock, other),
    encode: () => JSON.stringify(clock),
    decode: () => JSON.parse(text),
  };
  return { works, sizes: { bytes: text.length } };
}

function ofThing(counts) {
  const [clock, other, text] = [{ ...counts }, { ...counts }, JSON.stringify(counts)];
  const [actor] = Object.keys(counts);
  const works = {
    increment: () => thing.inc(clock, actor),
    merge: () => thing.merge(clock, other),
    compare: () => thing.compare(clock, other),
    encode: () => JSON.stringify(clock),
    decode: () => JSON.parse(text),
  };
  return { works, sizes: { bytes: text.length } };
}

function ofClusterluck(counts) {
  const { VectorClock: Theirs } = load(need, clusterluck);
  const fill = (clock) => {
    for (const [actor, count] of Object.entries(counts)) clock.update(actor, count);
    return clock;
  };
  const [clock, other] = [fill(new Theirs()), fill(new Theirs())];
  const [actor] = Object.keys(counts);
  const text = JSON.stringify(clock.toJSON(true));
  const works = {
    increment: () => clock.increment(actor),
    merge: () => clock.merge(other),
    // It has no compare; this is what tells as much.
    compare: () => [clock.descends(other), other.descends(clock)],
    encode: () => JSON.stringify(clock.toJSON(true)),
    decode: () => new Theirs().fromJSON(JSON.parse(text)),
  };
  return { works, sizes: { bytes: text.length } };
}

const PEERS = [
  ['chinwag', ours],
  ['@thi.ng/vclock', ofThing],
  ['vectorclock', ofVectorclock],
  ...(clusterluck === '-' ? [] : [['clusterluck', ofClusterluck]]),
];

/** Nanoseconds of doing it once. */
function cpu(work, times) {
  const before = process.cpuUsage();
  for (let n = 0; n < times; n++) work();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1e3) / times;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

function measure(size) {
  const counts = {};
  for (let n = 0; n < size; n++) counts[`web-${n}~1795316449`] = 1000;
  const runs = PEERS.map(([peer, make]) => ({ peer, ...make(counts), passes: {} }));
  for (let pass = 0; pass < PASSES; pass++) {
    for (const { works, passes } of runs) {
      for (const [row, work] of Object.entries(works)) {
        (passes[row] ??= []).push(cpu(work, Math.max(50, Math.ceil(100_000 / size))));
      }
    }
  }
  for (const { peer, sizes: values, passes } of runs) {
    for (const [row, times] of Object.entries(passes)) values[row] = median(times);
    console.log(JSON.stringify({ peer, size, values }));
  }
}

console.error(`Node.js ${process.version}`);
for (const size of sizes) measure(Number(size));
