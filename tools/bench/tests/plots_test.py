# SPDX-License-Identifier: MIT
"""Plots: what they take from results, and that the same results give the same files."""
import os
import tempfile
import unittest

from harness.results import Claim, count_claim

try:
    from harness.plots import __main__ as plots
    from harness.plots import bars
except ImportError:  # python3-matplotlib is there only where somebody plots
    plots = None

ABOUT = {"quick": False, "commit": "0123456789abcdef", "notes": [],
         "machine": {"cpu": "A", "cpus": 2, "virtual": True, "kernel": "6.1.0-9-amd64"}}


def summary(value):
    return {"median": value, "low": value * 0.9, "high": value * 1.1, "count": 9}


def contestants(*named):
    return {"title": "", "kind": "contestants", "rows": [
        {"name": name, "rounds": [], "values": {"cpu_us": summary(us), "user_us": summary(us / 4)}}
        for name, us in named]}


def rows(*named):
    return {"title": "", "kind": "", "rows": [{"name": name, "values": values, "rounds": []}
                                              for name, values in named]}


def scenarios():
    claims = [vars(Claim("evframe / nginx, CPU per request", 0.8, 0.75, 0.9)),
              vars(Claim("evframe / h2o, CPU per request", 0.5, None, None)),
              vars(Claim("evframe / nginx, requests/s", 9, 8, 10))]
    cpu = contestants(("evframe", 8), ("nginx", 10.1), ("h2o", 17))
    latencies = {key: summary(us) for key, us in (("p50_us", 5), ("p99_us", 9), ("p999_us", 20))}
    switches = {"voluntary": summary(0.1), "involuntary": summary(0.02), "cpu_us": summary(9),
                "requests_per_s": summary(100000), "scaling": "not measurable here"}
    timers = [("", {"of": of, "operation": "start", "size": size, "ns": size ** 0.5})
              for of in ("libevent", "evframe", "heap") for size in (1000, 10000)]
    found = {
        "p1": {"tables": [cpu], "claims": claims},
        "p3": {"tables": [cpu, cpu], "claims": []},
        "p4": {"tables": [rows(("evframe", {"bytes": summary(292)}), ("nginx", {"bytes": 527}))],
               "claims": [vars(count_claim("", 292, "at most", 320))]},
        "p7": {"tables": [rows(*timers)], "claims": []},
        "p10": {"tables": [rows(("1 worker", switches), ("2 workers", switches),
                                ("2 processes", switches))], "claims": []},
        "p11": {"tables": [rows(("evframe", latencies), ("nginx", latencies))], "claims": []},
        "instructions": {"tables": [rows(("floor http", {"together": 474.4}))], "claims": []},
        "p9": {"tables": [], "claims": []},  # has no plot
    }
    return {name: {**ABOUT, **entry} for name, entry in found.items()}


@unittest.skipIf(plots is None, "matplotlib is not installed")
class Plots(unittest.TestCase):
    def test_ratios_are_turned_to_times_evframes(self):
        ratios = bars._ratios(scenarios()["p1"], "")
        self.assertEqual(ratios["nginx"], [1 / 0.8, 1 / 0.9, 1 / 0.75])
        self.assertEqual(ratios["h2o"], [2, None, None])

    def test_the_same_results_give_the_same_files(self):
        with tempfile.TemporaryDirectory() as folder:
            drawn = []
            for name in ("one", "two"):
                files = plots.draw(scenarios(), os.path.join(folder, name))
                drawn.append({})
                for path in files:
                    with open(path, encoding="utf-8") as file:
                        drawn[-1][os.path.basename(path)] = file.read()
        self.assertEqual(set(drawn[0]), {f"{name}.svg" for name in
                                         ("p1", "p3", "p4", "p7", "p10", "p11", "instructions")})
        self.assertEqual(*drawn)
        for text in drawn[0].values():
            self.assertIn("#ffffff", text)  # readable on a dark page too
            self.assertIn("0123456789", text)

    def test_a_quick_run_is_marked(self):
        entry = {**scenarios()["p4"], "quick": True}
        with tempfile.TemporaryDirectory() as folder:
            path, = plots.draw({"p4": entry}, folder)
            with open(path, encoding="utf-8") as file:
                self.assertIn("QUICK", file.read())


if __name__ == "__main__":
    unittest.main()
