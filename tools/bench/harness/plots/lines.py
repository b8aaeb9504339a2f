# SPDX-License-Identifier: MIT
"""Lines and points: the wheel over the number of timers, the workers, latencies."""
from matplotlib import ticker

from . import style
from .style import middle

LOOKS = {  # colour, marker, line of the wheel's contestants
    "evframe": (style.BLUE, "o", "-", 2.6), "libevent": (style.VERMILLION, "s", "--", 1.6),
    "heap": (style.DARK_GREY, "^", ":", 1.6),
}


def wheel(entry, path, operations=("start", "restart", "expire", "stop")):
    """points: rows with of, operation, size and ns."""
    points = [row["values"] for table in entry["tables"] for row in table["rows"]
              if {"of", "operation", "size", "ns"} <= set(row["values"])
              and row["values"].get("bench", "wheel") == "wheel"]
    operations = [name for name in operations
                  if any(point["operation"] == name for point in points)]
    if not operations:
        return False
    drawing, axes = style.figure(
        "Time of one timer operation, by how many timers there are",
        "nanoseconds, both axes logarithmic; lower is better", 2.9, len(operations), True, True)
    drawing.subplots_adjust(left=0.08, right=0.98, wspace=0.12)
    for axis, operation in zip(axes, operations):
        for of in sorted({point["of"] for point in points}, key=lambda of: (of != "evframe", of)):
            own = sorted((point["size"], middle(point["ns"])) for point in points
                         if point["of"] == of and point["operation"] == operation)
            colour, marker, line, width = LOOKS.get(of, (style.ORANGE, "x", "-.", 1.6))
            axis.plot(*zip(*own), color=colour, marker=marker, linestyle=line, linewidth=width,
                      markersize=5, label=of)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(operation)
        axis.grid(color=style.LIGHT_GREY, linewidth=0.5)
        axis.xaxis.set_major_locator(ticker.LogLocator(numticks=10))
        axis.xaxis.set_major_formatter(ticker.FuncFormatter(_short))
        axis.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.minorticks_off()
        axis.set_xlabel("timers")
    low = min(axis.get_ylim()[0] for axis in axes)
    high = max(axis.get_ylim()[1] for axis in axes)
    for axis in axes:
        axis.set_ylim(low, high)
        if axis is not axes[0]:
            axis.tick_params(labelleft=False)
    axes[0].legend(frameon=False, fontsize=10, loc="upper left")
    style.save(drawing, entry, path)
    return True


def _short(value, _):
    """1k, 10k, 1M."""
    for unit, name in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def workers(entry, path):
    """Requests/s where they can be measured; CPU per request and switches everywhere."""
    rows = {(word, int(count)): row["values"] for row in entry["tables"][0]["rows"]
            for count, word in [row["name"].replace("workers", "worker").split()]}
    counts = sorted(count for word, count in rows if word == "worker")
    scaled = all(not isinstance(rows["worker", count]["scaling"], str) for count in counts)
    drawing, axes = style.figure(
        "evframe with 1 to 8 workers", "http, 64 connections for each worker"
        + ("" if scaled else "; all workers on one CPU, so that requests/s say nothing here"),
        2.7, 3 if scaled else 2, True, True)
    drawing.subplots_adjust(left=0.09, right=0.97, wspace=0.28)
    panels = [("CPU per request, µs", lambda values: middle(values["cpu_us"])),
              ("context switches per request", lambda values: middle(values["voluntary"])
               + middle(values["involuntary"]))]
    if scaled:
        panels.insert(0, ("requests/s, in thousands",
                          lambda values: middle(values["requests_per_s"]) / 1000))
    for axis, (title, of) in zip(axes, panels):
        apart = [count for count in counts if ("processes", count) in rows]
        if apart:
            axis.plot([1, *apart], [of(rows["worker", 1])]
                      + [of(rows["processes", count]) for count in apart],
                      color=style.DARK_GREY, marker="s", linestyle="--", linewidth=1.4,
                      label="processes with one worker each")
        axis.plot(counts, [of(rows["worker", count]) for count in counts], color=style.BLUE,
                  marker="o", linewidth=2.6, label="workers of one process")
        axis.set_title(title)
        axis.set_xticks(counts)
        axis.set_xlabel("workers")
        axis.grid(axis="y", color=style.LIGHT_GREY, linewidth=0.5)
        axis.set_ylim(0, axis.get_ylim()[1] * 1.25)
    if scaled:
        one = rows["worker", 1]["requests_per_s"]["median"] / 1000
        axes[0].plot(counts, [one * (1 + 0.9 * (count - 1)) for count in counts],
                     color=style.VERMILLION, linestyle=":", label="0.9 for each worker more")
        axes[0].set_ylim(0, None)
    axes[0].legend(frameon=False, fontsize=9, loc="upper left" if scaled else "lower left")
    style.save(drawing, entry, path)


def latency(entry, path):
    """Percentiles of the contestants; the whiskers are four fifths of the rounds."""
    table = entry["tables"][0]
    percentiles = [("p50_us", "half of all (p50)"), ("p99_us", "99 of 100 (p99)"),
                   ("p999_us", "999 of 1000 (p99.9)")]
    names = [row["name"] for row in table["rows"]]
    drawing, (axis,) = style.figure(
        "Answers come within …", f"{table['title']} asked for, 70 % of saturation; less is better",
        0.42 * len(percentiles) * (len(names) + 0.6))
    drawing.subplots_adjust(left=0.27, right=0.97)
    labels, places = [], []
    highest = max(row["values"][key]["high"] for row in table["rows"] for key, _ in percentiles)
    for group, (key, text) in enumerate(percentiles):
        for index, row in enumerate(table["rows"]):
            place = group * (len(names) + 0.6) + index
            value = row["values"][key]
            ours = style.is_ours(row["name"])
            axis.barh(place, value["median"], height=0.72,
                      color=style.BLUE if ours else style.LIGHT_GREY)
            axis.errorbar(value["median"], place, xerr=[[value["median"] - value["low"]],
                                                        [value["high"] - value["median"]]],
                          color=style.TEXT, capsize=3, linewidth=1.2)
            axis.text(value["high"] + 0.015 * highest, place, f"{value['median']:,.0f} µs",
                      va="center", fontsize=10, weight="bold" if ours else "normal")
            labels.append(row["name"])
            places.append(place)
        axis.text(-0.13, group * (len(names) + 0.6) + (len(names) - 1) / 2, text, va="center",
                  ha="right", transform=axis.get_yaxis_transform(), fontsize=10)
    axis.set_yticks(places, labels)
    axis.set_ylim(max(places) + 0.6, -0.6)
    axis.set_xlim(0, highest * 1.15)
    style.bare(axis)
    style.strong_ours(axis)
    style.save(drawing, entry, path, "whiskers: four fifths of the rounds")
