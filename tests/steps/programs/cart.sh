#!/bin/sh
# The program `cart` of every language: one record goes through all of them. Then two that know
# nothing of each other add to it; each language shows both carts, and makes the same one of them.
set -eu
cd "$(dirname "$0")/../../.."

root=$PWD
logs=$root/target/cart
rm -rf "$logs"
mkdir -p "$logs"
cd "$logs"
languages='py js ex c rs'

# cart LANGUAGE ACTOR [ITEM…]: runs it, with what it tells beside the record in `told`.
cart() {
    language=$1
    shift
    case $language in
        py) (cd "$root/bindings-python" && ../target/venv/bin/python examples/cart.py "$@") ;;
        js) (cd "$root/bindings-node" && node examples/cart.mjs "$@") ;;
        ex) (cd "$root/bindings-elixir" && mix run --no-compile examples/cart.exs "$@") ;;
        c) "$root/target/demo/cart-c" "$@" ;;
        rs) "$root/target/debug/examples/cart" "$@" ;;
    esac 2>told
}

# tells LINE…: that the last one told this and nothing else.
tells() {
    printf '%s\n' "$@" >expected
    diff expected told || { echo "$language has told something else" >&2; exit 1; }
}

all='item of c, item of ex, item of js, item of py, item of rs'
: >record
for name in $languages; do
    cart "$name" "$name" "item of $name" <record >next
    mv next record
done
tells "cart $all"

for name in $languages; do
    cart "$name" left milk <record >left
    cart "$name" right tea <record >right
    for other in $languages; do
        cat left right | cart "$other" "$name" >"merged-$other"
        tells "sibling $all, milk" "sibling $all, tea" "cart $all, milk, tea"
        cmp merged-py "merged-$other"
    done
    # Once that is decided, the two that came before it change nothing.
    cat left merged-py right | cart "$name" "$name" rum >late
    tells "cart $all, milk, rum, tea"
done

for name in $languages; do
    if echo 4101 | cart "$name" "$name" >bad; then
        echo "$name takes what is no record" >&2
        exit 1
    fi
done
