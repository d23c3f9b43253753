// A web server of several processes with node:cluster. The primary is the member; the workers
// attach to it, answer HTTP on one port, and serve `web` to the whole cluster, each a share of it.
//
//     node examples/web.mjs one - 2
//     node examples/web.mjs two 127.0.0.1:40123 2
//
// `curl` at the port that is printed asks `web` on whatever member: it says which process answered.
// A worker that ends is replaced. SIGTERM ends them all, each once it has finished what it is at.

import cluster from 'node:cluster';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChinwagError, start } from 'chinwag';

const [name, seed, count = '2'] = process.argv.slice(2);

if (cluster.isPrimary) await lead();
else await work(process.env.CHINWAG_SOCKET);

async function lead() {
  // A folder that nobody else may look into.
  const folder = mkdtempSync(join(tmpdir(), 'chinwag-'));
  const workers = join(folder, 'w.sock');
  const node = await start({
    name,
    bind: '127.0.0.1:0',
    seeds: seed === '-' ? [] : [seed],
    profile: process.env.CHINWAG_PROFILE ?? 'local',
    workers,
  });
  console.log('ready', name, node.localMember().addr);
  const fork = () => cluster.fork({ CHINWAG_SOCKET: workers });
  for (let at = 0; at < Number(count); at++) fork();
  let ending = false;
  cluster.on('listening', (worker, { port }) => console.log('worker', worker.process.pid, port));
  cluster.on('exit', async () => {
    if (!ending) return void fork();
    if (Object.keys(cluster.workers).length > 0) return;
    await node.leave();
    await node.close();
    rmSync(folder, { recursive: true });
  });
  process.once('SIGTERM', () => {
    ending = true;
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
  });
}

async function work(attach) {
  const node = await start({ attach });
  await node.serve('web', { call: { who: () => `${process.pid} on ${node.localMember().name}` } });
  const server = createServer(async (request, response) => {
    try {
      response.end(`${await node.call('web', 'who')}\n`);
    } catch (error) {
      if (!(error instanceof ChinwagError)) throw error;
      response.writeHead(error.retryable ? 503 : 500).end(`${error.message}\n`);
    }
  });
  server.listen(0, '127.0.0.1');
  process.once('SIGTERM', async () => {
    server.close();
    await node.leave();
    await node.close();
    cluster.worker.disconnect();
  });
}
