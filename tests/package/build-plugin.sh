#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compiles one plugin the way an author outside the tree does it.
#
#   build-plugin.sh LIBDIR SOURCE OUTPUT COMPILER [FLAGS…]
#
# LIBDIR is the library folder of an installation; its pkg-config file says the rest.
set -eu

libdir=$1 source=$2 output=$3
shift 3
flags=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs evframe)
# The flags are words of a command line. The tests' own headers are the only other folder.
# shellcheck disable=SC2086
exec "$@" -g -O1 -Wall -Wextra -Werror -shared -fPIC -D_GNU_SOURCE \
    -I "$(dirname "$source")/../../support" -o "$output" "$source" $flags
