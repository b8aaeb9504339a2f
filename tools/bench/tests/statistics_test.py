# SPDX-License-Identifier: MIT
"""The estimates, and by simulation that 95 % intervals hold in 95 % of all cases."""
import itertools
import math
import random
import unittest

from harness import statistics


def noise(machine):
    """Heavy tails: mostly 3 %, one round in twenty spoiled by a neighbour."""
    spoiled = machine.expovariate(1 / 0.3) if machine.random() < 0.05 else 0
    return machine.gauss(0, 0.03) + spoiled


class Quantiles(unittest.TestCase):
    def test_median_of_odd_and_even(self):
        self.assertEqual(statistics.median([3, 1, 2]), 2)
        self.assertEqual(statistics.median([4, 1, 2, 3]), 2.5)

    def test_quantile_interpolates(self):
        self.assertEqual(statistics.quantile([0, 10], 0.25), 2.5)
        self.assertEqual(statistics.quantile([5], 0.99), 5)
        self.assertEqual(statistics.quantile(range(101), 0.99), 99)

    def test_summary_leaves_out_what_was_not_measured(self):
        self.assertIsNone(statistics.summary([None, None]))
        self.assertEqual(statistics.summary([None, 7])["median"], 7)
        self.assertEqual(statistics.summary([None, 7])["count"], 1)


class SignedRank(unittest.TestCase):
    def test_cut_is_that_of_all_sign_patterns(self):
        for count in range(1, 13):
            sums = [sum(rank for rank, sign in enumerate(signs, 1) if sign)
                    for signs in itertools.product((0, 1), repeat=count)]
            cut = statistics.signed_rank_cut(count)
            below = sum(total < cut for total in sums) / len(sums)
            self.assertLessEqual(below, 0.025)
            self.assertGreater(sum(total <= cut for total in sums) / len(sums), 0.025)

    def test_printed_tables_agree(self):
        # Critical values of Wilcoxon's test, two-sided 5 %: the largest sum that is significant.
        for count, critical in {6: 0, 8: 3, 10: 8, 15: 25, 20: 52, 25: 89, 30: 137}.items():
            self.assertEqual(statistics.signed_rank_cut(count), critical + 1)

    def test_approximation_continues_the_exact_values(self):
        exact, approximate = statistics.signed_rank_cut(40), statistics.signed_rank_cut(41)
        self.assertTrue(10 <= approximate - exact <= 20, (exact, approximate))

    def test_too_few_values_have_no_interval(self):
        middle, low, high = statistics.centre([1, 2, 3, 4, 5])
        self.assertEqual(middle, 3)
        self.assertTrue(math.isinf(low) and math.isinf(high))


class Centre(unittest.TestCase):
    def test_interval_turns_with_the_sign_and_moves_with_the_values(self):
        values = [random.Random(1).gauss(0, 1) + i % 3 for i in range(30)]
        middle, low, high = statistics.centre(values)
        self.assertLess(low, middle)
        self.assertLess(middle, high)
        turned = statistics.centre([-value for value in values])
        for got, expected in zip(turned, (-middle, -high, -low)):
            self.assertAlmostEqual(got, expected)
        moved = statistics.centre([value + 5 for value in values])
        for got, expected in zip(moved, (middle + 5, low + 5, high + 5)):
            self.assertAlmostEqual(got, expected)

    def test_interval_of_known_values(self):
        self.assertEqual(statistics.centre([1, 2, 3, 4, 5, 60]), (3.5, 1, 60))
        # Eight: the fourth of the means of two from either end; 1, 1.5, 2, 2, …
        self.assertEqual(statistics.centre([1, 2, 3, 4, 5, 6, 7, 8]), (4.5, 2, 7))

    def test_one_spoiled_value_counts_no_more_than_its_rank(self):
        values = [1.0 + i / 100 for i in range(20)]
        spoiled = values[:-1] + [1e9]
        self.assertAlmostEqual(statistics.centre(values)[0], statistics.centre(spoiled)[0],
                               places=1)

    def test_intervals_hold_what_they_say(self):
        for count in (6, 12, 30, 50):
            machine = random.Random(count)
            held = 0
            for _ in range(600):
                values = [noise(machine) - noise(machine) + 0.05 for _ in range(count)]
                _, low, high = statistics.centre(values)
                held += low <= 0.05 <= high
            self.assertGreater(held / 600, 0.93, f"{count} values")
            self.assertLess(held / 600, 0.99, f"{count} values")


class Ratio(unittest.TestCase):
    def test_ratio_of_equal_pairs(self):
        value, low, high = statistics.ratio([(3.0, 2.0)] * 20)
        for got in (value, low, high):
            self.assertAlmostEqual(got, 1.5)

    def test_the_other_way_round_is_the_inverse(self):
        machine = random.Random(3)
        pairs = [(1.2 * math.exp(noise(machine)), math.exp(noise(machine))) for _ in range(25)]
        value, low, high = statistics.ratio(pairs)
        inverse = statistics.ratio([(b, a) for a, b in pairs])
        for got, expected in zip(inverse, (1 / value, 1 / high, 1 / low)):
            self.assertAlmostEqual(got, expected)

    def test_half_width(self):
        self.assertAlmostEqual(statistics.half_width(1 / 1.02, 1.02), 0.02)
        self.assertTrue(math.isinf(statistics.half_width(0, math.inf)))


if __name__ == "__main__":
    unittest.main()
