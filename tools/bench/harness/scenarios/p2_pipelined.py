# SPDX-License-Identifier: MIT
"""P2: as P1 with 16 requests in flight on each connection.

The target is in requests/s. A server that needs less than a microsecond of its CPU for a request is
faster than any load generator, so the same target is put to requests per second of the server's own
CPU, where the load generator does not show."""
from .. import contestants, load, report
from ..pairs import Comparison, compare
from ..registry import scenario
from ..results import Result


@scenario("p2", "http: 16 pipelined requests, 64 kept connections")
def run(bench):
    servers = [contestants.floor_http(bench), contestants.evframe_http(bench),
               contestants.nginx_http(bench), contestants.h2o_http(bench),
               contestants.lighttpd_http(bench)]
    comparisons = [Comparison("evframe", against, "at least", times, figure)
                   for figure in ("requests_per_s", "requests_per_cpu_s")
                   for against, times in (("floor", 0.75), ("nginx", 6))]
    with bench.serving(*servers):
        rounds = compare(bench, bench.turns(servers, load.wrk, script="pipeline.lua"), comparisons)
    return Result([report.contestants_table(run.title, rounds)],
                  [rounds.claim(comparison) for comparison in comparisons],
                  report.bottleneck_notes(rounds))
