#!/bin/sh
# The program `orders` of every language, in one cluster: what each publishes comes to all, and of
# those in a queue to one. Then one leaves and one is killed, and the others go on.
set -eu
cd "$(dirname "$0")/../../.."

root=$PWD
step=orders
logs=$root/target/$step
. tests/steps/programs/common.sh

# until_topics NAME LINE: asks for the topics until that one answers so.
until_topics() {
    tries=300
    until [ "$(tail -n 1 "$logs/$1")" = "$2" ]; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            echo "$1 does not know of \"$2\":" >&2
            tail -n 5 "$logs/$1" >&2
            exit 1
        fi
        type "$1" topics
        sleep 0.1
    done
}

# count_all PATTERN: how many lines like this all have printed.
count_all() {
    for name in py js ex c rs; do
        cat "$logs/$name"
    done | grep -cE "$1" || true
}

begin_all py js ex c rs
present='py js ex c rs'
for name in $present; do
    until_lines "$name" 1 "^ready $name "
    type "$name" 'subscribe orders'
    type "$name" 'subscribe jobs workers'
    until_lines "$name" 1 '^subscribed to orders$'
    until_lines "$name" 1 '^subscribed to jobs$'
done
for name in $present; do
    until_topics "$name" 'topics jobs=5 orders=5'
done

for name in $present; do
    type "$name" "publish orders tea from $name"
    type "$name" "publish jobs a job of $name"
    type "$name" 'publish nothing to nobody'
    type "$name" 'publish no#topic at all'
    until_lines "$name" 1 '(bad_argument|BAD_ARGUMENT)'
    # To all, and to one of the queue; and to nobody.
    until_lines "$name" 1 '^sent to 5$'
    until_lines "$name" 1 '^sent to 1$'
    until_lines "$name" 1 '^sent to 0$'
done
for from in $present; do
    for name in $present; do
        until_lines "$name" 1 "^orders by $from: tea from $from\$"
    done
    tries=600
    until [ "$(count_all "^jobs by $from: a job of $from\$")" -ge 1 ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "nobody got the job of $from" >&2; exit 1; }
        sleep 0.1
    done
done

type js leave
wait "$js"
kill -9 "$py"
wait "$py" || true
present='ex c rs'
for name in $present; do
    until_topics "$name" 'topics jobs=3 orders=3'
done
for from in $present; do
    type "$from" "publish orders more from $from"
    for name in $present; do
        until_lines "$name" 1 "^orders by $from: more from $from\$"
    done
    until_lines "$from" 1 '^sent to 3$'
done
for name in $present; do
    type "$name" leave
    eval "wait \"\$$name\""
done
for from in py js ex c rs; do
    [ "$(count_all "^jobs by $from: ")" = 1 ] || { echo "the job of $from came twice" >&2; exit 1; }
done
for name in js ex c rs; do
    [ ! -s "$logs/$name.errors" ] || { cat "$logs/$name.errors" >&2; exit 1; }
done
