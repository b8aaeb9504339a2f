# SPDX-License-Identifier: MIT
"""evframe beside itself: what the instrument says where nothing is to be seen."""
from .. import contestants, load, report
from ..pairs import Comparison, compare
from ..registry import scenario
from ..results import Result


@scenario("self", "evframe beside a second evframe, which must give 1.00")
def run(bench):
    servers = [contestants.evframe_http(bench), contestants.evframe_http(bench, name="again")]
    comparison = Comparison("again", "evframe", "contains", 1.0)
    with bench.serving(*servers):
        rounds = compare(bench, bench.turns(servers, load.wrk), [comparison])
    return Result([report.contestants_table(run.title, rounds, reference="evframe")],
                  [rounds.claim(comparison)], report.bottleneck_notes(rounds))
