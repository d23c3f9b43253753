// The commands about servers that are followed, and about event loops.

/** What ends each monitor, by its word. */
const followed = new Map();

/** The commands, of the node that `open` gives; `print` writes a line. */
export const monitors = (open, print) => ({
  monitor({ target, id }) {
    const controller = new AbortController();
    followed.set(id, controller);
    void told(open().monitor(target, { signal: controller.signal }), id, print);
  },

  demonitor({ id }) {
    followed.get(id)?.abort();
  },

  loop_state({ member }) {
    const state = open().loopState(member);
    return [state === undefined ? {} : { state }];
  },

  block({ ms }) {
    const cell = new Int32Array(new SharedArrayBuffer(4));
    setImmediate(() => Atomics.wait(cell, 0, 0, Number(ms)));
  },
});

async function told(down, id, print) {
  try {
    const { server, member, reason, text } = await down;
    print('down', { id, server, ...(member === null ? {} : { member }), reason, text });
  } catch (error) {
    if (error.code !== 'ERR_CHINWAG_CANCELLED') throw error;
  }
}
