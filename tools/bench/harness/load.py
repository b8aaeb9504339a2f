# SPDX-License-Identifier: MIT
"""The load generators. Each function runs one to its end, on the load's CPU, and returns a Load."""
import os
import resource
import subprocess
import tempfile

from . import parsers
from .servers import Failure

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(os.path.dirname(HERE), "load")
EXTRA_SECONDS = 30  # a generator that takes so much longer than its round hangs


def run(bench, command, seconds):
    """Runs the command on the load's CPU; (its output, the nanoseconds of CPU that it used)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(["taskset", "-c", str(bench.load_cpu), *map(str, command)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds + EXTRA_SECONDS,
                              check=False)
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{command[0]} did not end: {error.output!r}") from error
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))} failed:\n{said}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return said, round(used * 1e9)


def wrk(bench, port, *, seconds=1, connections=64, script="report.lua", headers=(), path="/",
        threads=1):
    """script: one of load/*.lua."""
    more = [word for header in headers for word in ("-H", header)]
    said, used = run(bench, ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "-s",
                             os.path.join(SCRIPTS, script), *more,
                             f"http://127.0.0.1:{port}{path}"], seconds)
    load = parsers.report(said)
    load.cpu_ns = used
    return load


def echo(bench, port, *, size, seconds=1, connections=64):
    """Request and response on each connection, with messages of the size."""
    said, used = run(bench, [bench.program("echo_load"), port, connections, size, seconds], seconds)
    load = parsers.report(said)
    load.cpu_ns = used
    return load


def h2load(bench, port, *, rate=None, seconds=1, connections=64, warm_up_us=0):
    """HTTP/1.1 at a fixed rate of requests a second, over all connections together; without a
    rate as fast as answers come. The first warm_up_us do not count."""
    pace = ["--rps", f"{rate / connections:.3f}"] if rate else []
    with tempfile.NamedTemporaryFile("r", dir=bench.work, suffix=".h2load") as log:
        command = ["h2load", "--h1", "-t1", "-c", connections, "-D", seconds, "-m", 1, *pace,
                   f"--log-file={log.name}", f"http://127.0.0.1:{port}/"]
        _, used = run(bench, command, seconds)
        load = parsers.h2load_log(log.read(), warm_up_us)
    load.cpu_ns = used
    return load
