# SPDX-License-Identifier: MIT
"""Reading what the load generators print."""
import json
from dataclasses import dataclass

from . import statistics


@dataclass
class Load:
    """What one round's load was: requests (or messages) answered within seconds, percentiles of their
    latency in microseconds, and errors of any kind (failed connects, resets, wrong answers, time-outs).
    cpu_ns: what the load generator itself has used."""
    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    p999_us: float
    errors: int
    cpu_ns: int = 0


def report(text):
    """The last line that is a JSON object, as wrk's report.lua and the programs of load/ print it."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            return Load(**json.loads(line))
    raise ValueError(f"no report in what the load generator said: {text!r}")


def h2load_log(text, seconds, warm_up_us=0):
    """h2load --log-file: start in microseconds since the epoch, status (-1: failed), microseconds
    until the response's end. Requests of the first warm_up_us are left out."""
    begun, taken, errors, first = 0, [], 0, None
    for line in text.splitlines():
        start, status, duration = (int(word) for word in line.split("\t")[:3])
        first = start if first is None else min(first, start)
        if start - first < warm_up_us:
            continue
        begun += 1
        if status == 200:
            taken.append(duration)
        else:
            errors += 1
    if not taken:
        raise ValueError(f"h2load had no answer to any of {begun} requests")
    taken.sort()
    p50, p99, p999 = (statistics.quantile(taken, share) for share in (0.5, 0.99, 0.999))
    return Load(len(taken), seconds, p50, p99, p999, errors)
