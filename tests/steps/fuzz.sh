#!/bin/sh
# Searches for inputs that break a target of `core/fuzz`, with libFuzzer and the coverage that
# stable Rust can count.
#
#   sh tests/steps/fuzz.sh                       every target, SECONDS_EACH=60
#   sh tests/steps/fuzz.sh stream lzw            these
#   AT_ONCE=2 sh tests/steps/fuzz.sh             two of them side by side
#   RUNS=100000 sh tests/steps/fuzz.sh           so many executions instead, from the same seed
#   ASAN=1 sh tests/steps/fuzz.sh                with AddressSanitizer, for leaks and what is unsafe
#
# What was found interesting stays in target/corpus, where the next search goes on; an input that
# breaks a target is left in target/findings, and replayed by giving its path to the program named
# with it.
set -eu
cd "$(dirname "$0")/../.."

host=$(rustc -vV | sed -n 's/^host: //p')
flags='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares'
built=target/fuzzers
if [ -n "${ASAN:-}" ]; then
    # The flag is one of nightly's; the runtime comes with every toolchain.
    export RUSTC_BOOTSTRAP=1
    flags="$flags -Zsanitizer=address"
    built=$built-asan
fi
cargo run --locked -q -p chinwag-fuzz --bin fuzz-corpus -- target/corpus
[ $# -gt 0 ] || set -- datagram sealed stream lzw message serf snapshot clock ring payload mesh
bins=''
for name in "$@"; do bins="$bins --bin fuzz-$name"; done
# With a host named, build scripts and macros are left alone.
# shellcheck disable=SC2086 # a list of options
RUSTFLAGS="$flags" cargo build --locked -q -p chinwag-fuzz $bins --profile fuzz \
    --target "$host" --target-dir "$built"
programs=$built/$host/fuzz

limit="-max_total_time=${SECONDS_EACH:-60}"
[ -z "${RUNS:-}" ] || limit="-runs=$RUNS -seed=1"
mkdir -p target/findings
# Searches in one target, and tells what came of it.
search() {
    name=$1
    log=target/findings/$name.log
    # shellcheck disable=SC2086 # a list of options
    if "$programs/fuzz-$name" $limit -max_len=4096 -timeout=5 -rss_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="target/findings/$name-" "target/corpus/$name" \
        2>"$log"; then
        sed -n "1s/.*/fuzz: $name/p
            s/^stat::number_of_executed_units: */  executions /p
            s/^stat::average_exec_per_sec: */  a second   /p
            s/^stat::peak_rss_mb: */  peak MB    /p" "$log"
    else
        tail -n 60 "$log"
        echo "fuzz: $name: broken; replay with $programs/fuzz-$name FILE" >&2
        return 1
    fi
}

failed=''
while [ $# -gt 0 ]; do
    running=''
    for _ in $(seq "${AT_ONCE:-1}"); do
        [ $# -gt 0 ] || break
        search "$1" &
        running="$running $!"
        shift
    done
    for search in $running; do wait "$search" || failed=1; done
done
[ -z "$failed" ]
