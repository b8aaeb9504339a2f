# SPDX-License-Identifier: MIT
"""P10: 1, 2, 4 and 8 workers, 64 connections for each.

Requests per second grow with the workers only where each has a CPU of its own and the load has two
more; elsewhere that figure is left out, all workers share the servers' CPU, and what is counted
says how much the workers disturb each other: system calls, locked instructions, switches of
context.
"""
import copy
import math
import os
import shlex
from collections import Counter

from .. import accounting, binaries, callgrind, load, perf, subjects, syscalls
from ..registry import scenario
from ..results import Claim, Column, Result, Row, Table, count_claim
from ..servers import Server, probe_http
from ..statistics import median, ratio, summary
from .instructions import PLUGINS
from .p9_syscalls import RECEIVE, SLACK, WAITS, per_request

WORKERS = [1, 2, 4, 8]
CONNECTIONS_EACH = 64
CPUS_FOR_LOAD = 2
PER_WORKER = 0.9  # what each worker more must bring, of the first one's requests
SWITCHES_RATIO = 1.25  # that many times the switches is still the same number
LEAST_SWITCHES = 0.01  # per request; fewer are not told apart

TIMED_COLUMNS = [
    Column("requests_per_s", "requests/s", ",.0f"),
    Column("scaling", "x 1 worker", ".2f"),
    Column("cpu_us", "CPU us/req", ".2f"),
    Column("user_us", "user", ".2f"),
    Column("system_us", "system", ".2f"),
    Column("voluntary", "voluntary switches/req", ".4f"),
    Column("involuntary", "involuntary/req", ".4f"),
    Column("migrations", "migrations/req", ".6f"),
    Column("cpus", "CPUs", ""),
]
CALLS_COLUMNS = [
    Column("receives", "receives", ".3f"),
    Column("sends", "sends", ".3f"),
    Column("waits", "waits", ".3f"),
    Column("wakes", "wake-ups (write)", ".4f"),
    Column("futex", "futex", ".4f"),
]
LOCKED_COLUMNS = [Column("file", "in", ""), Column("instruction", "instruction", "")] + \
    [column for count in WORKERS
     for column in (Column(f"request{count}", f"a request more, {count} w.", ".2f"),
                    Column(f"alone{count}", f"1 in a turn, {count} w.", ".2f"))]

PLUGIN = r"http,reuse-port,body=Hello\, World!,type=text/plain"
_http = next(subject for subject in subjects.SUBJECTS if subject.name == "evframe http")


class Places:
    """On which CPUs so many workers run, and the load."""

    def __init__(self, bench, workers):
        allowed = sorted(os.sched_getaffinity(0))
        others = [cpu for cpu in allowed if cpu != bench.load_cpu]
        self.enough = len(allowed) >= workers + CPUS_FOR_LOAD
        servers = others[:workers] if self.enough else [bench.server_cpu]
        loads = [cpu for cpu in allowed if cpu not in servers] if self.enough else [bench.load_cpu]
        self.servers, self.loads = (",".join(map(str, cpus)) for cpus in (servers, loads))
        self.threads = len(loads)


def _apart(bench, count, cpu):
    """So many processes with one worker each, which share a port and nothing else."""
    port = bench.port()
    one = shlex.join(["setpriv", "--pdeathsig", "KILL", bench.evframe, "--workers", "1",
                      "--log-level", "warn", "--listen", f"127.0.0.1:{port}={PLUGIN}"])
    script = "trap 'kill $(jobs -p); wait' TERM\n" + f"{one} &\n" * count + "wait\n"
    return Server(f"{count} processes", ["bash", "-c", script], port, probe_http, cpu)


def _drive(bench, server, places, connections, seconds):
    """wrk with a thread on each of the load's CPUs."""
    elsewhere = copy.copy(bench)
    elsewhere.load_cpu = places.loads
    return load.wrk(elsewhere, server.port, seconds=seconds, connections=connections,
                    threads=min(places.threads, connections))


def _timed_round(bench, server, places, workers):
    """The round's figures, with switches of both kinds and migrations per request."""
    figures = {}

    def measured():
        before = accounting.usage(server.pids)
        figures.update(bench.round(server, lambda: _drive(
            bench, server, places, CONNECTIONS_EACH * workers, 1)))
        used = accounting.usage(server.pids) - before
        figures["voluntary"] = used.voluntary_switches / figures["requests"]
        figures["involuntary"] = used.involuntary_switches / figures["requests"]

    counted = perf.counted(server, perf.SCHEDULING, measured, bench.work)
    migrations = counted["cpu-migrations"]
    figures["migrations"] = None if migrations is None else migrations / figures["requests"]
    return figures


def _timed(bench):
    """(where so many workers run, {server's name: figures of all rounds}), in turns."""
    places = {count: Places(bench, count) for count in WORKERS}
    servers = []
    for count, place in places.items():
        servers.append((count, _http.make(bench, workers=count, cpu=place.servers)))
        servers[-1][1].name = _name(count)
        if count > 1:
            servers.append((count, _apart(bench, count, place.servers)))
    rounds = {server.name: [] for _, server in servers}
    with bench.serving(*(server for _, server in servers)):
        for turn in range(3 if bench.quick else 16):
            for count, server in bench.random.sample(servers, len(servers)):
                figures = _timed_round(bench, server, places[count], count)
                if turn > 0:  # the first one warms up
                    rounds[server.name].append(figures)
    return places, rounds


