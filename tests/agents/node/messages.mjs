// The commands about named servers, and the server that they are tried on.

import { ChinwagError } from '../../../bindings-node/index.mjs';
import { streamed } from './streams.mjs';
import { read, written } from './values.mjs';

/** Those of whose failure is told whether something may have happened. */
const MAY_HAPPEN = ['call', 'stream', 'cast', 'multi_call', 'abcast'];

/** Servers that were registered, by name. */
const served = new Map();

/** What every agent serves: one message at a time, so that `wait` holds others up. */
function tried() {
  let sum = 0;
  return {
    call: {
      echo: (value) => value,
      add: (number) => (sum += Number(number)),
      get: () => sum,
      fail(value) {
        throw new Error(String(value));
      },
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms, null)),
      never: (_, { signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(null))),
      who: (_, { node }) => node,
    },
    stream: streamed,
    cast: { add: (number) => void (sum += Number(number)) },
  };
}

const span = (ms) => (ms === undefined ? undefined : Number(ms));

/** The commands, of the node that `open` gives; `print` writes a line, `code` names an error. */
export const messages = (open, print, code) => ({
  async serve({ name }) {
    served.set(name, await open().serve(name, tried()));
  },

  async stop({ name, reason }) {
    await served.get(name)?.stop(reason);
  },

  async call({ target, op, value, timeout_ms }) {
    const timeout = span(timeout_ms);
    return [{ value: written(await open().call(target, op, read(value), { timeout })) }];
  },

  async cast({ target, op, value }) {
    await open().cast(target, op, read(value));
  },

  async multi_call({ server, op, value, min_ok, timeout_ms }) {
    const options = { minOk: span(min_ok), timeout: span(timeout_ms) };
    const { replies, failed } = await open().multiCall(server, op, read(value), options);
    const answers = Object.entries(replies);
    for (const [node, value] of answers) print('reply', { node, value: written(value) });
    for (const [node, why] of Object.entries(failed)) print('failed', { node, code: code(why) });
    return [{ count: answers.length }];
  },

  async abcast({ server, op, value }) {
    return [{ count: await open().abcast(server, op, read(value)) }];
  },

  servers() {
    const known = Object.entries(open().servers());
    for (const [name, hosts] of known) print('server', { name, hosts });
    return [{ count: known.length }];
  },
});

/** What an error of these commands has beside its code. */
export function maybe(word, error) {
  const told = MAY_HAPPEN.includes(word) && error instanceof ChinwagError;
  return told ? { maybe_executed: error.maybeExecuted } : {};
}
