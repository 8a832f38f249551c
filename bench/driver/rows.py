# SPDX-License-Identifier: BSL-1.0
"""The budgets: what the design asks of Gyre, from which figures it is read, and whether it is met.
Rows without parts belong to what is not there yet."""

import dataclasses

import cases


@dataclasses.dataclass(frozen=True)
class Part:
    """One figure of a row. `against`: None holds the figure itself against the limit, "floor" its
    ratio to the floor, "floor+" what it is more than that, a library's name the ratio to it.
    `floor`: what the floor cost on the machine that the limit was set on. A limit in nanoseconds
    is worth as much more or less here as the floor is."""

    case: str
    limit: float
    figure: str = "cpu_ns"
    against: str | None = None
    floor: float | None = None
    beyond: str | None = None  # a case whose figure is taken off

    def of(self, results, library):
        """The figure of a library; "floor" is one."""
        def figure(case):
            if library == "floor":
                return results.floor(case, self.figure)
            return results.median(case, library, self.figure)

        value = figure(self.case)
        if value is None or self.beyond is None:
            return value
        base = figure(self.beyond)
        return None if base is None else value - base

    def here(self, results):
        """The limit on this machine."""
        if self.floor is None:
            return self.limit
        floor = results.floor(self.case, self.figure)
        return None if floor is None else self.limit * floor / self.floor

    def reference(self, results):
        if self.against in ("floor", "floor+"):
            return results.floor(self.case, self.figure)
        return results.median(self.case, self.against, self.figure)

    def compared(self, results, value):
        """What is held against the limit; None if there is nothing to compare with."""
        if value is None or self.against is None:
            return value
        reference = self.reference(results)
        if reference is None:
            return None
        return value - reference if self.against == "floor+" else value / reference

    def met(self, results, here=False):
        """True, False, or None if it was not measured; `here`: by the limit on this machine."""
        value = self.of(results, "gyre")
        compared, limit = self.compared(results, value), self.here(results) if here else self.limit
        if compared is None or limit is None:
            return None
        if self.beyond is not None and compared < 0:
            return None  # more work can't cost less: what was found is how the machine drifts
        if compared <= limit:
            return True
        # What the floor itself needs in another round of the same run is no difference.
        if self.against == "floor":
            ends = [results.spread(self.case, library, self.figure) for library in cases.FLOOR
                    if results.median(self.case, library, self.figure) is not None]  # fmt: skip
            return value <= max(end for _, end in ends)
        return False


@dataclasses.dataclass(frozen=True)
class Row:
    what: str
    budget: str
    parts: tuple = ()
    unit: float = 1  # how many of the figure's own one shown is
    digits: int = 0
    as_ratio: bool = False  # shown is the ratio to the floor
    later: str = ""

    def value(self, results, part, library):
        """What a cell shows of one part; library may be "floor"."""
        value = part.of(results, library)
        if value is None:
            return "-"
        if self.as_ratio:
            value = part.compared(results, value)
            return "-" if value is None else f"{value:.2f}"
        shown = round(value / self.unit, self.digits) or 0
        return f"{shown:,.{self.digits}f}"

    def cell(self, results, library):
        values = [self.value(results, part, library) for part in self.parts]
        return "-" if set(values) <= {"-"} else " / ".join(values)

    def here(self, results):
        """The limits on this machine, if they are others than those of the budget."""
        if not any(part.floor for part in self.parts):
            return ""
        limits = [part.here(results) for part in self.parts]
        return " / ".join("-" if limit is None else f"{limit:,.{self.digits}f}"
                          for limit in limits)  # fmt: skip

    def verdict(self, results, here=False):
        if self.later:
            return self.later
        words = {True: "yes", False: "**no**", None: "not measured"}
        found = [words[part.met(results, here)] for part in self.parts]
        return found[0] if len(set(found)) == 1 else " / ".join(found)


def each(names, limits, figure="cpu_ns", against=None, floors=None):
    floors = floors or (None,) * len(limits)
    return tuple(Part(name, limit, figure, against, floor)
                 for name, limit, floor in zip(names, limits, floors))  # fmt: skip


def timers(what, limits, figure="cpu_ns", sizes=("100", "10k", "1M"), floors=None):
    return each([f"timer-{what}-{size}" for size in sizes], limits, figure, floors=floors)


ECHO = ("echo-1x64B", "echo-50x64B")
NOT_YET = "not there yet"

