// The commands about maps that all members write.

/** What was read last, by map and key. */
const entries = new Map();

const place = (map, key) => JSON.stringify([map, String(key)]);

/** The commands, of the node that `open` gives; `print` writes a line, `bytes` a long payload. */
export const maps = (open, print, bytes) => ({
  async map_put({ map, key, payload, repeat, after }) {
    const value = bytes(payload, repeat);
    await open().map(map).put(String(key), value, { after: read(map, key, after) });
  },

  async map_delete({ map, key, after }) {
    await open().map(map).delete(String(key), { after: read(map, key, after) });
  },

  async map_resolve({ map, key }) {
    await open().map(map).resolve(String(key), joined);
  },

  map_get({ map, key }) {
    const payload = open().map(map).get(String(key));
    return [payload === undefined ? {} : { payload }];
  },

  map_read({ map, key }) {
    const entry = open().map(map).read(String(key));
    if (entry === undefined) return [{}];
    entries.set(place(map, key), entry);
    return [shown(entry)];
  },

  map_entries({ map, prefix }) {
    const found = open().map(map).entries(prefix);
    for (const entry of found) print('entry', { key: entry.key, ...shown(entry) });
    return [{ count: found.length }];
  },

  map_watch({ map, prefix, replay }) {
    void told(open().map(map).watch(prefix, { replay: replay === 'true' }), map, print);
  },
});

/** What a write is in place of, if not of all that is known. */
function read(map, key, after) {
  if (after !== 'read') return undefined;
  const found = entries.get(place(map, key));
  if (found === undefined) throw new Error('nothing was read');
  return found;
}

function joined(values) {
  const sorted = values.map(({ value }) => Buffer.from(value)).sort(Buffer.compare);
  return Buffer.concat(sorted.flatMap((value, at) => (at ? [Buffer.from('+'), value] : [value])));
}

/** The values of a key and who put them, the newest first. */
function shown({ values }) {
  return {
    values: values.map(({ value }) => value),
    writers: values.map(({ writer }) => writer),
  };
}

async function told(changes, map, print) {
  for await (const change of changes) {
    const { type, key, count } = change;
    const fields = Object.entries({ map, type, key, count });
    const known = Object.fromEntries(fields.filter(([, field]) => field !== undefined));
    print('watched', { ...known, ...(type === 'put' ? shown(change) : {}) });
  }
}
