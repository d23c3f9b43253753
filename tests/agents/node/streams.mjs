// The command about calls that stream, and the operations that it is tried on.

import { read, written } from './values.mjs';

/** What every agent serves. */
export const streamed = {
  async *count(many) {
    for (let item = 1; item <= Number(many); item++) yield item;
    return many;
  },

  async sum(_, { body }) {
    let sum = 0;
    for await (const item of body) sum += Number(item);
    return sum;
  },

  async *mirror(_, { body }) {
    let many = 0;
    for await (const item of body) {
      many += 1;
      yield item;
    }
    return many;
  },

  async *break(many) {
    for (let item = 1; item <= Number(many); item++) yield item;
    throw new Error('broken');
  },
};

/** The command, of the node that `open` gives; `print` writes a line. */
export const streams = (open, print) => ({
  async stream({ target, op, value, items = [], timeout_ms }) {
    const timeout = timeout_ms === undefined ? undefined : Number(timeout_ms);
    const options = { timeout, items: items.map(read) };
    const stream = open().stream(target, op, read(value), options);
    for await (const item of stream) print('item', { value: written(item) });
    return [{ value: written(await stream.answer()) }];
  },
});
