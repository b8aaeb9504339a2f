# SPDX-License-Identifier: MIT
"""Horizontal bars: CPU per request, memory per connection, instructions per request."""
from . import style
from .style import middle

BAR_INCHES = 0.46


def cpu(entry, title, subtitle, panels, path):
    """A panel for each of the entry's tables; panels: their titles, where there are several."""
    tables = entry["tables"][:len(panels)]
    most = max(len(table["rows"]) for table in tables)
    drawing, axes = style.figure(title, subtitle, BAR_INCHES * most, len(panels), bool(panels[0]))
    drawing.subplots_adjust(left=0.18, right=0.97, wspace=0.25)
    for axis, table, name in zip(axes, tables, panels):
        _cpu_panel(axis, table, _ratios(entry, name), len(panels) == 1)
        axis.set_title(name)
    style.save(drawing, entry, path,
               "dark: in the server's own code, light: in the kernel; bars and x: times evframe's, "
               "with its 95 % interval (whiskers); µs: medians")


def _ratios(entry, panel):
    """{contestant: (its CPU time as times evframe's, low, high)} from the entry's claims; the
    interval is None where there were too few rounds."""
    found = {}
    for claim in entry["claims"]:
        pair, _, figure = claim["text"].partition(", ")
        subject, _, against = pair.partition(" / ")
        figure, _, of = figure.partition(", ")
        if subject != "evframe" or claim["value"] is None or (of and of != panel):
            continue
        values = [claim["value"], claim["low"], claim["high"]]
        if figure == "CPU per request":  # evframe's as times the other's
            values = [value and 1 / value for value in (values[0], values[2], values[1])]
        elif figure != "requests per CPU second":
            continue
        found[against] = values
    return found


def _cpu_panel(axis, table, ratios, roomy):
    rows = table["rows"]
    names = [row["name"] for row in rows]
    totals = [middle(row["values"]["cpu_us"]) for row in rows]
    ours = totals[names.index("evframe")]
    furthest = 0
    for place, (name, row, total) in enumerate(zip(names, rows, totals)):
        ratio, low, high = ratios.get(name, (total / ours, None, None))
        user = min(1, (middle(row["values"]["user_us"]) or 0) / total) * ratio
        mine = style.is_ours(name)
        axis.barh(place, user, color=style.BLUE if mine else style.DARK_GREY, height=0.66)
        axis.barh(place, ratio - user, left=user, color=style.SKY if mine else style.LIGHT_GREY,
                  height=0.66)
        text = f"{total:.2f} µs"
        if name != "evframe":
            text = f"{ratio:.2f} x · {text}"
        if low is not None:
            axis.errorbar(ratio, place, xerr=[[ratio - low], [high - ratio]], color=style.TEXT,
                          capsize=4, linewidth=1.2)
            if roomy:
                text = f"{ratio:.2f} x ({low:.2f} to {high:.2f}) · {total:.2f} µs"
        end = max(ratio, high or 0)
        furthest = max(furthest, end)
        axis.annotate(text, (end, place), (6, 0), textcoords="offset points", va="center",
                      fontsize=10, weight="bold" if mine else "normal")
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.set_xlim(0, furthest * (1.5 if roomy else 1.75))
    style.bare(axis)
    style.strong_ours(axis)


def memory(entry, path):
    table, target = entry["tables"][0], entry["claims"][0]["limit"]
    rows = sorted(table["rows"], key=lambda row: middle(row["values"]["bytes"]))
    drawing, (axis,) = style.figure(
        "Memory of an idle connection",
        "bytes of user memory, after one request, 15,000 connections, one worker; less is better",
        BAR_INCHES * len(rows))
    drawing.subplots_adjust(left=0.18, right=0.97)
    most = max(middle(row["values"]["bytes"]) for row in rows)
    for place, row in enumerate(rows):
        value = middle(row["values"]["bytes"])
        ours = style.is_ours(row["name"])
        axis.barh(place, value, color=style.BLUE if ours else style.LIGHT_GREY, height=0.66)
        axis.text(max(value, target) + 0.015 * most, place, f"{value:,.0f} bytes", va="center",
                  fontsize=10, weight="bold" if ours else "normal")
    axis.axvline(target, color=style.VERMILLION, linewidth=1.2, linestyle="--")
    axis.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlim(0, most * 1.2)
    style.bare(axis)
    style.strong_ours(axis)
    style.save(drawing, entry, path, f"dashed: evframe's target, {target:.0f} bytes; what the "
               "kernel has for a socket is the same for all and not in it")


def instructions(entry, path):
    rows = entry["tables"][0]["rows"]
    drawing, (axis,) = style.figure(
        "Instructions per request, in user space",
        "64 requests in each turn of the loop (callgrind); less is better", BAR_INCHES * len(rows))
    drawing.subplots_adjust(left=0.18, right=0.97)
    most = max(row["values"]["together"] for row in rows)
    for place, row in enumerate(rows):
        value, ours = row["values"]["together"], style.is_ours(row["name"])
        axis.barh(place, value, color=style.BLUE if ours else style.LIGHT_GREY, height=0.66)
        axis.text(value + 0.01 * most, place, f"{value:,.0f}", va="center", fontsize=10,
                  weight="bold" if ours else "normal")
    axis.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlim(0, most * 1.12)
    style.bare(axis)
    style.strong_ours(axis)
    style.save(drawing, entry, path, "floor: the least program that could do the same on this "
               "socket API; it parses nothing")
