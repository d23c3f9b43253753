#!/bin/sh
# The five programs of the README, run as it says: the one in Elixir is asked to end, the one
# in Node is killed, the one in C is told to go, and the one in Python prints what the README says.
set -eu
cd "$(dirname "$0")/../.."

# They meet at port 7946, which has to be free: so it is that of a network of their own.
if [ "${1:-}" != inside ]; then
    exec unshare -n sh "$0" inside
fi
ip link set lo up

root=$PWD
logs=$root/target/hello
rm -rf "$logs"
mkdir -p "$logs"
running=''
trap 'for id in $running; do kill -9 "$id" 2>/dev/null || true; done' EXIT

# hello NAME FOLDER COMMAND…: begins one and notes its process in `last`.
hello() {
    log=$logs/$1
    folder=$2
    shift 2
    (cd "$folder" && exec "$@" >"$log" 2>"$log.errors") &
    last=$!
    running="$running $last"
}

# until_lines NAME COUNT PATTERN: waits until that one has printed so many of them.
until_lines() {
    tries=300
    while [ "$(grep -cE "$3" "$logs/$1" 2>/dev/null)" != "$2" ]; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            echo "$1 has not printed \"$3\" $2 times:" >&2
            tail -n 50 "$logs"/* >&2
            exit 1
        fi
        sleep 0.1
    done
}

# Waits until somebody listens at port 7946 (in hexadecimal).
until_bound() {
    tries=300
    until grep -q ':1F0A 00000000:0000 0A' /proc/net/tcp; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { cat "$logs"/* >&2; exit 1; }
        sleep 0.1
    done
}

hello python bindings-python "$root/target/venv/bin/python" -u examples/hello.py
until_bound
hello node bindings-node node examples/hello.mjs
node=$last
hello elixir bindings-elixir mix run --no-compile examples/hello.exs
elixir=$last
enter=$root/target/hello-enter
rm -f "$enter"
mkfifo "$enter"
hello c . sh -c "exec stdbuf -oL target/demo/hello-c <'$enter'"
exec 9>"$enter"
rm "$enter"
hello rust . target/debug/examples/hello

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
