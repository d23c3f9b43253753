// The agent of the npm package: does what the runner tells it, see ../README.md.

import { createInterface } from 'node:readline';
import { crc32 } from 'node:zlib';
import { ChinwagError, ERRORS, OPTIONS, start, version } from '../../../bindings-node/index.mjs';
import { maps } from './maps.mjs';
import { maybe, messages } from './messages.mjs';
import { monitors } from './monitors.mjs';
import { state } from './state.mjs';
import { streams } from './streams.mjs';
import { topics } from './topics.mjs';

/** The one node, its reader, and what is to be called from inside the reader. */
let node = null;
let reading = null;
let reentry = null;

// Codes on the wire are those of the core, the same in every language.
const codes = new Map(Object.entries(ERRORS).map(([key, { code }]) => [code, key]));
const camel = new Map(Object.entries(OPTIONS).map(([name, { key }]) => [key, name]));

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const commands = {
  version: () => [{ version, runtime: 'node' }],

  async start(pairs) {
    await close();
    const { name, bind, profile, seeds } = pairs;
    const options = { name, bind, profile, tags: under(pairs, 'tag.') };
    if (seeds !== undefined) options.seeds = seeds;
    for (const [key, text] of Object.entries(under(pairs, 'opt.'))) {
      options[camel.get(key) ?? toCamel(key)] = text;
    }
    node = await start(options);
    return [{ addr: node.localMember().addr }];
  },

  subscribe({ replay, rings }) {
    reading = read(open().events({ replay: replay === 'true' }));
    // Not before: what nobody heard is for the first who asks.
    node.on('warning', (warning) => console.error(warning.message));
    if (rings === 'true') void open().ring;
  },

  members() {
    const members = open().members();
    for (const member of members) print('member', shown(member));
    return [{ count: members.length }];
  },

  local: () => [shown(open().localMember())],

  async join({ seeds = [] }) {
    return [{ contacted: await open().join(seeds) }];
  },

  async update_tags(pairs) {
    const unset = Object.keys(under(pairs, 'untag.')).map((key) => [key, null]);
    await open().updateTags({ ...under(pairs, 'tag.'), ...Object.fromEntries(unset) });
  },

  async leave({ timeout_ms }) {
    const timeout = timeout_ms === undefined ? undefined : Number(timeout_ms);
    await open().leave({ timeout });
  },

  close,

  async send({ to, payload, repeat, reliable }) {
    await open().send(to, bytes(payload, repeat), { reliable: reliable !== 'false' });
  },

  async broadcast({ payload, repeat, name, supersede }) {
    await open().broadcast(bytes(payload, repeat), { name, supersede: supersede === 'true' });
  },

  async set_state({ payload, repeat }) {
    await open().setState(bytes(payload, repeat));
  },

  async set_ping_payload({ payload, repeat }) {
    await open().setPingPayload(bytes(payload, repeat));
  },

  async ping({ member }) {
    return [{ us: Math.round((await open().ping(member)) * 1000) }];
  },

  async round_trip({ member }) {
    const { smoothed, payload } = await open().roundTrip(member);
    return [{ ...(smoothed === null ? {} : { us: Math.round(smoothed * 1000) }), payload }];
  },

  async user_event({ name, payload, repeat, coalesce }) {
    await open().userEvent(name, bytes(payload, repeat), { coalesce: coalesce === 'true' });
  },

  async query({ name, payload, repeat, timeout_ms }) {
    const timeout = timeout_ms === undefined ? undefined : Number(timeout_ms);
    const answers = await open().query(name, bytes(payload, repeat), { timeout });
    for (const { sender, payload } of answers.responses) print('response', { sender, payload });
    return [{ count: answers.responses.length, complete: answers.complete }];
  },

  async respond({ id, payload, repeat }) {
    await open().respond(Number(id), bytes(payload, repeat));
  },

  async admit({ id }) {
    await open().admit(Number(id));
  },

  async refuse({ id, reason }) {
    await open().refuse(Number(id), reason);
  },

  counter: ({ name }) => [{ value: open().stats()[toCamel(name)] }],

  keys: () => [{ count: open().keys().length }],

  async add_key({ key }) {
    await open().addKey(String(key));
  },

  async use_key({ key }) {
    await open().useKey(String(key));
  },

  async remove_key({ key }) {
    await open().removeKey(String(key));
  },

  async cluster_keys({ op, key }) {
    const outcomes = Object.entries(await open().clusterKeys(op, key && String(key)));
    for (const [name, { done, keys }] of outcomes) {
      print('keyring', { name, done, keys: keys.length });
    }
    return [{ count: outcomes.length }];
  },

  ring: () => [ringFacts(open().ring)],

  owners({ key, count = '1' }) {
    const owners = open().owners(key, Number(count));
    for (const { name } of owners) print('owner', { name });
    return [{ count: owners.length }];
  },

  owns: ({ key }) => [{ owns: open().owns(key) }],

  async set_ring_overrides(pairs) {
    const [pins, pinPrefixes] = [under(pairs, 'pin.'), under(pairs, 'pin_prefix.')];
    await open().setRingOverrides({ excluded: pairs.excluded ?? [], pins, pinPrefixes });
  },

  async released({ id }) {
    await open().released(Number(id));
  },

  ...messages(open, print, code),
  ...monitors(open, print),
  ...streams(open, print),
  ...topics(open, print),
  ...maps(open, print, bytes),
  ...state(open, print, bytes),

  reenter({ on, do: word, ...pairs }) {
    reentry = { on, word, pairs };
  },
};

