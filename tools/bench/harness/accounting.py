# SPDX-License-Identifier: MIT
"""What a contestant has used, by the kernel's own accounting; all of its processes and threads
summed.

CPU time is in nanoseconds, from /proc/PID/task/*/schedstat. How it divides into user and system
comes from /proc/PID/stat, whose clock ticks are coarse: over a second of a busy server the
division is good to a percent or two, the sum is not affected. """
import os
from dataclasses import dataclass, fields

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    cpu_ns: int = 0
    user_ticks: int = 0
    system_ticks: int = 0
    voluntary_switches: int = 0
    involuntary_switches: int = 0

    def __sub__(self, before):
        return Usage(*(getattr(self, f.name) - getattr(before, f.name) for f in fields(Usage)))


def _read(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def parse_stat(text):
    """/proc/PID/stat as (parent, user ticks, system ticks). The name may contain anything."""
    after_name = text.rpartition(")")[2].split()
    return int(after_name[1]), int(after_name[11]), int(after_name[12])


def parse_pairs(text):
    """Lines of "Name:  123 kB" or "name 123" as {name: number}; other lines are left out."""
    pairs = {}
    for line in text.splitlines():
        words = line.replace(":", " ", 1).split()
        if len(words) >= 2 and words[1].isdigit():
            pairs[words[0]] = int(words[1])
    return pairs


def parse_stolen(text, cpu):
    """From /proc/stat, the clock ticks in which the host ran somebody else on this CPU of ours."""
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == f"cpu{cpu}" and len(words) > 8:
            return int(words[8])
    return 0


def stolen_seconds(cpu):
    """cpu: a number, or a list as taskset takes it, which is not looked at."""
    return parse_stolen(_read("/proc/stat"), cpu) / TICKS_PER_SECOND


def processes(pid):
    """The process and all its descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents[int(name)] = parse_stat(_read(f"/proc/{name}/stat"))[0]
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [pid]
    for parent in found:
        found.extend(child for child, of in parents.items() if of == parent)
    return found


def usage(pids):
    """What the processes have used until now."""
    total = Usage()
    for pid in pids:
        _, user, system = parse_stat(_read(f"/proc/{pid}/stat"))
        total.user_ticks += user
        total.system_ticks += system
        for task in os.listdir(f"/proc/{pid}/task"):
            total.cpu_ns += int(_read(f"/proc/{pid}/task/{task}/schedstat").split()[0])
            status = parse_pairs(_read(f"/proc/{pid}/task/{task}/status"))
            total.voluntary_switches += status["voluntary_ctxt_switches"]
            total.involuntary_switches += status["nonvoluntary_ctxt_switches"]
    return total


def memory(pids):
    """(resident, private) in KiB."""
    resident = private = 0
    for pid in pids:
        sizes = parse_pairs(_read(f"/proc/{pid}/smaps_rollup"))
        resident += sizes["Rss"]
        private += sizes["Private_Clean"] + sizes["Private_Dirty"]
    return resident, private
