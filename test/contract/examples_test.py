#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Runs the example programs for real, as a reader of docs/examples would.

    examples_test.py PROGRAMS CASE      PROGRAMS: the folder in which they were built

A case is a function below whose name begins with "case_". Ports are the kernel's choice.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

WATCHDOG = 20  # seconds
PROGRAMS, WRAPPER = Path(sys.argv[1]), os.environ.get("GYRE_EXE_WRAPPER", "").split()


def command(name, *arguments):
    return [*WRAPPER, PROGRAMS / (name + ".exe" * bool(WRAPPER)), *map(str, arguments)]


def run(name, *arguments):
    return subprocess.run(
        command(name, *arguments),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WATCHDOG,
    )  # fmt: skip


@contextlib.contextmanager
def server_process(name, address="127.0.0.1", *arguments, before=()):
    """A server that has said that it listens, and its port."""
    process = subprocess.Popen(command(name, *before, address, "0", *arguments),
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
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
def server(name, address="127.0.0.1", *arguments, before=()):
    """The port of a server that SIGTERM, and nothing else, ends."""
    with server_process(name, address, *arguments, before=before) as (process, port):
        yield port
        assert process.poll() is None, "the server ended by itself"
        process.terminate()
        expected = 0 if name == "echo_server" else -15  # which ends by itself
        assert process.wait() == expected or WRAPPER, process.returncode


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
                    with contextlib.suppress(ConnectionError):  # a client that has had enough
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


def case_blocking_echo():
    with server("blocking_echo_server") as port:
        load = run("echo_load", "127.0.0.1", port, "--connections", 5, "--trips", 50)
        assert load.returncode == 0 and figures(load.stdout) == (5, 5, 50), load
        for text in "", "over there", "x" * 100_000:
            client = run("blocking_echo_client", "127.0.0.1", port, text)
            assert (client.returncode, client.stdout) == (0, text + "\n"), client
    with imposter(lambda _: b"ov") as port:
        client = run("blocking_echo_client", "127.0.0.1", port, "over there")
    assert client.returncode == 1 and "end of file" in client.stderr, client


def case_echo_pool():
    with server_process("echo_pool_server") as (process, port):
        load = run("echo_load", "127.0.0.1", port, "--connections", 40, "--trips", 50)
        assert load.returncode == 0 and figures(load.stdout) == (40, 40, 50), load
        with socket.create_connection(("127.0.0.1", port), WATCHDOG) as idle:
            idle.sendall(b"x")
            assert idle.recv(1) == b"x"
            process.terminate()
            assert idle.recv(1) == b""
        assert process.stdout.readline() == "left undone: 0\n"
        assert process.wait() == 0


def case_blocking_udp_echo():
    for address in loopbacks():
        with server("blocking_udp_echo_server", address) as port:
            for _ in range(2):
                asked = run("udp_echo_client", address, port, "over there")
                assert (asked.returncode, asked.stdout) == (0, "over there\n"), asked


def case_udp_echo():
    for address in loopbacks():
        with server("udp_echo_server", address) as port:
            asked = run("udp_echo_client", address, port, "over there")
            assert (asked.returncode, asked.stdout) == (0, "over there\n"), asked
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    refused = run("udp_echo_client", "127.0.0.1", port, "x")
    assert refused.returncode == 1 and "refused" in refused.stderr, refused


def case_daytime_udp():
    with server("daytime_udp_server") as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(WATCHDOG)
            for question in b"", b"what time is it":
                asking.sendto(question, ("127.0.0.1", port))
                answer = asking.recv(512).decode()
                assert re.fullmatch(r"\w+, \w+ \d\d, \d{4} \d\d:\d\d:\d\d-UTC\r\n", answer), answer


def case_daytime_both():
    with server("daytime_both_server") as port:
        for how in "tcp", "udp", "tcp":
            asked = run("daytime_blocking", "ask", how, "127.0.0.1", port)
            assert asked.returncode == 0 and asked.stdout.rstrip().endswith("-UTC"), asked


def guest_of(host):
    done = run(f"guest_of_{host}")
    if "peration not supported" in done.stderr:
        return  # this poller has no handle for a host to watch
    *lines, turns = done.stdout.splitlines()
    assert done.returncode == 0, done
    assert sorted(lines) == sorted(f"{what} {i}" for what in ("tick", "byte", "post")
                                   for i in (1, 2, 3)), lines  # fmt: skip
    # A reason each, and some that come in two: no turn is for nothing.
    assert int(turns.split()[1]) <= 30, turns


def case_guest_of_glib():
    guest_of("glib")


def case_guest_of_libuv():
    guest_of("libuv")


def case_local():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "socket")
        process = subprocess.Popen(command("local_server", path),
                                   stdout=subprocess.PIPE, text=True)  # fmt: skip
        dog = threading.Timer(WATCHDOG, process.kill)
        dog.start()
        try:
            assert process.stdout.readline() == f"listening on {path}\n"
            said = run("local_client", path, "hello")
            assert (said.returncode, said.stdout) == (0, "hello\n"), said
            process.terminate()
            assert process.wait() == 0
            assert not path.exists()
        finally:
            dog.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
        nobody = run("local_client", path, "hello")
        assert nobody.returncode == 1 and "No such file" in nobody.stderr, nobody


