#!/bin/sh
# SPDX-License-Identifier: MIT
#
# evframe can be used by others: installed under any prefix, and from the build tree.
#
#   usable.sh SOURCE_FOLDER BUILD_FOLDER LIBDIR C_COMPILER
#
# For both, a plugin is built with what pkg-config says, and a plugin and a program that embeds evframe
# with CMake's find_package; the launcher checks the plugins, and the program is run.
set -eu

source=$1 build=$2 libdir=$3 compiler=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export EVF_INSTALLATION_NOTES=$folder/notes

version=$(sed -n 's/^#define EVF_VERSION "\(.*\)"$/\1/p' "$source/include/evframe/version.h")

# use NAME LAUNCHER PKG_CONFIG_FOLDER CMAKE_FOLDER
use() {
    [ "$(PKG_CONFIG_PATH=$3 pkg-config --modversion evframe)" = "$version" ]
    [ -f "$(PKG_CONFIG_PATH=$3 pkg-config --variable=plugindir evframe)/echo.so" ]
    flags=$(PKG_CONFIG_PATH=$3 pkg-config --cflags --libs evframe)
    # shellcheck disable=SC2086
    "$compiler" -shared -fPIC -o "$folder/$1.so" "$source/plugins/echo/echo.c" $flags
    "$2" --check --listen "127.0.0.1:0=$folder/$1.so" --listen 127.0.0.1:0=http
    "$2" inspect "$folder/$1.so"

    cmake -G Ninja -S "$source/tests/package" -B "$folder/$1" -D CMAKE_C_COMPILER="$compiler" \
        -D evframe_DIR="$4" >"$folder/log" || { cat "$folder/log"; exit 1; }
    cmake --build "$folder/$1" >"$folder/log" || { cat "$folder/log"; exit 1; }
    "$folder/$1/embed"
    "$2" --check --listen "127.0.0.1:0=$folder/$1/mine.so"
    echo "usable: $1"
}

use build_tree "$build/bin/evframe" "$build" "$build"

# Installed, then moved: nothing may remember where it was.
cmake --install "$build" --prefix "$folder/first" >/dev/null
mv "$folder/first" "$folder/second"
prefix=$folder/second
use installed "$prefix/bin/evframe" "$prefix/$libdir/pkgconfig" "$prefix/$libdir/cmake/evframe"
