# SPDX-License-Identifier: MIT
"""P9: system calls per request, by name."""
from .. import subjects, syscalls
from ..registry import scenario
from ..results import Column, Result, Row, Table, count_claim

CONNECTIONS = 64
# What may not happen per request: a call of these is a request's only if something is wrong. Their
# number is allowed to be what a few timers and a periodic check make in a run.
NEVER = ["futex", "epoll_ctl", "timerfd_settime", "clock_gettime", "gettimeofday"]
RECEIVE = ["recvfrom", "recvmsg", "read", "readv"]
SEND = ["sendto", "sendmsg", "write", "writev"]
WAITS = ["epoll_wait", "epoll_pwait"]
SLACK = 0.002


def per_request(calls, names, requests):
    return sum(calls[name].calls for name in names if name in calls) / requests


def measure(bench, subject, requests, **more):
    """{name: Calls} for so many requests on busy connections, all of them warm."""
    with subjects.serving(bench, subject, connections=CONNECTIONS, **more) as (server, peers):
        peers.busy(20 * CONNECTIONS)
        return syscalls.counted(server, lambda: peers.busy(requests), bench.work)


def _claims(name, calls, requests, parts, waits_of_floor):
    """parts: how many times a request passes the server; 2 for a proxy, which is there and back."""
    waits = per_request(calls, WAITS, requests)
    return [
        count_claim(f"{name}: receives per request",
                    round(per_request(calls, RECEIVE, requests), 3), "at most", parts + SLACK),
        count_claim(f"{name}: sends per request",
                    round(per_request(calls, SEND, requests), 3), "at most", parts + SLACK),
        count_claim(f"{name}: waits per request", round(waits, 3), "at most",
                    max(0.1, 2 * waits_of_floor)),
        count_claim(f"{name}: {', '.join(NEVER)} per request",
                    round(per_request(calls, NEVER, requests), 4), "at most", SLACK),
    ]


@scenario("p9", "system calls per request, 64 busy connections")
def run(bench):
    requests = CONNECTIONS * (50 if bench.quick else 500)
    found, claims, waits = {}, [], 0
    for subject in subjects.SUBJECTS:
        bench.say(f"{subject.name} under strace")
        calls = found[subject.name] = measure(bench, subject, requests)
        if not subject.is_evframe:
            waits = per_request(calls, WAITS, requests)
        else:
            claims += _claims(subject.name, calls, requests, 2 if subject.proxied else 1, waits)
    names = sorted({name for calls in found.values() for name in calls},
                   key=lambda name: -sum(calls[name].calls for calls in found.values()
                                         if name in calls))
    rows = [Row(name, {**{call: counted.calls / requests for call, counted in calls.items()},
                       "all": sum(counted.calls for counted in calls.values()) / requests})
            for name, calls in found.items()]
    columns = [Column("all", "all", ".3f")] + [Column(name, name, ".4f") for name in names]
    return Result([Table(f"system calls per request, of {requests:,} (strace -f -c)", columns, rows,
                         kind="syscalls")], claims)
