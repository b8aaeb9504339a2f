# SPDX-License-Identifier: MIT
"""The processor's and the kernel's counters of a server while a load runs, through perf stat."""
import os
import subprocess

# Few enough to fit into the counters of a usual processor at once; more would be counted by turns.
HARDWARE = ["instructions:u", "instructions:k", "cycles:u", "cycles:k", "L1-dcache-load-misses:u",
            "branch-misses:u"]
SCHEDULING = ["context-switches", "cpu-migrations"]


def parse(text, events):
    """perf stat -x,: {event: count}, in the order in which they were asked for; None for what is
    not supported or was not counted. (perf leaves :u out of some names, so the order it is.)"""
    lines = [line.split(",") for line in text.splitlines() if "," in line and line[0] != "#"]
    counts = [int(float(words[0])) if words[0].replace(".", "", 1).isdigit() else None
              for words in lines]
    return dict(zip(events, counts + [None] * len(events)))


def counted(server, events, load, folder):
    """Runs load(); {event: count in the server's processes}, all None where perf cannot be used.

    perf counts while a command runs: here cat, which says by its first line that counting has begun
    and ends with its input.
    """
    out = os.path.join(folder, f"perf-{server.process.pid}")
    command = ["perf", "stat", "-x,", "-o", out, "-e", ",".join(events),
               "-p", ",".join(map(str, server.pids)), "--", "cat"]
    try:
        perf = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True, bufsize=1)
    except FileNotFoundError:
        load()
        return dict.fromkeys(events)
    counting = True
    try:
        perf.stdin.write("begun\n")
        counting = perf.stdout.readline() == "begun\n"
    except BrokenPipeError:
        counting = False
    try:
        load()
    finally:
        try:
            perf.communicate(timeout=10)
        except BrokenPipeError:
            perf.wait(10)
    if not counting or not os.path.exists(out):
        return dict.fromkeys(events)
    with open(out, encoding="ascii", errors="replace") as file:
        found = parse(file.read(), events)
    os.unlink(out)
    return found
