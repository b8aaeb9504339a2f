# SPDX-License-Identifier: MIT
"""What the framework's own parts cost per operation, each by itself. No targets: a look at where an
instruction more or less would count, and what a plugin pays for a call."""
from .. import micro_programs
from ..registry import scenario
from ..results import Column, Result, Row, Table

COLUMNS = [Column("size", "size", ",d"), Column("ns", "ns", ".1f"),
           Column("instructions", "instructions", ".0f"), Column("cycles", "cycles", ".0f"),
           Column("cache_misses", "cache misses", ".2f"), Column("tlb_misses", "TLB misses", ".2f")]

# Title, and whether it stays on one CPU: the mailbox has its producers on the others.
PROGRAMS = {
    "mailbox": ("mailbox: post and run, per message (size: producers, or the batch)", False),
    "pages": ("page pool: per read, or per block (size: bytes, or slices held)", True),
    "queue": ("write queue: per write, or per partial send (size: bytes of a write)", True),
    "options": ("options by name: per look-up (size: options of the schema)", True),
}


@scenario("micro", "mailbox, page pool, write queue and options, each by itself")
def run(bench):
    result = Result()
    words = ("--repetitions", 3 if bench.quick else 15)
    for name, (title, pinned) in PROGRAMS.items():
        lines = micro_programs.run(bench, name, *words, cpu=bench.server_cpu if pinned else None)
        rows = [Row(line["operation"], {column.key: line.get(column.key) for column in COLUMNS})
                for line in lines]
        result.tables.append(Table(title, COLUMNS, rows, kind="operations"))
    result.notes.append("instructions, cycles and misses are those of user space, and of the "
                        "mailbox's the consumer's alone; medians of the repetitions")
    return result
