# SPDX-License-Identifier: MIT
"""The contestants: each function makes a Server that is not started yet. Their configurations are
the files of configurations/, in which @PORT@ and the like are filled in."""
import os

from .servers import BODY, Server, probe_echo, probe_http

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGURATIONS = os.path.join(os.path.dirname(HERE), "configurations")


def configuration(bench, file, **words):
    """Fills in the file's @WORD@s; returns the path of the result."""
    with open(os.path.join(CONFIGURATIONS, file), encoding="utf-8") as template:
        text = template.read()
    for word, value in words.items():
        text = text.replace(f"@{word.upper()}@", str(value))
    path = os.path.join(bench.work, f"{words['port']}-{file}")
    with open(path, "w", encoding="utf-8") as filled:
        filled.write(text)
    return path


def floor_http(bench, cpu=None, name="floor"):
    port = bench.port()
    return Server(name, [bench.program("floor_http"), str(port)], port, probe_http, cpu)


def floor_echo(bench):
    port = bench.port()
    return Server("floor", [bench.program("floor_echo"), str(port)], port, probe_echo)


def floor_relay(bench, upstream):
    port = bench.port()
    return Server("floor", [bench.program("floor_relay"), str(port), str(upstream.port)], port,
                  probe_http)


def evframe(bench, plugin, probe, *, name="evframe", workers=1, options=(), cpu=None):
    """plugin: what stands behind the = of --listen. options: more of the launcher's."""
    port = bench.port()
    return Server(name, [bench.evframe, "--workers", str(workers), "--log-level", "warn", *options,
                         "--listen", f"127.0.0.1:{port}={plugin}"], port, probe, cpu)


def evframe_http(bench, listener="", **more):
    """listener: further options of the listener, each behind a comma."""
    plugin = r"http,body=Hello\, World!,type=text/plain" + listener
    return evframe(bench, plugin, probe_http, **more)


def evframe_echo(bench, **more):
    return evframe(bench, "echo", probe_echo, **more)


def evframe_proxy(bench, upstream, **more):
    return evframe(bench, f"proxy,upstream=127.0.0.1:{upstream.port}", probe_http, **more)


def nginx_http(bench):
    return _nginx(bench, "nginx-http.conf")


def nginx_stream(bench, upstream):
    return _nginx(bench, "nginx-stream.conf", upstream=upstream.port)


def _nginx(bench, file, **words):
    port = bench.port()
    path = configuration(bench, file, port=port, folder=bench.work, **words)
    command = ["nginx", "-p", bench.work, "-c", path, "-e", "stderr"]
    return Server("nginx", command, port, probe_http)


def _folder_with_hello(bench):
    """For servers that have no fixed answer of their own."""
    with open(os.path.join(bench.work, "hello.txt"), "wb") as file:
        file.write(BODY)
    return bench.work


def h2o_http(bench):
    port = bench.port()
    # Who changes the user loses setpriv's promise, and root may stay root here.
    user = "user: root" if os.geteuid() == 0 else ""
    path = configuration(bench, "h2o-http.yaml", port=port, folder=_folder_with_hello(bench),
                         user=user)
    return Server("h2o", ["h2o", "--mode", "worker", "--conf", path], port, probe_http)


def lighttpd_http(bench):
    port = bench.port()
    path = configuration(bench, "lighttpd-http.conf", port=port, folder=_folder_with_hello(bench))
    return Server("lighttpd", ["lighttpd", "-D", "-f", path], port, probe_http)


def haproxy_http(bench):
    return _haproxy(bench, "haproxy-http.cfg")


def haproxy_tcp(bench, upstream):
    return _haproxy(bench, "haproxy-tcp.cfg", upstream=upstream.port)


def _haproxy(bench, file, **words):
    port = bench.port()
    path = configuration(bench, file, port=port, **words)
    return Server("haproxy", ["haproxy", "-db", "-f", path], port, probe_http)
