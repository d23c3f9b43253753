// The Node.js readers of the event benchmark; `src/events/mod.rs` has the commands.
//
//     node node.mjs PACKAGE queue|naive
//
// queue: a listener on the node, as a program would write it.
// naive: a worker that takes the events and posts a message for each.

import { createSocket } from 'node:dgram';
import { readSync } from 'node:fs';
import { join } from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const EVENT_BUFFER = 1 << 20;
const BARE = { address: '127.20.0.1', port: 7947 };
const OWN = 200_000;

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const now = () => Number(process.hrtime.bigint());
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** What was seen since the last `reset`. */
class Stamps {
  constructor() {
    this.reset();
  }

  reset() {
    Object.assign(this, { taken: [], sample: null, lost: 0, first: 0, last: 0, cpu: cpu() });
  }

  note(member) {
    this.update(member.tags.t);
    this.sample ??= member;
  }

  own() {
    const count = this.sample ? OWN : 0;
    const [before, member] = [cpu(), this.sample];
    for (let i = 0; i < count; i++) this.note(member);
    say({ events: count, cpu_us: cpu() - before });
  }

  update(stamp) {
    this.last = now();
    if (this.taken.length === 0) this.first = this.last;
    this.taken.push(this.last - Number(stamp));
  }

  report() {
    const spent = cpu() - this.cpu;
    const taken = Float64Array.from(this.taken).sort();
    const rank = (share) => taken[Math.max(0, Math.ceil(taken.length * share) - 1)] / 1e3;
    say({
      events: taken.length,
      lost: this.lost,
      p50_us: taken.length > 0 ? rank(0.5) : null,
      p99_us: taken.length > 0 ? rank(0.99) : null,
      span_us: taken.length > 1 ? (this.last - this.first) / 1e3 : null,
      cpu_us: spent,
    });
  }
}

/** A node of the package, with both kinds of news handed to `note` and `lost`. */
async function open(folder, note, lost) {
  const { start } = await import(join(folder, 'index.mjs'));
  const options = { name: 'under-test', bind: '127.20.0.1:7946', eventBuffer: EVENT_BUFFER };
  const node = await start(options);
  node.on('member-update', note);
  node.on('events-lost', (event) => lost(event.count));
}

/** Reads stdin where blocking does no harm: `go` is heard while the main thread stands still. */
function readStdin() {
  const gate = new Int32Array(workerData.gate);
  const buffer = Buffer.alloc(4096);
  let partial = '';
  for (;;) {
    const length = readSync(0, buffer);
    if (length === 0) process.exit(0);
    const lines = (partial + buffer.toString('utf8', 0, length)).split('\n');
    partial = lines.pop();
    for (const line of lines) {
      if (line === 'hold') Atomics.store(gate, 0, 0);
      if (line === 'go') {
        Atomics.store(gate, 0, 1);
        Atomics.notify(gate, 0);
      } else {
        parentPort.postMessage(line);
      }
    }
  }
}

/** Posts one message for each event, unless held. */
async function postEach() {
  const gate = new Int32Array(workerData.gate);
  const post = (message) => {
    Atomics.wait(gate, 0, 0);
    parentPort.postMessage(message);
  };
  await open(
    workerData.package,
    (member) => post({ stamp: member.tags.t }),
    (count) => post({ count }),
  );
  parentPort.postMessage({ ready: true });
}

/** Notes each datagram that comes to `BARE`. */
function floor(stamps) {
  const socket = createSocket('udp4', (datagram) => stamps.update(datagram.toString('latin1')));
  socket.bind(BARE, () => say({}));
}

function obey(stamps, gate, command) {
  switch (command) {
    case 'reset':
      stamps.reset();
      return say({});
    case 'count':
      return say({ events: stamps.taken.length, lost: stamps.lost });
    case 'report':
      return stamps.report();
    case 'own':
      return stamps.own();
    case 'floor':
      return floor(stamps);
    case 'hold':
      say({});
      Atomics.wait(gate, 0, 0);
      stamps.cpu = cpu();
      return say({});
    default:
      throw new Error(`unknown command ${command}`);
  }
}

async function main(folder, variant) {
  const stamps = new Stamps();
  const shared = { package: folder, gate: new SharedArrayBuffer(4) };
  const gate = new Int32Array(shared.gate);
  gate[0] = 1;
  const worker = (role) =>
    new Worker(new URL(import.meta.url), { workerData: { ...shared, role } });
  const hello = `Node.js ${process.versions.node}`;
  if (variant === 'queue') {
    await open(
      folder,
      (member) => stamps.note(member),
      (count) => (stamps.lost += count),
    );
    say({ runtime: hello, also: ['floor', 'own'] });
  } else {
    worker(postEach.name).on('message', (message) => {
      if (message.ready) say({ runtime: `${hello}, postMessage per event` });
      else if (message.count) stamps.lost += message.count;
      else stamps.update(message.stamp);
    });
  }
  worker(readStdin.name).on('message', (command) => obey(stamps, gate, command));
}

if (isMainThread) await main(process.argv[2], process.argv[3]);
else await { readStdin, postEach }[workerData.role]();
