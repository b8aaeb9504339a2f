# SPDX-License-Identifier: MIT
"""Instructions per request in user space, function by function, and what the hardware counts.

A turn of an event loop costs something that all its requests share, so callgrind's count is split:
"a request more" is the difference between turns of 64 and of 32 requests, "a turn" is what a
request that has a turn for itself costs beyond that. The figures in between follow: 64 in a turn,
or 1.
"""
import os

from .. import binaries, callgrind, load, perf, subjects
from ..bench import BUILD
from ..registry import scenario
from ..results import Column, Result, Row, Table

PLUGINS = os.path.join(BUILD, "lib", "evframe", "plugins")
MANY, HALF = 64, 32
TOP = 20  # functions shown of each

COLUMNS = [
    Column("together", "64 in a turn", ",.1f"),
    Column("alone", "1 in a turn", ",.1f"),
    Column("request", "a request more", ",.1f"),
    Column("turn", "a turn", ",.1f"),
    Column("repeat", "repeats within", ",.1f"),
]
FUNCTION_COLUMNS = [
    Column("file", "in", ""),
    Column("together", "64 in a turn", ",.1f"),
    Column("alone", "1 in a turn", ",.1f"),
]
HARDWARE_COLUMNS = [Column(event, event, ",.1f") for event in perf.HARDWARE]


class Measured:
    """A subject's instructions per request, as Counters by (object, function)."""

    def __init__(self, alone, request):
        self.alone, self.request = alone, request

    def together(self, key=None):
        alone, request = self._of(self.alone, key), self._of(self.request, key)
        return request + (alone - request) / MANY

    @staticmethod
    def _of(counts, key):
        return sum(counts.values()) if key is None else counts.get(key, 0)

    def values(self):
        alone, request = sum(self.alone.values()), sum(self.request.values())
        return {"together": self.together(), "alone": alone, "request": request,
                "turn": alone - request}


def measure(counted, server, peers, process, rounds):
    """One Measured; the loads come in pairs of which the difference counts."""
    pid = server.process.pid
    alone = counted.profile(lambda: peers.one_by_one(2 * rounds * HALF)) \
        - counted.profile(lambda: peers.one_by_one(rounds * HALF))
    request = counted.profile(lambda: peers.together(rounds, MANY, pid)) \
        - counted.profile(lambda: peers.together(rounds, HALF, pid))
    requests = rounds * HALF  # by which both pairs differ
    return Measured(*({key: count / requests for key, count in
                       profile.resolved(process).functions().items() if count}
                      for profile in (alone, request)))


def _measure_thrice(bench, subject):
    """All three agree, but that a timer may have fired in one of them."""
    counted = callgrind.Counted(bench.work)
    rounds = 4 if bench.quick else 16
    with subjects.serving(bench, subject, counted.wrap, MANY) as (server, peers):
        peers.busy(10 * MANY)
        peers.one_by_one(10)
        peers.together(2, MANY, server.process.pid)
        process = binaries.Process(server.process.pid, [PLUGINS])
        return [measure(counted, server, peers, process, rounds) for _ in range(3)]


def _functions_table(subject, measured):
    keys = sorted({*measured.alone, *measured.request}, key=lambda key: -measured.together(key))
    rows = [Row(key[1], {"file": os.path.basename(key[0]), "together": measured.together(key),
                         "alone": measured.alone.get(key, 0)}) for key in keys[:TOP]]
    return Table(f"{subject.name}: the functions with most instructions, without what they call",
                 FUNCTION_COLUMNS, rows, kind="functions")


def _hardware_row(bench, subject):
    """While wrk, or echo_load, drives it as in the other scenarios."""
    with bench.serving(subject.make(bench)) as (server,):
        def drive(seconds):
            if "http" in subject.name:
                return load.wrk(bench, server.port, seconds=seconds)
            return load.echo(bench, server.port, size=64, seconds=seconds)
        drive(1)
        loads = []
        counts = perf.counted(server, perf.HARDWARE,
                              lambda: loads.append(drive(1 if bench.quick else 5)), bench.work)
    return Row(subject.name, {event: "not supported" if count is None else count / loads[0].requests
                              for event, count in counts.items()})


@scenario("instructions", "instructions per request in user space; the hardware's counters")
def run(bench):
    rows, tables, notes = [], [], []
    for subject in subjects.SUBJECTS:
        bench.say(f"{subject.name} under callgrind")
        ordered = sorted(_measure_thrice(bench, subject), key=Measured.together)
        middle = ordered[1]
        rows.append(Row(subject.name, {**middle.values(),
                                       "repeat": ordered[-1].together() - ordered[0].together()}))
        if subject.is_evframe:
            tables.append(_functions_table(subject, middle))
    bench.say("the hardware's counters")
    hardware = [_hardware_row(bench, subject) for subject in subjects.SUBJECTS
                if not subject.proxied]
    return Result([Table("instructions per request in user space (callgrind)", COLUMNS, rows,
                         kind="instructions"), *tables,
                   Table("hardware events per request, 64 busy connections (perf stat; :u user, "
                         ":k kernel)", HARDWARE_COLUMNS, hardware, kind="hardware")], [], notes)
