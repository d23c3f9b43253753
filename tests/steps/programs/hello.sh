#!/bin/sh
# The five programs of the README, run as it says: the one in Elixir is asked to end, the one
# in Node is killed, the one in C is told to go, and the one in Python prints what the README says.
set -eu
cd "$(dirname "$0")/../../.."

# They meet at port 7946, which has to be free: so it is that of a network of their own.
if [ "${1:-}" != inside ]; then
    exec unshare -n sh "$0" inside
fi
ip link set lo up

root=$PWD
logs=$root/target/hello
. tests/steps/programs/common.sh

# Waits until somebody listens at port 7946 (in hexadecimal).
until_bound() {
    tries=300
    until grep -q ':1F0A 00000000:0000 0A' /proc/net/tcp; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { cat "$logs"/* >&2; exit 1; }
        sleep 0.1
    done
}

begin python bindings-python "$root/target/venv/bin/python" -u examples/hello.py
until_bound
begin node bindings-node node examples/hello.mjs
node=$last
begin elixir bindings-elixir mix run --no-compile examples/hello.exs
elixir=$last
mkfifo "$logs/c.in"
begin c . stdbuf -oL target/demo/hello-c
exec 9>"$logs/c.in"
begin rust . target/debug/examples/hello

for name in python node elixir rust; do
    until_lines "$name" 4 '^here   (py|js|ex|c|rs)( 127.0.0.1:[0-9]+)$'
done
until_lines c 4 '^member-join (py|js|ex|rs)$'
kill "$elixir"
kill -9 "$node"
echo >&9
for name in python rust; do
    until_lines "$name" 1 '^left   ex$'
    until_lines "$name" 1 '^left   c$'
    until_lines "$name" 1 '^failed js$'
done
