# SPDX-License-Identifier: MIT
"""Contestants against each other on warm servers, in turns of about a second.

A rotation gives each contestant one round, in random order; two contestants' rounds of one
rotation are a pair. Machine noise comes in minutes as well as in milliseconds, and what lasts
longer than a rotation cancels in the pair. Rotations go on until every comparison is resolved or
its time is up; contestants whose comparisons are all resolved stand by, so that what is left gets
the time.

A comparison is resolved when its 95 % interval is narrower than ±2 % and does not contain the
target. It is looked at only now and then (each time a tenth more pairs are there): who looks
after each pair and stops at a good moment deceives himself. """
import math
import time
from dataclasses import dataclass, field

from . import statistics
from .results import Claim

HALF_WIDTH = 0.02
LEAST_PAIRS = 12
QUICK_PAIRS = 3


@dataclass
class Comparison:
    """How many times of against's figure subject's is; both are names of contestants."""
    subject: str
    against: str
    relation: str = None
    limit: float = None
    figure: str = "cpu_us"

    def text(self):
        return f"{self.subject} / {self.against}, {LABELS.get(self.figure, self.figure)}"


LABELS = {"cpu_us": "CPU per request", "requests_per_s": "requests/s",
          "requests_per_cpu_s": "requests per CPU second", "p99_us": "p99", "p999_us": "p99.9"}


@dataclass
class Rounds:
    """All rounds by contestant, each with its rotation's number, and how long each took."""
    by_name: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)

    def add(self, name, rotation, figures, seconds):
        self.by_name.setdefault(name, {})[rotation] = figures
        self.seconds[name] = self.seconds.get(name, 0) + seconds

    def of(self, name, figure):
        return [round[figure] for round in self.by_name.get(name, {}).values()]

    def pairs(self, subject, against, figure):
        """Pairs of figures from the same rotation; rounds with errors make none."""
        one, other = self.by_name.get(subject, {}), self.by_name.get(against, {})
        return [(one[r][figure], other[r][figure]) for r in one
                if r in other and not one[r]["errors"] and not other[r]["errors"]
                and one[r][figure] and other[r][figure]]

    def claim(self, comparison):
        pairs = self.pairs(comparison.subject, comparison.against, comparison.figure)
        if not pairs:
            return Claim(comparison.text(), None, None, None, comparison.relation,
                         comparison.limit, "x", 0, False)
        value, low, high = statistics.ratio(pairs)
        if math.isinf(high):
            low = high = None
        return Claim(comparison.text(), value, low, high, comparison.relation,
                     comparison.limit, "x", len(pairs),
                     high is not None and statistics.half_width(low, high) < HALF_WIDTH)


def compare(bench, contestants, comparisons, rotations=LEAST_PAIRS, clock=time.monotonic):
    """contestants: by name a function that runs one round and returns its figures. rotations: the
    least; all there are where nothing is compared. Returns Rounds."""
    rounds = Rounds({name: {} for name in contestants})  # in this order in tables
    least = QUICK_PAIRS if bench.quick else rotations
    open_ones = list(comparisons)
    rotation, look = 0, least
    while True:
        if comparisons and not open_ones:
            break
        names = [name for name in contestants
                 if rotation < least or any(name in (c.subject, c.against) for c in open_ones)]
        bench.random.shuffle(names)
        for name in names:
            begun = clock()
            figures = contestants[name]()
            rounds.add(name, rotation, figures, clock() - begun)
        rotation += 1
        if rotation < look:
            continue
        look = rotation + math.ceil(rotation / 10)
        if bench.quick or not comparisons:
            break
        open_ones = [c for c in open_ones if not _finished(rounds, c, bench.limit_s)]
        states = "; ".join(_state(rounds, comparison) for comparison in open_ones)
        bench.say(f"{rotation} rounds; {states or 'done'}")
    return rounds


def _finished(rounds, comparison, limit_s):
    claim = rounds.claim(comparison)
    if claim.precise and claim.verdict != "not resolved":
        return True
    return rounds.seconds[comparison.subject] + rounds.seconds[comparison.against] > limit_s


def _state(rounds, comparison):
    claim = rounds.claim(comparison)
    if claim.value is None or claim.high is None:
        return f"{comparison.subject}/{comparison.against} ?"
    width = statistics.half_width(claim.low, claim.high)
    return f"{comparison.subject}/{comparison.against} {claim.value:.3f} ±{width * 100:.1f} %"
