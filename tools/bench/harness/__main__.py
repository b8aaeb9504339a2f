# SPDX-License-Identifier: MIT
"""The command line. tools/bench/run installs and builds what is needed and then starts this."""
import argparse
import os
import random
import signal
import sys
import tempfile

from . import machine, registry, report, results
from .bench import ROOT, Bench
from .servers import Failure

DESCRIPTION = """\
Measures evframe beside other servers, and beside the least program that could do the same (the
floor). Servers run on one CPU and the load on another. Contestants take turns of a second each, in
random order, on warm servers. The first figure is the server's own CPU time per request, because
requests per second alone often measure the load generator. Ratios come from rounds that ran side by
side and have a 95 % interval; one that the noise hides is called 'not resolved'.
"""

EPILOG = """\
Missing packages are installed (Debian), and the release preset and the programs of tools/bench are
built. All traffic stays on this machine. A full P1 takes about half an hour.

The exit status is 0 when all scenarios ran, whatever their figures; 1 when one could not; 2 for bad
usage; 130 after Ctrl-C.
"""


def arguments(words, names):
    parser = argparse.ArgumentParser(prog="tools/bench/run", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO",
                        help="which ones to run, as --list names them; all of them without a name")
    parser.add_argument("--list", action="store_true", help="say which scenarios there are")
    parser.add_argument("--json", metavar="FILE",
                        help="where results are kept; a scenario replaces its own and leaves the "
                             "others' (build/bench/results.json, with --quick quick.json)")
    parser.add_argument("--minutes", type=float, default=10, metavar="N",
                        help="the most that one ratio's rounds may take (10)")
    parser.add_argument("--quick", action="store_true",
                        help="a few rounds only, to see that everything works; the results "
                             "are marked")
    parser.add_argument("--server-cpu", type=int, metavar="N", help="where servers run")
    parser.add_argument("--load-cpu", type=int, metavar="N", help="where the load runs")
    parser.add_argument("--ports", type=int, default=21000, metavar="N",
                        help="servers take ports from here on (21000)")
    parser.add_argument("--seed", type=int, metavar="N", help="for the order of the rounds")
    chosen = parser.parse_args(words)
    for name in chosen.scenarios:
        if name not in names:
            parser.error(f"there is no scenario '{name}'; --list names them")
    if chosen.json is None:
        chosen.json = os.path.join(ROOT, "build", "bench",
                                   "quick.json" if chosen.quick else "results.json")
    if chosen.minutes <= 0:
        parser.error("--minutes wants a positive number")
    return chosen


def run_one(bench, scenario, chosen, seed):
    """Runs a scenario, prints its result and keeps it. False: it could not run."""
    print(f"{scenario.name}: {scenario.title} …", file=sys.stderr, flush=True)
    try:
        result = scenario.run(bench)
    except (Failure, ValueError, OSError) as failure:
        print(f"{scenario.name} could not be measured: {failure}", file=sys.stderr)
        return False
    about = machine.about(chosen.quick, seed)
    about.update(server_cpu=bench.server_cpu, load_cpu=bench.load_cpu)
    results.merge(chosen.json, scenario.name, scenario.title, result, about)
    print(report.result_text(scenario.name, scenario.title, result, chosen.quick), flush=True)
    return True


def main(words):
    scenarios = registry.load()
    chosen = arguments(words, scenarios)
    if chosen.list:
        for scenario in scenarios.values():
            print(f"{scenario.name:6} {scenario.title}")
        return 0
    results.read(chosen.json)  # a file that cannot take results is better known now than later
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves the with blocks
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background too

    seed = random.randrange(1 << 32) if chosen.seed is None else chosen.seed
    server_cpu, load_cpu = machine.usable_cpus()
    server_cpu = server_cpu if chosen.server_cpu is None else chosen.server_cpu
    load_cpu = load_cpu if chosen.load_cpu is None else chosen.load_cpu
    print(machine.text(machine.about(chosen.quick, seed)))
    print(f"servers on CPU {server_cpu}, load on CPU {load_cpu}; seed {seed}\n", flush=True)
    if server_cpu == load_cpu:
        print("servers and load share one CPU: latencies mean little here\n", flush=True)

    failed = False
    with tempfile.TemporaryDirectory(prefix="evframe-bench-") as work:
        os.chmod(work, 0o755)  # some servers, started by root, become somebody else
        bench = Bench(quick=chosen.quick, limit_s=chosen.minutes * 60, work=work,
                      server_cpu=server_cpu, load_cpu=load_cpu, first_port=chosen.ports, seed=seed)
        for name in chosen.scenarios or scenarios:
            failed |= not run_one(bench, scenarios[name], chosen, seed)
    if os.path.exists(chosen.json):
        print(f"results are kept in {os.path.relpath(chosen.json)}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
    except (Failure, ValueError) as error:
        print(f"tools/bench/run: {error}", file=sys.stderr)
        sys.exit(1)
