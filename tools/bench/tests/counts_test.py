# SPDX-License-Identifier: MIT
"""What callgrind, strace, jemalloc, perf and binutils print, read as it is meant; and that loads of
an exact number of requests are exact."""
import ctypes
import json
import os
import socket
import threading
import unittest
from collections import Counter
from unittest import mock

from harness import binaries, callgrind, exact, holding, jemalloc, perf, syscalls
from harness.callgrind import Profile

CALLGRIND = """\
# callgrind format
positions: instr line
events: Ir
summary: 130

ob=(1) /lib/libone.so
fl=(1) one.c
fn=(1) first
0x1000 10 5
+4 +1 20
cob=(2) ???
cfi=(2) ???
cfn=(2) 0x5000
calls=3 0x5000 0
* 11 900
+4 +1 5

ob=(2)
fl=(2)
fn=(2)
0x5000 0 60
-16 0 10
* * 30

ob=(1)
fl=(1)
fi=(3) header.h
fn=(3) second.lto_priv.0
0x2000 7 1
fn=(1)
0x1000 10 2
"""


class Callgrind(unittest.TestCase):
    def setUp(self):
        self.profile = callgrind.parse(CALLGRIND.splitlines(keepends=True))

    def test_costs_are_by_object_and_address(self):
        self.assertEqual(self.profile.costs, Counter({
            ("/lib/libone.so", 0x1000): 7, ("/lib/libone.so", 0x1004): 20,
            ("/lib/libone.so", 0x1008): 5, ("???", 0x5000): 60, ("???", 0x4ff0): 40,
            ("/lib/libone.so", 0x2000): 1}))

    def test_what_a_call_costs_inside_is_not_counted_twice(self):
        self.assertEqual(self.profile.total(), 133)

    def test_functions_lose_what_the_optimiser_added(self):
        self.assertEqual(self.profile.functions(), Counter({
            ("/lib/libone.so", "first"): 32, ("???", "0x5000"): 100,
            ("/lib/libone.so", "second"): 1}))

    def test_a_difference_has_only_what_differs(self):
        more = Profile(self.profile.costs + Counter({("???", 0x5000): 7}), self.profile.names)
        self.assertEqual((more - self.profile).costs, Counter({("???", 0x5000): 7}))
        self.assertEqual((self.profile - more).total(), -7)

    def test_code_in_memory_is_found_in_its_file(self):
        address = ctypes.cast(ctypes.CDLL(None).printf, ctypes.c_void_p).value
        found = Profile(Counter({("???", address): 3}), {}).resolved(binaries.Process(os.getpid()))
        (file, name), = found.functions()
        self.assertRegex(name, "^_?(IO_)?printf$")
        self.assertIn("libc.so", file)


class Binaries(unittest.TestCase):
    def test_mappings_are_those_that_can_be_executed(self):
        text = ("00400000-00401000 r--p 00000000 fe:00 12  /bin/a program\n"
                "00401000-00402000 r-xp 00001000 fe:00 12  /bin/a program\n"
                "00500000-00501000 r-xp 00003000 00:01 9   /memfd:http.so (deleted)\n"
                "00600000-00601000 rwxp 00000000 00:00 0 \n")
        self.assertEqual([(m.start, m.offset, m.path) for m in binaries.parse_maps(text)],
                         [(0x401000, 0x1000, "/bin/a program"),
                          (0x500000, 0x3000, "/memfd:http.so (deleted)")])

    def test_segments(self):
        text = ("  Type  Offset   VirtAddr           PhysAddr           FileSiz  MemSiz   Flg\n"
                "  LOAD  0x001000 0x0000000000002000 0x0000000000002000 0x000500 0x000600 R E\n"
                "  NOTE  0x000300 0x0000000000000300 0x0000000000000300 0x000020 0x000020 R\n")
        self.assertEqual(binaries.parse_segments(text), [(0x1000, 0x2000, 0x500)])

    def test_a_place_in_a_file_has_the_address_of_its_segment(self):
        with mock.patch.object(binaries, "_segments", lambda file: [(0x1000, 0x2000, 0x500)]):
            self.assertEqual(binaries.link_address("file", 0x1010), 0x2010)
            self.assertEqual(binaries.link_address("file", 0x1500), 0x1500)

    def test_symbols_are_functions_with_one_name_each(self):
        text = ("0000000000002000 0000000000000010 T recv@@GLIBC_2.2.5\n"
                "0000000000002000 0000000000000010 W __recv@GLIBC_2.2.5\n"
                "0000000000001000 0000000000000010 t here\n"
                "0000000000003000 0000000000000010 D data\n"
                "                 U missing\n")
        self.assertEqual(binaries.parse_symbols(text),
                         [(0x1000, 16, "here"), (0x2000, 16, "recv")])

    def test_locked_instructions(self):
        text = ("    1000:\tlock cmpxchg %ecx,(%rdi)\n"
                "    1004:\txchg   %al,0x10(%rdx)\n"
                "    1008:\txchg   %ax,%ax\n"
                "    100a:\txchg   %eax,0x20(%rip)        # 3000 <counter>\n"
                "    1010:\tmov    %eax,(%rdi) # lock\n"
                "    1012:\tblock  %eax\n"
                "    1014:\tlock xadd %rax,%fs:0x8\n")
        self.assertEqual(binaries.parse_locked(text), {
            0x1000: "lock cmpxchg %ecx,(%rdi)", 0x1004: "xchg %al,0x10(%rdx)",
            0x100a: "xchg %eax,0x20(%rip)", 0x1014: "lock xadd %rax,%fs:0x8"})


