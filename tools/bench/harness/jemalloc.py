# SPDX-License-Identifier: MIT
"""Allocations of a whole run, from jemalloc's own counters.

jemalloc prints its counters when the process ends. Threads' caches are turned off, because what
they answer is not counted as an allocation; the program asks for memory no less and no more without
them.
"""
import json
import re

# J: as JSON; the letters after it leave out what is not needed, but not the sum over all arenas.
SETTINGS = "tcache:false,stats_print:true,stats_print_opts:Jablxeh"


def wrap(server):
    """To be called before the server starts; its output, once it has ended, is for parse()."""
    server.command = ["env", f"MALLOC_CONF={SETTINGS}", *server.command]
    return server


def parse(text):
    """How many allocations there were, from the output of a process that has ended."""
    start = re.search(r'\{\s*"jemalloc"', text)
    if start is None:
        raise ValueError(f"no counters of jemalloc in {text[-400:]!r}")
    counters, _ = json.JSONDecoder().raw_decode(text, start.start())
    arenas = counters["jemalloc"]["stats.arenas"]
    return sum(arena[size]["nmalloc"] for arena in arenas.values() for size in ("small", "large"))
