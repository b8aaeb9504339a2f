# SPDX-License-Identifier: MIT
"""P5: TCP connections carried to one upstream server, which is the floor and runs beside the load
generator, on the load's CPU: its work is in nobody's figures.

The floor does nothing but receive and send: where the target lies below what it reaches against the
others, nothing that uses this kernel's sockets can meet it."""
from .. import contestants, load, report
from ..pairs import Comparison, compare
from ..registry import scenario
from ..results import Result


@scenario("p5", "proxy: TCP to one upstream server, 64 kept connections")
def run(bench):
    upstream = contestants.floor_http(bench, cpu=bench.load_cpu, name="upstream")
    peers = [contestants.haproxy_tcp(bench, upstream), contestants.nginx_stream(bench, upstream)]
    servers = [contestants.floor_relay(bench, upstream),
               contestants.evframe_proxy(bench, upstream), *peers]
    names = [peer.name for peer in peers]
    # At most 0.85 of the better one is at most 0.85 of either.
    comparisons = [Comparison("evframe", name, "at most", 0.85) for name in names]
    comparisons += [Comparison("floor", name) for name in names]
    with bench.serving(upstream, *servers):
        rounds = compare(bench, bench.turns(servers, load.wrk, beside=[upstream]), comparisons)
    return Result([report.contestants_table(run.title, rounds)],
                  [rounds.claim(comparison) for comparison in comparisons],
                  report.bottleneck_notes(rounds))
