#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The testkit as it is installed: a test program is built with pkg-config alone and simulates an
# installed plugin file, whose own library is libevframe; `evframe sim` runs from there; and linked
# in the wrong order it says so.
#
#   testkit.sh BUILD_FOLDER LIBDIR CC
set -eu

build=$1 libdir=$2 cc=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/prefix" >"$folder/install.log"
export PKG_CONFIG_PATH="$folder/prefix/$libdir/pkgconfig"

cat >"$folder/test.c" <<'END'
#include <evframe/testkit.h>
#include <stdio.h>

static void play(evf_sim *sim, void *argument)
{
    evf_sim_peer *a = evf_sim_connect(sim);
    (void)argument;
    evf_sim_send_text(a, "hello");
    evf_sim_expect_text(a, "hello");
}

int main(int count, char **arguments)
{
    struct evf_sim_options options = { .struct_size = sizeof options, .troubles = EVF_SIM_ALL };
    if (count != 2)
        return 2;
    options.plugin_file = arguments[1];
    return evf_sim_seeds(&options, 500, play, NULL, NULL) == 0 ? 0 : 1;
}
END
printf 'connect a\na sends "x"\na expects "x"\n' >"$folder/x.conv"

where=-Wl,-rpath,$(pkg-config --variable=libdir evframe-testkit)
echo_so=$folder/prefix/$libdir/evframe/plugins/echo.so
# shellcheck disable=SC2046 # words are meant
$cc "$folder/test.c" -o "$folder/right" $(pkg-config --cflags --libs evframe-testkit) "$where"
"$folder/right" "$echo_so"
# shellcheck disable=SC2046
$cc "$folder/test.c" -o "$folder/wrong" -Wl,--no-as-needed $(pkg-config --libs evframe) \
    $(pkg-config --cflags --libs evframe-testkit) "$where"
if "$folder/wrong" "$echo_so" 2>"$folder/said"; then
    echo "linked behind evframe the simulator runs all the same" >&2
    exit 1
fi
grep -q 'link evframe-testkit' "$folder/said"
"$folder/prefix/bin/evframe" sim echo "$folder/x.conv" --seeds 500
echo "the testkit serves as it is installed"
