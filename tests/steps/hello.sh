#!/bin/sh
# The programs of the README, as the README says: one in Python, one in Node, one in Elixir, and one
# in Rust; the one in Elixir is killed, and the others hear of it.
set -eu
cd "$(dirname "$0")/../.."

root=$PWD
logs=$root/target/hello
rm -rf "$logs"
mkdir -p "$logs"
running=''
trap 'for id in $running; do kill -9 "$id" 2>/dev/null || true; done' EXIT

# hello NAME FOLDER COMMAND…
hello() {
    name=$1
    cd "$root/$2"
    shift 2
    exec "$@" >"$logs/$name" 2>"$logs/$name.errors"
}

# Waits until a log has so many lines that match.
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

hello python bindings-python "$root/target/venv/bin/python" examples/hello.py &
running="$running $!"
until_lines python 1 '^this is '
seed=$(sed -n 's/^this is .* //p' "$logs/python")

hello node bindings-node node examples/hello.mjs "$seed" &
running="$running $!"
hello rust . "$root/target/debug/examples/hello" "$seed" &
running="$running $!"
hello elixir bindings-elixir mix run --no-compile examples/hello.exs "$seed" &
elixir=$!
running="$running $elixir"

until_lines python 3 '^member-join '
until_lines node 3 '^member-join '
until_lines rust 3 '^member-join '
until_lines elixir 3 '^member_join '
kill -9 "$elixir"
for name in python node rust; do
    until_lines "$name" 1 '^member-failed '
done
