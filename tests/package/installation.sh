#!/bin/sh
# SPDX-License-Identifier: MIT
#
# An installation is whole, goes where it is told, and leaves nothing behind.
#
#   installation.sh BUILD_FOLDER LIBDIR
set -eu

build=$1 libdir=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export EVF_INSTALLATION_NOTES=$folder/notes

fail() {
    echo "$1" >&2
    exit 1
}

# tree FOLDER: all that is in it, folders too.
tree() {
    (cd "$1" && find . -mindepth 1 | LC_ALL=C sort)
}

files() {
    (cd "$1" && find . ! -type d | LC_ALL=C sort)
}

uninstall() {
    cmake --build "$build" --target uninstall >"$folder/log" 2>&1
}

# The two components are all of it, and share nothing.
cmake --install "$build" --prefix "$folder/all" >/dev/null
for component in runtime development; do
    cmake --install "$build" --prefix "$folder/$component" --component "$component" >/dev/null
    files "$folder/$component" >"$folder/$component.files"
done
files "$folder/all" >"$folder/all.files"
LC_ALL=C sort "$folder/runtime.files" "$folder/development.files" |
    diff -u "$folder/all.files" - || fail "what is installed (-) is not what the components have (+)"

for file in bin/evframe "$libdir/libevframe.so.1" "$libdir/evframe/plugins/echo.so" \
    share/man/man1/evframe.1 share/bash-completion/completions/evframe; do
    [ -s "$folder/runtime/$file" ] || fail "the runtime has no $file"
done
for file in include/evframe/evframe.h "$libdir/pkgconfig/evframe.pc" \
    "$libdir/cmake/evframe/evframeConfig.cmake" "$libdir/cmake/evframe/evframeConfigVersion.cmake" \
    share/man/man7/evframe-plugin.7; do
    [ -s "$folder/development/$file" ] || fail "the development files have no $file"
done
[ "$(readlink "$folder/development/$libdir/libevframe.so")" = libevframe.so.1 ] ||
    fail "libevframe.so is no link to libevframe.so.1"

# The runtime serves without the rest, and nothing in it or in the rest remembers where it was.
"$folder/runtime/bin/evframe" --check --listen 127.0.0.1:0=http --listen 127.0.0.1:0=chat
if grep -rlF -e "$folder" "$folder/all/share" "$folder/all/$libdir/cmake" \
    "$folder/all/$libdir/pkgconfig"; then
    fail "these remember the prefix"
fi

# Uninstalling takes away everything, also installations that are gone already.
rm -r "$folder/development"
uninstall
for place in all runtime; do
    [ ! -e "$folder/$place" ] || fail "$(tree "$folder/$place") is left"
done
if uninstall; then
    fail "uninstalled twice"
fi
grep -q 'nothing is installed from' "$folder/log"

# Installed twice into a place that others use, by DESTDIR: theirs stays, an empty folder too.
mkdir -p "$folder/stage/opt/it/$libdir/pkgconfig" "$folder/stage/opt/it/share/man/man1"
echo theirs >"$folder/stage/opt/it/share/man/man1/their.1"
mkdir "$folder/stage/opt/it/bin"
tree "$folder/stage" >"$folder/before"
for time in first second; do
    DESTDIR=$folder/stage cmake --install "$build" --prefix /opt/it >/dev/null
    [ -x "$folder/stage/opt/it/bin/evframe" ] || fail "DESTDIR was not heeded the $time time"
done
echo theirs >"$folder/stage/opt/it/share/theirs"
uninstall
rm "$folder/stage/opt/it/share/theirs"
tree "$folder/stage" | diff -u "$folder/before" - || fail "uninstalling changed what was there before"

echo "$(wc -l <"$folder/all.files") files installed and taken away"
