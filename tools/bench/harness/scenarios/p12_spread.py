# SPDX-License-Identifier: MIT
"""P12: how evenly accepted connections are spread, counted while they are open.

How many each worker has is the kernel's own count of what each worker's epoll watches.
"""
from .. import contestants, holding
from ..registry import scenario
from ..results import Column, Result, Row, Table, count_claim
from ..servers import Failure

CONNECTIONS, WORKERS, BURST = 10000, 8, 1000
HTTP = r"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
COLUMNS = [Column(f"worker{i}", f"worker {i}", ",.0f") for i in range(WORKERS)] + \
          [Column("least", "least", ",.0f"), Column("most", "most", ",.0f")]


def _backlog():
    with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
        return int(file.read())


def _spread(bench, policy, batch):
    """How many connections each worker has."""
    server = contestants.evframe_http(bench, workers=WORKERS, options=["--dispatch", policy])
    with bench.serving(server):
        # Only the acceptor's epoll watches a socket before there are connections.
        before = holding.watched_sockets(server.process.pid)
        workers = sorted(fd for fd, sockets in before.items() if sockets == 0)
        with holding.held(bench, server.port, CONNECTIONS, batch, HTTP):
            during = holding.watched_sockets(server.process.pid)
        counts = [during[fd] for fd in workers]
    if len(counts) != WORKERS or sum(counts) != CONNECTIONS:
        raise Failure(f"of {CONNECTIONS} connections the workers' epolls watch {counts}")
    return counts


@scenario("p12", "spread of 10 000 open connections over 8 workers")
def run(bench):
    holding.allow_descriptors(CONNECTIONS)
    burst = min(BURST, _backlog() // 2)
    rows, claims = [], []
    for policy in ("round-robin", "least"):
        for how, batch in (("slow", 1), ("burst", burst)):
            name = f"{policy}, {how}"
            bench.say(name)
            counts = _spread(bench, policy, batch)
            rows.append(Row(name, {**{f"worker{i}": count for i, count in enumerate(counts)},
                                   "least": min(counts), "most": max(counts)}))
            claims.append(count_claim(f"{name}: largest less smallest", max(counts) - min(counts),
                                      "at most", 1))
    return Result([Table(f"connections of each worker; slow: one after the other, burst: {burst:,} "
                         "at once", COLUMNS, rows, kind="spread")], claims)