def case_futures():
    with server("echo_server") as one, server("echo_server") as other:
        asked = run("futures", "same", "127.0.0.1", one, "127.0.0.1", other)
        lines = [f"127.0.0.1:{port}: same" for port in (one, other)]
        assert (asked.returncode, asked.stdout.splitlines()) == (0, lines), asked
        refused = run("futures", "same", "127.0.0.1", one, "127.0.0.1", unused_port())
        assert refused.returncode == 1 and "refused" in refused.stderr, refused


def case_third_party():
    with server("echo_server") as port:
        said = run("third_party", "127.0.0.1", port, "x" * 5000)
        assert (said.returncode, said.stdout) == (0, "x" * 5000 + "\n"), said
    with imposter(lambda _: b"short") as port:
        assert run("third_party", "127.0.0.1", port, "longer").returncode == 1


def case_custom_allocator():
    ran = run("custom_allocator")
    assert (ran.returncode, ran.stdout) == (0, "1000 handlers, 1000 in the block\n"), ran


def case_shared_buffers():
    text = "for everybody " * 5000
    with server("shared_buffers", "127.0.0.1", text) as port:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port), WATCHDOG) as peer:
                got = b""
                while block := peer.recv(65536):
                    got += block
                assert got.decode() == text


def case_timeouts():
    with server("echo_server") as port:
        said = run("client_with_timeouts", "127.0.0.1", port, "hello", 10_000)
        assert (said.returncode, said.stdout) == (0, "hello\n"), said
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, says nothing
        late = run("client_with_timeouts", "127.0.0.1", silent.getsockname()[1], "x", 100)
        assert late.returncode == 1 and "read: " in late.stderr, late


@contextlib.contextmanager
def guest(port):
    with socket.create_connection(("127.0.0.1", port), WATCHDOG) as peer:
        with peer.makefile("rb") as heard:
            yield peer, heard


def case_chat():
    """Everybody hears everybody; who comes later is told what was said; also by the client."""
    with server("chat_server") as port, guest(port) as (one, heard_by_one):
        one.sendall(b"first\nsec")
        assert heard_by_one.readline() == b"first\n"
        with guest(port) as (other, heard_by_other):
            assert heard_by_other.readline() == b"first\n"
            one.sendall(b"ond\n")
            assert heard_by_other.readline() == b"second\n"
            assert heard_by_one.readline() == b"second\n"
            other.sendall(b"from the other\n")
            assert heard_by_one.readline() == b"from the other\n"
        client = subprocess.run(
            command("chat_client", "127.0.0.1", port), input="typed\n",
            capture_output=True, text=True, timeout=WATCHDOG,
        )  # fmt: skip
        assert client.returncode == 0, client
        assert client.stdout.startswith("first\nsecond\nfrom the other\n"), client
        assert heard_by_one.readline() == b"typed\n"


