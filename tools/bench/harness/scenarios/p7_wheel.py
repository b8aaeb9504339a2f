# SPDX-License-Identifier: MIT
"""P7: the timeout wheel beside libevent's timers and a binary heap, by the number of timers.

A round runs evframe's wheel at all sizes and the others at those that are compared, each in a
process of its own; figures of the same round are a pair. At ten million the others are measured
once, for the table: nothing is compared there, and libevent takes a minute."""
from .. import micro_programs, statistics
from ..registry import scenario
from ..results import Claim, Column, Result, Row, Table, count_claim

SIZES = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
SMALL, LARGE, COMPARED = 10_000, 10_000_000, 1_000_000
OTHERS = ["libevent", "heap"]
TARGETED = ["start", "restart", "stop", "expire"]
OPERATIONS = ["start", "restart", "refresh", "stop", "expire", "mixed"]
ROUNDS, QUICK_ROUNDS = 10, 2

MEANINGS = ("restart: a random timer with a random timeout, earlier or later, once after each "
            "start; refresh: as long from now as it was started for, as idle times are; mixed: "
            "refreshes, stops, starts and expiries while time goes on. Timers are drawn at random, "
            "timeouts spread up to a minute; 64 bytes a timer, libevent's 128, in pages of 4 KiB")


class Figures:
    """By contestant, operation and size: a dictionary per round."""

    def __init__(self):
        self.rounds = {}

    def measure(self, bench, round_number, of, size):
        for line in micro_programs.run(bench, "wheel", "--of", of, "--size", size,
                                       "--repetitions", 1, cpu=bench.server_cpu):
            key = (of, line["operation"], size)
            self.rounds.setdefault(key, {})[round_number] = line

    def of(self, of, operation, size, figure):
        lines = self.rounds.get((of, operation, size), {}).values()
        return statistics.summary([line.get(figure) for line in lines])

    def pairs(self, one, other, figure="ns"):
        one, other = self.rounds.get(one, {}), self.rounds.get(other, {})
        return [(one[r][figure], other[r][figure]) for r in one if r in other]


def table(figures, title, figure, style):
    columns = [Column(str(size), f"{size:,d}", style) for size in SIZES]
    rows = [Row(f"{of} {operation}",
                {str(size): figures.of(of, operation, size, figure) for size in SIZES})
            for operation in OPERATIONS for of in ["evframe", *OTHERS]]
    return Table(title, columns, rows, kind="sizes")


def ratio(figures, text, one, other, relation, limit):
    pairs = figures.pairs(one, other)
    if not pairs:
        return Claim(text, None, None, None, relation, limit, "x")
    value, low, high = statistics.ratio(pairs)
    bounds = (low, high) if low > 0 else (None, None)
    return Claim(text, value, *bounds, relation, limit, "x", len(pairs))


def claims(figures):
    """Targets for the operations that targets.md names; the others are reported."""
    found = []
    for operation in OPERATIONS:
        target = operation in TARGETED
        small, large = ("evframe", operation, SMALL), ("evframe", operation, LARGE)
        counts = [figures.of(*key, "instructions") for key in (small, large)]
        if target and all(counts):
            found.append(count_claim(f"{operation}: instructions, 10 million / 10 thousand",
                                     round(counts[1]["median"] / counts[0]["median"], 3), "at most",
                                     1.1, "x"))
        found.append(ratio(figures, f"{operation}: time, 10 million / 10 thousand", large, small,
                           "at most" if target else None, 5 if target else None))
        for other in OTHERS:
            wanted = target and other == "libevent"
            found.append(ratio(figures, f"{operation}: {other} / evframe at a million",
                               (other, operation, COMPARED), ("evframe", operation, COMPARED),
                               "at least" if wanted else None, 8 if wanted else None))
    return found


@scenario("p7", "the timeout wheel, from a thousand timers to ten million")
def run(bench):
    figures = Figures()
    for number in range(QUICK_ROUNDS if bench.quick else ROUNDS):
        work = [("evframe", size) for size in SIZES] + [(of, COMPARED) for of in OTHERS]
        if number == 0:
            small = [size for size in SIZES if size < COMPARED]
            work += [(of, size) for of in OTHERS for size in small]
            work += [] if bench.quick else [(of, LARGE) for of in OTHERS]
        bench.random.shuffle(work)
        for of, size in work:
            figures.measure(bench, number, of, size)
        bench.say(f"round {number + 1} done")
    tables = [table(figures, "ns per operation, by the number of timers", "ns", ".1f"),
              table(figures, "instructions per operation", "instructions", ".0f"),
              table(figures, "cache misses per operation", "cache_misses", ".1f"),
              table(figures, "TLB misses per operation", "tlb_misses", ".1f")]
    return Result(tables, claims(figures), [MEANINGS])
