// What the tests share: quick nodes, waiting with a deadline, and programs run on their own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { start } from '../index.mjs';

/** Far beyond what anything here takes on a busy machine. */
export const LIMIT = 60_000;

/** Loopback, and a protocol that makes up its mind within a second. */
export const QUICK = Object.freeze({
  bind: '127.0.0.1:0',
  profile: 'local',
  probeInterval: 100,
  probeTimeout: 50,
  suspicionMult: 2,
  tcpTimeout: 10_000, // on a busy machine, a megabyte can take a second
});

/** Starts a node that is closed when the test ends. */
export async function open(t, name, options = {}) {
  const node = await start({ ...QUICK, name, ...options });
  t.after(() => node.close());
  return node;
}

let addresses = 0;

/**
 * An address on loopback that no other test has, in this process or in another, so that a node can
 * come back to it: a port that is given back may be anybody's connection a moment later.
 */
export function address() {
  const high = ((process.pid >> 8) % 254) + 1;
  addresses += 1;
  return `127.${high}.${process.pid % 256}.${(addresses % 254) + 1}:7946`;
}

/** Seeds for those that shall join `node`. */
export function seeds(node) {
  return [node.localMember().addr];
}

/** A seed that takes connections and says nothing: whoever joins there waits. */
export async function silent(t) {
  const sockets = new Set();
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${server.address().port}`;
}

/** Waits until `condition` gives something, asking now and then. */
export async function until(condition, what = String(condition)) {
  const end = Date.now() + LIMIT;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < end, `not within ${LIMIT} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The first event of a stream that `wanted` likes. */
export async function find(stream, wanted) {
  for (;;) {
    const { done, value } = await stream.next();
    assert.ok(!done, `the events ended before ${wanted}`);
    if (wanted(value)) return value;
  }
}

export const package_root = fileURLToPath(new URL('..', import.meta.url));
const library = pathToFileURL(`${package_root}index.mjs`).href;

const HEAD = `
  import { start } from '${library}';
  const QUICK = ${JSON.stringify(QUICK)};
  const seeds = process.env.SEED ? [process.env.SEED] : [];
`;

/** A program in a process of its own, with `start`, `QUICK` and `seeds` at hand. */
export class Program {
  constructor(source, { seed = '', flags = [], head = HEAD } = {}) {
    const args = [...flags, '--input-type=module', '--eval', head + source];
    const env = { ...process.env, SEED: seed };
    delete env.NODE_TEST_CONTEXT;
    this.child = spawn(process.execPath, args, { env, cwd: package_root });
    this.stdout = '';
    this.stderr = '';
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.exited = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
    this.timer = setTimeout(() => this.child.kill('SIGKILL'), LIMIT);
    this.exited.then(() => clearTimeout(this.timer));
  }

  /** Waits for text on stdout. */
  async says(text) {
    await until(() => {
      const ended = this.child.exitCode !== null || this.child.signalCode !== null;
      assert.ok(this.stdout.includes(text) || !ended, `ended without "${text}": ${this.stderr}`);
      return this.stdout.includes(text);
    }, `"${text}" in ${this.stdout}`);
  }

  signal(name) {
    this.child.kill(name);
  }

  /** How it ended; it must have had nothing to say on stderr. */
  async ends({ code = 0, signal = null, stderr = /^$/ } = {}) {
    const ending = await this.exited;
    assert.match(this.stderr, stderr);
    assert.deepEqual(ending, { code, signal }, this.stdout + this.stderr);
  }
}

/** Runs a program that ends by itself with code 0, silently; what it printed. */
export async function run(source, options = {}) {
  const program = new Program(source, options);
  await program.ends(options);
  return program.stdout;
}
