# shellcheck shell=sh
# For steps that run several programs together: they source it, with `logs` set to a folder for
# what the programs print. All of them end with the step.

rm -rf "$logs"
mkdir -p "$logs"
running=''
trap 'for id in $running; do kill -9 "$id" 2>/dev/null || true; done' EXIT

# begin NAME FOLDER COMMAND…: begins one and notes its process in `last`. It reads the pipe
# `$logs/NAME.in`, if there is one.
begin() {
    log=$logs/$1
    folder=$2
    shift 2
    input=/dev/null
    [ ! -p "$log.in" ] || input=$log.in
    (cd "$folder" && exec "$@" <"$input" >"$log" 2>"$log.errors") &
    last=$!
    running="$running $last"
}

# until_lines NAME COUNT PATTERN: waits until that one has printed so many of them.
until_lines() {
    tries=300
    while [ "$(grep -cE "$3" "$logs/$1" 2>/dev/null)" != "$2" ]; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ]; then
            echo "$1 has not printed \"$3\" $2 times:" >&2
            for file in "$logs"/*; do
                [ -p "$file" ] || { echo "==> $file"; tail -n 50 "$file"; } >&2
            done
            exit 1
        fi
        sleep 0.1
    done
}
