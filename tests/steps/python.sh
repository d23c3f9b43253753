#!/bin/sh
# The tests of the Python binding, in two runs side by side: most of the time they wait.
set -eu
cd "$(dirname "$0")/../../bindings-python"

suite() {
    ../target/venv/bin/python -X dev -m pytest -q -p no:cacheprovider "$@"
}

logs=../target/steps
suite tests/messages tests/plot tests/test_types.py >"$logs/python-beside.log" 2>&1 &
beside=$!
failed=0
suite --ignore tests/messages --ignore tests/plot --ignore tests/test_types.py || failed=1
wait "$beside" || failed=1
cat "$logs/python-beside.log"
exit "$failed"
