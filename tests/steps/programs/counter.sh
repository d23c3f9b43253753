#!/bin/sh
# The program `counter` of every language, in one cluster: each is called by all, by its name, and
# answers with what all have added. Then one leaves and one is killed.
set -eu
cd "$(dirname "$0")/../../.."

root=$PWD
step=counter
logs=$root/target/$step
. tests/steps/programs/common.sh

begin_all py js ex c rs

# until_answer NAME LINE PATTERN: types it, and expects that answer. Until it is known there who
# serves what, it is typed again.
until_answer() {
    tries=100
    while :; do
        before=$(wc -l <"$logs/$1")
        type "$1" "$2"
        until_longer "$1" "$before"
        answer=$(sed -n "$((before + 1))p" "$logs/$1")
        if echo "$answer" | grep -qE "$3"; then
            return
        fi
        tries=$((tries - 1))
        case $answer in
            *no_server* | *NO_SERVER* | *unknown_member* | *UNKNOWN_MEMBER*)
                [ "$tries" -eq 0 ] || continue
                ;;
        esac
        echo "$1 answered \"$2\" with \"$answer\", not \"$3\"" >&2
        exit 1
    done
}

# until_longer NAME COUNT: waits until that one has printed more lines than that.
until_longer() {
    waits=600
    until [ "$(wc -l <"$logs/$1")" -gt "$2" ]; do
        waits=$((waits - 1))
        if [ "$waits" -eq 0 ]; then
            echo "$1 does not answer" >&2
            exit 1
        fi
        sleep 0.05
    done
}

present='py js ex c rs'
for name in $present; do
    until_lines "$name" 1 "^ready $name "
done
for callee in $present; do
    sum=0
    for caller in $present; do
        sum=$((sum + 1))
        # The servers of others are known within a moment.
        until_answer "$caller" "counter@$callee add 1" "^counter@$callee add 1: $sum\$"
    done
    # Without a place it is this node's own.
    until_answer "$callee" 'counter get' '^counter get: 5$'
done

for caller in $present; do
    until_answer "$caller" 'countr get' \
        '(no_server|NO_SERVER): no member hosts "countr"; known: counter'
    for callee in $present; do
        until_answer "$caller" "counter@$callee add many" \
            "(remote_error|REMOTE_ERROR): .*on \"$callee\": only integers are counted"
        until_answer "$caller" "counter@$callee nothing" \
            '(unknown_op|UNKNOWN_OP): .*"?nothing"?'
    done
done

type js leave
wait "$js"
kill -9 "$py"
wait "$py" || true
present='ex c rs'
for caller in $present; do
    until_answer "$caller" 'counter@js get' '(no_server|node_down|NO_SERVER|NODE_DOWN): '
    until_answer "$caller" 'counter@py get' '(no_server|node_down|NO_SERVER|NODE_DOWN): '
    until_answer "$caller" 'counter get' '^counter get: 5$'
done
type ex leave
wait "$ex"
type c leave
wait "$c"
type rs leave
wait "$rs"
