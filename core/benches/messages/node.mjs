// Ours in Node.js, and others beside it; `src/messages/mod.rs` has the commands.
//
//     node node.mjs (chinwag | net | grpc-js) (server | client) ADDRESS PACKAGE
//
// PACKAGE is the folder of ours, or of the libraries of others.

import { createServer, connect } from 'node:net';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [kind, side, address, folder] = process.argv.slice(2);
const PAYLOAD = Buffer.alloc(64, 1);
const PATIENCE = 60_000;
const MAILBOX = 200_000;

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const now = () => Number(process.hrtime.bigint());
const counted = (count) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(count));
  return bytes;
};
const number = (bytes) => Number(Buffer.from(bytes).readBigUInt64LE());

// Ours: all callers over one connection.

async function chinwag(name) {
  const { start } = await import(join(folder, 'index.mjs'));
  // Who sends faster than the other side reads waits, as on a socket.
  return start({ name, bind: '127.0.0.1:0', outboxOverflow: 'block' });
}

const ours = {
  async serve() {
    const node = await chinwag('server');
    let casts = 0;
    await node.serve(
      'echo',
      {
        call: { echo: (payload) => payload, count: () => counted(casts) },
        cast: { add: () => void (casts += 1) },
      },
      { mailbox: MAILBOX },
    );
    say({ address: node.localMember().addr });
  },

  async open() {
    const node = await chinwag('client');
    await node.join([address]);
    while (node.hosts('echo').length === 0) await new Promise((done) => setTimeout(done, 1));
    const options = { codec: 'raw', timeout: PATIENCE };
    return {
      caller: async () => () => node.call('echo', 'echo', PAYLOAD, options),
      async cast(payload, count) {
        for (let i = 0; i < count; i++) await node.cast('echo', 'add', payload, { codec: 'raw' });
        return number(await node.call('echo', 'count', Buffer.alloc(0), options));
      },
    };
  },
};

// A length and a number in front of each message, and a connection for each caller.

const [CALL, CAST, COUNT] = [0, 1, 2];
const HEAD = 5;

/** Cuts what comes on a socket. */
function frames(socket, got) {
  socket.setNoDelay(true);
  let held = Buffer.alloc(0);
  socket.on('data', (data) => {
    held = held.length === 0 ? data : Buffer.concat([held, data]);
    let at = 0;
    while (held.length - at >= HEAD) {
      const end = at + HEAD + held.readUInt32LE(at);
      if (end > held.length) break;
      got(held[at + 4], held.subarray(at + HEAD, end));
      at = end;
    }
    held = held.subarray(at);
  });
}

function frame(what, payload) {
  const out = Buffer.allocUnsafe(HEAD + payload.length);
  out.writeUInt32LE(payload.length);
  out[4] = what;
  payload.copy(out, HEAD);
  return out;
}

async function line() {
  const socket = connect(Number(address), '127.0.0.1');
  await new Promise((done) => socket.once('connect', done));
  const waiting = [];
  frames(socket, (_, payload) => waiting.shift()(payload));
  const ask = (what, payload) =>
    new Promise((done) => {
      waiting.push(done);
      socket.write(frame(what, payload));
    });
  return { socket, ask };
}

const bare = {
  async serve() {
    const server = createServer((socket) => {
      let casts = 0;
      frames(socket, (what, payload) => {
        if (what === CAST) casts += 1;
        else socket.write(frame(what, what === COUNT ? counted(casts) : payload));
      });
    });
    server.listen(0, '127.0.0.1', () => say({ address: String(server.address().port) }));
  },

  async open() {
    const { socket, ask } = await line();
    return {
      async caller() {
        const own = await line();
        return () => own.ask(CALL, PAYLOAD);
      },
      async cast(payload, count) {
        for (let i = 0; i < count; i++) {
          if (!socket.write(frame(CAST, payload))) {
            await new Promise((done) => socket.once('drain', done));
          }
        }
        return number(await ask(COUNT, Buffer.alloc(0)));
      },
    };
  },
};

// grpc-js, over one channel.

const bytes = {
  requestStream: false,
  responseStream: false,
  requestSerialize: (payload) => payload,
  requestDeserialize: (payload) => payload,
  responseSerialize: (payload) => payload,
  responseDeserialize: (payload) => payload,
};

const grpc = {
  library: () => createRequire(join(folder, 'package.json'))('@grpc/grpc-js'),

  async serve() {
    const { Server, ServerCredentials } = grpc.library();
    const server = new Server();
    const echo = { Call: { ...bytes, path: '/Echo/Call' } };
    server.addService(echo, { Call: (call, answer) => answer(null, call.request) });
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error) throw error;
      say({ address: `127.0.0.1:${port}` });
    });
  },

  async open() {
    const { Client, credentials } = grpc.library();
    const client = new Client(address, credentials.createInsecure());
    const { requestSerialize, responseDeserialize } = bytes;
    const call = () =>
      new Promise((done, failed) => {
        const told = (error, answer) => (error ? failed(error) : done(answer));
        client.makeUnaryRequest('/Echo/Call', requestSerialize, responseDeserialize, PAYLOAD, told);
      });
    return { caller: async () => call, cast: () => 0 };
  },
};

const carrier = { chinwag: ours, net: bare, 'grpc-js': grpc }[kind];
if (side === 'server') await carrier.serve();
else await obey(await carrier.open());

async function obey(client) {
  say({ runtime: `Node.js ${process.versions.node}, ${kind}` });
  let [spans, processed] = [[], 0];
  for await (const command of createInterface({ input: process.stdin })) {
    const [word, first, second, third] = command.split(' ');
    if (word === 'call') {
      const callers = await Promise.all(Array.from({ length: Number(first) }, client.caller));
      spans = [];
      const began = now();
      const ends = began + Number(second) * 1e9;
      await Promise.all(callers.map((call) => until(call, ends, spans)));
      say({ count: spans.length, seconds: (now() - began) / 1e9 });
    } else if (word === 'cast') {
      const payload = Buffer.alloc(Number(first), 1);
      const [began, before] = [now(), processed];
      let sent = 0;
      while (now() - began < Number(third) * 1e9) {
        processed = await client.cast(payload, Number(second));
        sent += Number(second);
      }
      const count = processed - before;
      say({ count, seconds: (now() - began) / 1e9, lost: sent - count });
    } else {
      const taken = Float64Array.from(spans).sort();
      const rank = (share) => taken[Math.max(0, Math.ceil(taken.length * share) - 1)] / 1e3;
      say({ p50_us: rank(0.5), p99_us: rank(0.99) });
    }
  }
  process.exit();
}

async function until(call, ends, spans) {
  let before = now();
  while (before < ends) {
    await call();
    const after = now();
    spans.push(after - before);
    before = after;
  }
}
