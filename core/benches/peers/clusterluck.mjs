// Clusterluck from a checkout: its package is not in the registry under a name of its own.

import Module from 'node:module';
import { join } from 'node:path';

/** Native or unused by what is measured: what stands for them costs less. */
const STAND_INS = {
  async: {},
  debug: () => () => {},
  microtime: { now: () => Math.floor(performance.now() * 1e3) },
};

/** Its ring, node and clock; `need` finds the libraries that it takes. */
export function load(need, checkout) {
  const original = Module._load;
  Module._load = (name, ...rest) => {
    if (Object.hasOwn(STAND_INS, name)) return STAND_INS[name];
    const isTheirs = ['lodash', 'functional-red-black-tree', 'lru-cache'].includes(name);
    return original(isTheirs ? need.resolve(name) : name, ...rest);
  };
  try {
    const own = (file) => need(join(checkout, 'lib', `${file}.js`));
    return { CHash: own('chash'), Node: own('node'), VectorClock: own('vclock') };
  } finally {
    Module._load = original;
  }
}
