#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The Debian packages on a machine that has nothing but them: a fresh Debian 12 in a folder, where
# apt installs the packages with what they depend on, evframe serves a page, a plugin is built, and
# both are removed again without a trace.
#
#   clean-root.sh FOLDER [MIRROR]
#
# FOLDER is where tools/package left the packages. It is run by hand: it takes root, the package
# debootstrap, a Debian mirror (debootstrap's own choice when none is given), about 700 MB in
# ${TMPDIR:-/tmp} and some minutes. Everything happens in name spaces of its own (mounts, processes,
# host name); what it made is gone when it ends. deb.sh beside it does without all this and is part of
# tools/test.
set -euo pipefail

if [[ ${1-} != --inside ]]; then
    for program in debootstrap unshare; do
        if ! command -v "$program" >/dev/null; then
            echo "clean-root.sh needs $program" >&2
            exit 2
        fi
    done
    if [[ $EUID -ne 0 || $# -lt 1 ]]; then
        echo 'usage, as root: clean-root.sh FOLDER [MIRROR]' >&2
        exit 2
    fi
    exec unshare --mount --pid --fork --uts --ipc "$0" --inside "$@"
fi
shift

packages=$(cd "$1" && pwd) mirror=${2-}
root=$(mktemp -d)
chmod 755 "$root"
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT

say() {
    printf '\n== %s\n' "$1"
}

# within COMMAND…: in the fresh system.
within() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

say 'a fresh Debian 12'
debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; rm -f "$root.log"; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
# No service is started in it.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
within apt-get -qq update
# Excluded in minimal systems, so told apart from what is missing.
rm -f "$root/etc/dpkg/dpkg.cfg.d/"*

say 'evframe and what it depends on'
cp "$packages"/*.deb "$root/tmp/"
install='apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0'
within sh -c "$install /tmp/evframe_*.deb" >/dev/null
within evframe --version
within sh -c 'ldd /usr/bin/evframe | grep -F "not found"' && exit 1
within sh -c 'ldconfig -p | grep -q libevframe.so.1'
within dpkg --verify evframe

say 'it serves'
exec 4< <(exec chroot "$root" env -i PATH=/usr/bin evframe --workers 2 \
    --listen 127.0.0.1:0=http,body=clean --listen 127.0.0.1:0=echo 2>&1)
server=$!
port=
while [[ -z $port ]]; do
    read -rt 30 -u 4 line
    echo "$line"
    port=$(sed -n 's/.*listening on 127.0.0.1:\([0-9]*\) with http.*/\1/p' <<<"$line")
done
# shellcheck disable=SC2016
answer=$(within bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf "GET / HTTP/1.0\r\n\r\n" >&3
    cat <&3' fetch "$port")
echo "$answer"
[[ $answer == *$'\r\n\r\nclean' ]]
kill "$server"
wait "$server"

say 'a plugin is built with libevframe-dev'
within sh -c "$install gcc libc6-dev pkg-config /tmp/libevframe-dev_*.deb" >/dev/null
# shellcheck disable=SC2016
within sh -c 'cd /root && cc -shared -fPIC -o echo.so /usr/share/doc/libevframe-dev/examples/echo.c \
    $(pkg-config --cflags --libs evframe) && evframe inspect ./echo.so | head -n 4 &&
    evframe --check --listen 127.0.0.1:0=./echo.so'

say 'both are removed without a trace'
within sh -c 'dpkg --purge libevframe-dev evframe' >/dev/null
rm "$root"/tmp/*.deb
if find "$root" -xdev -iname '*evframe*' | grep .; then
    echo 'this is left' >&2
    exit 1
fi
say 'all was right'
