#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What libevframe.so exports and what the public headers declare are the same, and each function has
# the version of the ABI that brought it: what an earlier one had keeps that one's for ever.
#
#   exports.sh SOURCE_FOLDER LIBRARY
#
# What an earlier minor version declared is told by its headers, kept in tests/abi/past.
set -eu

source=$1 library=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The simulator's functions (evf_sim_) are the testkit's.
# Declarations start with EVF_API or EVF_ANY_THREAD and may span lines; joined up to their ';'.
declared() {
    cat "$1"/evframe/*.h |
        awk '/^(EVF_API|EVF_ANY_THREAD) / { text = ""; open = 1 }
             open { text = text " " $0 }
             open && /;/ { print text; open = 0 }' |
        grep -o 'evf_[a-z0-9_]* *(' | tr -d ' (' | grep -v '^evf_sim_' | sort -u
}

number() {
    sed -n "s/^#define EVF_ABI_$1 //p" "$source/include/evframe/version.h"
}

# Version by version, what was not there before, as nm shows it: NAME@@VERSION.
: >"$folder/known"
: >"$folder/expected"
past=$source/tests/abi/past now=$(number MAJOR).$(number MINOR)
for version in $(find "$past" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V) "$now"; do
    headers=$past/$version/include
    [ "$version" != "$now" ] || headers=$source/include
    declared "$headers" >"$folder/declared"
    comm -13 "$folder/known" "$folder/declared" | sed "s/\$/@@EVFRAME_$version/" \
        >>"$folder/expected"
    cp "$folder/declared" "$folder/known"
done
sort -o "$folder/expected" "$folder/expected"
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort >"$folder/exported"

if ! diff -u --label declared --label exported "$folder/expected" "$folder/exported"; then
    echo "the library exports other symbols (+) than the headers declare (-)" >&2
    exit 1
fi
echo "$(wc -l <"$folder/exported") public functions, declared and exported with their versions"
