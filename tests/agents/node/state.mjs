// The commands about keys of members.

/** The commands, of the node that `open` gives; `print` writes a line, `bytes` a long payload. */
export const state = (open, print, bytes) => ({
  async put({ key, payload, repeat, ttl_ms }) {
    const ttl = ttl_ms === undefined ? undefined : Number(ttl_ms);
    await open().put(String(key), bytes(payload, repeat), { ttl });
  },

  async delete({ key }) {
    await open().delete(String(key));
  },

  get({ member, key }) {
    const payload = open().get(member, String(key));
    return [payload === undefined ? {} : { payload }];
  },

  entries({ prefix }) {
    const entries = open().entries(prefix);
    for (const { member, key, value } of entries) print('entry', { member, key, payload: value });
    return [{ count: entries.length }];
  },

  watch({ prefix, replay }) {
    void told(open().watch(prefix, { replay: replay === 'true' }), print);
  },
});

async function told(changes, print) {
  for await (const { type, member, key, value, count } of changes) {
    const fields = Object.entries({ type, member, key, payload: value, count });
    print('watched', Object.fromEntries(fields.filter(([, field]) => field !== undefined)));
  }
}
