# SPDX-License-Identifier: MIT
"""What all plots have in common: colours, texts, and files that are the same for the same results.

Colours are those of Okabe and Ito, which the colour-blind tell apart; evframe is the coloured one
and others are grey. The background is white whatever the page's is. Text stays text, so that a
changed figure is a small change of the file; nothing in it is random, and there is no date.
"""
import os
import re

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt  # noqa: E402  (after the choice above)

BLUE, SKY, ORANGE, GREEN = "#0072B2", "#56B4E9", "#E69F00", "#009E73"
VERMILLION = "#D55E00"
DARK_GREY, LIGHT_GREY, TEXT, FAINT = "#6B6B6B", "#C4C4C4", "#222222", "#666666"
WIDTH = 9  # inches, of 72 units each

plt.rcParams.update({
    "svg.hashsalt": "evframe", "svg.fonttype": "none",
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 11, "text.color": TEXT, "axes.labelcolor": TEXT, "axes.edgecolor": LIGHT_GREY,
    "xtick.color": TEXT, "ytick.color": TEXT, "axes.spines.top": False,
    "axes.spines.right": False, "figure.facecolor": "white", "axes.facecolor": "white",
    "savefig.facecolor": "white", "axes.titlesize": 12, "axes.titleweight": "bold",
    "axes.titlelocation": "left",
})

TITLE_INCHES, FOOT_INCHES, AXIS_INCHES = 0.95, 0.65, 0.4


def figure(title, subtitle, inches, columns=1, titled=False, scaled=False):
    """(figure, axes): the figure's panels are `inches` high; title and foot are added to that.
    titled: panels have titles of their own; scaled: and figures at their lower axis."""
    top, foot = TITLE_INCHES + 0.3 * titled, FOOT_INCHES + AXIS_INCHES * scaled
    height = inches + top + foot
    drawing, axes = plt.subplots(1, columns, figsize=(WIDTH, height), squeeze=False)
    drawing.subplots_adjust(top=1 - top / height, bottom=foot / height)
    drawing.text(0.02, 1 - 0.32 / height, title, fontsize=15, weight="bold", va="center")
    drawing.text(0.02, 1 - 0.62 / height, subtitle, fontsize=11, color=FAINT, va="center")
    return drawing, axes[0]


def about(entry):
    """Where a result comes from, in one line."""
    machine = entry["machine"]
    virtual = " (virtual)" if machine["virtual"] else ""
    parts = [f"{machine['cpu']}, {machine['cpus']} CPUs{virtual}",
             f"kernel {re.match(r'[0-9.]*', machine['kernel'])[0]}",
             f"evframe {(entry['commit'] or 'unknown')[:10]}"]
    if entry["quick"]:
        parts.append("A QUICK RUN: TOO FEW ROUNDS TO TELL ANYTHING")
    return ", ".join(parts)


def save(drawing, entry, path, note=""):
    """note: how to read it; stands above the line about the machine."""
    height = drawing.get_figheight()
    drawing.text(0.02, 0.36 / height, note, fontsize=9, color=FAINT, va="center")
    drawing.text(0.02, 0.16 / height, about(entry), fontsize=9, color=FAINT, va="center")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    drawing.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(drawing)


def middle(value):
    """A summary's median, or the number itself."""
    return value["median"] if isinstance(value, dict) else value


def is_ours(name):
    return name.startswith("evframe")


def bare(axis):
    """A bar chart needs no frame: the figures stand beside the bars."""
    axis.spines["bottom"].set_visible(False)
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="both", length=0)
    axis.set_xticks([])


def strong_ours(axis):
    """evframe's names in bold, in its colour."""
    for label in axis.get_yticklabels():
        if is_ours(label.get_text()):
            label.set_weight("bold")
            label.set_color(BLUE)
