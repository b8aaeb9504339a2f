#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `evframe new`: what it writes builds, passes its tests and serves as it is, by make and by CMake,
# against the build tree and an installation; and what is wrong is told, and leaves nothing behind.
#
#   new.sh BUILD_FOLDER INSTALLATION LIBDIR C_COMPILER
set -euo pipefail

build=$1 installation=$2 libdir=$3 compiler=$4
folder=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

fail() {
    echo "new: $1" >&2
    exit 1
}

# quietly COMMAND…: shows what it said only when it fails.
quietly() {
    "$@" >"$folder/log" 2>&1 || { cat "$folder/log"; fail "failed: $*"; }
}

# serve COMMAND…: starts it and waits until it listens on the unix socket ./socket.
serve() {
    local line output said=
    exec {output}< <(exec "$@" 2>&1)
    server=$!
    while IFS= read -r -t 60 -u "$output" line; do
        [[ $line != *'listening on'* ]] || return 0
        said+=$line$'\n'
    done
    fail "does not serve: $*: $said"
}

stop() {
    kill "$server"
    # What make says of its end is not asked for; the socket is gone when the server is.
    wait "$server" || true
    server=
    [[ ! -e socket ]] || fail "the server did not stop"
}

# talk SENT EXPECTED: both as printf writes them.
talk() {
    local got expected
    got=$(printf "$1" | timeout 20 nc -N -U socket | od -An -c)
    expected=$(printf "$2" | od -An -c)
    [[ $got == "$expected" ]] || fail "sent '$1', expected$expected, got$got"
}

talk_line() { talk 'hello\nto the world\n' '5\n12\n'; }
talk_length() { talk '\0\0\0\5hello\0\0\0\0' '\0\0\0\5hello\0\0\0\0'; }
talk_raw() { talk 'hello\n' 'hello\n'; }

# by_make LAUNCHER PKG_CONFIG_FOLDER PROTOCOL NAME
by_make() {
    export PKG_CONFIG_PATH=$2
    quietly "$1" new "$4" --protocol "$3"
    ! grep -rn myproto "$4" || fail "the name was not replaced everywhere"
    [[ $(find "$4" -type f | wc -l) -eq 7 ]] || fail "$4 has not seven files"
    cd "$4"
    quietly make test CC="$compiler" CFLAGS='-O2 -g -Werror'
    grep -q 'Failing: 0' "$folder/log" || fail "no test has passed"
    quietly "$1" inspect "./$4.so"
    serve make run EVFRAME="$1" LISTEN=unix:./socket
    "talk_$3"
    stop
    quietly make install DESTDIR="$folder/root"
    [[ -n $(find "$folder/root" -name "$4.so" -path '*/evframe/plugins/*') ]] ||
        fail "make install has not installed it"
    quietly make clean
    cd ..
    rm -rf "$4" root
}

# by_cmake LAUNCHER CMAKE_FOLDER PROTOCOL NAME
by_cmake() {
    quietly "$1" new --protocol="$3" "$4"
    cd "$4"
    quietly cmake -G Ninja -B build -D CMAKE_C_COMPILER="$compiler" -D CMAKE_C_FLAGS=-Werror \
        -D evframe_DIR="$2"
    quietly cmake --build build
    quietly ctest --test-dir build --output-on-failure --no-tests=error
    serve "$1" --listen "unix:./socket=./build/$4.so"
    "talk_$3"
    stop
    quietly cmake --install build --prefix "$folder/root"
    [[ -e $folder/root/$libdir/evframe/plugins/$4.so ]] || fail "CMake has not installed it"
    cd ..
    rm -rf "$4" root
}

# refuses STATUS TEXT ARGUMENT…: ends with that status, says the text, and writes nothing.
refuses() {
    local status=0 said before
    before=$(find . | sort)
    said=$("$launcher" new "${@:3}" 2>&1 >/dev/null) || status=$?
    [[ $status -eq $1 ]] || fail "'new ${*:3}' ended with $status, not $1"
    [[ $said == *"$2"* ]] || fail "'new ${*:3}' says '$said', not '$2'"
    [[ $(wc -l <<<"$said") -eq 1 ]] || fail "'new ${*:3}' says more than a line"
    [[ $(find . | sort) == "$before" ]] || fail "'new ${*:3}' has left something behind"
}

launcher=$build/bin/evframe
for protocol in line length raw; do
    by_make "$launcher" "$build" "$protocol" my_proto2
    by_cmake "$installation/bin/evframe" "$installation/$libdir/cmake/evframe" "$protocol" "x_$protocol"
done
by_make "$installation/bin/evframe" "$installation/$libdir/pkgconfig" line installed
by_cmake "$launcher" "$build" line tree

quietly "$launcher" new kv
grep -q 'answered with its length' kv/kv.c || fail "without --protocol it is not line"
[[ $(grep -A3 '^Now:' log) == $'Now:\n    cd kv\n    make test\n    make run' ]] ||
    fail "the next three commands are not told"
rm -rf kv

for help in --help -h; do
    quietly "$launcher" new $help
    grep -q '^Usage: evframe new NAME' log || fail "new $help does not help"
done

mkdir work there
cd work
mkdir there && touch there/mine file
refuses 2 'a name is missing'
refuses 2 "unexpected argument 'two'" one two
refuses 2 "'Big' cannot be a project's name: a name begins with a lower-case letter" Big
refuses 2 "'' cannot be a project's name" ''
refuses 2 'lower-case letters, digits and' a-b
refuses 2 'the folder is made here' up/kv
refuses 2 "evframe's own" evfoo
refuses 2 "at most 32 characters" abcdefghijklmnopqrstuvwxyz0123456
refuses 2 "--protocol 'udp': expected line, length or raw" kv --protocol udp
refuses 2 '--protocol needs a value' kv --protocol
refuses 2 "'--port=1' is no option of it" kv --port=1
refuses 2 "'-x' is no option of it" kv -x
refuses 1 "'there' is there already" there
refuses 1 "'file' is there already" file
cd ..

# A file that cannot be written, and templates that are not there.
cd work
(trap '' XFSZ; ulimit -f 2; refuses 1 'cannot write kv/kv.c: File too large' kv)
cp -a "$installation" "$folder/other"
rm "$folder/other/share/evframe/new/common/README.md"
launcher=$folder/other/bin/evframe
refuses 1 "$folder/other/share/evframe/new/common/README.md: evframe's files for development" kv
echo "projects build, pass, serve; what is wrong is told"
