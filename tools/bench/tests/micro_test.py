# SPDX-License-Identifier: MIT
"""What the micro-benchmarks print is read, and P7's claims are made of the right figures."""
import unittest

from harness import micro_programs
from harness.scenarios import p7_wheel
from harness.servers import Failure


def line(operation, size, ns, instructions=100):
    return {"bench": "wheel", "operation": operation, "size": size, "ns": ns,
            "instructions": instructions}


def filled(rounds=8, small=10, large=40, libevent=900, instructions=105):
    figures = p7_wheel.Figures()
    for operation in p7_wheel.OPERATIONS:
        for number in range(rounds):
            noise = 1 + number / 100
            for of, size, ns, count in (("evframe", 10_000, small, 100),
                                        ("evframe", 10_000_000, large * noise, instructions),
                                        ("evframe", 1_000_000, 50, 100),
                                        ("libevent", 1_000_000, libevent * noise, 300)):
                figures.rounds.setdefault((of, operation, size), {})[number] = line(
                    operation, size, ns, count)
    return figures


def verdicts(figures):
    return {claim.text: claim.verdict for claim in p7_wheel.claims(figures)}


class Lines(unittest.TestCase):
    def test_results_are_read(self):
        text = '{"bench":"wheel","operation":"stop","size":1000,"ns":5.25}\n'
        self.assertEqual(micro_programs.parse(text)[0]["ns"], 5.25)
        self.assertEqual(micro_programs.parse(""), [])

    def test_anything_else_is_a_failure(self):
        for text in ("nonsense", '{"size": 1}', "[1]", '{"operation":"a","size":"b","ns":1}'):
            with self.assertRaises(Failure):
                micro_programs.parse(text)


class Claims(unittest.TestCase):
    def test_targets_that_are_kept(self):
        for text, verdict in verdicts(filled()).items():
            self.assertIn(verdict, ("met", "", "not resolved"), text)
        self.assertEqual(verdicts(filled())["stop: time, 10 million / 10 thousand"], "met")
        self.assertEqual(verdicts(filled())["stop: libevent / evframe at a million"], "met")

    def test_targets_that_are_missed(self):
        missed = verdicts(filled(large=60, libevent=300, instructions=120))
        self.assertEqual(missed["expire: time, 10 million / 10 thousand"], "missed")
        self.assertEqual(missed["expire: libevent / evframe at a million"], "missed")
        self.assertEqual(missed["expire: instructions, 10 million / 10 thousand"], "missed")

    def test_what_has_no_target_is_reported_only(self):
        self.assertEqual(verdicts(filled(large=60))["mixed: time, 10 million / 10 thousand"], "")

    def test_too_few_rounds_resolve_nothing(self):
        few = verdicts(filled(rounds=3))
        self.assertEqual(few["start: time, 10 million / 10 thousand"], "not resolved")


if __name__ == "__main__":
    unittest.main()
