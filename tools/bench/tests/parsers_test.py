# SPDX-License-Identifier: MIT
"""What load generators and the kernel print, read as it is meant; results kept; tables aligned."""
import json
import os
import tempfile
import unittest

from harness import accounting, bench, machine, parsers, registry, report, results
from harness.accounting import Usage
from harness.parsers import Load
from harness.results import Claim, Column, Result, Row, Table, count_claim


class LoadGenerators(unittest.TestCase):
    def test_report_is_the_last_line_of_json(self):
        said = ("Running 1s test @ http://127.0.0.1:1/\n  Latency {n}\n"
                '{"requests": 1000, "seconds": 1.01, "p50_us": 7, "p99_us": null, "p999_us": 9, '
                '"errors": 2}\n')
        self.assertEqual(parsers.report(said), Load(1000, 1.01, 7, None, 9, 2))

    def test_an_earlier_line_of_json_is_not_the_report(self):
        line = ('{"requests": %d, "seconds": 1, "p50_us": 1, "p99_us": 1, "p999_us": 1, '
                '"errors": 0}\n')
        self.assertEqual(parsers.report(line % 5 + line % 6).requests, 6)

    def test_no_report_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "unable to connect"):
            parsers.report("unable to connect to 127.0.0.1:1 Connection refused\n")

    def test_h2load_log(self):
        lines = [f"{1000000 + 10 * i}\t200\t{100 + i}" for i in range(1000)]
        load = parsers.h2load_log("\n".join(lines) + "\n1009000\t-1\t5\n")
        self.assertEqual((load.requests, load.errors), (1000, 1))
        self.assertAlmostEqual(load.seconds, (9990 + 1099) / 1e6)
        self.assertAlmostEqual(load.p50_us, 599.5)
        self.assertAlmostEqual(load.p99_us, 100 + 0.99 * 999)

    def test_h2load_warm_up_is_left_out_of_the_percentiles_only(self):
        log = "0\t200\t9000\n500\t200\t9000\n1000\t200\t10\n1500\t200\t20\n"
        load = parsers.h2load_log(log, 1000)
        self.assertEqual((load.requests, load.p50_us), (4, 15))

    def test_h2load_without_answers_is_an_error(self):
        for text in ("", "5\t-1\t7\n", "5\t500\t7\n"):
            with self.assertRaises(ValueError):
                parsers.h2load_log(text)


class Accounting(unittest.TestCase):
    def test_stat_with_a_wild_name(self):
        fields = " ".join(["S", "42"] + ["0"] * 9 + ["123", "456", "7"])
        self.assertEqual(accounting.parse_stat(f"99 (a) b) S 1 ) {fields}"), (42, 123, 456))

    def test_pairs_of_status_and_smaps(self):
        text = "7f00-7fff ---p 00000000 00:00 0  [rollup]\nRss:   1234 kB\nThreads:\t3\nName:\tx\n"
        self.assertEqual(accounting.parse_pairs(text), {"Rss": 1234, "Threads": 3})

    def test_stolen_time_of_one_cpu(self):
        text = "cpu  9 9 9 9 9 9 9 99 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 0 0 0 0 0 0 0 5 0 0\n"
        self.assertEqual(accounting.parse_stolen(text, 1), 5)
        self.assertEqual(accounting.parse_stolen(text, 7), 0)

    def test_own_process(self):
        pid = os.getpid()
        self.assertIn(pid, accounting.processes(pid))
        before = accounting.usage([pid])
        sum(range(2_000_000))
        used = accounting.usage([pid]) - before
        self.assertGreater(used.cpu_ns, 0)
        resident, private = accounting.memory([pid])
        self.assertGreater(resident, private)
        self.assertGreater(private, 0)

    def test_a_rounds_figures(self):
        load = Load(1000, 0.5, 1, 2, 3, 0, cpu_ns=400_000_000)
        used = Usage(cpu_ns=10_000_000, user_ticks=1, system_ticks=3, voluntary_switches=5,
                     involuntary_switches=5)
        got = bench.figures(load, used, 1.0, 100, 50)
        self.assertEqual(got["requests_per_s"], 2000)
        self.assertAlmostEqual(got["cpu_us"], 10)
        self.assertAlmostEqual(got["user_us"], 2.5)
        self.assertAlmostEqual(got["system_us"], 7.5)
        self.assertAlmostEqual(got["requests_per_cpu_s"], 100_000)
        self.assertAlmostEqual(got["switches"], 0.01)
        self.assertAlmostEqual(got["server_busy"], 1)
        self.assertAlmostEqual(got["load_busy"], 40)

    def test_cpu_lists(self):
        self.assertEqual(machine.parse_cpus("0-2,5"), [0, 1, 2, 5])


