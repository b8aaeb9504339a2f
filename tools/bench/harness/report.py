# SPDX-License-Identifier: MIT
"""Tables for people."""
import textwrap

from . import pairs, statistics
from .results import RELATIONS, Column, Row, Table

COLUMNS = [
    Column("requests_per_s", "requests/s", ",.0f"),
    Column("cpu_us", "CPU us/req", ".2f"),
    Column("user_us", "user", ".2f"),
    Column("system_us", "system", ".2f"),
    Column("x_floor", "x {reference} [95 %]", ""),
    Column("p50_us", "p50 us", ",.0f"),
    Column("p99_us", "p99 us", ",.0f"),
    Column("p999_us", "p99.9 us", ",.0f"),
    Column("resident_kib", "RSS KiB", ",.0f"),
    Column("private_kib", "private KiB", ",.0f"),
    Column("switches", "switches/req", ".3f"),
    Column("server_busy", "server %", ".0f"),
    Column("load_busy", "load %", ".0f"),
    Column("stolen", "stolen %", ".1f"),
    Column("errors", "errors", ",.0f"),
]


def contestants_table(title, rounds, reference="floor", spreads=("cpu_us",), compare=True):
    """The table of a comparison (pairs.Rounds): medians, for the figures in `spreads` also where
    four fifths of the rounds lie, and the ratio of the CPU figure to the reference's with its
    interval."""
    rows = []
    for name in rounds.by_name:
        values = {column.key: statistics.summary(rounds.of(name, column.key)) for column in COLUMNS
                  if column.key != "x_floor"}
        values["errors"] = sum(rounds.of(name, "errors"))
        for key in spreads:
            values[f"{key}_spread"] = spread(values[key], _style(key))
        if compare and name != reference and reference in rounds.by_name:
            values["x_floor"] = interval(rounds.claim(pairs.Comparison(name, reference)))
        rows.append(Row(name, values, rounds.of(name, "cpu_us")))
    columns = []
    for column in COLUMNS:
        columns.append(Column(column.key, column.label.format(reference=reference), column.style))
        if column.key in spreads:
            columns.append(Column(f"{column.key}_spread", "spread", ""))
    return Table(title, columns, rows)


def _style(key):
    return next(column.style for column in COLUMNS if column.key == key)


def spread(summary, style):
    return None if summary is None else f"{summary['low']:{style}}-{summary['high']:{style}}"


SATURATED = 90  # percent of a CPU


def bottleneck_notes(rounds):
    """Whose requests/s tell more of the load generator than of the server."""
    names = []
    for name in rounds.by_name:
        if (statistics.median(rounds.of(name, "load_busy")) >= SATURATED >
                statistics.median(rounds.of(name, "server_busy"))):
            names.append(name)
    if not names:
        return []
    return [f"the load generator was the bottleneck for {', '.join(names)}: their requests/s are "
            "its own, and only the CPU figures compare"]


def interval(claim):
    """1.046 [1.031-1.062]"""
    if claim.value is None:
        return "no pairs"
    if claim.high is None:
        return f"{claim.value:.3f} [too few]"
    return f"{claim.value:.3f} [{claim.low:.3f}-{claim.high:.3f}]"


def number(value, style):
    """A cell's text. A summary shows its median."""
    if isinstance(value, dict):
        value = value["median"]
    if value is None:
        return "-"
    return value if isinstance(value, str) else format(value, style)


def aligned(rows, left=1):
    """Lines of the rows (lists of texts), in columns; the first `left` columns flush left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) if i < left else cell.rjust(width)
                      for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows]


def table_lines(table):
    columns = [c for c in table.columns if any(row.values.get(c.key) is not None
                                                for row in table.rows)]
    cells = [[""] + [column.label for column in columns]]
    for row in table.rows:
        cells.append([row.name] + [number(row.values.get(c.key), c.style) for c in columns])
    return [table.title, *aligned(cells)]


def claim_line(claim):
    """The cells of a claim: what, how much, the target, the verdict."""
    target = ""
    if claim.relation == "contains":
        target = f"contains {claim.limit:g}"
    elif claim.relation is not None:
        target = f"{RELATIONS[claim.relation][0]} {claim.limit:g}"
    if claim.low is not None and claim.low == claim.high:
        value = f"{claim.value:,g} {claim.unit}".rstrip()
    else:
        value = interval(claim)
        if claim.precise is False:
            value += " wider than ±2 %"
    pairs_count = f"{claim.count} pairs" if claim.count else ""
    return [claim.text, value, pairs_count, target, claim.verdict]


def result_text(name, title, result, quick):
    lines = [f"{name}: {title}" + (" (QUICK: too few rounds to tell anything)" if quick else "")]
    for table in result.tables:
        lines += ["", *table_lines(table)]
    if result.claims:
        head = ["ratio or count", "value [95 % interval]", "", "target", ""]
        lines += ["", *aligned([head, *map(claim_line, result.claims)], left=5)]
    for note in result.notes:
        lines += ["", *textwrap.wrap(f"note: {note}", 100)]
    return "\n".join(lines) + "\n"
