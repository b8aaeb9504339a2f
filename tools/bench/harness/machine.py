# SPDX-License-Identifier: MIT
"""On what, and of what, a result was measured."""
import datetime
import os
import platform
import re
import subprocess

from .bench import BUILD, ROOT


def said(*command, succeeding=False):
    """What the command prints; empty when it is missing, or where it must succeed and does not."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10,
                              stdin=subprocess.DEVNULL, check=False, cwd=ROOT)
    except FileNotFoundError:
        return ""
    if succeeding and done.returncode != 0:
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


def _version(*command):
    """The first number with dots in what the command says, with what hangs on it."""
    found = re.search(r"\d+\.\d+[\w.+~-]*", said(*command))
    return found.group() if found else None


def versions():
    commands = {
        "evframe": [os.path.join(BUILD, "bin", "evframe"), "--version"],
        "nginx": ["nginx", "-v"],
        "h2o": ["h2o", "--version"],
        "lighttpd": ["lighttpd", "-v"],
        "haproxy": ["haproxy", "-v"],
        "memcached": ["memcached", "-V"],
        "node": ["node", "--version"],
        "wrk": ["wrk", "--version"],
        "h2load": ["h2load", "--version"],
        "gcc": ["gcc", "-dumpfullversion"],
    }
    found = {name: _version(*command) for name, command in commands.items()}
    return {name: version for name, version in found.items() if version}


def _field(path, name):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key.strip() == name:
                    return value.strip()
    except FileNotFoundError:
        pass
    return None


def facts():
    memory = _field("/proc/meminfo", "MemTotal")
    return {
        "cpu": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "cpus": os.cpu_count(),
        "memory_mib": int(memory.split()[0]) // 1024 if memory else None,
        "virtual": "hypervisor" in (_field("/proc/cpuinfo", "flags") or ""),
        "kernel": platform.release(),
        "system": (_field_equals("/etc/os-release", "PRETTY_NAME") or platform.system()),
    }


def _field_equals(path, name):
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition("=")
                if key == name:
                    return value.strip().strip('"')
    except FileNotFoundError:
        pass
    return None


def about(quick, seed):
    """What goes with every result."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "quick": quick,
        "seed": seed,
        "commit": said("git", "rev-parse", "HEAD", succeeding=True) or None,
        "dirty": bool(said("git", "status", "--porcelain", succeeding=True)),
        "machine": facts(),
        "versions": versions(),
    }


def usable_cpus():
    """(the servers' CPU, the load's): the first two allowed ones that are not two threads of one
    core. The same CPU twice where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    first = allowed[0]
    siblings = _field_line(f"/sys/devices/system/cpu/cpu{first}/topology/thread_siblings_list")
    taken = set(parse_cpus(siblings)) if siblings else {first}
    others = [cpu for cpu in allowed if cpu not in taken] or allowed[1:] or [first]
    return first, others[0]


def _field_line(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except FileNotFoundError:
        return None


def parse_cpus(text):
    """0-2,5 as [0, 1, 2, 5]."""
    cpus = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def text(about_it):
    machine = about_it["machine"]
    commit = (about_it["commit"] or "unknown")[:12] + (" with changes" if about_it["dirty"] else "")
    virtual = " (virtual)" if machine["virtual"] else ""
    versions_text = ", ".join(f"{name} {of}" for name, of in about_it["versions"].items())
    return (f"{machine['cpu']}, {machine['cpus']} CPUs{virtual}; {machine['system']}, kernel "
            f"{machine['kernel']}; commit {commit}\n{versions_text}")
