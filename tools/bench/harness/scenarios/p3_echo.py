# SPDX-License-Identifier: MIT
"""P3: echo of small and large messages, one in flight on each of 64 connections."""
from .. import contestants, load, report
from ..pairs import Comparison, compare
from ..registry import scenario
from ..results import Result

SIZES = {"64 B": 64, "16 KiB": 16384}


@scenario("p3", "echo: messages of 64 B and 16 KiB, 64 connections")
def run(bench):
    result = Result()
    for label, size in SIZES.items():
        servers = [contestants.floor_echo(bench), contestants.evframe_echo(bench)]
        comparison = Comparison("evframe", "floor", "at most", 1.05)
        with bench.serving(*servers):
            rounds = compare(bench, bench.turns(servers, load.echo, size=size), [comparison])
        claim = rounds.claim(comparison)
        claim.text += f", {label}"
        result.tables.append(report.contestants_table(f"echo of {label}", rounds))
        result.claims.append(claim)
        result.notes += report.bottleneck_notes(rounds)
    return result
