# SPDX-License-Identifier: MIT
"""P8: allocations per request once warm."""
from .. import exact, jemalloc, subjects
from ..registry import scenario
from ..results import Column, Result, Row, Table, count_claim

CONNECTIONS = 64
COLUMNS = [
    Column("kept", "per request, kept connections", ".4f"),
    Column("visit", "per connection with one request", ".3f"),
    Column("start", "in all of the shorter run", ",.0f"),
]


def _whole_run(bench, subject, load):
    """How many allocations a run has: started, warmed up, load(server, peers), stopped."""
    with subjects.serving(bench, subject, jemalloc.wrap, CONNECTIONS) as (server, peers):
        peers.busy(20 * CONNECTIONS)
        load(server, peers)
    with open(server.log, encoding="utf-8", errors="replace") as log:
        return jemalloc.parse(log.read())


def _per_request(bench, subject, requests):
    """(per request, in the shorter run): the difference of two runs, of which one has so many more.
    Rounded: a start may take one allocation more or less than another."""
    few = _whole_run(bench, subject, lambda server, peers: peers.busy(requests))
    many = _whole_run(bench, subject, lambda server, peers: peers.busy(2 * requests))
    return abs(round((many - few) / requests, 3)), few


def _per_visit(bench, subject, visits):
    def visit(count):
        return lambda server, peers: exact.visits(server.port, count, subject.last,
                                                  subject.half_close)
    return (_whole_run(bench, subject, visit(2 * visits))
            - _whole_run(bench, subject, visit(visits))) / visits


@scenario("p8", "allocations per request once warm, by jemalloc's counters")
def run(bench):
    requests, visits = (6400, 200) if bench.quick else (64000, 2000)
    rows, claims = [], []
    for subject in subjects.SUBJECTS:
        if not subject.is_evframe:
            continue
        bench.say(f"{subject.name}")
        kept, warm = _per_request(bench, subject, requests)
        visit = _per_visit(bench, subject, visits) if subject.last else None
        rows.append(Row(subject.name, {"kept": kept, "visit": visit, "start": warm}))
        claims.append(count_claim(f"{subject.name}: allocations per request", kept, "equal", 0))
    return Result([Table(f"allocations, over {requests:,} requests and {visits:,} connections",
                         COLUMNS, rows, kind="allocations")], claims)
