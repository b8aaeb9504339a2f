#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The Debian packages: what they say of themselves, that their files lie where Debian has them, and
# that what is unpacked serves and builds plugins.
#
#   deb.sh FOLDER
#
# FOLDER is where tools/package left them. clean-root.sh beside it installs them, which takes root.
set -euo pipefail

packages=$(cd "$1" && pwd)
folder=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT

fail() {
    echo "$1" >&2
    exit 1
}

# expect WHAT EXPECTED ACTUAL
expect() {
    [[ $2 == "$3" ]] || fail "$1: expected '$2', found '$3'"
}

multiarch=$(gcc -print-multiarch)
shopt -s nullglob
runtime=("$packages"/evframe_*.deb) development=("$packages"/libevframe-dev_*.deb)
expect 'packages' '1 1' "${#runtime[@]} ${#development[@]}"
version=$(dpkg-deb -f "${runtime[0]}" Version)

# ---- What they say ----
expect 'section of evframe' net "$(dpkg-deb -f "${runtime[0]}" Section)"
expect 'section of libevframe-dev' libdevel "$(dpkg-deb -f "${development[0]}" Section)"
expect 'dependencies of libevframe-dev' "evframe (= $version)" \
    "$(dpkg-deb -f "${development[0]}" Depends)"
for library in libc6 libevent-core-2.1-7 libc-ares2 libjemalloc2; do
    dpkg-deb -f "${runtime[0]}" Depends | grep -q "\<$library (>=" ||
        fail "evframe does not depend on $library"
done
for package in "${runtime[0]}" "${development[0]}"; do
    # The first line, without markup, is the synopsis; lines behind it are one text, indented once.
    dpkg-deb -f "$package" Description | sed 1d | grep -qv '^ [^ ]' &&
        fail "$package: a ragged description"
    dpkg-deb -f "$package" Maintainer | grep -q '^[^<]* <[^>]*@[^>]*>$' ||
        fail "$package: no maintainer"
done
mkdir "$folder/control"
dpkg-deb -e "${runtime[0]}" "$folder/control"
expect 'triggers' 'activate-noawait ldconfig' "$(cat "$folder/control/triggers")"
expect 'shlibs' "libevframe 1 evframe (>= $version)" "$(cat "$folder/control/shlibs")"

# ---- Where the files lie ----
root=$folder/root lib=usr/lib/$multiarch
for package in "${runtime[0]}" "${development[0]}"; do
    dpkg-deb -x "$package" "$root"
    name=$(dpkg-deb -f "$package" Package)
    for file in copyright changelog.gz changelog.Debian.gz; do
        [[ -s $root/usr/share/doc/$name/$file ]] || fail "$name has no $file"
    done
done
for file in usr/bin/evframe "$lib/libevframe.so.1" "$lib/evframe/plugins/http.so" \
    "$lib/libevframe.so" "$lib/pkgconfig/evframe.pc" "$lib/cmake/evframe/evframeConfig.cmake" \
    usr/include/evframe/evframe.h usr/share/man/man1/evframe.1.gz \
    usr/share/man/man7/evframe-plugin.7.gz usr/share/bash-completion/completions/evframe \
    usr/share/doc/libevframe-dev/examples/echo.c; do
    [[ -e $root/$file ]] || fail "there is no $file"
done
expect 'top folders' usr "$(ls "$root")"
find "$root" -name '*.gz' -exec gzip -t {} +
[[ -z $(find "$root" \( -perm /022 -o ! -perm -444 \) ! -type l) ]] ||
    fail 'odd rights of files'
for file in "$root/usr/bin/evframe" "$root/$lib/libevframe.so.1" "$root/$lib"/evframe/plugins/*.so; do
    [[ -z $(readelf -S "$file" | grep -F .debug_) ]] || fail "$file is not stripped"
done
source=$(cd "$(dirname "$0")/../.." && pwd)
grep -rlF "$source" "$root" && fail 'these know where the sources lie'

# ---- That they serve, from where they lie and with nothing else of evframe ----
cd "$folder"
evframe=$root/usr/bin/evframe
env -i "$evframe" --version | grep -q "^evframe ${version%-*}\$" || fail 'another version'
exec 4< <(exec env -i "$evframe" --workers 2 --listen 127.0.0.1:0=http,body=unpacked 2>&1)
server=$!
# It tells its address when it is bound.
port=
while [[ -z $port ]]; do
    read -rt 30 -u 4 line || fail 'the server told no address'
    port=$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\) with http.*/\1/p' <<<"$line")
done
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET / HTTP/1.0\r\n\r\n' >&3
expect 'the answer' unpacked "$(tail -n 1 <&3)"
exec 3>&-
kill "$server"
wait "$server" || fail "the server ended with status $?"
server=

# ---- That plugins are built with them ----
export PKG_CONFIG_PATH=$root/$lib/pkgconfig
# shellcheck disable=SC2046
gcc -shared -fPIC -o echo.so "$root/usr/share/doc/libevframe-dev/examples/echo.c" \
    $(pkg-config --cflags --libs evframe)
env -i "$evframe" --check --listen 127.0.0.1:0=./echo.so --listen 127.0.0.1:0=chat
cmake -G Ninja -S "$source/tests/package" -B project -D evframe_DIR="$root/$lib/cmake/evframe" \
    >log 2>&1 || { cat log; fail 'find_package did not do'; }
cmake --build project >log 2>&1 || { cat log; fail 'the project did not build'; }
project/embed
env -i "$evframe" --check --listen 127.0.0.1:0=./project/mine.so

echo "evframe and libevframe-dev $version are as they should be"
