# SPDX-License-Identifier: MIT
"""What a scenario works with: folders, CPUs, ports, servers, one measured round."""
import contextlib
import os
import random
import socket
import sys
import time

from . import accounting
from .servers import Failure

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
BUILD = os.path.join(ROOT, "build", "release")


class Bench:
    """quick: a few rounds, to see whether everything works. limit_s: how long one ratio may take.
    work: a folder that is gone afterwards. random: for orders, with a printed seed."""

    def __init__(self, *, quick, limit_s, work, server_cpu, load_cpu, first_port, seed):
        self.quick, self.limit_s, self.work = quick, limit_s, work
        self.server_cpu, self.load_cpu = server_cpu, load_cpu
        self.random = random.Random(seed)
        self.evframe = os.path.join(BUILD, "bin", "evframe")
        self._next_port = first_port

    def program(self, name):
        """One of our own programs, built from servers/ and load/."""
        return os.path.join(BUILD, "bench", name)

    def port(self):
        """A port that nobody listens on, below those that the kernel gives to connections."""
        for self._next_port in range(self._next_port + 1, self._next_port + 1000):
            with socket.socket() as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with contextlib.suppress(OSError):
                    trial.bind(("127.0.0.1", self._next_port))
                    return self._next_port
        raise Failure("no free port")

    def say(self, text):
        print(f"  {text}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def serving(self, *servers):
        """Runs the servers, on the servers' CPU where they name no other, while the block lasts."""
        try:
            for server in servers:
                server.start(self.server_cpu, self.work)
            yield servers
        finally:
            for server in reversed(servers):
                server.stop()

    def round(self, server, load, beside=()):
        """One round: load() drives the server and returns a Load; the figures are a dictionary
        whose keys are those of report.COLUMNS. beside: servers on the load's CPU, whose work
        counts as the load's."""
        server.check()
        others = [pid for other in beside for pid in other.pids]
        before_others, before = accounting.usage(others), accounting.usage(server.pids)
        begun, stolen = time.monotonic(), accounting.stolen_seconds(self.server_cpu)
        done = load()
        elapsed = time.monotonic() - begun
        stolen = accounting.stolen_seconds(self.server_cpu) - stolen
        used = accounting.usage(server.pids) - before
        done.cpu_ns += (accounting.usage(others) - before_others).cpu_ns
        server.check()
        if done.requests == 0:
            raise Failure(f"{server.name} answered nothing in a round")
        resident, private = accounting.memory(server.pids)
        return {**figures(done, used, elapsed, resident, private),
                "stolen": stolen / elapsed * 100}


    def turns(self, servers, generate, beside=(), **more):
        """For pairs.compare: by server's name, a function that runs a round of generate(bench,
        port, **more), with `beside` as in round(). Warms the servers up by a first round of
        each."""
        turns = {server.name: lambda server=server: self.round(
            server, lambda: generate(self, server.port, **more), beside) for server in servers}
        for turn in turns.values():
            turn()
        return turns


def figures(load, used, elapsed, resident, private):
    """A round's figures, from its load, what the server used, and how long it took in all."""
    cpu_us = used.cpu_ns / 1000 / load.requests
    ticks = used.user_ticks + used.system_ticks
    user_us = cpu_us * used.user_ticks / ticks if ticks else None
    switches = used.voluntary_switches + used.involuntary_switches
    return {
        "requests": load.requests,
        "requests_per_s": load.requests / load.seconds,
        "requests_per_cpu_s": 1e6 / cpu_us,
        "cpu_us": cpu_us,
        "user_us": user_us,
        "system_us": cpu_us - user_us if ticks else None,
        "p50_us": load.p50_us,
        "p99_us": load.p99_us,
        "p999_us": load.p999_us,
        "resident_kib": resident,
        "private_kib": private,
        "switches": switches / load.requests,
        "server_busy": used.cpu_ns / elapsed / 1e7,
        "load_busy": load.cpu_ns / elapsed / 1e7,
        "errors": load.errors,
    }
