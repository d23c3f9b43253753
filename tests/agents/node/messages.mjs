// The commands about named servers, and the server that they are tried on.

import { ChinwagError } from '../../../bindings-node/index.mjs';
import { streamed } from './streams.mjs';
import { read, written } from './values.mjs';

/** Those of whose failure is told whether something may have happened. */
const MAY_HAPPEN = ['call', 'stream', 'cast', 'multi_call', 'abcast'];

/** The header that goes from call to call. */
const TRACE = 'traceparent';

/** Servers that were registered, by name. */
const served = new Map();

/** What every agent serves: one message at a time, so that `wait` holds others up. */
function tried(node) {
  let sum = 0;
  return {
    call: {
      echo: (value) => value,
      add: (number) => (sum += Number(number)),
      get: () => sum,
      fail(value) {
        throw new Error(String(value));
      },
      long: (count) => 'x'.repeat(Number(count)),
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms, null)),
      never: (_, { signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(null))),
      who: (_, from) => from.node,
      traced: (_, { headers }) => headers[TRACE] ?? '',
      relay: (target, { headers }) =>
        node.call(target, 'traced', null, { headers: { [TRACE]: headers[TRACE] ?? '' } }),
    },
    stream: streamed,
    cast: {
      add: (number) => void (sum += Number(number)),
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
  };
}

const span = (ms) => (ms === undefined ? undefined : Number(ms));

/** The commands, of the node that `open` gives; `print` writes a line, `code` names an error. */
export const messages = (open, print, code) => ({
  async serve({ name }) {
    served.set(name, await open().serve(name, tried(open())));
  },

  async stop({ name, reason }) {
    await served.get(name)?.stop(reason);
  },

  async call({ target, op, value, timeout_ms, [TRACE]: trace }) {
    const headers = trace === undefined ? undefined : { [TRACE]: trace };
    const options = { timeout: span(timeout_ms), headers };
    return [{ value: written(await open().call(target, op, read(value), options)) }];
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
