#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What libevframe.so exports and what the public headers declare are the same.
#
#   exports.sh SOURCE_FOLDER LIBRARY
set -eu

source=$1 library=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Declarations start with EVF_API or EVF_ANY_THREAD and may span lines; joined up to their ';'.
cat "$source"/include/evframe/*.h |
    awk '/^(EVF_API|EVF_ANY_THREAD) / { text = ""; open = 1 }
         open { text = text " " $0 }
         open && /;/ { print text; open = 0 }' |
    grep -o 'evf_[a-z0-9_]* *(' | tr -d ' (' | sort -u >"$folder/declared"
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
    sort -u >"$folder/exported"

if ! diff -u --label declared --label exported "$folder/declared" "$folder/exported"; then
    echo "the library exports other symbols (+) than the headers declare (-)" >&2
    exit 1
fi
echo "$(wc -l <"$folder/exported") public functions, declared and exported"
