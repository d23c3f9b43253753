'use strict';
// What a handler answers: a value, or items and then a value.

const { make } = require('../errors.js');
const { OF_ONE } = require('./streams.js');

/** Whether a handler gives items one after the other. */
const isMany = (result) => typeof result?.[Symbol.asyncIterator] === 'function';

/** What the handler comes to, or a promise of it once all its items are sent. */
function answering(act, op, payload, from) {
  const result = act(op, payload, from);
  if (isMany(result)) return sending(result, from);
  // Others do without another promise.
  if (!from.isStream || typeof result?.then !== 'function') return result;
  return result.then((last) => (isMany(last) ? sending(last, from) : last));
}

async function sending(items, from) {
  const iterator = items[Symbol.asyncIterator]();
  let done = false;
  try {
    if (!from.isStream) throw make('bad_argument', 'it answers with items: use node.stream()');
    let step = await iterator.next();
    while (!step.done) {
      const failure = await sent(step.value, from);
      if (failure && !(OF_ONE.includes(failure.code) && iterator.throw)) {
        // Nobody reads any more; or this is no generator, which could do without the item.
        if (OF_ONE.includes(failure.code)) throw failure;
        return undefined;
      }
      step = await (failure ? iterator.throw(failure) : iterator.next());
    }
    done = true;
    return step.value;
  } finally {
    if (!done) await iterator.return?.();
  }
}

/** Why an item was not sent. */
async function sent(item, from) {
  try {
    await from.send(item);
    return null;
  } catch (error) {
    return error;
  }
}

module.exports = { answering };
