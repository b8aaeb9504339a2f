# SPDX-License-Identifier: MIT
"""Reading what the load generators print."""
import json
from dataclasses import dataclass

from . import statistics


@dataclass
class Load:
    """What one round's load was: requests (or messages) answered within seconds, percentiles of
    their latency in microseconds, and errors of any kind (failed connects, resets, wrong answers,
    time-outs). cpu_ns: what the load generator itself has used."""
    requests: int
    seconds: float
    p50_us: float
    p99_us: float
    p999_us: float
    errors: int
    cpu_ns: int = 0


def report(text):
    """The last line that is a JSON object, as wrk's report.lua and the programs of load/ print
    it."""
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            return Load(**json.loads(line))
    raise ValueError(f"no report in what the load generator said: {text!r}")


def h2load_log(text, warm_up_us=0):
    """h2load --log-file: start in microseconds since the epoch, status (-1: failed), microseconds
    until the response's end. Percentiles are of the requests that began after the first warm_up_us;
    requests are all of them, as the server's CPU time is. Connections that were never made leave no
    line, nor do requests that were under way at the end."""
    lines = [tuple(map(int, line.split("\t")[:3])) for line in text.splitlines()]
    good = [(start, taken) for start, status, taken in lines if status == 200]
    if not good:
        raise ValueError(f"h2load had no answer to any of {len(lines)} requests")
    first, last = min(start for start, _ in good), max(start + taken for start, taken in good)
    late = sorted(taken for start, taken in good if start - first >= warm_up_us)
    if not late:
        raise ValueError("h2load's warm-up was longer than its round")
    p50, p99, p999 = (statistics.quantile(late, share) for share in (0.5, 0.99, 0.999))
    return Load(len(good), (last - first) / 1e6, p50, p99, p999, len(lines) - len(good))
