#!/bin/sh
# The program `shard` of every language, as one cache: what is put through one is got through all.
# One is drained and leaves, and nothing is lost; one is killed, and the others take its slots; it
# starts again, and is given what it owns.
set -eu
cd "$(dirname "$0")/../../.."

root=$PWD
step=shard
logs=$root/target/$step
. tests/steps/programs/common.sh

begin_all rs js ex c py

# held NAME: how many slots it holds.
held() {
    awk '$1 == "acquired" { all += $2 } $1 == "released" { all -= $2 } END { print all + 0 }' \
        "$logs/$1"
}

# Waits until those present hold all slots between them, and none more than its share: a twentieth
# more than the average, with the default profile.
until_settled() {
    tries=300
    while :; do
        shares=$(for one in $present; do held "$one"; done)
        echo "$shares" | awk '
            { all += $1; most = $1 > most ? $1 : most }
            END { exit !(all == 65536 && most <= all * 1.05 / NR + 1) }' && break
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            echo "of $present, each holds:" "$shares" >&2
            grep -vE '^(value|stored) ' "$logs"/?? "$logs"/c "$logs"/*.errors >&2
            exit 1
        fi
        sleep 0.1
    done
}

# all_get KEY…: every one asks for these. All get the same from the same: `got`.
all_get() {
    for one in $present; do
        before=$(grep -cE '^(value|none) ' "$logs/$one" || true)
        for key in "$@"; do
            type "$one" "get $key"
        done
        until_lines "$one" $((before + $#)) '^(value|none) '
        grep -E '^(value|none) ' "$logs/$one" | tail -n $# | sort >"$logs/$one.got"
        cmp "$logs/rs.got" "$logs/$one.got"
    done
    mv "$logs/rs.got" "$logs/got"
}

# all_clean: nobody had to take slots from one that had not released them.
all_clean() {
    for one in $present; do
        if grep '(unclean)$' "$logs/$one" >&2; then
            echo "$one has taken slots that were not released" >&2
            exit 1
        fi
    done
}

present='rs js ex c py'
until_settled
keys=''
for name in $present; do
    for number in 1 2 3 4 5 6 7 8; do
        keys="$keys $name-$number"
        type "$name" "put $name-$number the value of $name-$number"
    done
    until_lines "$name" 8 "^stored $name-[1-8] at [a-z]+\$"
done
for key in $keys; do
    echo "value $key the value of $key"
done | sort >"$logs/put"

# kept: all that was put has been got.
kept() {
    # shellcheck disable=SC2086 # a list of keys
    all_get $keys
    sed 's/ at [a-z]*$//' "$logs/got" | diff "$logs/put" -
}

kept
# Nobody else has what one owns, and each owns something.
for name in $present; do
    type "$name" keys
    until_lines "$name" 1 '^keys '
    # shellcheck disable=SC2046 # the line has no other spaces
    printf '%s\n' $(sed -n 's/^keys //p' "$logs/$name") >"$logs/$name.keys"
    sed -n "s/^value \([^ ]*\) .* at $name\$/\1/p" "$logs/got" | sort | diff "$logs/$name.keys" -
done

# Who is drained goes without a loss.
type js drain
present='rs ex c py'
until_settled
present='rs js ex c py'
kept
all_clean
type js leave
wait "$js"
present='rs ex c py'
kept

# What a killed one had is lost, and nothing else.
lost=$(sed -n 's/^value \([^ ]*\) .* at py$/\1/p' "$logs/got")
kill -9 "$py"
wait "$py" || true
present='rs ex c'
until_settled
# shellcheck disable=SC2086
all_get $keys
for key in $lost; do
    sed -i "s/^value $key .*/none $key/" "$logs/put"
done
sort -o "$logs/put" "$logs/put"
sed 's/ at [a-z]*$//' "$logs/got" | diff "$logs/put" -

# It starts again, and is given what it owns.
begin_example new py "$seed"
py=$last
present='rs ex c new'
until_settled
kept
if grep '(unclean)$' "$logs/new" >&2; then exit 1; fi

for name in $present; do
    type "$name" leave
done
wait "$rs" "$ex" "$c" "$py"
for name in $present js; do
    [ ! -s "$logs/$name.errors" ] || { cat "$logs/$name.errors" >&2; exit 1; }
done
