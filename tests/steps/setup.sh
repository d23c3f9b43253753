#!/bin/sh
# Makes a fresh Debian with Rust, Python, Node and a shell ready.
#
#   sh tests/steps/setup.sh demo    what `make demo` needs
#   sh tests/steps/setup.sh test    what `make test` needs as well
#
# Safe to repeat: what is there is left alone, and then nothing is fetched. What cannot be had is
# named with the reason and leaves out the steps that need it; with CI=true it is an error.
set -eu
cd "$(dirname "$0")/../.."

goal=${1:-test}
lacking=0

have() {
    command -v "$1" >/dev/null 2>&1
}

lack() {
    echo "setup: $1" >&2
    lacking=1
}

# Packages that a service would be started by must not start it.
quietly() {
    policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

# Debian packages, each with a command that is there once it is installed.
packages() {
    wanted=''
    for pair in "$@"; do
        have "${pair%%:*}" || wanted="$wanted ${pair##*:}"
    done
    [ -n "$wanted" ] || return 0
    if ! have apt-get || [ "$(id -u)" -ne 0 ]; then
        lack "not there, and only root can install on Debian:$wanted"
        return 0
    fi
    echo "setup: apt-get install$wanted"
    set -- -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends
    # shellcheck disable=SC2086 # a list of packages
    if quietly apt-get -qq update && quietly apt-get "$@" install $wanted; then return 0; fi
    lack "apt-get could not install:$wanted"
}

# The two that the lints need; `rustup` may have left them out.
rust() {
    if ! have cargo; then
        lack 'Rust is not there: https://rustup.rs'
        return 0
    fi
    for pair in fmt:rustfmt clippy:clippy; do
        if cargo "${pair%%:*}" --version >/dev/null 2>&1; then continue; fi
        { have rustup && rustup component add "${pair##*:}"; } || lack "${pair##*:} is not there"
    done
}

# Tools for Python live in a virtual environment of their own.
python() {
    wanted=bindings-python/requirements-dev.txt
    if ! have python3 || [ ! -e "$wanted" ]; then
        lack "python3 or $wanted is not there"
        return 0
    fi
    # Its scripts name the place where it was made, which moves when `target` is copied.
    python=target/venv/bin/python
    "$python" -m pip --version >/dev/null 2>&1 || rm -rf target/venv
    if [ ! -d target/venv ] && ! python3 -m venv target/venv; then
        rm -rf target/venv
        lack 'python3 -m venv failed: install python3-venv'
        return 0
    fi
    if cmp -s "$wanted" target/venv/installed.txt; then return 0; fi
    if "$python" -m pip install --quiet --disable-pip-version-check -r "$wanted"; then
        cp "$wanted" target/venv/installed.txt
    else
        lack 'pip could not install the tools for Python'
    fi
}

# What the lock file names, and nothing else.
node() {
    lock=bindings-node/package-lock.json
    if ! have npm || [ ! -e "$lock" ]; then
        lack "npm or $lock is not there"
        return 0
    fi
    if cmp -s "$lock" bindings-node/node_modules/installed.json; then return 0; fi
    if (cd bindings-node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); then
        mkdir -p bindings-node/node_modules
        cp "$lock" bindings-node/node_modules/installed.json
    else
        lack 'npm ci failed in bindings-node'
    fi
}

# Modules of the agents on the real memberlist; Go is not installed for them.
go_modules() {
    [ -e tests/agents/go/go.mod ] || return 0
    if ! have go; then
        lack 'Go is not there: the real memberlist is left out'
        return 0
    fi
    for modules in go.mod go-0.2.2.mod; do
        [ -e "tests/agents/go/$modules" ] || continue
        (cd tests/agents/go && go mod download -modfile="$modules") || lack "go mod download failed"
    done
}

mkdir -p target
set -- cc:gcc c++:g++ pkg-config:pkg-config erl:erlang-nox mix:elixir serf:serf
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    set -- "$@" no-command:python3-venv
fi
if [ "$goal" = test ]; then
    set -- "$@" valgrind:valgrind clang:clang cmake:cmake \
        ip:iproute2 iptables:iptables nft:nftables \
        prometheus-alertmanager:prometheus-alertmanager
fi
packages "$@"
[ "$goal" != test ] || go_modules
rust
python
node

if [ "$lacking" -ne 0 ] && [ "${CI:-}" = true ]; then
    echo 'setup: with CI=true nothing may be left out' >&2
    exit 1
fi