async function close() {
  const closing = node?.close();
  node = null;
  await closing;
}

function open() {
  if (!node) throw new Refusal('closed', 'no node was started');
  return node;
}

async function read(events) {
  for await (const event of events) {
    const { type, member, previous } = event;
    print('event', { ...told(event), ...shown(member), ...tags(previous, 'prev_tag.') });
    if (reentry?.on === type) await reenter(event);
  }
}

/** What an event tells beside its members. */
function told({ type, seq, id, count, sender, name, code, subject, addr, member, ...rest }) {
  const { reliable, payload, change, peer, clean } = rest;
  const where = member ? { other: addr } : { addr };
  const slots = rest.slots?.length;
  const fields = { type, seq, id, count, sender, name, code, subject, ...where, reliable };
  const known = Object.entries({ ...fields, peer, slots, clean });
  return {
    ...Object.fromEntries(known.filter(([, value]) => value !== undefined)),
    ...(payload ? digest(payload) : {}),
    ...(change ? ringFacts(change.after) : {}),
  };
}

/** Which ring it is, and what is the same for all who have it. */
function ringFacts({ version, size, fingerprint }) {
  return { version, size, fingerprint: fingerprint.toString(16).padStart(16, '0') };
}

/** The bytes of a short payload; the length and checksum of a longer one. */
function digest(payload) {
  if (payload.length <= 1024) return { payload };
  return { length: payload.length, crc32: crc32(payload).toString(16).padStart(8, '0') };
}

/** A payload as often as a command says. */
function bytes(payload = Buffer.alloc(0), repeat = '1') {
  return Buffer.concat(Array(Number(repeat)).fill(payload));
}

async function reenter({ id }) {
  const { word, pairs } = { ...reentry, pairs: { ...reentry.pairs, ...(id && { id }) } };
  reentry = null;
  try {
    // The answer is not asked for, only whether there is one.
    await (word === 'members' ? open().members() : commands[word](pairs));
    print('reentered', { do: word, ok: true });
  } catch (error) {
    print('reentered', { do: word, ok: false, code: code(error) });
  }
}

async function obey(line) {
  let word, pairs;
  try {
    [word, pairs] = parse(line);
  } catch (error) {
    return print('error', { code: 'bad_request', message: error.message });
  }
  if (!Object.hasOwn(commands, word)) return print('unsupported');
  try {
    const [fields = {}] = (await commands[word](pairs)) ?? [];
    print('ok', fields);
  } catch (error) {
    print('error', { code: code(error), message: spelled(error.message), ...maybe(word, error) });
  }
}

/** Options came in the core's spelling, and go back in it. */
function spelled(message) {
  return message.replace(/"(\w+)"/g, (whole, name) =>
    Object.hasOwn(OPTIONS, name) ? `"${OPTIONS[name].key}"` : whole,
  );
}

function code(error) {
  if (error instanceof ChinwagError) return codes.get(error.code);
  return error instanceof Refusal ? error.code : 'internal';
}

function shown(member) {
  if (!member) return {};
  const { name, addr, state } = member;
  return { name, addr, state, ...tags(member, 'tag.') };
}

function tags(member, prefix) {
  const entries = Object.entries(member?.tags ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [prefix + key, value]));
}

function under(pairs, prefix) {
  const entries = Object.entries(pairs).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(entries.map(([key, value]) => [key.slice(prefix.length), value]));
}

function toCamel(key) {
  return key.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

/** What is not text. */
const LISTS = ['seeds', 'excluded'];
const BYTES = ['payload', 'key', 'value'];
const VALUES = ['items'];

function parse(line) {
  const [word, ...rest] = line.split(' ');
  const pairs = {};
  for (const pair of rest) {
    const at = pair.indexOf('=');
    if (at < 1) throw new Error(`"${pair}" is no key=value`);
    const key = decodeURIComponent(pair.slice(0, at));
    const value = pair.slice(at + 1);
    const items = () => value.split(',').filter(Boolean).map(decodeURIComponent);
    if (LISTS.includes(key)) pairs[key] = items();
    else if (VALUES.includes(key)) pairs[key] = value.split(',').map(unescape);
    else pairs[key] = BYTES.includes(key) ? unescape(value) : decodeURIComponent(value);
  }
  return [word, pairs];
}

/** Bytes need not be text. */
function unescape(value) {
  const pieces = value.match(/%[0-9A-Fa-f]{2}|[^%]+/g) ?? [];
  const bytes = (piece) => Buffer.from(...(piece[0] === '%' ? [piece.slice(1), 'hex'] : [piece]));
  return Buffer.concat(pieces.map(bytes));
}

function escape(value) {
  const hex = (byte) => '%' + byte.toString(16).padStart(2, '0');
  const each = (text) => [...Buffer.from(text)].map(hex).join('');
  if (Array.isArray(value)) return value.map(escape).join(',');
  if (value instanceof Uint8Array) return [...value].map(hex).join('');
  return String(value).replace(/[^A-Za-z0-9._:/-]/gu, each);
}

function print(word, fields = {}) {
  const pairs = Object.entries(fields).map(([key, value]) => ` ${escape(key)}=${escape(value)}`);
  process.stdout.write(word + pairs.join('') + '\n');
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'exit') break;
  await obey(line);
}
await close();
await reading;
process.exit(0);
