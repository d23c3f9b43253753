#!/bin/sh
# Installs each package as a user would, outside the tree, and starts a node from there. The Elixir
# package has a test of its own that does this.
set -eu
cd "$(dirname "$0")/../.."

root=$PWD
place=$root/target/install
rm -rf "$place"
mkdir -p "$place/python" "$place/node" "$place/c"

install_python() {
    # The build backend is looked for on the path.
    PATH="$root/target/venv/bin:$PATH" python -m pip wheel --quiet --no-deps --no-build-isolation \
        --wheel-dir "$place/python" ./bindings-python
    python3 -m venv "$place/python/venv"
    "$place/python/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index \
        "$place"/python/*.whl
    cd "$place/python"
    venv/bin/python -I -c '
import chinwag.blocking
with chinwag.blocking.start("installed", bind="127.0.0.1:0") as node:
    assert [member.name for member in node.members()] == ["installed"]
'
}

install_node() {
    cd "$root/bindings-node"
    npm pack --silent --ignore-scripts --pack-destination "$place/node" >/dev/null
    cd "$place/node"
    npm init --yes >/dev/null
    npm install --offline --ignore-scripts --no-audit --no-fund --loglevel=error ./chinwag-*.tgz
    node --input-type=module -e '
import { start } from "chinwag";
const node = await start({ name: "installed", bind: "127.0.0.1:0" });
if (node.members()[0].name !== "installed") throw new Error("a stranger");
await node.leave();
await node.close();
'
}

install_c() {
    cd "$root"
    PREFIX="$place/c" sh bindings-c/install.sh
    cat >"$place/c/installed.c" <<'PROGRAM'
#include <chinwag.h>
#include <string.h>
int main(void) { return strcmp(chinwag_version(), CHINWAG_VERSION); }
PROGRAM
    cd "$place/c"
    PKG_CONFIG_PATH="$place/c/lib/pkgconfig"
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046 # several words
    cc installed.c -o installed $(pkg-config --cflags --libs chinwag)
    LD_LIBRARY_PATH="$place/c/lib" ./installed
}

for part in python node c; do
    echo "installing: $part"
    ("install_$part")
done