def case_chat_by_nc():
    with server("chat_server") as port, guest(port) as (one, heard):
        one.sendall(b"before\n")
        assert heard.readline() == b"before\n"
        nc = subprocess.Popen(["nc", "127.0.0.1", str(port)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
        dog = threading.Timer(WATCHDOG, nc.kill)
        dog.start()
        try:
            assert nc.stdout.readline() == "before\n"
            nc.stdin.write("by nc\n")
            nc.stdin.flush()
            assert heard.readline() == b"by nc\n"
            assert nc.stdout.readline() == "by nc\n"
        finally:
            dog.cancel()
            nc.kill()
            nc.communicate()
        one.sendall(b"after\n")
        assert heard.readline() == b"after\n"


def case_chat_bounds():
    """The history is bounded; a line that is too long ends the session, and only that one."""
    with server("chat_server") as port, guest(port) as (one, heard):
        for i in range(150):
            one.sendall(b"line %d\n" % i)
            assert heard.readline() == b"line %d\n" % i
        with guest(port) as (other, told):
            for i in range(50, 150):
                assert told.readline() == b"line %d\n" % i
            with contextlib.suppress(ConnectionError):
                other.sendall(b"x" * 5000)
                assert told.readline() == b""
        one.sendall(b"still here\n")
        assert heard.readline() == b"still here\n"


def case_socks4():
    seen = []

    def proxy(request):
        seen.append(request)
        return bytes([0, 90]) + bytes(6) + b"HTTP/1.0 200 OK\r\n\r\nhello"

    with imposter(proxy) as port:
        got = run("socks4_client", "127.0.0.1", port, "192.0.2.7", 8080, "/")
    assert (got.returncode, got.stdout) == (0, "HTTP/1.0 200 OK\n\nhello"), got
    assert seen == [bytes([4, 1, 0x1F, 0x90, 192, 0, 2, 7, 0])], seen
    for answer in bytes([0, 91]) + bytes(6), bytes([5, 90]) + bytes(6), b"\0", b"":
        with imposter(lambda _, answer=answer: answer) as port:
            assert run("socks4_client", "127.0.0.1", port, "192.0.2.7", 80, "/").returncode == 1


def case_fork_server():
    """Each connection has a process, all at a time; the server outlives them and reaps them."""
    with server_process("fork_server") as (process, port):
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(socket.create_connection(("127.0.0.1", port), WATCHDOG))
                     for _ in range(3)]  # fmt: skip
            pids = set()
            for peer in peers:
                heard = stack.enter_context(peer.makefile("rb"))
                pids.add(int(heard.readline().removeprefix(b"process ")))
                peer.sendall(b"echo\n")
                assert heard.readline() == b"echo\n"
            assert len(pids) == 3 and process.pid not in pids, pids
            for pid in pids:
                os.kill(pid, 0)  # alive
        ended = {int(process.stdout.readline().removeprefix("ended: ")) for _ in pids}
        assert ended == pids, (ended, pids)
        said = subprocess.run(["nc", "-q", "1", "127.0.0.1", str(port)], input="by nc\n",
                              capture_output=True, text=True, timeout=WATCHDOG)  # fmt: skip
        assert said.stdout.endswith("by nc\n"), said
        process.terminate()
        assert process.wait() == 0


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


def case_daytime_blocking():
    line = r"\w+, \w+ \d\d, \d{4} \d\d:\d\d:\d\d-UTC\r?\n"
    for how, other in ("tcp", "daytime_server"), ("udp", "daytime_udp_server"):
        for told_by in (server("daytime_blocking", before=("tell", how)), server(other)):
            with told_by as port:
                for _ in range(2):
                    asked = run("daytime_blocking", "ask", how, "127.0.0.1", port)
                    assert asked.returncode == 0 and re.fullmatch(line, asked.stdout), asked
    refused = run("daytime_blocking", "ask", "tcp", "127.0.0.1", unused_port())
    assert refused.returncode == 1 and "refused" in refused.stderr, refused


def case_timer_strand():
    done = run("timer_strand")
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[-1] == "counted to 10", done
    assert [int(line.split()[1]) for line in lines[:-1]] == list(range(1, 11)), lines
    assert {line.split()[0] for line in lines[:-1]} == {"first", "second"}, lines


def case_timer():
    done = run("timer")
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    assert lines == ["tick"] * 3 + [
        "once: time is up; waits called off: 1",
        "patient: Operation canceled",
    ], lines


HTTP_FILES = {
    "index.html": b"<p>front page\n",
    "empty.txt": b"",
    "large.bin": os.urandom(3 << 20),
    "sub folder/\u00fc.txt": b"in a folder\n",
    "sub folder/index.html": b"<p>folder\n",
    ".hidden": b"hidden\n",
}
SECRET = b"outside of the root\n"


@contextlib.contextmanager
def http_server(address="127.0.0.1"):
    """The port of an HTTP server of HTTP_FILES, beside whose root there is a secret."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "secret").write_bytes(SECRET)
        root = Path(place) / "root"
        for name, content in HTTP_FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        with server("http_server", address, root) as port:
            yield port


def curl(*arguments):
    """What curl prints, as bytes."""
    if not shutil.which("curl"):
        sys.exit(77)
    command = ["curl", "-sS", "--noproxy", "*", "--max-time", str(WATCHDOG), *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, (arguments, done)
    return done.stdout


def case_http_server():
    for address in loopbacks():
        host = f"[{address}]" if ":" in address else address
        with http_server(address) as port:
            url = f"http://{host}:{port}"
            assert curl(f"{url}/") == HTTP_FILES["index.html"]
            assert curl(f"{url}/large.bin") == HTTP_FILES["large.bin"]
            assert curl(f"{url}/empty.txt?a=b") == b""
            assert curl(f"{url}/sub%20folder/%C3%BC.txt") == HTTP_FILES["sub folder/\u00fc.txt"]
            assert curl(f"{url}/sub%20folder/") == HTTP_FILES["sub folder/index.html"]
            head = curl("-I", f"{url}/large.bin").decode()
            assert head.startswith("HTTP/1.1 200 OK\r\n") and head.endswith("\r\n\r\n"), head
            assert f"\r\nContent-Length: {3 << 20}\r\n" in head, head
            assert "\r\nContent-Type: application/octet-stream\r\n" in head, head
            assert "\r\nConnection: keep-alive\r\n" in head, head
            date = r"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n"
            assert re.search(date, head), head
            # Three requests, one of them in vain, over one connection.
            counts = curl("-o", os.devnull, "-w", "%{http_code} %{num_connects};", f"{url}/",
                          "-o", os.devnull, f"{url}/nothing", "-o", os.devnull, f"{url}/large.bin")
            assert counts == b"200 1;404 0;200 0;", counts
            old = curl("-0", "-i", f"{url}/").decode()
            assert "\r\nConnection: close\r\n" in old, old


def case_http_server_refuses():
    large = "x" * 100_000
    with http_server() as port:
        url = f"http://127.0.0.1:{port}"
        for status, *arguments in [
            (404, "/nothing"), (404, "/sub%20folder"), (404, "/.hidden"), (404, "/index.html/"),
            (404, "/" + "n" * 1000), (404, "/../secret"), (404, "/%2e%2e/secret"),
            (404, "/sub%20folder/../../secret"), (404, "/sub%20folder%2f..%2f..%2fsecret"),
            (404, "/..%5csecret"), (404, "//etc/passwd"), (404, "/%2fetc/passwd"),
            (400, "/%00"), (400, "/index.html%00.txt"), (400, "/%zz"),
            (405, "/", "-d", "a=b"), (405, "/", "-X", "DELETE"), (405, "/", "-d", large),
            (413, "/", "-X", "GET", "-d", large), (431, "/", "-H", f"X: {large[:9000]}"),
            (431, "/" + large[:9000]), (200, "/", "-H", f"X: {large[:7000]}"),
            (200, "/", "-X", "GET", "-d", large[:50_000]), (501, "/", "-X", "GET", "-d", "a", "-H",
             "Transfer-Encoding: chunked"), (400, "/", "-H", "Host:"),
            (200, "/", "-X", "GET", "-d", large[:9], "-H", "Expect: 100-continue"),
        ]:  # fmt: skip
            path, *options = arguments
            said = curl("--path-as-is", "-i", *options, url + path)
            seen = [int(code) for code in re.findall(rb"^HTTP/1.1 (\d+)", said, re.M)]
            assert seen == [status], (status, path[:80], said[:300])
            assert SECRET not in said and b"root:" not in said, said
        assert b"\r\nAllow: GET, HEAD\r\n" in curl("-i", "-X", "PUT", url), "no Allow"


def exchange(port, pieces):
    """All that the server says to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(WATCHDOG)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            peer.sendall(piece)
        peer.shutdown(socket.SHUT_WR)
        said = b""
        while piece := peer.recv(65536):
            said += piece
        return said


def case_http_server_bytes():
    """What curl does not send. The table of malformed heads is in test/unit/http_head_test.cpp."""
    get = b"GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n"
    with http_server() as port:
        def statuses(*pieces):
            return re.findall(rb"^HTTP/1.1 (\d+)", exchange(port, pieces), re.M)

        assert statuses(*[get[i : i + 1] for i in range(len(get))]) == [b"200"]  # byte by byte
        for cut in range(len(get)):
            assert statuses(get[:cut], get[cut:]) == [b"200"], cut
            assert statuses(get, get[:cut]) == [b"200"], cut  # ends within the second one
        assert statuses(get * 50) == [b"200"] * 50  # in one packet
        body = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + get * 2000
        assert statuses(body[: body.index(b"\r\n\r\n") + 4 + 50000] + get) == [b"200"] * 2
        assert statuses(body[:1000]) == []  # the body does not come
        assert statuses(b"") == [] and statuses(b"\r\n") == []
        assert statuses(b"\0" * 10_000) == [b"431"]
        assert statuses(b"x" * 8189 + b"\r\n\r\n") == [b"431"]  # one byte beyond the limit
        assert statuses(b"x" * 8188 + b"\r\n\r\n") == [b"400"]
        assert statuses(b"GARBAGE\r\n\r\n" + get) == [b"400"]  # and nothing after that
        assert statuses(b"GET / HTTP/3.0\r\nHost: a\r\n\r\n") == [b"505"]
        assert statuses(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 30 +
                        b"\r\n\r\n" + b"x" * 100_000) == [b"405"]  # fmt: skip
        head = exchange(port, [get.replace(b"GET", b"HEAD").replace(b"index", b"none")])
        assert head.startswith(b"HTTP/1.1 404 ") and head.endswith(b"\r\n\r\n"), head
        # It goes on to serve others while one connection says nothing.
        with socket.create_connection(("127.0.0.1", port)) as silent:
            silent.sendall(get[:10])
            assert statuses(get) == [b"200"]


def case_http_client():
    with http_server() as port:
        for path, content in [("/", "index.html"), ("/large.bin", "large.bin")]:
            # Nobody listens at the first address.
            done = subprocess.run(
                command("http_client", "127.0.0.2,127.0.0.1", port, path),
                stdin=subprocess.DEVNULL, capture_output=True, timeout=WATCHDOG,
            )  # fmt: skip
            assert done.returncode == 0 and done.stderr == b"", done.stderr
            assert done.stdout == HTTP_FILES[content]
        done = run("http_client", "127.0.0.1", port, "/nothing")
        assert done.returncode == 1 and done.stdout == "", done
        assert done.stderr == "http_client: HTTP/1.1 404 Not Found\n", done
    done = run("http_client", "127.0.0.1,127.0.0.2", unused_port(), "/")
    assert done.returncode == 1 and "refused" in done.stderr, done
    ok = b"HTTP/1.1 200 OK\r\n"
    for answer, status, output, problem in [
        (ok + b"Content-Length: 4\r\n\r\nbodysurplus", 0, "body", ""),
        (ok + b"Content-Length: 0\r\n\r\nsurplus", 0, "", ""),
        (ok + b"\r\nto the end", 0, "to the end", ""),
        (b"HTTP/1.1 103 Early\r\na: b\r\n\r\n" + ok + b"\r\nx", 0, "x", ""),
        (ok + b"Content-Length: 5\r\n\r\nbody", 1, "body", "cut off"),
        (ok + b"Content-Length: 5\r\n", 1, "", "no answer: end of file"),
        (b"x", 1, "", "no answer: end of file"),
        (b"SSH-2.0-x\r\n\r\n", 1, "", "not HTTP"),
        (ok + b"Content-Length: x\r\n\r\n", 1, "", "not HTTP"),
        (ok + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1, "", "encoded"),
        (ok + b"a: " + b"x" * 70_000 + b"\r\n\r\n", 1, "", "no answer: element not found"),
        (b"HTTP/1.1 500 No\r\n\r\nbody", 1, "", "HTTP/1.1 500 No"),
    ]:
        with imposter(lambda asked, answer=answer: answer) as port:
            done = run("http_client", "127.0.0.1", port, "/file?x")
            assert done.returncode == status and done.stdout == output, (answer[:99], done)
            assert problem in done.stderr and (problem or not done.stderr), (answer[:99], done)
    asked = []
    with imposter(lambda request: asked.append(request) or ok + b"\r\n") as port:
        assert run("http_client", "127.0.0.1", port, "/file?x").returncode == 0
    wanted = f"GET /file?x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    assert asked == [wanted.encode()], asked


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
    rows += [("http_server", (*end, ".")) for end in ends] + [("http_server", ends[-1])]
    rows += [("http_client", (*end, "/")) for end in ends] + [("http_client", ends[-1])]
    rows += [("http_client", ("127.0.0.1", "80", path)) for path in ("", "x", "/a b", "/#", "/\n")]
    rows += [("http_client", (list_, "80", "/")) for list_ in (",", "127.0.0.1,,::1", "::1,x")]
    for name, arguments in rows:
        done = run(name, *arguments)
        assert done.returncode == 2, (name, arguments, done)
        expected = "HOST SERVICE" if name == "daytime_client" else "ADDRESS"
        assert done.stderr.startswith(f"usage: {name} {expected}"), done
        assert done.stdout == "", done
    # An address that no interface of this machine has (TEST-NET-1).
    done = run("echo_server", "192.0.2.1", 0)
    assert done.returncode == 1 and done.stderr.startswith("echo_server: "), done


if __name__ == "__main__":
    globals()["case_" + sys.argv[2]]()
