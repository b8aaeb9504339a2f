# SPDX-License-Identifier: MIT
"""A load of an exact number of requests, for what is counted and not timed.

wrk stops by the clock; these stop by the number, so that what a server has executed, called and
allocated can be divided by it. Three shapes:

    one_by_one   one connection: the next request follows its answer; each has a turn of its own
    busy         all connections: each sends its next request as soon as it has its answer
    together     all of some connections' requests wait in the kernel before the server looks (it is
                 stopped with SIGSTOP meanwhile), so that one turn has them all, every time

With upstream, the server under test is a proxy, and Peers plays the server behind it as well, so
that this side is exact too.
"""
import os
import select
import signal
import socket
import time

from .servers import Failure

TIMEOUT_S = 60  # for one answer; valgrind and strace make servers slow
START_S = 10
ROOM = 1 << 16


class Peers:
    """Connections to a server, each of which has had one answer. answer: how long one is, in bytes;
    None: found out from the first. upstream: a listening socket, where the server is a proxy."""

    def __init__(self, port, count, request, answer=None, upstream=None):
        self.request, self.answer = request, answer
        self.listener, self.clients, self.behind = upstream, [], []
        if upstream is not None:
            upstream.settimeout(TIMEOUT_S)
        for _ in range(count):
            client = _connect(port)
            self.clients.append(client)
            client.sendall(request)
            if upstream is not None:
                self.behind.append(upstream.accept()[0])
                self.behind[-1].settimeout(TIMEOUT_S)
                self._answer_behind(self.behind[-1])
            if self.answer is None:
                self.answer = _quiet_length(client)
            else:
                _take(client, self.answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for peer in (*self.clients, *self.behind):
            peer.close()

    def _answer_behind(self, peer):
        """What the server behind the proxy does: an answer of the same length as the request."""
        peer.sendall(_take(peer, len(self.request)))

    def one_by_one(self, requests):
        client = self.clients[0]
        for _ in range(requests):
            client.sendall(self.request)
            if self.behind:
                self._answer_behind(self.behind[0])
            _take(client, self.answer)

    def busy(self, requests):
        """So many requests in all."""
        poll = select.epoll()
        behind = {peer.fileno(): peer for peer in self.behind}
        clients = {peer.fileno(): peer for peer in self.clients}
        for fd in (*behind, *clients):
            poll.register(fd, select.EPOLLIN)
        to_send, to_come = requests, requests
        for client in self.clients[:requests]:
            client.sendall(self.request)
            to_send -= 1
        while to_come > 0:
            events = poll.poll(TIMEOUT_S)
            if not events:
                raise Failure("the server stopped answering")
            for fd, _ in events:
                if fd in behind:
                    self._answer_behind(behind[fd])
                    continue
                _take(clients[fd], self.answer)
                to_come -= 1
                if to_send > 0:
                    clients[fd].sendall(self.request)
                    to_send -= 1
        poll.close()

    def together(self, rounds, size, pid):
        """In each round one request on each of the first `size` connections, all at once."""
        for _ in range(rounds):
            stop(pid)
            for client in self.clients[:size]:
                client.sendall(self.request)
            go_on(pid)
            if self.behind:
                taken = [_take(peer, len(self.request)) for peer in self.behind[:size]]
                stop(pid)
                for peer, request in zip(self.behind, taken):
                    peer.sendall(request)
                go_on(pid)
            for client in self.clients[:size]:
                _take(client, self.answer)


def visits(port, requests, request, half_close=False):
    """So many connections one after the other, with one request each, until the server closes.
    half_close: end our side behind the request, for protocols in which only that ends a
    connection."""
    for _ in range(requests):
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as peer:
            peer.sendall(request)
            if half_close:
                peer.shutdown(socket.SHUT_WR)
            while peer.recv(ROOM):
                pass


def upstream():
    """A listening socket for Peers; its port is getsockname()[1]."""
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


def stop(pid):
    """Stops the process once all its threads sleep."""
    settle(pid)
    os.kill(pid, signal.SIGSTOP)
    _wait_for_states(pid, {"T", "t"})


def go_on(pid):
    os.kill(pid, signal.SIGCONT)


def settle(pid):
    """Returns when all threads of the process sleep, which they do once they have nothing left to
    do."""
    _wait_for_states(pid, {"S"})


def _wait_for_states(pid, wanted):
    deadline, times = time.monotonic() + TIMEOUT_S, 0
    while times < 3:  # a thread may be seen asleep for a moment, between two things that it does
        times = times + 1 if _states(pid) <= wanted else 0
        if time.monotonic() > deadline:
            raise Failure(f"process {pid} does not come to rest")


def _states(pid):
    states = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat", encoding="ascii", errors="replace") as file:
            states.add(file.read().rpartition(")")[2].split()[0])
    return states


def _connect(port):
    """Tries for a while, for servers that are just starting."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            client = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return client
        except ConnectionRefusedError as error:
            if time.monotonic() > deadline:
                raise Failure(f"nobody listens on port {port}") from error
            time.sleep(0.02)


def _take(peer, length):
    """Exactly so many bytes."""
    got = peer.recv(ROOM)
    while 0 < len(got) < length:
        more = peer.recv(ROOM)
        if not more:
            break
        got += more
    if len(got) != length:
        raise Failure(f"{len(got)} bytes came where {length} were expected: {got[:200]!r}")
    return got


def _quiet_length(peer):
    """The length of an answer: what comes until half a second passes without more."""
    got = peer.recv(ROOM)
    peer.settimeout(0.5)
    try:
        while True:
            more = peer.recv(ROOM)
            if not more:
                break
            got += more
    except TimeoutError:
        pass
    peer.settimeout(TIMEOUT_S)
    return len(got)
