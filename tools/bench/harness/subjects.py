# SPDX-License-Identifier: MIT
"""The servers whose counts are taken, each with the request that is counted, beside their
floors."""
import contextlib
from dataclasses import dataclass
from typing import Callable

from . import contestants, exact

HTTP = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HTTP_LAST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
MESSAGE = b"m" * 64


@dataclass
class Subject:
    """make: (bench, **more) gives a Server. request: what is sent. proxied: Peers plays the server
    behind it. last: the request of a connection that has only one, and half_close as exact.visits
    has it."""
    name: str
    make: Callable
    request: bytes
    proxied: bool = False
    last: bytes = None
    half_close: bool = False

    @property
    def is_evframe(self):
        return self.name.startswith("evframe")


def _proxy(bench, port, **more):
    # Not probed: a probe would be carried to the server behind it, which counts connections.
    return contestants.evframe(bench, f"proxy,upstream=127.0.0.1:{port}", lambda port: None, **more)


SUBJECTS = [
    Subject("floor http", lambda bench: contestants.floor_http(bench, name="floor http"), HTTP),
    Subject("evframe http", lambda bench, **more: contestants.evframe_http(
        bench, name="evframe http", **more), HTTP, last=HTTP_LAST),
    Subject("floor echo", lambda bench: contestants.floor_echo(bench), MESSAGE),
    Subject("evframe echo", lambda bench, **more: contestants.evframe_echo(
        bench, name="evframe echo", **more), MESSAGE, last=MESSAGE, half_close=True),
    Subject("evframe proxy", lambda bench, port, **more: _proxy(
        bench, port, name="evframe proxy", **more), MESSAGE, proxied=True),
]


@contextlib.contextmanager
def serving(bench, subject, wrap=lambda server: server, connections=64, **more):
    """(server, exact.Peers) while the block lasts; wrap changes the server before it starts."""
    with contextlib.ExitStack() as stack:
        upstream = None
        if subject.proxied:
            upstream = stack.enter_context(exact.upstream())
            more["port"] = upstream.getsockname()[1]
        server = wrap(subject.make(bench, **more))
        server.name = subject.name
        stack.enter_context(bench.serving(server))
        peers = exact.Peers(server.port, connections, subject.request, upstream=upstream)
        stack.enter_context(peers)
        yield server, peers
