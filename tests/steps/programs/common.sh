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
    # It is read from now on, also before the program has been started.
    : >"$log"
    # Who had the others' input would keep it open.
    (
        exec 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        cd "$folder" && exec "$@" <"$input" >"$log" 2>"$log.errors"
    ) &
    last=$!
    running="$running $last"
}

# begin_example NAME LANGUAGE ARGUMENT…: begins the example `$step` of that language, which reads
# what is typed to NAME, and has its language for a name of its own.
next=3
begin_example() {
    mkfifo "$logs/$1.in"
    log_of=$1
    language=$2
    shift 2
    case $language in
        py) set -- bindings-python "$root/target/venv/bin/python" "examples/$step.py" py "$@" ;;
        js) set -- bindings-node node "examples/$step.mjs" js "$@" ;;
        ex) set -- bindings-elixir mix run --no-compile "examples/$step.exs" ex "$@" ;;
        c) set -- . "target/demo/$step-c" c "$@" ;;
        rs) set -- . "target/debug/examples/$step" rs "$@" ;;
    esac
    begin "$log_of" "$@"
    # A descriptor of one digit, as not every shell knows more.
    next=$((next + 1))
    eval "exec $next>\"$logs/$log_of.in\"; ${log_of}_input=$next"
}

# begin_all LANGUAGE…: begins the example of each, the first alone and the others with it as their
# `seed`. The process of `py` is in `$py`.
begin_all() {
    first=$1
    shift
    begin_example "$first" "$first" -
    eval "$first=$last"
    until_lines "$first" 1 "^ready $first 127.0.0.1:[0-9]+\$"
    seed=$(sed -n "s/^ready $first //p" "$logs/$first")
    for name in "$@"; do
        begin_example "$name" "$name" "$seed"
        eval "$name=$last"
    done
}

# type NAME LINE: types a line to that one.
type() {
    eval "echo \"\$2\" >&\$${1}_input"
}

# end_input NAME: it reads the end of its input.
end_input() {
    eval "eval \"exec \$${1}_input>&-\""
}

# until_lines NAME COUNT PATTERN: waits until that one has printed so many of them.
until_lines() {
    tries=600
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
