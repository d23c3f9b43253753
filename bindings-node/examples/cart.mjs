// A shopping cart that may be written in several places at once. No node is needed: the record is
// data, and goes from program to program as a line of hexadecimal digits.
//
//     node examples/cart.mjs ann tea </dev/null >tea
//     node examples/cart.mjs bob milk <tea >milk
//     node examples/cart.mjs eve rum <tea >rum
//     cat milk rum | node examples/cart.mjs ann
//
// bob and eve do not know of each other's carts: the last line shows both, and makes one of them.

import { createInterface } from 'node:readline';
import { Siblings } from 'chinwag';

// The actor is who writes. No two may write at once under one name: the record would take them
// for one.
const [actor, ...added] = process.argv.slice(2);

const record = new Siblings();
for await (const line of createInterface({ input: process.stdin })) {
  record.merge(Siblings.from(Buffer.from(line, 'hex'), decode));
}
if (record.size > 1) {
  for (const cart of record) show('sibling', cart);
  record.resolve(actor, (carts) => union(carts.flat()));
}
if (added.length > 0) {
  // The context says which values the new one replaces: those that were read.
  record.put(actor, record.context, union([...record.values().flat(), ...added]));
}
for (const cart of record) show('cart', cart);
console.log(Buffer.from(record.toBuffer(encode)).toString('hex'));

function union(items) {
  return [...new Set(items)].sort();
}

/** A cart is text: its items in order, each once, one a line. */
function encode(cart) {
  return Buffer.from(cart.join('\n'));
}

function decode(bytes) {
  return Buffer.from(bytes).toString().split('\n');
}

function show(what, cart) {
  console.error(what, cart.join(', '));
}
