# SPDX-License-Identifier: BSL-1.0
"""Runs one program once, plain or under a tool, and reads what it cost. Knows no table.

A server's costs, and all that a tool counts, are differences of two runs of different lengths, so
that starting and ending cancel out.
"""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

TIME_LIMIT = 300  # seconds, for one run
TOOL_OF = {"instructions": "valgrind", "syscalls": "strace", "allocations": None}
STRETCHED = {"BENCH_STRETCHED": "1"}  # for what runs under valgrind or strace: see gyre_options.hpp


class Failed(RuntimeError):
    """A run that did not end as it should; the text says which and how."""


class Tree:
    """A configured build tree of the benchmarks."""

    def __init__(self, path):
        self.path = Path(path).resolve()
        listed = subprocess.run(
            ["ninja", "-C", str(self.path), "-t", "targets", "all"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        self.programs = set(re.findall(r"^bench/([\w.]+): (?!phony)", listed, re.M))

    def has(self, program, library):
        return f"{program}_{library}" in self.programs

    def program(self, name):
        return str(self.path / "bench" / name)


def processors(prefix):
    """(the server's or the measured program's, the load's): apart, but for runs under a tool, in
    which no time counts."""
    usable = sorted(os.sched_getaffinity(0))
    return (usable[-1], usable[0]) if not prefix and len(usable) > 1 else (None, None)


def allow_descriptors(count):
    """Whether this process and its children may have so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return True
    for limit in ((count, max(count, hard)), (count, hard)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            return True
    return False


@contextlib.contextmanager
def watchdog(process):
    """Whatever hangs is killed, and its run fails."""
    timer = threading.Timer(TIME_LIMIT, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def pinned_to(processor):
    """What a command begins with to stay on one processor, or on any if it is None."""
    return [] if processor is None or not shutil.which("taskset") else [
        "taskset", "-c", str(processor)]  # fmt: skip


def start(command, environment, stderr):
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip


def fail(command, code, said):
    raise Failed(f"{' '.join(map(str, command))}: exit {code}\n{said.strip()[-2000:]}")


def run_server(tree, case, library, operations, prefix=(), environment=None):
    """One life of a server and its load -> (usage of the server, figures, what a tool said)."""
    server_cpu, load_cpu = processors(prefix) if case.pinned else (None, None)
    serves = operations if case.short else case.connections
    command = [*pinned_to(server_cpu), *prefix, tree.program(f"{case.program}_{library}"),
               str(serves)]  # fmt: skip
    with tempfile.TemporaryFile("w+") as said:
        process = start(command, environment, said)
        with watchdog(process):
            try:
                port = process.stdout.readline().rsplit(":", 1)[-1].strip()
                if port.isdigit():
                    figures = run_load(tree, case, port, operations, load_cpu)
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            finally:
                if process.returncode is None:
                    process.kill()
                    process.wait()
                process.stdout.close()
        said.seek(0)
        text = said.read()
    if process.returncode != 0 or not port.isdigit():
        fail(command, process.returncode, text)
    return usage, figures, text


def run_load(tree, case, port, operations, processor):
    command = [*pinned_to(processor), tree.program("load"), port, f"size={case.size}",
               f"connections={case.connections}", f"trips={operations}",
               f"short={int(case.short)}"]  # fmt: skip
    process = start(command, None, subprocess.PIPE)
    with watchdog(process):
        output, said = process.communicate()
    if process.returncode != 0:
        fail(command, process.returncode, said)
    return json.loads(output)


def run_local(tree, case, library, operations, prefix=(), environment=None, words=()):
    """One run of a program that measures itself -> (its figures, what a tool said)."""
    processor = processors(prefix)[0] if case.pinned else None
    command = [*pinned_to(processor), *prefix, tree.program(f"{case.program}_{library}"),
               *case.words, *words, f"ops={operations}"]  # fmt: skip
    process = start(command, environment, subprocess.PIPE)
    with watchdog(process):
        output, said = process.communicate()
    if process.returncode != 0:
        fail(command, process.returncode, said)
    return json.loads(output.splitlines()[-1]), said


def run_any(tree, case, library, operations, prefix=(), environment=None):
    """What a tool said of a run, of whichever kind."""
    if case.kind == "server":
        return run_server(tree, case, library, operations, prefix, environment)[2]
    return run_local(tree, case, library, operations, prefix, environment, case.slow)[1]


def time_once(tree, case, library):
    """One round of one case -> figures."""
    if case.kind == "local":
        figures, _ = run_local(tree, case, library, case.many)
        return {name: figures[name] for name in case.figures}
    short, _, _ = run_server(tree, case, library, case.few)
    long, figures, _ = run_server(tree, case, library, case.many)
    if "sleeps" in case.figures:
        figures["sleeps"] = (long.ru_nvcsw - short.ru_nvcsw) / (case.many - case.few)
    seconds = long.ru_utime + long.ru_stime - short.ru_utime - short.ru_stime
    return {"cpu_ns": seconds * 1e9 / (case.many - case.few), **figures}


# --- tools ------------------------------------------------------------------------------------


def has_tool(tool):
    return TOOL_OF[tool] is None or shutil.which(TOOL_OF[tool]) is not None


def difference(case, count):
    """count(operations) -> counts of a whole run; the result is per operation."""
    short, long = count(case.tool_few), count(case.tool_many)
    operations = case.tool_many - case.tool_few
    return {name: (long[name] - short.get(name, 0)) / operations for name in long}


def instructions(tree, case, library):
    """User space only. valgrind 3.19 answers ENOSYS to epoll_pwait2: what is counted there is the
    way around it."""
    prefix = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]

    def count(operations):
        said = run_any(tree, case, library, operations, prefix, STRETCHED)
        return {"instructions": int(re.search(r"Collected : (\d+)", said)[1])}

    return difference(case, count)


# A call that strace stops at takes a hundred times longer. Of threads that work together that makes
# others than they are, which sleep where they never do: theirs are counted a few at a time, while
# the others run as ever.
ALL_CALLS = (["strace", "-c", "-f"],)
WAITS = "epoll_wait,epoll_pwait,epoll_pwait2"
CALLS_OF_THREADS = tuple(
    ["strace", "-c", "-f", "--seccomp-bpf", "-e", f"trace={calls}"]
    for calls in ("futex", "epoll_ctl", WAITS, f"!futex,epoll_ctl,{WAITS}")
)


def syscalls(tree, case, library):
    """All of them, and the commoner ones by name, as `calls.NAME`."""

    def count(operations):
        counts = {}
        for prefix in CALLS_OF_THREADS if case.threads else ALL_CALLS:
            with tempfile.TemporaryDirectory() as folder:
                table = Path(folder) / "strace"
                run_any(tree, case, library, operations, [*prefix, "-o", str(table)], STRETCHED)
                # % time, seconds, usecs/call, calls, errors (or nothing), name
                for line in table.read_text().splitlines():
                    fields = line.split()
                    if len(fields) in (5, 6) and fields[3].isdigit() and fields[-1] != "total":
                        counts[f"calls.{fields[-1]}"] = int(fields[3])
        return {"system_calls": sum(counts.values()), **counts}

    found = difference(case, count)
    return {name: each for name, each in found.items() if name == "system_calls" or each >= 0.005}


def preloaded(tree, file):
    return {"LD_PRELOAD": tree.program("counters.so"), "BENCH_COUNTERS": str(file)}


def allocations(tree, case, library):
    """By counters.so, which also counts the calls that may wake another thread."""
    if case.kind == "local":
        figures, _ = run_local(tree, case, library, case.many, (), preloaded(tree, "/dev/null"))
        wanted = ["allocations"] if case.pinned else ["allocations", "wakes"]
        return {name: figures[name] for name in wanted}

    def count(operations):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "counters"
            run_server(tree, case, library, operations, (), preloaded(tree, file))
            return {"allocations": json.loads(file.read_text())["allocations"]}

    return difference(case, count)


RUN_TOOL = {f.__name__: f for f in (instructions, syscalls, allocations)}


def idle_heap(tree, case, library):
    """Bytes and blocks on the heap a connection, from the most that was alive in two runs."""

    def most(connections):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "counters"
            small = type(case)(**{**case.__dict__, "connections": connections})
            run_server(tree, small, library, connections, (), preloaded(tree, file))
            return json.loads(file.read_text())

    short, long = most(case.few), most(case.many)
    connections = case.many - case.few
    return {
        "heap_bytes": (long["most_bytes"] - short["most_bytes"]) / connections,
        "heap_blocks": (long["most_blocks"] - short["most_blocks"]) / connections,
    }
