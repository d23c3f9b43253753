// Rings in Node.js; `src/languages.rs` has what is printed.
//
//     node --expose-gc node.mjs PACKAGE PEERS CLUSTERLUCK NODES...
//
// PACKAGE is ours, PEERS the folder with `node_modules`, CLUSTERLUCK a checkout of it or `-`.
// Passes take turns, and of each figure the median counts. Times are CPU time of the process.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { load } from '../peers/clusterluck.mjs';

const PASSES = 5;
const KEYS = Array.from({ length: 200_000 }, (_, n) => `user:${String(n).padStart(16, '0')}`);
const FEW = KEYS.slice(0, 20_000);
const MORE = 'one-more.cluster.example.net';
const POINTS = 160;

const [folder, peersFolder, clusterluck, ...sizes] = process.argv.slice(2);
const { Ring } = await import(join(folder, 'index.mjs'));
const need = createRequire(join(peersFolder, 'index.js'));
const names = (count) =>
  Array.from({ length: count }, (_, n) => `node-${String(n).padStart(5, '0')}.cluster.example.net`);

class Ours {
  static title = 'chinwag';
  constructor(nodes) {
    this.ring = new Ring(nodes);
  }
  owner(key) {
    return this.ring.owner(key);
  }
  owners(key) {
    return this.ring.owners(key, 3);
  }
  many(keys) {
    return this.ring.ownersMany(keys);
  }
  packed(bytes, width) {
    return this.ring.ownersPacked(bytes, width);
  }
  add(node) {
    this.ring = this.ring.withNode(node);
  }
  remove(node) {
    this.ring = this.ring.without(node);
  }
}

const Hashring = need('hashring');
/** As most use it, with a cache of 5,000 keys, which a pass over more never hits. */
class OfHashring {
  static title = 'hashring';
  constructor(nodes) {
    this.ring = new Hashring(nodes);
  }
  owner(key) {
    return this.ring.get(key);
  }
  owners(key) {
    return this.ring.range(key, 3);
  }
  add(node) {
    this.ring.add(node);
  }
  remove(node) {
    this.ring.remove(node);
  }
}

const { HashRing: Ketama } = need('ketama');
class OfKetama {
  static title = 'ketama';
  constructor(nodes) {
    this.ring = new Ketama(nodes);
  }
  owner(key) {
    return this.ring.getNode(key);
  }
  owners(key) {
    return this.ring.getNodes(key, 3);
  }
  add(node) {
    this.ring.addNode(node);
  }
  remove(node) {
    this.ring.removeNode(node);
  }
}

const ConsistentHash = need('consistent-hash');
class OfConsistentHash {
  static title = 'consistent-hash';
  constructor(nodes) {
    // Its default of 100,003 places has no room for more points than that.
    this.ring = new ConsistentHash({ range: 10_000_019, weight: POINTS });
    for (const node of nodes) this.ring.add(node);
    this.ring.get('sorts its points'); // which it does when it is first asked
  }
  owner(key) {
    return this.ring.get(key);
  }
  owners(key) {
    return this.ring.get(key, 3);
  }
  add(node) {
    this.ring.add(node);
    this.ring.get('sorts its points');
  }
  remove(node) {
    this.ring.remove(node);
    this.ring.get('sorts its points');
  }
}

const PEERS = [Ours, OfHashring, OfKetama, OfConsistentHash];
if (clusterluck !== '-') {
  const { CHash, Node } = load(need, clusterluck);
  const node = (name) => new Node(name, 'localhost', 7022);
  PEERS.push(
    class {
      static title = 'clusterluck';
      constructor(nodes) {
        this.ring = new CHash(POINTS, 2);
        for (const name of nodes) this.ring.insert(node(name));
      }
      owner(key) {
        return this.ring.find(key).id();
      }
      owners(key) {
        return this.ring.rangeNext(key, 3);
      }
      add(name) {
        this.ring.insert(node(name));
      }
      remove(name) {
        this.ring.remove(node(name));
      }
    },
  );
}

/** Nanoseconds. */
function cpu(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1e3;
}

const each = (keys, ask) => () => {
  for (const key of keys) ask(key);
};

function onePass(ring, size, note) {
  note('look-up', cpu(each(FEW, (key) => ring.owner(key))) / FEW.length);
  note('three owners', cpu(each(FEW, (key) => ring.owners(key))) / FEW.length);
  if (ring.many) {
    note('look-up in a batch', cpu(() => ring.many(FEW)) / FEW.length);
    const [bytes, width] = [Buffer.from(FEW.join('')), FEW[0].length];
    note('look-up in a packed batch', cpu(() => ring.packed(bytes, width)) / FEW.length);
  }
  note('add a node', cpu(() => ring.add(MORE)) / 1e6);
  ring.remove(MORE);
  const middle = names(size)[Math.floor(size / 2)];
  note('remove a node', cpu(() => ring.remove(middle)) / 1e6);
  ring.add(middle);
}

function placement(ring, size) {
  const counts = new Map();
  const before = KEYS.map((key) => ring.owner(key));
  for (const owner of before) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  ring.add(MORE);
  const moved = KEYS.filter((key, n) => ring.owner(key) !== before[n]).length;
  ring.remove(MORE);
  return {
    'busiest node of the keys, of the mean': (Math.max(...counts.values()) * size) / KEYS.length,
    'moved by a join, of the least': (moved * (size + 1)) / KEYS.length,
  };
}

/** KiB that V8 knows of, which is not the table of our ring. */
function memory(Peer, nodes) {
  const taken = () => {
    globalThis.gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = taken();
  const ring = new Peer(nodes);
  const after = taken();
  ring.owner(KEYS[0]);
  return (after - before) / 1024;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

function measure(size) {
  const nodes = names(size);
  const runs = PEERS.map((Peer) => {
    const ring = new Peer(nodes);
    return { Peer, ring, values: placement(ring, size), passes: new Map() };
  });
  for (let pass = 0; pass < PASSES; pass++) {
    for (const { Peer, ring, passes } of runs) {
      const note = (row, value) => passes.set(row, [...(passes.get(row) ?? []), value]);
      onePass(ring, size, note);
      // What takes seconds is made once: ketama sorts all points for each node that it adds.
      if (pass === 0 || passes.get('build')[0] < 1_000) {
        note('build', cpu(() => new Peer(nodes)) / 1e6);
      }
    }
  }
  for (const { Peer, values, passes } of runs) {
    for (const [row, times] of passes) values[row] = median(times);
    if (Peer !== Ours && values.build < 1_000) values.memory = memory(Peer, nodes);
    console.log(JSON.stringify({ peer: Peer.title, size, values }));
  }
}

console.error(`Node.js ${process.version}`);
for (const size of sizes) measure(Number(size));
