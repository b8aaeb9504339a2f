# SPDX-License-Identifier: MIT
"""System calls of a server while a load runs, counted by strace in all of its threads."""
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass

from .servers import Failure

ATTACH_SECONDS = 10


@dataclass
class Calls:
    calls: int
    errors: int


def parse(text):
    """strace -c -U name,calls,errors: {name: Calls}, without the total."""
    found, rules = {}, 0
    for line in text.splitlines():
        words = line.split()
        if words and set(words[0]) == {"-"}:
            rules += 1
        elif rules == 1 and len(words) >= 2:
            found[words[0]] = Calls(int(words[1]), int(words[2]) if len(words) > 2 else 0)
    return found


def counted(server, load, folder):
    """Runs load() and returns {name: Calls} of what the server's processes called meanwhile."""
    out = os.path.join(folder, f"strace-{server.process.pid}")
    pids = [word for pid in server.pids for word in ("-p", str(pid))]
    with subprocess.Popen(["strace", "-f", "-c", "-U", "name,calls,errors", "-o", out, *pids],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as strace:
        try:
            _wait_attached(strace.stderr.fileno(), len(server.pids))
            load()
        finally:
            strace.send_signal(signal.SIGINT)
            said = strace.communicate(timeout=ATTACH_SECONDS)[1]
    if not os.path.exists(out):
        raise Failure(f"strace counted nothing: {said!r}")
    with open(out, encoding="ascii", errors="replace") as file:
        found = parse(file.read())
    os.unlink(out)
    return found


def _wait_attached(stderr, count):
    """strace says "Process N attached" when it has all threads of a process."""
    said, deadline = b"", time.monotonic() + ATTACH_SECONDS
    while said.count(b" attached") < count:
        ready, _, _ = select.select([stderr], [], [], max(0, deadline - time.monotonic()))
        piece = os.read(stderr, 4096) if ready else b""
        if not piece:
            raise Failure(f"strace cannot attach to the server; may it trace? {said!r}")
        said += piece
