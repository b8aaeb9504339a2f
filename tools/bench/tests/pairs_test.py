# SPDX-License-Identifier: MIT
"""Comparisons on a simulated machine: who gets rounds, when it ends, and that what it says is
true."""
import math
import random
import unittest

from harness import pairs
from harness.pairs import Comparison, compare


class Machine:
    """Stands in for the Bench and its clock. A round takes a second; figures drift, are noisy,
    and one round in twenty is spoiled."""

    def __init__(self, seed, noise=0.03, drift=0.01, limit_s=600, quick=False):
        self.random, self.luck = random.Random(seed), random.Random(-seed)
        self.limit_s, self.quick, self.noise, self.drift = limit_s, quick, noise, drift
        self.now, self.level, self.order, self.looks = 0, 0.0, [], 0

    def say(self, text):
        self.looks += 1

    def clock(self):
        return self.now

    def contestant(self, name, cost, errors=0):
        def turn():
            self.now += 1
            self.order.append(name)
            self.level += self.luck.gauss(0, self.drift)
            spoiled = self.luck.expovariate(1 / 0.3) if self.luck.random() < 0.05 else 0
            log = self.level + self.luck.gauss(0, self.noise) + spoiled
            return {"cpu_us": cost * math.exp(log), "errors": errors}
        return turn

    def compare(self, costs, comparisons, **more):
        contestants = {name: self.contestant(name, cost) for name, cost in costs.items()}
        return compare(self, contestants, comparisons, clock=self.clock, **more)


class Rotations(unittest.TestCase):
    def test_everybody_has_a_round_in_each_rotation_until_the_least_is_reached(self):
        machine = Machine(1, noise=0.001, drift=0)
        machine.compare({"a": 1, "b": 1, "c": 1}, [Comparison("a", "b")])
        for start in range(0, 3 * pairs.LEAST_PAIRS, 3):
            self.assertEqual(sorted(machine.order[start:start + 3]), ["a", "b", "c"])

    def test_the_order_differs(self):
        machine = Machine(2)
        machine.compare({"a": 1, "b": 1}, [Comparison("a", "b")])
        self.assertGreater(len({tuple(machine.order[i:i + 2]) for i in range(0, 24, 2)}), 1)

    def test_who_is_resolved_stands_by(self):
        machine = Machine(3, noise=0.06, drift=0)
        rounds = machine.compare({"a": 1, "b": 3, "c": 1.005},
                                 [Comparison("b", "a", "at least", 2),
                                  Comparison("c", "a", "at most", 1.0)])
        self.assertLess(len(rounds.of("b", "cpu_us")), len(rounds.of("c", "cpu_us")))

    def test_quick_ends_after_few(self):
        machine = Machine(4, quick=True)
        rounds = machine.compare({"a": 1, "b": 1}, [Comparison("a", "b")])
        self.assertEqual(len(rounds.of("a", "cpu_us")), pairs.QUICK_PAIRS)
        self.assertEqual(rounds.claim(Comparison("a", "b", "at most", 2)).verdict, "not resolved")

    def test_without_comparisons_it_makes_the_rotations_asked_for(self):
        rounds = Machine(5).compare({"a": 1, "b": 1}, [], rotations=5)
        self.assertEqual(len(rounds.of("b", "cpu_us")), 5)

    def test_the_limit_ends_what_noise_hides(self):
        machine = Machine(6, noise=0.5, limit_s=60)
        rounds = machine.compare({"a": 1, "b": 1.02}, [Comparison("a", "b", "at most", 1.0)])
        self.assertTrue(60 < machine.now <= 70, machine.now)
        claim = rounds.claim(Comparison("a", "b", "at most", 1.0))
        self.assertEqual(claim.verdict, "not resolved")
        self.assertFalse(claim.precise)

    def test_looks_are_seldom(self):
        machine = Machine(8, noise=0.5, limit_s=400)
        machine.compare({"a": 1, "b": 1}, [Comparison("a", "b", "at most", 1.0)])
        self.assertGreater(len(machine.order), 400)
        self.assertLess(machine.looks, 30)

    def test_rounds_with_errors_make_no_pair(self):
        machine = Machine(7)
        contestants = {"a": machine.contestant("a", 1), "b": machine.contestant("b", 1, errors=1)}
        rounds = compare(machine, contestants, [], clock=machine.clock)
        self.assertEqual(rounds.pairs("a", "b", "cpu_us"), [])
        claim = rounds.claim(Comparison("a", "b", "at most", 2))
        self.assertEqual((claim.value, claim.verdict), (None, "not resolved"))

    def test_only_rounds_of_one_rotation_make_a_pair(self):
        rounds = pairs.Rounds()
        for rotation, name in ((0, "a"), (0, "b"), (1, "a"), (2, "b")):
            rounds.add(name, rotation, {"cpu_us": rotation + 1, "errors": 0}, 1)
        self.assertEqual(rounds.pairs("a", "b", "cpu_us"), [(1, 1)])


class Truth(unittest.TestCase):
    """The whole rule, looks and early ends included."""

    RUNS = 150

    def test_intervals_hold_the_truth(self):
        held = 0
        for seed in range(self.RUNS):
            comparison = Comparison("a", "b", "at most", 1.08)
            claim = Machine(seed, limit_s=120).compare({"a": 1.05, "b": 1}, [comparison]) \
                .claim(comparison)
            held += claim.low <= 1.05 <= claim.high
        self.assertGreater(held / self.RUNS, 0.91)

    def test_verdicts_are_seldom_wrong(self):
        wrong = resolved = 0
        for seed in range(self.RUNS):
            comparison = Comparison("a", "b", "at most", 1.0)
            verdict = Machine(seed + 1000, limit_s=100).compare({"a": 1.03, "b": 1}, [comparison]) \
                .claim(comparison).verdict
            wrong += verdict == "met"
            resolved += verdict == "missed"
        self.assertLess(wrong / self.RUNS, 0.03)
        self.assertGreater(resolved / self.RUNS, 0.3)

    def test_a_contestant_beside_itself(self):
        met = 0
        for seed in range(self.RUNS):
            comparison = Comparison("a", "b", "contains", 1.0)
            claim = Machine(seed + 2000, limit_s=120).compare({"a": 1, "b": 1}, [comparison]) \
                .claim(comparison)
            met += claim.verdict != "missed"
        self.assertGreater(met / self.RUNS, 0.91)


if __name__ == "__main__":
    unittest.main()
