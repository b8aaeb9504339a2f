# SPDX-License-Identifier: MIT
"""P6: one request per connection, from connect to close.

The server closes first, so its side keeps the port pair for a minute (TIME_WAIT). That does not
stop the next connection from the same port: its SYN is newer and takes the place. Some 14
thousand pairs are in use for each server, however many rounds there are, and after the warm-up
all rounds find the same. A connection that could not be made counts as an error.

h2o always takes connections up when their first bytes have come (TCP_DEFER_ACCEPT). "evframe
deferred" does so too; the others, as usual, do not. """
from .. import contestants, load, report
from ..pairs import Comparison, compare
from ..registry import scenario
from ..results import Result


@scenario("p6", "http: one request per connection, 64 at a time")
def run(bench):
    servers = [contestants.evframe_http(bench, options=["--accept", "reuseport"]),
               contestants.evframe_http(bench, name="evframe deferred", listener=",defer-accept=1s",
                                        options=["--accept", "reuseport"]),
               contestants.evframe_http(bench, name="evframe shared"),
               contestants.nginx_http(bench), contestants.lighttpd_http(bench),
               contestants.h2o_http(bench), contestants.haproxy_http(bench)]
    comparisons = [Comparison("evframe", server.name, "below", 1.0) for server in servers[3:]]
    comparisons += [Comparison("evframe deferred", "h2o", "below", 1.0)]
    with bench.serving(*servers):
        turns = bench.turns(servers, load.wrk, headers=["Connection: close"])
        rounds = compare(bench, turns, comparisons)
    table = report.contestants_table("evframe and evframe deferred: --accept reuseport",
                                     rounds, reference="evframe")
    return Result([table], [rounds.claim(comparison) for comparison in comparisons],
                  report.bottleneck_notes(rounds))
