# SPDX-License-Identifier: BSL-1.0
"""Runs the benchmarks. `./dev bench` is its door: see `./dev help`.

    driver --tree TREE --targets [NAME...]       what ninja has to build for them
    driver --tree TREE [NAME...] [options]       runs, prints tables, writes JSON; --add: into
                                                 the file's figures, in place of the same ones
    driver --tree TREE --guard [--record]        compares what is exact with bench/budgets.txt
    driver --page                                draws docs/benchmarks.md from the JSON
"""

import argparse
import shlex
import sys
from pathlib import Path

import cases
import compile_cost
import guard
import machine
import measure
from results import Results, print_table

ROOT = Path(__file__).resolve().parent.parent.parent


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def libraries_of(tree, case):
    return [library for library in cases.LIBRARIES if tree.has(case.program, library)]


def targets(tree, chosen, libraries=None):
    """`libraries`: only these; else all that the tree was configured with."""
    wanted = {f"{case.program}_{library}" for case in chosen for library in libraries_of(tree, case)
              if libraries is None or library in libraries}  # fmt: skip
    wanted |= {"load", "counters.so"} | ({"sizes"} if libraries else set())
    return sorted(f"bench/{name}" for name in wanted)


class Run:
    """One call of the driver: what was asked, and where the figures go."""

    def __init__(self, tree, asked):
        self.tree = tree
        self.asked = asked
        self.results = Results()
        self.failed = set()

    def attempt(self, case, library, what, *arguments):
        """Adds what what() gives; a program that fails is left out from then on."""
        if (case.name, library) in self.failed:
            return
        try:
            self.results.add(case.name, library, what(self.tree, *arguments))
        except (measure.Failed, OSError) as error:
            self.failed.add((case.name, library))
            self.results.note(f"{case.name} {library}: {str(error).splitlines()[0]}")
            say(f"{case.name} {library} FAILED: {error}")

    def case(self, case):
        libraries = libraries_of(self.tree, case)
        if not measure.allow_descriptors(case.descriptors):
            self.results.note(f"{case.name}: left out, the limit of descriptors is below "
                              f"{case.descriptors:,}")  # fmt: skip
            return
        if case.kind == "idle":
            for library in libraries:
                self.attempt(case, library, measure.idle_heap, case, library)
        elif case.kind == "compile":
            for library in libraries:
                self.attempt(case, library, compile_cost.exact, library)
        for _ in range(self.asked.rounds):
            for library in libraries:
                self.round(case, library)
        for tool in (t for t in cases.TOOLS if getattr(self.asked, t) and t in case.tools):
            for library in libraries:
                self.attempt(case, library, measure.RUN_TOOL[tool], case, library)

    def round(self, case, library):
        if case.kind == "compile":
            self.attempt(case, library, lambda tree, name: {
                "cpu_s": compile_cost.cpu_seconds(tree, name)}, library)  # fmt: skip
        elif case.kind != "idle":
            self.attempt(case, library, measure.time_once, case, library)

    def all(self, chosen):
        self.note_what_is_missing(chosen)
        for number, case in enumerate(chosen, 1):
            say(f"{case.name} ({number} of {len(chosen)})")
            self.case(case)
            if self.results.libraries(case.name):
                print_table(self.results, case)
                sys.stdout.flush()
        for note in self.results.notes:
            print(f"note: {note}")

    def note_what_is_missing(self, chosen):
        # Each library has an echo server.
        here = {library for case in (*chosen, cases.CASES["echo-1x64B"])
                for library in libraries_of(self.tree, case)}  # fmt: skip
        for library in cases.PEERS:
            if library not in here:
                self.results.note(f"{cases.LIBRARIES[library]} is not installed: left out")
        for tool in cases.TOOLS:
            if getattr(self.asked, tool) and not measure.has_tool(tool):
                setattr(self.asked, tool, False)
                self.results.note(f"{measure.TOOL_OF[tool]} is not installed: no {tool}")


def parse():
    options = argparse.ArgumentParser(prog="bench", allow_abbrev=False)
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--tree", default=str(ROOT / "build/bench"))
    options.add_argument("--targets", action="store_true")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", default=str(ROOT / "build/bench.json"))
    options.add_argument("--add", action="store_true")
    options.add_argument("--guard", action="store_true")
    options.add_argument("--record", action="store_true")
    options.add_argument("--page", action="store_true")
    for tool in cases.TOOLS:
        options.add_argument(f"--{tool}", action="store_true")
    return options.parse_args()


def main():
    asked = parse()
    chosen = cases.chosen(asked.names)
    if asked.page:
        import page  # it alone needs a plotting library

        return page.draw(Results.read(asked.json), ROOT / "docs")
    tree = measure.Tree(asked.tree)
    if asked.targets:
        print(*(targets(tree, guard.cases_needed(), ["gyre"]) if asked.guard
                else targets(tree, chosen)))  # fmt: skip
        return 0
    if asked.guard:
        return guard.run(tree, asked.record)
    run = Run(tree, asked)
    run.results.about = {
        "command": shlex.join(["./dev", "bench", *sys.argv[1:]]),
        "rounds": asked.rounds,
        "machine": machine.machine(),
        "versions": machine.versions(ROOT, compile_cost.command(tree)[0]),
    }
    run.all(chosen)
    run.results.about["machine"]["load average before / after"] += f" / {machine.load()}"
    if asked.add and Path(asked.json).exists():
        run.results.add_to(Results.read(asked.json))
    run.results.write(asked.json)
    say(f"wrote {asked.json}")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
