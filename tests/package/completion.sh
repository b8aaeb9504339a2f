#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What bash offers for command lines of evframe.
#
#   completion.sh BUILD_FOLDER
set -euo pipefail

build=$(cd "$1" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

. "$build/share/bash-completion/completions/evframe"
# Bash has it only while it completes.
compopt() { :; }
# The launcher as bash would find it, and a folder with files.
PATH=$build/bin:$PATH
cd "$folder"
mkdir sub plugins
touch one.so two.txt sub/three.so
cp "$(PKG_CONFIG_PATH=$build pkg-config --variable=plugindir evframe)/proxy.so" plugins/mine.so

status=0
# offers LINE WORD…: exactly these are offered at the end of the line, in any order.
offers() {
    local line=$1 expected actual
    shift
    COMP_LINE=$line COMP_POINT=${#line}
    _evframe evframe '' ''
    expected=$(printf '%s\n' "$@" | LC_ALL=C sort)
    actual=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort)
    if [[ $expected != "$actual" ]]; then
        printf 'after "%s":\n' "$line"
        diff <(echo "$expected") <(echo "$actual") || true
        status=1
    fi
}

offers 'evframe ins' inspect
offers 'evframe --disp' --dispatch
offers 'evframe --pin --off' --offload-threads --offload-queue
offers 'evframe --workers ' auto
offers 'evframe --mailbox ' ''
offers 'evframe --dispatch ' least round-robin hash
offers 'evframe --dispatch=r' round-robin
offers 'evframe --workers 2 --log-format j' json
offers 'evframe --log-file t' two.txt
offers 'evframe --plugin-path ' plugins sub
offers 'evframe inspect o' one.so
offers 'evframe inspect ' one.so two.txt sub plugins
offers 'evframe --listen un' unix:
offers 'evframe --listen 127.0.0.1:8080=' chat echo http proxy socks5
offers 'evframe --listen=127.0.0.1:8080=ch' chat
offers 'evframe --listen 8080=./o' ./one.so
offers 'evframe --plugin-path plugins --listen 8080=' mine
offers 'evframe --listen 7000=proxy,bal' proxy,balance=
offers 'evframe --listen 7000=proxy,balance=' round-robin least hash
offers 'evframe --listen 7000=proxy,balance=least,send-proxy=v' v1 v2
offers 'evframe --listen 7000=proxy,max-f' proxy,max-fails= proxy,max-frame=
offers 'evframe --listen 7000=./plugins/mine.so,fami' ./plugins/mine.so,family=
offers 'evframe --listen 7000=echo,v6' echo,v6-only
offers 'evframe --listen 7000=echo,block-file=t' two.txt
offers 'evframe --listen 7000=nosuch,' ''

# Every option that --help has is offered.
mapfile -t all < <(evframe --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
[[ ${#all[@]} -gt 20 ]]
offers 'evframe --' "${all[@]}"

exit $status
