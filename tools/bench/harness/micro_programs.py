# SPDX-License-Identifier: MIT
"""The micro-benchmarks (tools/bench/micro): programs that print a line of JSON per result."""
import json
import subprocess

from .servers import Failure

LIMIT_S = 600


def run(bench, name, *words, cpu=None):
    """What micro_NAME prints, as dictionaries. cpu: where it runs; None: where it likes."""
    command = [bench.program(f"micro_{name}"), *map(str, words)]
    if cpu is not None:
        command = ["taskset", "-c", str(cpu), *command]
    try:
        done = subprocess.run(["setpriv", "--pdeathsig", "KILL", *command], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"micro_{name} took more than {LIMIT_S} s") from error
    if done.returncode != 0:
        raise Failure(f"micro_{name} ended with {done.returncode}: {done.stderr.strip()}")
    return parse(done.stdout)


def parse(text):
    """Failure when a line is no result."""
    results = []
    for line in text.splitlines():
        try:
            result = json.loads(line)
            results.append({**result, "ns": float(result["ns"]), "size": int(result["size"]),
                            "operation": str(result["operation"])})
        except (ValueError, KeyError, TypeError) as error:
            raise Failure(f"no result of a micro-benchmark: {line!r}") from error
    return results