class Claims(unittest.TestCase):
    def verdict(self, low, high, relation, limit, precise=True):
        return Claim("x", (low + high) / 2, low, high, relation, limit, precise=precise).verdict

    def test_verdicts(self):
        self.assertEqual(self.verdict(1.00, 1.08, "at most", 1.08), "met")
        self.assertEqual(self.verdict(1.00, 1.09, "at most", 1.08), "not resolved")
        self.assertEqual(self.verdict(1.09, 1.10, "at most", 1.08), "missed")
        self.assertEqual(self.verdict(0.98, 1.00, "below", 1.0), "not resolved")
        self.assertEqual(self.verdict(1.00, 1.02, "below", 1.0), "missed")
        self.assertEqual(self.verdict(6.0, 7.0, "at least", 6), "met")
        self.assertEqual(self.verdict(5.0, 5.9, "at least", 6), "missed")
        self.assertEqual(self.verdict(0.99, 1.01, "contains", 1.0), "met")
        self.assertEqual(self.verdict(0.9, 1.1, "contains", 1.0, precise=False), "not resolved")
        self.assertEqual(self.verdict(1.01, 1.1, "contains", 1.0), "missed")
        self.assertEqual(count_claim("x", 0, "equal", 0).verdict, "met")
        self.assertEqual(count_claim("x", 1, "equal", 0).verdict, "missed")
        self.assertEqual(count_claim("x", 1, None, None).verdict, "")
        self.assertEqual(Claim("x", 1.0, None, None, "below", 2).verdict, "not resolved")


class Keeping(unittest.TestCase):
    def test_scenarios_are_merged(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "deep", "results.json")
            results.merge(path, "p1", "one", Result(notes=["old"]), {"quick": True})
            results.merge(path, "p2", "two", Result(), {"quick": False})
            results.merge(path, "p1", "one", Result(notes=["new"]), {"quick": False})
            kept = results.read(path)["scenarios"]
            self.assertEqual(sorted(kept), ["p1", "p2"])
            self.assertEqual(kept["p1"]["notes"], ["new"])
            self.assertFalse(kept["p1"]["quick"])

    def test_a_file_of_something_else_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results.json")
            for text in ("[1]", '{"schema": 0}', "not json"):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                with self.assertRaises(ValueError):
                    results.read(path)


class Reports(unittest.TestCase):
    def test_a_result_as_text_and_as_json(self):
        summary = {"median": 12345.6, "low": 1, "high": 2, "count": 3}
        table = Table("title", [Column("rate", "rate", ",.0f"), Column("none", "none")],
                      [Row("long name", {"rate": summary, "none": None}), Row("b", {"rate": 7})])
        result = Result([table], [Claim("a / b", 1.05, 1.04, 1.06, "at most", 1.08, "x", 12, True),
                                  count_claim("allocations", 0, "equal", 0)], ["so it is"])
        text = report.result_text("p0", "nothing", result, quick=False)
        self.assertIn("           rate\nlong name  12,346\nb               7\n", text)
        self.assertIn("a / b           1.050 [1.040-1.060]    12 pairs  <= 1.08  met\n", text)
        self.assertIn("note: so it is\n", text)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "r.json")
            results.merge(path, "p0", "nothing", result, {})
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)["scenarios"]["p0"]
        self.assertEqual(kept["claims"][0]["verdict"], "met")
        self.assertEqual(kept["tables"][0]["rows"][0]["values"]["rate"], summary)


class Scenarios(unittest.TestCase):
    def test_all_load_in_their_order(self):
        names = list(registry.load())
        self.assertEqual(names[:2], ["self", "p1"])
        self.assertEqual(names, sorted(names, key=registry._order))


if __name__ == "__main__":
    unittest.main()
