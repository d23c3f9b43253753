#!/bin/sh
# Runs the program that runs the steps. It is written in Rust, so it needs a linker to be built:
# where there is none, Debian's is installed; everything else is the step `setup`.
set -eu
cd "$(dirname "$0")/../.."

if ! command -v cc >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    echo 'apt-get install gcc libc6-dev' >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install gcc libc6-dev
fi
# A background job of a shell may ignore SIGINT, which all that it starts inherits; tests send it.
if env --default-signal=INT true 2>/dev/null; then
    exec env --default-signal=INT cargo run --locked -q -p chinwag-house -- "$@"
fi
exec cargo run --locked -q -p chinwag-house -- "$@"