def _name(count):
    return f"{count} worker" + ("s" if count > 1 else "")


def _timed_rows(places, rounds):
    one = median([figures["requests_per_s"] for figures in rounds[_name(1)]])
    rows = {}
    for name, of_all in rounds.items():
        values = {column.key: summary([figures.get(column.key) for figures in of_all])
                  for column in TIMED_COLUMNS if column.key not in ("scaling", "cpus")}
        place = places[int(name.split()[0])]
        values["scaling"] = values["requests_per_s"]["median"] / one \
            if place.enough else "not measurable here"
        values["cpus"] = place.servers
        rows[name] = Row(name, values, [figures["requests_per_s"] for figures in of_all])
    rows[_name(1)].values["scaling"] = 1.0
    return rows


def _timed_claims(places, rows, rounds):
    """Where workers share a CPU, each switches whenever it waits; what they may not do is switch
    more than processes that share nothing."""
    claims = []
    for count in WORKERS[1:]:
        against = _name(1) if places[count].enough else f"{count} processes"
        if places[count].enough:
            claims.append(count_claim(f"{_name(count)}: requests/s, of {count} times one worker's",
                                      round(rows[_name(count)].values["scaling"] / count, 3),
                                      "at least", PER_WORKER))
        pairs = [(_switches(ours), _switches(theirs))
                 for ours, theirs in zip(rounds[_name(count)], rounds[against])]
        value, low, high = ratio(pairs)
        if math.isinf(high):
            low = high = None
        claims.append(Claim(f"{_name(count)} / {against}: context switches per request",
                            value, low, high, "at most", SWITCHES_RATIO, "x", len(pairs)))
    return claims


def _switches(figures):
    return max(figures["voluntary"] + figures["involuntary"], LEAST_SWITCHES)


def _calls(bench, workers, requests):
    connections = CONNECTIONS_EACH * workers
    with subjects.serving(bench, _http, connections=connections,
                          workers=workers) as (server, peers):
        peers.busy(20 * connections)
        return syscalls.counted(server, lambda: peers.busy(requests), bench.work)


def _calls_row(workers, calls, requests):
    return Row(_name(workers), {
        "receives": per_request(calls, RECEIVE, requests),
        "sends": per_request(calls, ["sendto", "sendmsg", "writev"], requests),
        "waits": per_request(calls, WAITS, requests),
        "wakes": per_request(calls, ["write"], requests),
        "futex": per_request(calls, ["futex"], requests)})


def _locked(bench, workers):
    """Locked instructions of a request more, and of one that has a turn for itself, each a Counter
    by (object, function, instruction)."""
    counted = callgrind.Counted(bench.work)
    rounds = 4 if bench.quick else 16
    with subjects.serving(bench, _http, counted.wrap, 64, workers=workers) as (server, peers):
        pid = server.process.pid
        peers.busy(640)
        process = binaries.Process(pid, [PLUGINS])
        profiles = [
            counted.profile(lambda: peers.together(rounds, 64, pid))
            - counted.profile(lambda: peers.together(rounds, 32, pid)),
            counted.profile(lambda: peers.one_by_one(64 * rounds))
            - counted.profile(lambda: peers.one_by_one(32 * rounds)),
        ]
    return [Counter({key: times / rounds / 32
                     for key, times in profile.resolved(process).locked().items()})
            for profile in profiles]


def _locked_table(found):
    keys = sorted({key for pair in found.values() for counts in pair for key in counts})
    rows = []
    for obj, function, instruction in keys:
        values = {"file": os.path.basename(obj), "instruction": instruction}
        for count, (request, alone) in found.items():
            values[f"request{count}"] = request[obj, function, instruction]
            values[f"alone{count}"] = alone[obj, function, instruction]
        rows.append(Row(function, values))
    return Table("executed instructions that lock, per request (callgrind, objdump)",
    LOCKED_COLUMNS,
                 rows, kind="locked")


@scenario("p10", "http with 1, 2, 4 and 8 workers")
def run(bench):
    places, rounds = _timed(bench)
    timed = _timed_rows(places, rounds)
    claims = _timed_claims(places, timed, rounds)
    rows, locked = [], {}
    requests = 3200 if bench.quick else 32000
    for count in WORKERS:
        bench.say(f"{_name(count)}: system calls, locked instructions")
        calls = _calls(bench, count, requests)
        rows.append(_calls_row(count, calls, requests))
        claims.append(count_claim(f"{_name(count)}: futex calls and wake-ups per request",
                                  round(per_request(calls, ["futex", "write"], requests), 4),
                                  "at most", SLACK))
        locked[count] = _locked(bench, count)
        claims.append(count_claim(f"{_name(count)}: locked instructions per request",
                                  round(sum(locked[count][0].values()), 2), "equal", 0))
    notes = []
    short = [str(count) for count in WORKERS[1:] if not places[count].enough]
    if short:
        notes.append(f"requests/s of {', '.join(short)} workers say nothing of scaling here: that "
                     f"takes a CPU for each worker and {CPUS_FOR_LOAD} for the load; they shared "
                     "one CPU, and so did as many processes with one worker each, beside which "
                     "their switches are seen")
    return Result([
        Table(f"timed, {CONNECTIONS_EACH} connections for each worker, medians", TIMED_COLUMNS,
              list(timed.values()), kind="workers"),
        Table(f"system calls per request, of {requests:,} (strace -f -c)", CALLS_COLUMNS, rows,
              kind="workers' calls"),
        _locked_table(locked)], claims, notes)