ROWS = (
    Row("system calls per echo, 1 / 50 connections", "3.0 / <= 2.03",
        each(ECHO, (3.005, 2.035), "system_calls"), digits=2),
    Row("user instructions per echo, 1 / 50 connections", "<= 450 / <= 300",
        each(ECHO, (450, 300), "instructions")),
    Row("server CPU per echo, 50 connections, over the floor",
        "<= 1.03, or within the floor's spread",
        each(ECHO[1:], (1.03,), against="floor"), as_ratio=True),
    Row("two threads on one context, system calls per echo, 1 / 50 connections", "<= 5",
        each(("threads-1x64B", "threads-50x64B"), (5, 5), "system_calls"), digits=2),
    Row("two threads, a context for each, system calls per echo, 50 connections", "<= 5",
        each(("loops-50x64B",), (5,), "system_calls"), digits=2),
    Row("post, 1000 at once / chain, ns", "<= 9 / <= 18",
        each(("post-at-once", "post-chain"), (9, 18), floors=(6, 13)), digits=1),
    Row("post, 1000 at once / chain, allocations", "0 / 0",
        each(("post-at-once", "post-chain"), (0.0005, 0.0005), "allocations"), digits=2),
    Row("post from 1 / 4 threads, CPU of both sides, ns", "<= 85 / <= 120",
        each(("post-from-1", "post-from-4"), (85, 120), floors=(65, 65))),
    Row("post from 1 / 4 threads, allocations", "0 / 0",
        each(("post-from-1", "post-from-4"), (0.005, 0.005), "allocations"), digits=2),
    Row("post from 1 / 4 threads, wake-ups an operation", "<= 0.05",
        each(("post-from-1", "post-from-4"), (0.05, 0.05), "wakes"), digits=3),
    Row("timer armed and cancelled, 100 / 10 k / 1 M pending, ns", "<= 40 / 40 / 40",
        timers("insert-cancel", (40, 40, 40), floors=(30, 25, 25))),
    Row("timer armed and cancelled, 100 / 10 k / 1 M pending, allocations", "0",
        timers("insert-cancel", (0.0005,) * 3, "allocations"), digits=2),
    Row("timer set to a later time, 100 / 10 k / 1 M pending, ns", "<= 8 / 8 / 25",
        timers("extend", (8, 8, 25), floors=(1, 1, 12))),
    Row("timer set to an earlier time, 10 k pending, ns", "<= 30",
        timers("earlier", (30,), sizes=("10k",), floors=(10,))),
    Row("timers fire, 100 / 10 k / 1 M, ns", "<= 95 / 70 / 120",
        timers("fire", (95, 70, 120), floors=(23, 34, 71))),
    Row("chain of already expired timers, ns", "<= 100", each(("timer-due",), (100,))),
    Row("timer armed from 1 / 4 threads, CPU of both sides, ns", "<= 90 / <= 130",
        each(("timer-from-1", "timer-from-4"), (90, 130), floors=(46, 46))),
    Row("timer armed from 1 / 4 threads, wake-ups an operation", "<= 0.05",
        each(("timer-from-1", "timer-from-4"), (0.05, 0.05), "wakes"), digits=3),
    Row("timeout on a read: CPU ns beyond one without", "<= 100",
        (Part("timeout-beyond", 100),)),
    Row("timeout on a read: allocations beyond one without", "0",
        (Part("timeout-timed", 0.0005, "allocations", beyond="timeout-plain"),), digits=2),
    Row("timeout on a read: system calls beyond one without", "0",
        (Part("timeout-timed", 0.005, "system_calls", beyond="timeout-plain"),), digits=2),
    Row("lateness of a 1 ms timer, median, default / without slack, µs", "floor + 10 µs",
        each(("timer-late", "timer-late-slack"), (10_000, 10_000), "late_ns", "floor+"),
        unit=1000),
    Row("heap per idle connection with a pending read and 64 bytes of its own, bytes", "<= 256",
        each(("idle",), (256,), "heap_bytes")),
    Row("blocks on the heap per idle connection", "<= 2", each(("idle",), (2,), "heap_blocks"),
        digits=2),
    Row("heap per idle connection with a deadline", "+64 bytes", later=NOT_YET),
    Row("N-pipes, 100 pipes / 1 active, over the floor", "<= 1.05",
        each(("pipes-100x1",), (1.05,), against="floor"), as_ratio=True),
    Row("system calls per short connection", "<= 7.1", each(("short-50",), (7.1,), "system_calls"),
        digits=2),
    Row("compiling an echo program at -O2, CPU s", "<= 0.3 x Asio",
        each(("compile",), (0.3,), "cpu_s", "asio"), digits=2),
    Row("lines added to it by the library's headers", "<= 0.1 x Asio",
        each(("compile",), (0.1,), "lines_added", "asio")),
    Row("loop telemetry switched on", "<= 1 % of an echo", later=NOT_YET),
)  # fmt: skip
