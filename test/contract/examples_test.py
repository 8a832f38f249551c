#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs the example programs for real, as a reader of docs/examples would.

    examples_test.py PROGRAMS CASE      PROGRAMS: the folder in which they were built

A case is a function below whose name begins with "case_". Ports are the kernel's choice.
"""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

WATCHDOG = 20  # seconds
PROGRAMS = Path(sys.argv[1])


def run(name, *arguments):
    return subprocess.run(
        [PROGRAMS / name, *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WATCHDOG,
    )  # fmt: skip


@contextlib.contextmanager
def server_process(name, address="127.0.0.1"):
    """A server that has said that it listens, and its port."""
    process = subprocess.Popen([PROGRAMS / name, address, "0"], stdout=subprocess.PIPE, text=True)
    dog = threading.Timer(WATCHDOG, process.kill)
    dog.start()
    try:
        said = re.fullmatch(r"listening on (.+):(\d+)\n", process.stdout.readline())
        assert said and said[1].strip("[]") == address, said
        yield process, int(said[2])
    finally:
        dog.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def server(name, address="127.0.0.1"):
    """The port of a server that SIGTERM, and nothing else, ends."""
    with server_process(name, address) as (process, port):
        yield port
        assert process.poll() is None, "the server ended by itself"
        process.terminate()
        by_itself = name == "echo_server"
        assert process.wait() == (0 if by_itself else -15), process.returncode


def figures(output):
    """Connections that worked, connections, round trips."""
    worked = re.search(r"^connections: (\d+) of (\d+)$", output, re.M)
    trips = re.search(r"^round trips: (\d+) of \d+ bytes, \d+/s$", output, re.M)
    return int(worked[1]), int(worked[2]), int(trips[1])


@contextlib.contextmanager
def imposter(answer):
    """The port of a server that takes one connection and ends it after answer(what it read)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(WATCHDOG)

        def serve():
            with listener.accept()[0] as peer:
                peer.settimeout(WATCHDOG)
                if answer:
                    peer.sendall(answer(peer.recv(4096)))
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(4096):
                        pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def unused_port():
    """One that was just given back, so that nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def loopbacks():
    """The loopback addresses that this machine has."""
    yield "127.0.0.1"
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        yield "::1"


def by_name(host):
    """Whether this machine knows the name without a network."""
    with contextlib.suppress(OSError):
        return "127.0.0.1" in [found[4][0] for found in socket.getaddrinfo(host, None)]
    return False


def case_echo():
    with server("echo_server") as port:
        load = run("echo_load", "127.0.0.1", port, "--trips", 2000)
        assert load.returncode == 0, load
        assert figures(load.stdout) == (50, 50, 2000), load.stdout
        assert re.search(r"^latency: p50 [\d.]+ us, p99 [\d.]+ us, p99.9 [\d.]+ us$",
                         load.stdout, re.M), load.stdout  # fmt: skip
        assert load.stderr == "", load.stderr  # not a terminal: no progress
        timed = run("echo_load", "127.0.0.1", port, "--connections", 3, "--seconds", 1)
        assert timed.returncode == 0 and figures(timed.stdout)[2] > 0, timed


def case_echo_large_and_small():
    for address in loopbacks():
        with server("echo_server", address) as port:
            for size, trips in (1, 50), (4097, 50), (3 << 20, 5):
                load = run("echo_load", address, port,
                           "--connections", 2, "--size", size, "--trips", trips)  # fmt: skip
                assert load.returncode == 0, load
                assert figures(load.stdout) == (2, 2, trips), load.stdout


def case_echo_stops():
    """A signal ends the server when all is sent back, a second one at once."""
    for number in signal.SIGTERM, signal.SIGINT:
        with server_process("echo_server") as (process, port):
            with socket.create_connection(("127.0.0.1", port), WATCHDOG) as peer:
                peer.sendall(b"before")
                assert peer.recv(6, socket.MSG_WAITALL) == b"before"
                process.send_signal(number)
                assert process.stdout.readline() == "stopping\n"
                assert peer.recv(1) == b"", "bytes from nowhere"
            assert process.wait() == 0, process.returncode
            try:
                socket.create_connection(("127.0.0.1", port), WATCHDOG).close()
                raise AssertionError("somebody listens")
            except ConnectionRefusedError:
                pass
    with server_process("echo_server") as (process, port):
        with socket.create_connection(("127.0.0.1", port), WATCHDOG) as peer:
            # Never reads: what the server wants to send back fills all buffers, and so do we.
            peer.settimeout(1)
            with contextlib.suppress(TimeoutError):
                while True:
                    peer.send(b"x" * 65536)
            process.terminate()
            assert process.stdout.readline() == "stopping\n"
            assert process.poll() is None, "the server lost what it had to send"
            process.terminate()
            assert process.wait() == -signal.SIGTERM, process.returncode


def case_load_notices_faults():
    """The load generator is the judge of the echo: it must not be content with less."""
    faults = {
        "wrong bytes": lambda sent: bytes(sent[:-1]) + bytes([sent[-1] ^ 1]),
        "more bytes": lambda sent: sent + b"x",
        "end of file": lambda sent: sent[:-1],
    }
    for what, answer in faults.items():
        with imposter(answer) as port:
            load = run("echo_load", "127.0.0.1", port, "--connections", 1, "--trips", 1)
            assert load.returncode == 1, (what, load)
            assert what in load.stderr, (what, load)
            assert figures(load.stdout)[0] == 0, load
    with imposter(bytes) as port:
        load = run("echo_load", "127.0.0.1", port, "--connections", 1, "--trips", 1)
        assert load.returncode == 0, load
    load = run("echo_load", "127.0.0.1", unused_port(), "--connections", 2, "--trips", 1)
    assert load.returncode == 1 and "2 of 2 connections failed" in load.stderr, load


def case_load_gives_up():
    """A server that takes connections and never answers is noticed, after ten quiet seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        load = run("echo_load", "127.0.0.1", port, "--connections", 2, "--trips", 1)
        assert load.returncode == 1 and "no answer" in load.stderr, load


