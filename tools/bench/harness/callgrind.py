# SPDX-License-Identifier: MIT
"""Instructions in user space, counted by valgrind --tool=callgrind, function by function.

The server runs under valgrind; it is told (vgdb) to write a profile and begin anew, before and
after a load of an exact number of requests. Start-up and connecting are thereby outside, and what a
dump itself costs cancels between two loads of different size. Clock reads are system calls under
valgrind, so the few instructions that they take in the vdso are not seen.
"""
import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field

from . import binaries, exact
from .servers import Failure


@dataclass
class Profile:
    """costs: instructions executed, by (object, address); names: the functions there, as far as
    callgrind knows them. The object is a file, or "???" for memory without one."""
    costs: Counter = field(default_factory=Counter)
    names: dict = field(default_factory=dict)

    def total(self):
        return sum(self.costs.values())

    def __sub__(self, other):
        costs = Counter(self.costs)
        costs.subtract(other.costs)
        return Profile(Counter({at: cost for at, cost in costs.items() if cost != 0}),
                       {**other.names, **self.names})

    def resolved(self, process):
        """The same with the addresses of "???" replaced by places in files, where `process` knows,
        and with functions named as their files name them. (callgrind takes the nearest exported
        name where a library is stripped.)"""
        found = Profile()
        for (obj, address), cost in self.costs.items():
            name = self.names.get((obj, address))
            place = process.place(address) if obj == "???" else (obj, address)
            if place is not None and os.path.exists(place[0]):
                obj, address = place
                name = binaries.function(obj, address) or "(not exported)"
            found.costs[obj, address] += cost
            found.names[obj, address] = name
        return found

    def functions(self):
        """{(object, function): instructions}, without the suffixes that optimisers add."""
        found = Counter()
        for at, cost in self.costs.items():
            name = self.names.get(at) or f"{at[1]:#x}"
            found[at[0], re.sub(r"\.(lto_priv|part|constprop|isra|cold)[.\d]*", "", name)] += cost
        return found

    def locked(self):
        """{(object, function, instruction): times} of executed instructions that lock the bus."""
        found = Counter()
        for (obj, address), cost in self.costs.items():
            if os.path.exists(obj) and address in binaries.locked(obj):
                name = self.names.get((obj, address)) or f"{address:#x}"
                found[obj, name, binaries.locked(obj)[address]] += cost
        return found


_NAME = re.compile(r"(c?)(ob|fl|fi|fe|fn)=(?:\((\d+)\))?\s*(.*)")


def parse(lines):
    """A profile that callgrind wrote with --dump-instr=yes."""
    profile, known = Profile(), {}
    obj = function = ""
    address = 0
    after_calls = False
    for line in lines:
        first = line[:1]
        if first in "0+-*" and first:
            words = line.split()
            address = _position(words[0], address)
            if not after_calls and len(words) > 2:
                profile.costs[obj, address] += int(words[2])
                profile.names[obj, address] = function
            after_calls = False  # that line's cost was the callee's
        elif line.startswith("calls="):
            after_calls = True
        else:
            match = _NAME.match(line)
            if match is None:
                continue
            called, kind, number, name = match.groups()
            table = "ob" if kind == "ob" else "fn" if kind == "fn" else "fl"
            if number is not None and name:
                known[table, number] = name.rstrip("\n")
            name = known.get((table, number), name.rstrip("\n"))
            if not called and kind == "ob":
                obj = name
            elif not called and kind == "fn":
                function = name
    return profile


def _position(word, last):
    if word == "*":
        return last
    if word[0] in "+-":
        return last + int(word, 0)
    return int(word, 0)


class Counted:
    """A server under callgrind. Its command must be given to wrap() before it starts."""

    def __init__(self, folder):
        self.out = os.path.join(folder, f"callgrind-{os.getpid()}-{id(self)}.out")
        self.server, self._dumps = None, 0

    def wrap(self, server):
        server.command = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "-q",
                          f"--callgrind-out-file={self.out}", *server.command]
        self.server = server
        return server

    def profile(self, load):
        """What the server executed while load() ran."""
        self._dump()
        load()
        return self._dump()

    def _dump(self):
        pid = self.server.process.pid
        exact.settle(pid)
        done = subprocess.run(["vgdb", f"--pid={pid}", "dump"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, check=False)
        exact.settle(pid)
        self._dumps += 1
        path = f"{self.out}.{self._dumps}"
        if done.returncode != 0 or not os.path.exists(path):
            raise Failure(f"valgrind wrote no profile: {done.stdout}")
        with open(path, encoding="utf-8", errors="replace") as file:
            profile = parse(file)
        os.unlink(path)
        return profile