class Strace(unittest.TestCase):
    def test_calls_with_and_without_errors(self):
        text = ("syscall              calls    errors\n---------------- --------- ---------\n"
                "recvfrom             32000          \nepoll_wait             531         2\n"
                "---------------- --------- ---------\ntotal                32531         2\n")
        self.assertEqual(syscalls.parse(text), {"recvfrom": syscalls.Calls(32000, 0),
                                                "epoll_wait": syscalls.Calls(531, 2)})

    def test_nothing_was_called(self):
        self.assertEqual(syscalls.parse(""), {})


class Jemalloc(unittest.TestCase):
    def test_small_and_large_of_all_arenas(self):
        counters = {"jemalloc": {"stats.arenas": {
            "merged": {"small": {"nmalloc": 104}, "large": {"nmalloc": 12}},
            "destroyed": {"small": {"nmalloc": 3}, "large": {"nmalloc": 1}}}}}
        said = "a line of the log {here}\n" + json.dumps(counters, indent=1) + "\nmore\n"
        self.assertEqual(jemalloc.parse(said), 120)

    def test_no_counters_are_an_error(self):
        with self.assertRaisesRegex(ValueError, "no counters"):
            jemalloc.parse("evframe: stopped\n")


class Perf(unittest.TestCase):
    def test_counts_come_in_the_order_asked_for(self):
        text = ("# started on Mon\n\n2945,,instructions:u,100,100.00,,\n"
                "<not supported>,,L1-dcache-load-misses,0,100.00,,\n"
                "<not counted>,,cycles:u,0,0.00,,\n")
        events = ["instructions:u", "L1-dcache-load-misses:u", "cycles:u", "branch-misses:u"]
        self.assertEqual(perf.parse(text, events), dict(zip(events, [2945, None, None, None])))


class Holding(unittest.TestCase):
    def test_what_an_epoll_watches(self):
        text = ("pos:\t0\nflags:\t02\nmnt_id:\t15\n"
                "tfd:       15 events:       19 data: f00  pos:0 ino:1 sdev:8\n"
                "tfd:        7 events: 80000001 data: f00  pos:0 ino:2 sdev:8\n")
        self.assertEqual(holding.parse_watched(text), ["15", "7"])


class Exact(unittest.TestCase):
    """Against a server of our own that counts what it gets."""

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.messages = 0
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()
        self.addCleanup(self.listener.close)

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[peer], daemon=True).start()

    def _serve(self, peer):
        with peer:
            while True:
                got = peer.recv(5, socket.MSG_WAITALL)
                if len(got) < 5:
                    return
                with self.lock:
                    self.messages += 1
                peer.sendall(b"answer")

    def test_as_many_requests_as_asked_for(self):
        with exact.Peers(self.port, 8, b"12345", answer=6) as peers:
            self.assertEqual(self.messages, 8)
            peers.one_by_one(3)
            self.assertEqual(self.messages, 11)
            for requests in (100, 8, 5, 1):
                before = self.messages
                peers.busy(requests)
                self.assertEqual(self.messages - before, requests)

    def test_the_length_of_an_answer_is_found_out(self):
        with exact.Peers(self.port, 2, b"12345") as peers:
            self.assertEqual(peers.answer, 6)

    def test_visits(self):
        exact.visits(self.port, 4, b"12345", half_close=True)
        self.assertEqual(self.messages, 4)

    def test_the_server_behind_a_proxy_is_played(self):
        with exact.upstream() as upstream:
            behind = upstream.getsockname()[1]
            relay = threading.Thread(target=self._relay, args=[behind], daemon=True)
            self.front = socket.create_server(("127.0.0.1", 0))
            self.addCleanup(self.front.close)
            relay.start()
            port = self.front.getsockname()[1]
            with exact.Peers(port, 1, b"12345", upstream=upstream) as peers:
                peers.one_by_one(3)
                peers.busy(7)
                self.assertEqual(self.messages, 11)

    def _relay(self, behind):
        client, _ = self.front.accept()
        with client, socket.create_connection(("127.0.0.1", behind)) as server:
            while True:
                got = client.recv(5, socket.MSG_WAITALL)
                if not got:
                    return
                self.messages += 1
                server.sendall(got)
                client.sendall(server.recv(5, socket.MSG_WAITALL))


if __name__ == "__main__":
    unittest.main()
