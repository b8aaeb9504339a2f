# SPDX-License-Identifier: MIT
"""Medians, spreads, and the ratio of two contestants with its 95 % interval.

The ratio is estimated from pairs of rounds that were run side by side. Each pair gives one
logarithm of a ratio. The estimate is the Hodges-Lehmann median of these (the median of the means
of all two of them), and the interval is the one that belongs to it, from Wilcoxon's signed-rank
distribution.

Why this one. It assumes no distribution: not how wide or how heavy-tailed the noise is, only that
a pair is as likely to err upward as downward, which rounds in random order on one machine give.
Rounds that a neighbour on the host has spoiled count by their rank, not by their size. And it
needs two thirds of the pairs that the sign test (the plain median and its order statistics)
takes, which assumes still less. What slows both rounds of a pair alike, cancels.
That the intervals hold what they say is checked by simulation: with heavy tails in
tests/statistics_test.py, with drift and the rule when to stop as well in tests/pairs_test.py. """
import math
from functools import lru_cache

CONFIDENCE = 0.95
NORMAL = 1.959964  # the quantile of the normal distribution that belongs to it


def median(values):
    return quantile(values, 0.5)


def quantile(values, share):
    """Interpolated between the two nearest values."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def summary(values):
    """A figure's rounds as a Row keeps them: the median, and where the middle four fifths lie. None
    where nothing was measured."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"median": median(values), "low": quantile(values, 0.1), "high": quantile(values, 0.9),
            "count": len(values)}


@lru_cache(maxsize=None)
def signed_rank_cut(count):
    """Which of the means of two, counted from the smallest and from the largest, bound the
    interval; 0 when so few values have none. Exact up to 40, then by the normal approximation,
    which is as good there."""
    tail = (1 - CONFIDENCE) / 2
    if count > 40:
        deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return math.floor(count * (count + 1) / 4 + 0.5 - NORMAL * deviation)
    ways = [1]  # in how many ways the ranks 1…n can give each sum
    for rank in range(1, count + 1):
        wider = ways + [0] * rank
        for total, number in enumerate(ways):
            wider[total + rank] += number
        ways = wider
    cut = below = 0
    while below + ways[cut] <= tail * 2 ** count:
        below += ways[cut]
        cut += 1
    return cut


def centre(values):
    """(Hodges-Lehmann median, low, high). With fewer than six values the interval is infinite."""
    if not values:
        return math.nan, -math.inf, math.inf
    means = sorted((values[i] + values[j]) / 2
                   for i in range(len(values)) for j in range(i, len(values)))
    cut = signed_rank_cut(len(values))
    if cut == 0:
        return median(means), -math.inf, math.inf
    return median(means), means[cut - 1], means[-cut]


def ratio(pairs):
    """(ratio, low, high) of pairs (a, b) of positive figures: how many times b is a."""
    middle, low, high = centre([math.log(a / b) for a, b in pairs])
    return math.exp(middle), math.exp(low), math.inf if math.isinf(high) else math.exp(high)


def half_width(low, high):
    """Half the interval of a ratio, as a share: 0.02 is ±2 %."""
    if low <= 0 or math.isinf(high):
        return math.inf
    return math.sqrt(high / low) - 1
