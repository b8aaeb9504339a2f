# SPDX-License-Identifier: MIT
"""tools/bench/plot RESULTS.json FOLDER: one file for each scenario that has a plot and was run."""
import os
import sys

from .. import results
from . import bars, lines

LESS = "CPU time of the server, one worker; less is better"


def draw(scenarios, folder):
    """Returns the files that were written."""
    def cpu(name, title, subtitle, panels=("",)):
        if name in scenarios:
            path = os.path.join(folder, f"{name}.svg")
            bars.cpu(scenarios[name], title, f"{subtitle}; {LESS}", panels, path)
            written.append(path)

    def other(name, function):
        if name in scenarios:
            path = os.path.join(folder, f"{name}.svg")
            if function(scenarios[name], path) is not False:
                written.append(path)

    written = []
    cpu("p1", "HTTP: CPU time per request", "64 connections, answers of 13 bytes")
    cpu("p2", "HTTP, 16 requests at a time: CPU time per request", "64 connections, pipelined")
    cpu("p3", "Echo: CPU time per message", "64 connections", ("64 B", "16 KiB"))
    other("p4", bars.memory)
    cpu("p5", "TCP proxy: CPU time per request", "64 connections, one server behind it")
    cpu("p6", "HTTP, a connection for each request: CPU time per request", "64 at a time")
    other("p7", lines.wheel)
    other("p10", lines.workers)
    other("p11", lines.latency)
    other("instructions", bars.instructions)
    return written


def main(words):
    if len(words) != 2:
        print("usage: tools/bench/plot [RESULTS.json [FOLDER]]", file=sys.stderr)
        return 2
    if not os.path.exists(words[0]):
        print(f"plot: there is no {words[0]}; run tools/bench/run first", file=sys.stderr)
        return 1
    try:
        written = draw(results.read(words[0])["scenarios"], words[1])
    except ValueError as error:
        print(f"plot: {error}", file=sys.stderr)
        return 1
    for path in written:
        print(os.path.relpath(path))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
