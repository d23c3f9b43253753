'use strict';
// SIGTERM and SIGINT: leave, then let the process end as it would have.

const SIGNALS = ['SIGTERM', 'SIGINT'];
const nodes = new Set();
let leaving = false;

/** From now on, a signal makes this node leave first. */
function handle(node) {
  nodes.add(node);
  if (nodes.size === 1) for (const signal of SIGNALS) process.on(signal, onSignal);
}

/** This node is closed. */
function forget(node) {
  if (nodes.delete(node) && nodes.size === 0) unlisten();
}

async function onSignal(signal) {
  if (leaving) return end(signal);
  leaving = true;
  await Promise.allSettled([...nodes].map(depart));
  leaving = false;
  return end(signal);
}

async function depart(node) {
  try {
    await node.leave();
  } finally {
    await node.close();
  }
}

/** Raised again, the signal does what it does without us; other listeners have had it already. */
function end(signal) {
  unlisten();
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function unlisten() {
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

module.exports = { handle, forget };
