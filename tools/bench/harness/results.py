# SPDX-License-Identifier: MIT
"""What a scenario hands back, and the file that keeps it.

A Result has tables (rows of figures), claims (figures that have a target, ratios above all) and
notes. The file is one JSON object, {"schema": 1, "scenarios": {name: {...}}}: a scenario that is
run again replaces its own entry and leaves the others, so each entry carries its own machine,
commit and date. """
import json
import os
from dataclasses import asdict, dataclass, field

SCHEMA = 1


@dataclass
class Column:
    """key: into Row.values. style: how numbers are shown, as in format(); e.g. ",.0f" or ".2f"."""
    key: str
    label: str
    style: str = ".2f"


@dataclass
class Row:
    """values: by column key a number, a text, None, or a summary {median, low, high, count} of
    rounds (statistics.summary). rounds: the primary figure, round by round."""
    name: str
    values: dict
    rounds: list = field(default_factory=list)


@dataclass
class Table:
    title: str
    columns: list
    rows: list
    kind: str = "contestants"  # for the plots: what sort of table this is


# How a claim compares: its symbol, and whether a value keeps it.
RELATIONS = {
    "at most": ("<=", lambda value, limit: value <= limit),
    "at least": (">=", lambda value, limit: value >= limit),
    "below": ("<", lambda value, limit: value < limit),
    "equal": ("=", lambda value, limit: value == limit),
}


@dataclass
class Claim:
    """A figure with its 95 % interval (low = high = value for a count, which has none) and a
    target.

    relation None: no target, the figure is only reported. relation "contains": the interval must
    contain the limit. Without enough rounds low and high are None, without any so is value.
    precise: the interval is as narrow as was asked for; None where that was not asked. """
    text: str
    value: float
    low: float
    high: float
    relation: str = None
    limit: float = None
    unit: str = ""
    count: int = 0
    precise: bool = None
    verdict: str = field(init=False)  # "met", "missed", "not resolved", "" without a target

    def __post_init__(self):
        self.verdict = self._judge()

    def _judge(self):
        if self.relation is None:
            return ""
        if self.value is None or self.high is None:
            return "not resolved"
        if self.relation == "contains":
            if not self.low <= self.limit <= self.high:
                return "missed"
            return "met" if self.precise is not False else "not resolved"
        keeps = RELATIONS[self.relation][1]
        worst, best = keeps(self.low, self.limit), keeps(self.high, self.limit)
        if worst and best:
            return "met"
        return "missed" if not worst and not best else "not resolved"


def count_claim(text, value, relation, limit, unit=""):
    """A claim about something that is counted and so has no interval."""
    return Claim(text, value, value, value, relation, limit, unit)


@dataclass
class Result:
    tables: list = field(default_factory=list)
    claims: list = field(default_factory=list)
    notes: list = field(default_factory=list)


def read(path):
    """What the file holds; an empty one when there is none. ValueError when it is something
    else."""
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
    except FileNotFoundError:
        return {"schema": SCHEMA, "scenarios": {}}
    if not isinstance(kept, dict) or kept.get("schema") != SCHEMA:
        raise ValueError(f"{path} is not a result file of this version; move it away")
    return kept


def merge(path, name, title, result, about):
    """Puts the scenario's result into the file, whole or not at all."""
    kept = read(path)
    kept["scenarios"][name] = {"name": name, "title": title, **about, **asdict(result)}
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(kept, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)
