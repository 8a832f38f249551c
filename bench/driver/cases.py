# SPDX-License-Identifier: BSL-1.0
"""What is asked, of whom, and how often: the table of the benchmarks. Runs nothing."""

import dataclasses

# In the order in which they are shown. `raw` and `raw_tree` are the floor.
LIBRARIES = {
    "raw": "floor",
    "raw_tree": "floor, tree",
    "gyre": "Gyre",
    "asio": "Asio",
    "boost": "Boost.Asio",
    "libuv": "libuv",
    "libevent": "libevent",
    "libev": "libev",
}
FLOOR = ("raw", "raw_tree")
PEERS = ("asio", "boost", "libuv", "libevent", "libev")

# What each tool of the command line tells, and of which kinds of cases.
TOOLS = {"instructions": "instructions", "syscalls": "system_calls", "allocations": "allocations"}

# figure -> (heading, digits after the point)
FIGURES = {
    "cpu_ns": ("CPU ns", 1),
    "insert_cpu_ns": ("insert, CPU ns", 1),
    "cancel_cpu_ns": ("cancel, CPU ns", 1),
    "wall_ns": ("wall ns", 0),
    "latency_ns": ("latency ns", 0),
    "latency_p99_ns": ("p99 ns", 0),
    "posting_ns": ("post ns", 0),
    "late_ns": ("late ns", 0),
    "late_p99_ns": ("p99 ns", 0),
    "instructions": ("instructions", 1),
    "system_calls": ("system calls", 3),
    "allocations": ("allocations", 3),
    "wakes": ("wake-ups", 4),
    "sleeps": ("sleeps", 4),
    "heap_bytes": ("heap bytes", 1),
    "heap_blocks": ("blocks", 3),
    "cpu_s": ("CPU s", 3),
    "lines_added": ("lines added", 0),
    "program_bytes": ("program bytes", 0),
    "with_library_bytes": ("with library", 0),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """One question with its numbers. `few` and `many` are the operations of the two runs whose
    difference counts, `tool_few` and `tool_many` the same under a tool that slows down."""

    name: str
    title: str
    kind: str  # server, local, idle or compile: who runs it, in measure.py and compile_cost.py
    program: str
    words: tuple = ()
    few: int = 0
    many: int = 0
    tool_few: int = 2_000
    tool_many: int = 7_000
    connections: int = 1
    size: int = 64
    short: bool = False
    tools: tuple = tuple(TOOLS)
    figures: tuple = ("cpu_ns", "wall_ns")
    pinned: bool = True
    threads: bool = False  # a server of several
    slow: tuple = ()  # words for runs under a tool that slows down

    descriptors: int = 1_000  # that one process of it may need

    @property
    def first(self):
        """What is compared: the ratios are its."""
        return self.figures[0]


def size_name(size):
    return f"{size}B" if size < 1024 else f"{size // 1024}K"


def count_name(count):
    for limit, sign in ((1_000_000, "M"), (1_000, "k")):
        if count >= limit and count % limit == 0:
            return f"{count // limit}{sign}"
    return str(count)


def echo_cases():
    for size in (64, 4096, 65536):
        for connections in (1, 50, 1000):
            trips = {64: 50_000, 4096: 40_000, 65536: 8_000}[size]
            few = max(1_000, 2 * connections)
            yield Case(
                f"echo-{connections}x{size_name(size)}",
                f"round trips of {size} bytes over {connections} connection(s)",
                "server", "echo" if size <= 4096 else "echo_large",
                few=few, many=few + (20_000 if connections == 1 and size <= 4096 else trips),
                tool_few=few, tool_many=few + 5_000,
                connections=connections, size=size, descriptors=connections + 1_000,
            )  # fmt: skip


def other_server_cases():
    for connections in (1, 50):
        yield Case(
            f"composed-{connections}x64K",
            f"messages of 64 KiB, each read whole and written whole, over {connections} "
            "connection(s)",
            "server", "composed",
            few=1_000, many=6_000, tool_few=500, tool_many=2_500,
            connections=connections, size=65536,
        )  # fmt: skip
    for name, program, connections, how in (
        ("threads", "echo_threads", 1, "two threads in one context"),
        ("threads", "echo_threads", 50, "two threads in one context"),
        ("loops", "echo_loops", 50, "two contexts in a thread each"),
    ):
        yield Case(
            f"{name}-{connections}x64B",
            f"round trips of 64 bytes over {connections} connection(s), {how}",
            "server", program,
            few=1_000, many=21_000 if connections == 1 else 51_000,
            tool_few=1_000, tool_many=21_000, connections=connections,
            tools=("syscalls", "allocations"), figures=("cpu_ns", "wall_ns", "sleeps"),
            pinned=False, threads=True,
        )  # fmt: skip
    yield Case(
        "short-50", "connections that are opened, echo 64 bytes and are closed, 50 at a time",
        "server", "echo",
        few=500, many=4_500, tool_few=500, tool_many=2_500, connections=50, short=True,
    )  # fmt: skip
    yield Case(
        "idle", "connections that wait for 64 bytes, 10,000 of them: what each has on the heap",
        "idle", "idle", few=10, many=10_000, tools=(), figures=("heap_bytes", "heap_blocks"),
        descriptors=11_000,
    )  # fmt: skip


def pipes_cases():
    for pipes in (100, 1000, 9000):
        for active in (1, 100):
            yield Case(
                f"pipes-{pipes}x{active}",
                f"{pipes} pairs of sockets are watched, {active} byte(s) travel: per hop",
                "local", "pipes", ("travel", f"pipes={pipes}", f"active={active}"),
                many=100_000, tool_few=1_000, tool_many=11_000, descriptors=2 * pipes + 1_000,
            )  # fmt: skip


def post_cases():
    def case(name, title, *words, **more):
        more = {"many": 1_000_000, "tool_few": 10_000, "tool_many": 60_000} | more
        return Case(f"post-{name}", title, "local", "post", words, **more)

    yield case("chain", "each function posts the next", "chain")
    yield case("at-once", "1,000 functions are posted, then called", "at_once")
    yield case(
        "million", "a million functions are posted, then called: the loop's first",
        "at_once", "count=1000000", tools=("allocations",),
    )  # fmt: skip
    for threads in (1, 4):
        yield case(
            f"from-{threads}",
            f"functions posted by {threads} other thread(s): CPU of both sides",
            "foreign", f"threads={threads}", tools=("allocations",),
            figures=("cpu_ns", "wall_ns", "sleeps"), pinned=False,
        )  # fmt: skip
    yield case(
        "wake", "a function is posted to a loop that sleeps: until it is called",
        "latency", many=500, tools=("allocations",),
        figures=("latency_ns", "latency_p99_ns", "posting_ns", "cpu_ns"), pinned=False,
    )  # fmt: skip


TIMER_TITLES = {
    "insert_cancel": "the same timers are armed and cancelled beside {} pending ones",
    "fresh": "{} new timers are armed, then cancelled in mixed order: each timed apart",
    "earlier": "one of {} pending timers is set to an earlier time",
    "extend": "one of {} pending timers is set to a later time",
    "fire": "{} timers have come due: until each was called",
}


def timer_cases():
    def case(name, title, *words, **more):
        more = {"many": 500_000, "tool_few": 10_000, "tool_many": 30_000} | more
        return Case(f"timer-{name}", title, "local", "timer", words, **more)

    for pending in (100, 10_000, 1_000_000):
        large = pending > 100_000
        for what, title in TIMER_TITLES.items():
            more = {}
            if what == "fresh":
                more = {"many": max(pending, 20_000), "tools": (),
                        "figures": ("insert_cpu_ns", "cancel_cpu_ns")}  # fmt: skip
            elif what == "fire":
                least = max(pending, 1_000)
                more = {"many": max(pending, 20_000), "slow": ("slow=100",),
                        "tool_few": least, "tool_many": 3 * least}  # fmt: skip
            if large:
                more |= {"tools": ("allocations",) if what != "fresh" else ()}
            yield case(
                f"{what.replace('_', '-')}-{count_name(pending)}",
                title.format(f"{pending:,}"), what, f"pending={pending}", **more,
            )  # fmt: skip
    yield case("due", "each handler arms the timer for a past time", "due", many=20_000,
               tool_few=1_000, tool_many=6_000)  # fmt: skip
    for name, words in (("late", ()), ("late-slack", ("slack=1",))):
        yield case(
            name, "a timer of 1 ms: how late it is called"
            + (", without the kernel's timer slack" if words else ""),
            "lateness", *words, many=300, tools=("allocations",),
            figures=("late_ns", "late_p99_ns", "cpu_ns"),
        )  # fmt: skip
    for threads in (1, 4):
        yield case(
            f"from-{threads}", f"timers armed by {threads} other thread(s): CPU of both sides",
            "foreign", f"threads={threads}", many=400_000, tools=("allocations",),
            figures=("cpu_ns", "wall_ns", "sleeps"), pinned=False,
        )  # fmt: skip


def timeout_cases():
    for name, title in (
        ("plain", "a byte is read from a local socket, without a timeout"),
        ("timed", "the same, each read with a timeout of 30 s"),
    ):
        yield Case(f"timeout-{name}", title, "local", "timeout", (name,),
                   many=200_000, tool_few=5_000, tool_many=25_000)  # fmt: skip
    yield Case("timeout-beyond", "the two in turn: what the timeout takes beyond the read",
               "local", "timeout", ("beyond",), many=200_000, tools=(),
               figures=("cpu_ns",))  # fmt: skip


CASES = {
    case.name: case
    for case in (
        *echo_cases(), *other_server_cases(), *pipes_cases(), *post_cases(), *timer_cases(),
        *timeout_cases(),
        Case("compile", "the echo program compiled at -O2, by the narrowest headers",
             "compile", "echo", tools=(),
             figures=("cpu_s", "lines_added", "program_bytes", "with_library_bytes")),
    )
}  # fmt: skip


def chosen(names):
    """The cases of these names: `timer-fire` is timer-fire-100 and all its like."""
    if not names:
        return list(CASES.values())
    found = []
    for name in names:
        matching = [c for c in CASES.values() if c.name == name or c.name.startswith(name + "-")]
        if not matching:
            raise SystemExit(f"bench: no benchmark {name}; there are: {' '.join(CASES)}")
        found += [case for case in matching if case not in found]
    return found
