# SPDX-License-Identifier: MIT
"""P4: user memory of an idle connection that has had one answer.

The private anonymous memory of all the server's processes, with the connections and before them.
What the kernel has for their sockets is the same for all and is not in it.
"""
import os
import shutil

from .. import contestants, holding, servers, statistics
from ..registry import scenario
from ..results import Column, Result, Row, Table, count_claim
from ..servers import Server

CONNECTIONS = 15000
BATCH = 100
TARGET = 320
HTTP = r"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HERE = os.path.dirname(os.path.abspath(__file__))
HELLO_JS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "servers", "hello.js")
COLUMNS = [
    Column("bytes", "bytes per connection", ",.0f"),
    Column("spread", "spread", ""),
    Column("rss", "RSS bytes per connection", ",.0f"),
    Column("before", "KiB before", ",.0f"),
]


def _memcached(bench):
    port = bench.port()
    return Server("memcached", ["memcached", "-l", "127.0.0.1", "-p", str(port), "-t", "1",
                                "-c", "16384", "-u", "root"], port, _probe_memcached)


def _probe_memcached(port):
    got = servers.talk(port, b"get hello\r\n", lambda got: got.endswith(b"\r\n"))
    return None if got == b"END\r\n" else f"to get it answered {got!r}"


def _node(bench):
    port = bench.port()
    return Server("node", ["node", "--expose-gc", HELLO_JS, str(port)], port, servers.probe_http)


CONTESTANTS = [
    (contestants.evframe_http, HTTP),
    (contestants.nginx_http, HTTP),
    (contestants.h2o_http, HTTP),
    (_memcached, r"get hello\r\n"),
    (contestants.haproxy_http, HTTP),
    (_node, HTTP),
]


def _one_round(bench, make, request):
    """(private anonymous, resident) bytes per connection, and the anonymous KiB before."""
    with bench.serving(make(bench)) as (server,):
        before = holding.anonymous(server.pids)
        with holding.held(bench, server.port, CONNECTIONS, BATCH, request):
            after = holding.settled(server.pids)
        server.check()
    return *((b - a) / CONNECTIONS for a, b in zip(before, after)), before[0] / 1024


def _row(name, rounds):
    taken = [one[0] for one in rounds]
    return Row(name, {"bytes": statistics.summary(taken),
                      "spread": f"{min(taken):.0f}-{max(taken):.0f}",
                      "rss": statistics.summary([one[1] for one in rounds]),
                      "before": statistics.median([one[2] for one in rounds])}, taken)


@scenario("p4", "memory of an idle connection after one request, 15 000 of them, one worker")
def run(bench):
    holding.allow_descriptors(CONNECTIONS)
    rows, notes = [], []
    for make, request in CONTESTANTS:
        trial = make(bench)
        if shutil.which(trial.command[0]) is None:
            notes.append(f"{trial.name} is not installed here and was left out")
            continue
        bench.say(trial.name)
        rows.append(_row(trial.name, [_one_round(bench, make, request)
                                      for _ in range(1 if bench.quick else 3)]))
    claims = [count_claim("evframe: private bytes per idle connection",
                          round(rows[0].values["bytes"]["median"], 1), "at most", TARGET, "bytes")]
    table = Table(f"private anonymous memory, {CONNECTIONS:,} idle connections", COLUMNS, rows,
                  kind="memory")
    return Result([table], claims, notes)
