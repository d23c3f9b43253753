// The package as it is installed: both module systems, types, build, and the native border.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as esm from '../index.mjs';
import { package_root } from './helpers.mjs';

const require = createRequire(import.meta.url);
const read = (path) => readFileSync(join(package_root, path), 'utf8');

/** A folder that is gone after the test. */
function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'chinwag-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('both module systems and the types have the same names', () => {
  const cjs = require('../index.js');
  const names = Object.keys(cjs).sort();
  assert.deepEqual(Object.keys(esm).sort(), names);
  for (const name of names) assert.equal(esm[name], cjs[name], 'one and the same');
  const files = ['index', 'answers', 'clock', 'constants', 'events', 'messages', 'ring'];
  const types = files.map((name) => read(`${name}.d.ts`)).join('');
  const typed = [...types.matchAll(/^export (?:class|function|const) (\w+)/gm)].map((m) => m[1]);
  assert.deepEqual(typed.sort(), names);
});

test('the types of classes have their methods', () => {
  const types = ['index.d.ts', 'ring.d.ts', 'clock.d.ts'].map(read).join('');
  const classes = ['Node', 'Ring', 'RingChange', 'VectorClock', 'ActorTable', 'Retired', 'Folded'];
  classes.push('Siblings', 'HybridTime', 'HybridClock', 'LamportClock');
  for (const name of classes) {
    const [, body] = types.match(new RegExp(`^export class ${name}[ <].*\\{\n([^]*?)^\\}`, 'm'));
    const typed = new Set([...body.matchAll(/^ {2}(?:get )?(\w+)[<(]/gm)].map((m) => m[1]));
    typed.delete('constructor');
    const { prototype } = esm[name];
    const methods = Object.getOwnPropertyNames(prototype);
    for (const method of methods.filter((method) => method !== 'constructor')) {
      assert.ok(typed.delete(method), `${name}.${method} has no type`);
    }
    for (const method of typed) assert.ok(method in prototype, `${name}.${method} does not exist`);
  }
});

test('tsc is content with a strict program in either module system', (t) => {
  const tsc = join(package_root, 'node_modules/typescript/bin/tsc');
  assert.ok(existsSync(tsc), 'run "npm ci" first');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'tests/types'], {
    cwd: package_root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout);
});

test('nothing is depended on, downloaded or tied to a registry', () => {
  const { dependencies, optionalDependencies, scripts } = JSON.parse(read('package.json'));
  assert.deepEqual([dependencies, optionalDependencies], [undefined, undefined]);
  const hooks = ['preinstall', 'install', 'postinstall'];
  assert.deepEqual(hooks.filter((hook) => hook in scripts), []);
  assert.doesNotMatch(read('package-lock.json'), /resolved|https?:/);
  const files = readdirSync(join(package_root, 'lib'), { recursive: true });
  const library = files.filter((file) => file.endsWith('.js')).map((file) => `lib/${file}`);
  const sources = ['index.js', ...library];
  for (const [, name] of sources.map(read).join('').matchAll(/require\('([^']+)'\)/g)) {
    assert.match(name, /^(?:node:|\.\.?\/)/);
  }
});

test('every native export catches panics', () => {
  const files = readdirSync(join(package_root, 'src'), { recursive: true });
  const sources = files.filter((file) => file.endsWith('.rs')).map((file) => read(`src/${file}`));
  let exported = 0;
  for (const [, attribute] of sources.join('\n').matchAll(/#\[napi(.*)\]\s+pub fn/g)) {
    assert.match(attribute, /catch_unwind/);
    exported++;
  }
  assert.ok(exported >= 50, `${exported} found`);
});

test('without cargo, the build says what to do; a library built elsewhere will do', (t) => {
  const here = folder(t);
  cpSync(join(package_root, 'build.mjs'), join(here, 'build.mjs'));
  const build = (env) =>
    spawnSync(process.execPath, ['build.mjs'], { cwd: here, env, encoding: 'utf8' });
  const failed = build({ PATH: here });
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /^chinwag: cargo was not found\. .*rustup\.rs.*CHINWAG_NODE_BINARY/);
  assert.ok(!existsSync(join(here, 'chinwag.node')));
  const missing = build({ CHINWAG_NODE_BINARY: join(here, 'nothing.node') });
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /^chinwag: .*nothing\.node cannot be copied/);
  const copied = build({ CHINWAG_NODE_BINARY: join(package_root, 'chinwag.node') });
  assert.deepEqual([copied.status, copied.stderr], [0, '']);
  assert.ok(existsSync(join(here, 'chinwag.node')));
  assert.equal(readdirSync(here).length, 2, 'nothing else is left');
});

test('a library that is missing or does not fit is explained', (t) => {
  const here = folder(t);
  const copy = (name) => cpSync(join(package_root, name), join(here, name), { recursive: true });
  for (const name of ['index.js', 'constants.js', 'package.json', 'lib']) copy(name);
  const load = () => {
    const source = 'try { require("./index.js") } catch (e) { console.log(e.message) }';
    return execFileSync(process.execPath, ['-e', source], { cwd: here, encoding: 'utf8' });
  };
  assert.match(load(), /^chinwag\.node is not built; run "node build\.mjs" in .*cargo/);
  cpSync(join(package_root, 'package.json'), join(here, 'chinwag.node'));
  assert.match(load(), /^chinwag\.node does not load on \w+-\w+; run "node build\.mjs"/);
});

test('npm installs it into a clean project', { timeout: 120_000 }, (t) => {
  const here = folder(t);
  const env = { ...process.env, CHINWAG_NODE_BINARY: join(package_root, 'chinwag.node') };
  delete env.NODE_TEST_CONTEXT;
  const run = (command, ...args) =>
    execFileSync(command, args, { cwd: here, env, encoding: 'utf8', stdio: 'pipe' });
  run('npm', 'init', '-y');
  const flags = ['--offline', '--no-audit', '--no-fund', '--install-links'];
  run('npm', 'install', ...flags, package_root);
  const program = `
    const node = await start({ bind: '127.0.0.1:0', name: 'installed' });
    console.log(node.members()[0].name);
    await node.close();
  `;
  const cjs = `const { start } = require('chinwag'); (async () => {${program}})()`;
  assert.equal(run(process.execPath, '-e', cjs), 'installed\n');
  const module = `import { start } from 'chinwag'; ${program}`;
  assert.equal(run(process.execPath, '--input-type=module', '-e', module), 'installed\n');
});