def case_daytime():
    for address in loopbacks():
        with server("daytime_server", address) as port:
            for _ in range(2):
                client = run("daytime_client", address, port)
                assert client.returncode == 0, client
                assert re.fullmatch(r"\w+, \w+ \d\d, \d{4} \d\d:\d\d:\d\d-UTC\r?\n",
                                    client.stdout), client  # fmt: skip
    if by_name("localhost"):
        with server("daytime_server") as port:
            client = run("daytime_client", "localhost", port)
            assert client.returncode == 0 and client.stdout.endswith("-UTC\n"), client
    with imposter(None) as port:
        client = run("daytime_client", "127.0.0.1", port)
    assert client.returncode == 1 and client.stderr == "daytime_client: end of file\n", client
    client = run("daytime_client", "127.0.0.1", unused_port())
    assert client.returncode == 1 and "refused" in client.stderr, client
    for host, service in ("gyre-test.invalid", "13"), ("127.0.0.1", "no-such-service"):
        client = run("daytime_client", host, service)
        assert client.returncode == 1 and client.stderr.startswith("daytime_client: "), client


def case_timer():
    done = run("timer")
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines == ["tick"] * 3 + [
        "once: time is up; waits called off: 1",
        "patient: Operation canceled",
    ], lines


def case_command_lines():
    ends = [
        (), ("127.0.0.1",), ("nowhere", "80"), ("", "80"), ("1.2.3", "80"), ("::1::", "80"),
        ("127.0.0.1", ""), ("127.0.0.1", "65536"), ("127.0.0.1", "-1"), ("127.0.0.1", "80x"),
    ]  # fmt: skip
    options = [
        ("5",), ("--speed", "1"), ("--connections",), ("--connections", "0"), ("--size", "x"),
        ("--size", "-1"), ("--seconds", ""), ("--trips", "1.5"), ("--trips", str(2**64)),
    ]  # fmt: skip
    rows = [(name, end) for name in ("echo_server", "daytime_server", "echo_load")
            for end in ends]  # fmt: skip
    rows += [(name, ("127.0.0.1", "80", "more")) for name, _ in rows[:: len(ends)]]
    rows += [("daytime_client", end) for end in ((), ("localhost",), ("localhost", "13", "more"))]
    rows += [("echo_load", ("127.0.0.1", "80", *option)) for option in options]
    for name, arguments in rows:
        done = run(name, *arguments)
        assert done.returncode == 2, (name, arguments, done)
        expected = "HOST SERVICE" if name == "daytime_client" else "ADDRESS PORT"
        assert done.stderr.startswith(f"usage: {name} {expected}"), done
        assert done.stdout == "", done
    # An address that no interface of this machine has (TEST-NET-1).
    done = run("echo_server", "192.0.2.1", 0)
    assert done.returncode == 1 and done.stderr.startswith("echo_server: "), done


if __name__ == "__main__":
    globals()["case_" + sys.argv[2]]()
