#!/bin/sh
# The program `talk` of every language, in one cluster: each says something to all and to the next
# one, and to nobody. Then one leaves, one is killed and spoken to, and the others go one by one.
set -eu
cd "$(dirname "$0")/../.."

root=$PWD
logs=$root/target/talk
. tests/steps/programs.sh

for name in py js ex c rs; do
    mkfifo "$logs/$name.in"
done
begin py bindings-python "$root/target/venv/bin/python" examples/talk.py py -
py=$last
exec 4>"$logs/py.in"
until_lines py 1 '^ready py 127.0.0.1:[0-9]+$'
seed=$(sed -n 's/^ready py //p' "$logs/py")
begin js bindings-node node examples/talk.mjs js "$seed"
js=$last
begin ex bindings-elixir mix run --no-compile examples/talk.exs ex "$seed"
ex=$last
begin c . target/demo/talk-c c "$seed"
c=$last
begin rs . target/debug/examples/talk rs "$seed"
rs=$last
exec 5>"$logs/js.in" 6>"$logs/ex.in" 7>"$logs/c.in" 8>"$logs/rs.in"

# type NAME LINE: types a line to that one.
type() {
    case $1 in
        py) echo "$2" >&4 ;;
        js) echo "$2" >&5 ;;
        ex) echo "$2" >&6 ;;
        c) echo "$2" >&7 ;;
        rs) echo "$2" >&8 ;;
    esac
}

# others NAME PATTERN: waits until all others have printed that of it, once.
others() {
    for other in $present; do
        [ "$other" = "$1" ] || until_lines "$other" 1 "$2"
    done
}

present='py js ex c rs'
for name in $present; do
    others "$name" "^joined $name\$"
done
for name in $present; do
    type "$name" "all hello from $name"
done
for name in $present; do
    others "$name" "^$name to all: hello from $name\$"
    until_lines "$name" 4 ' to all: '
done

from=rs
for name in $present; do
    type "$from" "$name how are you, $name?"
    until_lines "$name" 1 "^$from: how are you, $name\?\$"
    type "$name" 'nobody is this somebody?'
    until_lines "$name" 1 '(unknown_member|UNKNOWN_MEMBER): no present member is called "nobody"'
    from=$name
done

type js leave
wait "$js"
others js '^left js$'
present='py ex c rs'
kill -9 "$py"
wait "$py" || true
present='ex c rs'
for name in $present; do
    type "$name" 'py are you still there?'
done
for name in $present; do
    until_lines "$name" 1 '^node_down: py refused the connection: nothing listens there'
done
others py '^failed py$'
type ex leave
wait "$ex"
present='c rs'
others ex '^left ex$'
exec 7>&-
wait "$c"
until_lines rs 1 '^left c$'
type rs leave
wait "$rs"
for name in js ex c rs; do
    [ ! -s "$logs/$name.errors" ] || { cat "$logs/$name.errors" >&2; exit 1; }
done
