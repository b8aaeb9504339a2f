# SPDX-License-Identifier: MIT
"""P11: latency at a fixed rate, 70 % of what the slower contestant can do.

h2load starts the requests of all its connections by timers that run out together, so they come in
bursts of up to 64, and the median is the time that a burst takes. It also waits for an answer
before it asks again on the same connection, so that a server which stalls is asked less. Both are
the same for either contestant. """
from .. import contestants, load, report, statistics
from ..pairs import Comparison, compare
from ..registry import scenario
from ..results import Result

SHARE = 0.7
SECONDS = 2
WARM_UP_US = 200_000  # connecting; left out of the percentiles


@scenario("p11", "http: latency at 70 % of saturation, at a fixed rate")
def run(bench):
    servers = [contestants.evframe_http(bench), contestants.nginx_http(bench)]
    comparisons = [Comparison("evframe", "nginx", "at most", 1.0, figure)
                   for figure in ("p99_us", "p999_us")]
    with bench.serving(*servers):
        most, notes = saturation(bench, servers)
        rate = round(SHARE * min(most.values()))
        turns = bench.turns(servers, load.h2load, rate=rate, seconds=SECONDS, warm_up_us=WARM_UP_US)
        rounds = compare(bench, turns, comparisons)
    notes.insert(0, f"{rate:,} requests/s asked for; most with h2load: " +
                 ", ".join(f"{name} {of:,.0f}" for name, of in most.items()))
    slow = [name for name in rounds.by_name
            if statistics.median(rounds.of(name, "requests_per_s")) < 0.98 * rate]
    if slow:
        notes.append(f"{', '.join(slow)} did not get the rate")
    table = report.contestants_table(f"{rate:,} requests/s", rounds, compare=False,
                                     spreads=("cpu_us", "p50_us", "p99_us", "p999_us"))
    return Result([table], [rounds.claim(comparison) for comparison in comparisons], notes)


def saturation(bench, servers):
    """Requests/s by contestant when h2load asks as fast as it is answered, and notes."""
    turns = bench.turns(servers, load.h2load)
    rounds = compare(bench, turns, [], rotations=5)
    most = {name: statistics.median(rounds.of(name, "requests_per_s")) for name in turns}
    return most, [f"while the saturation was looked for, {note}"
                  for note in report.bottleneck_notes(rounds)]
