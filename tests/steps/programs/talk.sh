#!/bin/sh
# The program `talk` of every language, in one cluster: each says something to all and to the next
# one, and to nobody. Then one leaves, one is killed and spoken to, and the others go one by one.
set -eu
cd "$(dirname "$0")/../../.."

root=$PWD
step=talk
logs=$root/target/$step
. tests/steps/programs/common.sh

begin_all py js ex c rs

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
end_input c
wait "$c"
until_lines rs 1 '^left c$'
type rs leave
wait "$rs"
for name in js ex c rs; do
    [ ! -s "$logs/$name.errors" ] || { cat "$logs/$name.errors" >&2; exit 1; }
done
