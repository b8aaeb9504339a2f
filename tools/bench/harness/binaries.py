# SPDX-License-Identifier: MIT
"""Addresses in a process and in ELF files: which file is mapped where, what a function there is
called, which instructions lock the bus. Asks nm, readelf and objdump (binutils).

Plugins run from a copy in memory, which tools cannot open: a mapping of "/memfd:http.so (deleted)"
stands for the plugin's file of the same name in `folders`.
"""
import bisect
import os
import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache


@dataclass
class Mapping:
    start: int
    end: int
    offset: int
    path: str


_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S{2}x\S ([0-9a-f]+) \S+ \d+\s*(.*)")
_MEMFD = re.compile(r"/memfd:(.+?)(?: \(deleted\))?$")


def parse_maps(text):
    """/proc/PID/maps: what can be executed of it."""
    found = []
    for line in text.splitlines():
        match = _MAPPING.match(line)
        if match and match[4]:
            found.append(Mapping(int(match[1], 16), int(match[2], 16), int(match[3], 16), match[4]))
    return found


class Process:
    """The code of a process as it is mapped now. folders: where plugins' files lie."""

    def __init__(self, pid, folders=()):
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
            self.mappings = parse_maps(file.read())
        self.folders = folders

    def place(self, address):
        """(file, address in the file) of an address in the process, or None."""
        for mapping in self.mappings:
            if mapping.start <= address < mapping.end:
                file = self._file(mapping.path)
                if file is None:
                    return None
                return file, link_address(file, address - mapping.start + mapping.offset)
        return None

    def _file(self, path):
        memfd = _MEMFD.match(path)
        if memfd is None:
            return path if os.path.exists(path) else None
        for folder in self.folders:
            file = os.path.join(folder, os.path.basename(memfd[1]))
            if os.path.exists(file):
                return file
        return None


def _output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace", check=False).stdout


def parse_segments(text):
    """readelf -lW: (offset, address, size) of what is loaded."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "LOAD":
            found.append((int(words[1], 16), int(words[2], 16), int(words[4], 16)))
    return found


@lru_cache(maxsize=None)
def _segments(file):
    return parse_segments(_output("readelf", "-lW", file))


def link_address(file, offset):
    """The address that the file itself gives to what lies at the offset."""
    for at, address, size in _segments(file):
        if at <= offset < at + size:
            return offset - at + address
    return offset


def parse_symbols(text):
    """nm -S: sorted (address, size, name) of functions; one name for each address."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in "tTwWiu":
            address, size, name = int(words[0], 16), int(words[1], 16), words[3].split("@")[0]
            if address not in found or len(name) < len(found[address][2]):
                found[address] = (address, size, name)
    return [found[address] for address in sorted(found)]


@lru_cache(maxsize=None)
def _symbols(file):
    """The file's own, or those of its debug file, where one is installed; else what it exports."""
    symbols = parse_symbols(_output("nm", "-S", file))
    if not symbols:
        build = re.search(r"Build ID: ([0-9a-f]{2})([0-9a-f]+)", _output("readelf", "-nW", file))
        if build:
            symbols = parse_symbols(_output("nm", "-S", "/usr/lib/debug/.build-id/"
                                            f"{build[1]}/{build[2]}.debug"))
    return symbols or parse_symbols(_output("nm", "-D", "-S", file))


def function(file, address):
    """The name of the function at the address of the file, or None: of a stripped library only what
    it exports has names."""
    symbols = _symbols(file)
    place = bisect.bisect_right(symbols, address, key=lambda symbol: symbol[0]) - 1
    if place < 0 or address >= symbols[place][0] + symbols[place][1]:
        return None
    return symbols[place][2]


_INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\s+(lock\b.*|xchg\b.*)")


def parse_locked(text):
    """objdump -d: {address: instruction} of what locks: a lock prefix, or an exchange with
    memory."""
    found = {}
    for line in text.splitlines():
        match = _INSTRUCTION.match(line)
        if match is None:
            continue
        instruction = match[2].split("#")[0].split("<")[0].strip()
        if instruction.startswith("xchg"):
            operands = instruction.removeprefix("xchg").strip().split(",")
            if all(re.fullmatch(r"%\w+", operand.strip()) for operand in operands):
                continue  # two registers
        found[int(match[1], 16)] = " ".join(instruction.split())
    return found


@lru_cache(maxsize=None)
def locked(file):
    return parse_locked(_output("objdump", "-d", "-w", "--no-show-raw-insn", file))
