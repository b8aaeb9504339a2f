# SPDX-License-Identifier: MIT
"""Which scenarios there are. Each file of scenarios/ registers its own:

    @scenario("p1", "http: a 13-byte answer on 64 kept connections")
    def run(bench):
        ...
        return Result(...)

The function gets the Bench (bench.py) and returns a Result (results.py).
"""
import importlib
import pkgutil
import re
from dataclasses import dataclass
from typing import Callable


@dataclass
class Scenario:
    name: str
    title: str
    run: Callable


_scenarios = {}


def scenario(name, title):
    def register(function):
        assert name not in _scenarios, f"two scenarios are called {name}"
        _scenarios[name] = Scenario(name, title, function)
        function.title = title
        return function
    return register


def _order(name):
    """self, p1, p2, … p12, and then what has no number."""
    number = re.search(r"\d+", name)
    if name == "self":
        return 0, name
    return int(number.group()) if number else 1000, name


def load():
    """All scenarios by name, in the order in which they run."""
    from . import scenarios
    for module in pkgutil.iter_modules(scenarios.__path__):
        importlib.import_module(f"{scenarios.__name__}.{module.name}")
    return {name: _scenarios[name] for name in sorted(_scenarios, key=_order)}
