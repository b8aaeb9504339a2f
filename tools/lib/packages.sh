# SPDX-License-Identifier: MIT
#
# Debian packages that a tool needs: which are missing, and installing them. Sourced by bash.

# What it takes to build and run evframe.
packages_for_building=(gcc libc6-dev cmake ninja-build pkg-config libevent-dev libc-ares-dev
    libjemalloc-dev libdw-dev node-llhttp scdoc)

# What tools/package takes besides: it looks for what the programs depend on.
packages_for_packaging=(dpkg-dev file binutils)

# What the tests and checks take besides.
packages_for_testing=(g++ libcriterion-dev clang clang-tidy clang-format binutils curl dnsmasq-base
    haproxy nginx-light python3 abigail-tools make netcat-openbsd libuv1-dev)

# What tools/bench/run takes besides: load generators, contestants, instruments.
packages_for_bench=(python3 wrk nghttp2-client nginx-light libnginx-mod-stream h2o lighttpd haproxy
    memcached strace valgrind linux-perf binutils libc6-dbg)

# Prints those of the given packages that are not installed.
packages_missing() {
    local installed
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^installed //p') || true
    local name
    for name in "$@"; do
        [[ $'\n'$installed$'\n' == *$'\n'$name$'\n'* ]] || echo "$name"
    done
}

packages_as_root() {
    if [[ $EUID -ne 0 ]]; then
        sudo -n "$@"
    else
        "$@"
    fi
}

# Runs apt-get as root, never asking anything.
packages_apt_get() {
    packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" \
        </dev/null >&2
}

# Debian asks this file whether a service may be started (invoke-rc.d(8)); without it, all may.
packages_policy=/usr/sbin/policy-rc.d

# packages_install NAME…: without starting the services that come with some: we need their programs.
# A subshell, which takes the policy away again however it ends.
packages_install() (
    if [[ ! -e $packages_policy ]]; then
        trap 'packages_as_root rm -f "$packages_policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | packages_as_root tee "$packages_policy" >/dev/null
        packages_as_root chmod 755 "$packages_policy"
    fi
    packages_apt_get install -y --no-install-recommends "$@"
)

# packages_need NAME…: installs what is missing, saying exactly what. Ends the script when that
# cannot be done.
packages_need() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "${0##*/}: this is not a Debian system; install the counterparts of: $*" >&2
        return
    fi
    local missing
    mapfile -t missing < <(packages_missing "$@")
    [[ ${#missing[@]} -gt 0 ]] || return 0

    echo "installing: ${missing[*]}" >&2
    if [[ $EUID -ne 0 ]] && ! sudo -n true 2>/dev/null; then
        echo "${0##*/}: cannot become root without a password; run this and try again:" >&2
        echo "    sudo apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi

    # A fresh machine knows no packages, an old one may know packages that are gone.
    if ! apt-cache show --no-all-versions "${missing[@]}" >/dev/null 2>&1; then
        packages_apt_get update
    fi
    packages_install "${missing[@]}" || {
        packages_apt_get update
        packages_install "${missing[@]}"
    } || {
        echo "${0##*/}: could not install: ${missing[*]}" >&2
        exit 1
    }
}
