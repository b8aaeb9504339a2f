# SPDX-License-Identifier: MIT
"""A contestant's server: started on one CPU, waited for, asked whether it answers right, stopped.

A server is given as a Server and runs while its `with` block does. It ends with the harness
whatever happens to that: on errors and Ctrl-C because the block is left, on anything else because
the kernel sends it SIGKILL when its parent is gone (setpriv --pdeathsig). """
import os
import signal
import socket
import subprocess
import time

from . import accounting

START_SECONDS = 10
STOP_SECONDS = 5


class Failure(Exception):
    """A scenario cannot go on; the text is for the user."""


class Server:
    """name: in tables. command: list of words. port: where it answers. probe: called with the
    port, returns None when the server answers right, else what was wrong. cpu: where it runs;
    None: where servers run. folder: its working directory; None: the run's own.
    """

    def __init__(self, name, command, port, probe, cpu=None, folder=None):
        self.name, self.command, self.port, self.probe = name, command, port, probe
        self.cpu, self.folder = cpu, folder
        self.process = self.pids = self.log = None

    def start(self, default_cpu, folder):
        """default_cpu: a number or a list as taskset takes it. folder: for what it writes."""
        cpu = default_cpu if self.cpu is None else self.cpu
        self.log = os.path.join(folder, f"{self.name.replace(' ', '-').replace('/', '-')}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(cpu), "setpriv", "--pdeathsig", "KILL", *self.command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder or folder,
                start_new_session=True)  # Ctrl-C is for the harness alone
        deadline = time.monotonic() + START_SECONDS
        wrong = "nothing yet"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"{self.name} ended at its start, with status "
                              f"{self.process.returncode}:\n{self.said()}")
            try:
                wrong = self.probe(self.port)
            except OSError as error:
                wrong = str(error)
            if wrong is None:
                self.pids = accounting.processes(self.process.pid)
                return
            time.sleep(0.02)
        self.stop()
        raise Failure(f"{self.name} does not answer as it should: {wrong}\n{self.said()}")

    def said(self):
        """The end of its output, with the command."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return f"  {' '.join(self.command)}\n" + "".join(f"  {line}" for line in log)[-4000:]

    def check(self):
        """Raises when the server has ended in the meantime."""
        if self.process.poll() is not None:
            raise Failure(f"{self.name} ended while it was measured, with status "
                          f"{self.process.returncode}:\n{self.said()}")

    def stop(self):
        if self.process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(number)
                try:
                    self.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        for pid in self.pids or []:  # workers that a killed master left
            if pid != self.process.pid and os.path.exists(f"/proc/{pid}"):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass


def talk(port, request, enough):
    """Sends the request, and returns what came until enough(it)."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as peer:
        peer.sendall(request)
        got = b""
        while not enough(got):
            piece = peer.recv(65536)
            if not piece:
                break
            got += piece
    return got


BODY = b"Hello, World!"


def probe_http(port):
    """Answers GET / with 200 and the body that all contestants have."""
    got = talk(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                lambda got: got.partition(b"\r\n\r\n")[2].endswith(BODY))
    head, _, body = got.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200") or body != BODY:
        return f"to GET / it answered {got!r}"
    if b"content-type: text/plain" not in head.lower():
        return f"its answer is not text/plain: {got!r}"
    return None


def probe_echo(port):
    got = talk(port, b"ping", lambda got: len(got) >= 4)
    return None if got == b"ping" else f"to ping it answered {got!r}"
