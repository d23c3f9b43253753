// Builds chinwag.node beside this file: `node build.mjs [--dev]`. CHINWAG_NODE_BINARY names a
// library that was built elsewhere; then cargo is not needed.

import { spawnSync } from 'node:child_process';
import { copyFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

function fail(message) {
  console.error(`chinwag: ${message}`);
  process.exit(1);
}

/** Runs cargo; the path of the library that it made. */
function build() {
  const profile = process.argv.includes('--dev') ? [] : ['--release'];
  const format = '--message-format=json-render-diagnostics';
  const args = ['build', '--locked', '-p', 'chinwag-node', '--lib', format, ...profile];
  const options = { cwd: here, encoding: 'utf8', maxBuffer: 1 << 28 };
  const cargo = spawnSync('cargo', args, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  if (cargo.error?.code === 'ENOENT') {
    fail(
      'cargo was not found. Install Rust from https://rustup.rs and try again, or set ' +
        'CHINWAG_NODE_BINARY to the path of a chinwag.node built elsewhere.',
    );
  }
  if (cargo.error) fail(`cargo does not run: ${cargo.error.message}`);
  if (cargo.status !== 0) fail(`cargo failed (${cargo.signal ?? cargo.status}); see above.`);
  const messages = cargo.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const made = messages.find((m) => m.target?.name === 'chinwag_node' && m.filenames);
  return made.filenames.find((name) => /\.(so|dylib|dll)$/.test(name));
}

/** Renamed into place: a running process keeps the library that it has loaded. */
function install(library) {
  const place = join(here, 'chinwag.node');
  const beside = `${place}.${process.pid}.new`;
  try {
    copyFileSync(library, beside);
    renameSync(beside, place);
  } catch (error) {
    fail(`${library} cannot be copied: ${error.message}`);
  }
}

install(process.env.CHINWAG_NODE_BINARY || build());
