#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What can be given to the launcher is the same in --help, in evframe(1) and in the README: options,
# options of every listener, subcommands and figures, none missing and none too many. Likewise the
# callbacks in the headers and in evframe-plugin(7).
#
#   options.sh SOURCE_FOLDER LAUNCHER PLUGIN_FILE
#
# The launcher itself and what `inspect` says of the plugin are what the documents are held against.
set -eu

readme=$1/README.md page=$1/docs/man/evframe.1.scd launcher=$2 plugin=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$launcher" --help >"$folder/help"
"$launcher" inspect "$plugin" >"$folder/inspect"
status=0

# same WHAT HAS NAME: the two files have the same names.
same() {
    LC_ALL=C sort -u "$folder/$2" >"$folder/expected"
    LC_ALL=C sort -u "$folder/$3" >"$folder/actual"
    [ -s "$folder/expected" ] || { echo "$1: none found in $2"; status=1; }
    diff -u --label "$2" --label "$3" "$folder/expected" "$folder/actual" || {
        echo "$1: $3 has not the same ones as $2"
        status=1
    }
}

# A section of the page, by its title. Terms begin at a line's start or behind ', '.
section() {
    sed -n "/^# $1\$/,/^# /p" "$page"
}
terms() {
    grep '^\*' | sed 's/, /\n/g' | sed -n "s/^\\*$1\\([a-z][a-z0-9_-]*\\)\\*.*/\\1/p"
}
# The first cells of the README's tables, one term a line.
cells() {
    sed -n 's/^| \(`.*\)$/\1/p' "$readme" | sed 's/ | .*//; s/, /\n/g'
}

sed -n 's/^  --\([a-z-]*\).*/\1/p' "$folder/help" >"$folder/--help"
section OPTIONS | terms -- >"$folder/evframe(1)"
cells | sed -n 's/^`--\([a-z-]*\).*/\1/p' >"$folder/README"
same options --help 'evframe(1)'
same options --help README

sed -n '/^Options of every listener/,$s/^  \([a-z][a-z0-9-]*\) .*/\1/p' "$folder/inspect" \
    >"$folder/inspect.listener"
section 'LISTENER OPTIONS' | terms '' >"$folder/evframe(1)"
# Those that the launcher has as well are told in a sentence.
{
    sed -n '/^| listener.s option/,/^$/p' "$readme" |
        sed -n 's/^| \(`.*\)$/\1/p' | sed 's/ | .*//; s/, /\n/g' |
        sed -n 's/^`\([a-z0-9-]*\).*/\1/p'
    sed -n '/^Beside the plugin.s own options/,/^$/p' "$readme" | grep -o '`[a-z-]*`' | tr -d '`'
} >"$folder/README"
same 'options of every listener' inspect.listener 'evframe(1)'
same 'options of every listener' inspect.listener README
tr -c 'a-z0-9-' '\n' <"$folder/help" | LC_ALL=C sort -u |
    LC_ALL=C comm -12 - "$folder/expected" >"$folder/--help"
same 'options of every listener' inspect.listener --help

sed -n 's/^\(Usage:\|  *\) *evframe \([a-z][a-z-]*\) .*/\2/p' "$folder/help" >"$folder/--help"
section SYNOPSIS | sed -n 's/^\*evframe\* \*\([a-z-]*\)\*.*/\1/p' >"$folder/evframe(1)"
same subcommands --help 'evframe(1)'
section COMMANDS | terms '' >"$folder/evframe(1)"
same subcommands --help 'evframe(1)'
sed -n 's/^    evframe \([a-z][a-z-]*\) .*/\1/p' "$readme" >"$folder/README"
same subcommands --help README

sed -n '/^### Figures/,/^Figures marked/s/^| `\([a-z_]*\)`.*/\1/p' "$readme" >"$folder/README"
section FIGURES | terms '' >"$folder/evframe(1)"
same figures README 'evframe(1)'

sed -n -e '/^struct evf_handler {/,/^}/s/^ *evf_[a-z_]*_fn \*\([a-z_]*\);.*/\1/p' \
    -e '/^struct evf_plugin {/,/^}/s/^ *evf_[a-z_]*_fn \*\([a-z_]*\);.*/\1/p' \
    "$1"/include/evframe/*.h >"$folder/headers"
page=$1/docs/man/evframe-plugin.7.scd
{
    section 'CALLBACKS OF A STREAM' | terms ''
    section 'CALLBACKS OF A PLUGIN' | terms ''
} >"$folder/evframe-plugin(7)"
same callbacks headers 'evframe-plugin(7)'

exit $status
