'use strict';
// The native library, or why there is none.

const { version } = require('../package.json');

function load() {
  const here = `${process.platform}-${process.arch}`;
  try {
    return require('../chinwag.node');
  } catch (cause) {
    const built = cause.code !== 'MODULE_NOT_FOUND';
    const what = built ? `chinwag.node does not load on ${here}` : 'chinwag.node is not built';
    const next = `run "node build.mjs" in ${require('node:path').dirname(__dirname)}`;
    throw new Error(`${what}; ${next} (it needs Rust's cargo, see https://rustup.rs)`, { cause });
  }
}

const native = load();
if (native.version() !== version) {
  throw new Error(
    `chinwag.node is version ${native.version()}, the package ${version}; run "node build.mjs"`,
  );
}

module.exports = native;
