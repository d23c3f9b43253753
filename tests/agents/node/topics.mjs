// The commands about topics.

import { read, written } from './values.mjs';

/** Subscribers, by topic and queue. */
const subscribed = new Map();

const place = (topic, queue = '') => JSON.stringify([topic, queue]);

/** The commands, of the node that `open` gives; `print` writes a line. */
export const topics = (open, print) => ({
  subscribe_topic({ topic, queue }) {
    const subscriber = open().subscribe(topic, { queue: queue || undefined });
    subscribed.set(place(topic, queue), subscriber);
    void told(subscriber, queue ?? '', print);
  },

  unsubscribe_topic({ topic, queue }) {
    subscribed.get(place(topic, queue))?.close();
  },

  async publish({ topic, value }) {
    return [{ count: await open().publish(topic, read(value)) }];
  },

  topics() {
    const known = Object.entries(open().topics());
    for (const [name, members] of known) print('topic', { name, members });
    return [{ count: known.length }];
  },
});

async function told(subscriber, queue, print) {
  for await (const { topic, sender, payload, missed } of subscriber) {
    print('published', { topic, from: sender, queue, value: written(payload), missed });
  }
}
