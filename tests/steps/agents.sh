#!/bin/sh
# Builds agents that no package manager builds.
#
#   sh tests/steps/agents.sh c     against the library as it is installed: by its soname;
#                                  also its examples
#   sh tests/steps/agents.sh elixir  so that each start need not compile it
#   sh tests/steps/agents.sh go    on the real memberlist, its newest release and an old one
set -eu
cd "$(dirname "$0")/../.."

c() {
    folder=target/agents/c
    mkdir -p "$folder"
    for name in libchinwag.so libchinwag.so.0; do
        ln -sf ../../debug/libchinwag_c.so "$folder/$name"
    done
    # shellcheck disable=SC2016 # the loader's word, not the shell's
    compile tests/agents/c/*.c tests/agents/c/*/*.c -o "$folder/agent" "-L$folder" \
        '-Wl,-rpath,$ORIGIN'
    mkdir -p target/demo
    for name in hello join talk counter orders cart shard; do
        # shellcheck disable=SC2016
        compile "bindings-c/examples/$name.c" -o "target/demo/$name-c" "-L$folder" \
            '-Wl,-rpath,$ORIGIN/../agents/c'
    done
}

compile() {
    cc -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Werror -Iinclude "$@" -lchinwag -lpthread
}

elixir_agent() {
    folder=target/agents/elixir
    mkdir -p "$folder"
    ebin=bindings-elixir/_build/dev/lib/chinwag/ebin
    elixirc --warnings-as-errors -pa "$ebin" -o "$folder" tests/agents/elixir/*.ex
}

go_agents() {
    out=../../../target/agents
    go build -C tests/agents/go -o "$out/go/agent"
    go build -C tests/agents/go -modfile=go-0.2.2.mod -o "$out/go-0.2.2/agent"
}

case "$1" in
    c) c ;;
    elixir) elixir_agent ;;
    go) go_agents ;;
    *) exit 2 ;;
esac
