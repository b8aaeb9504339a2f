# SPDX-License-Identifier: MIT
"""P1: the fixed answer of 13 bytes over 64 kept connections."""
from .. import contestants, load, report
from ..pairs import Comparison, compare
from ..registry import scenario
from ..results import Result


@scenario("p1", "http: a 13-byte answer, 64 kept connections")
def run(bench):
    servers = [contestants.floor_http(bench), contestants.evframe_http(bench),
               contestants.nginx_http(bench), contestants.h2o_http(bench),
               contestants.lighttpd_http(bench), contestants.haproxy_http(bench)]
    comparisons = [Comparison("evframe", "floor", "at most", 1.08)]
    comparisons += [Comparison("evframe", server.name, "below", 1.0) for server in servers[2:]]
    with bench.serving(*servers):
        rounds = compare(bench, bench.turns(servers, load.wrk), comparisons)
    return Result([report.contestants_table(run.title, rounds)],
                  [rounds.claim(comparison) for comparison in comparisons],
                  report.bottleneck_notes(rounds))
