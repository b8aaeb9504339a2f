# SPDX-License-Identifier: MIT
"""Connections that are held open: the program load/holder.c, and what a server has of them."""
import contextlib
import os
import resource
import subprocess
import time

from . import accounting
from .servers import Failure

HOLD_SECONDS = 60
SETTLE_SECONDS, SETTLE_ROUNDS, SETTLE_SHARE = 1.5, 8, 0.005


def allow_descriptors(count):
    """Servers and holders get as many descriptors as the system allows; Failure when that is
    less."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < count + 100:
        raise Failure(f"{count} connections need more open files than the limit of {most}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def held(bench, port, count, batch, request):
    """While the block lasts, so many connections stand, each with one answer; they came `batch` at
    a time. Failure when the server has lost any of them by the end."""
    with subprocess.Popen(["taskset", "-c", str(bench.load_cpu), bench.program("holder"), str(port),
                           str(count), str(batch), request], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as holder:
        try:
            said = holder.stdout.readline()
            if said != f"held {count}\n":
                raise Failure(f"connections could not be held: {holder.stderr.read()}")
            yield
        finally:
            try:
                rest, _ = holder.communicate(timeout=HOLD_SECONDS)
            except subprocess.TimeoutExpired:
                holder.kill()
                raise
    if rest != "lost 0\n":
        raise Failure(f"not all of the connections lasted: {rest}")


def anonymous(pids):
    """(private anonymous, resident) bytes of the processes."""
    found = [0, 0]
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            sizes = accounting.parse_pairs(file.read())
        found[0] += sizes["Anonymous"] * 1024
        found[1] += sizes["Rss"] * 1024
    return found


def settled(pids):
    """The same once it has stopped to change, or after a while: some servers give memory back
    late."""
    last = anonymous(pids)
    for _ in range(SETTLE_ROUNDS):
        time.sleep(SETTLE_SECONDS)
        now = anonymous(pids)
        if abs(now[0] - last[0]) <= SETTLE_SHARE * last[0]:
            return now
        last = now
    return last


def watched_sockets(pid):
    """For each epoll of the process, by its descriptor: how many sockets it watches. This is the
    kernel's own view (/proc/PID/fdinfo), whatever the server says of itself."""
    folder = f"/proc/{pid}"
    links = {}
    for fd in os.listdir(f"{folder}/fd"):
        with contextlib.suppress(FileNotFoundError):
            links[fd] = os.readlink(f"{folder}/fd/{fd}")
    found = {}
    for fd, link in links.items():
        if link == "anon_inode:[eventpoll]":
            with open(f"{folder}/fdinfo/{fd}", encoding="ascii") as file:
                found[int(fd)] = sum(links.get(watched, "").startswith("socket:")
                                     for watched in parse_watched(file.read()))
    return found


def parse_watched(text):
    """/proc/PID/fdinfo of an epoll: the descriptors that it watches, as texts."""
    return [line.split()[1] for line in text.splitlines() if line.startswith("tfd:")]
