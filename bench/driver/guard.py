# SPDX-License-Identifier: BSL-1.0
"""Compares Gyre's noise-free figures with bench/budgets.txt, or records them there."""

import concurrent.futures
import json
import re
import subprocess
from pathlib import Path

import cases
import compile_cost
import measure

BUDGETS = Path(__file__).resolve().parent.parent / "budgets.txt"
LINE = re.compile(r"^(\S+)\s+(\S+)\s+([\d.,]+)\s+\+([\d.]+)(%?)$")


class Budget:
    """A line of the file: case, figure, recorded value, and what may be added to it."""

    def __init__(self, case, figure, value, room, percent):
        self.case, self.figure = case, figure
        self.value, self.text = float(value.replace(",", "")), value
        self.room, self.percent = float(room), percent

    @property
    def limit(self):
        return self.value + (self.value * self.room / 100 if self.percent else self.room)

    def line(self):
        value = f"{round(self.value, 3) or 0:.3f}".rstrip("0").rstrip(".")
        return f"{self.case:<28} {self.figure:<20} {value:>12}  +{self.room:g}{self.percent}"


def read():
    lines = BUDGETS.read_text().splitlines()
    found = []
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#"):
            fields = LINE.match(line)
            if not fields:
                raise SystemExit(f"bench: {BUDGETS}:{number}: not CASE FIGURE VALUE +ROOM[%]")
            found.append(Budget(*fields.groups()))
    return found


def cases_needed():
    names = [budget.case for budget in read()]
    return [cases.CASES[name] for name in dict.fromkeys(names) if name in cases.CASES]


TOOL_THAT_TELLS = {figure: tool for tool, figure in cases.TOOLS.items()}


def measurements(budgets):
    """(case, tool) -> once each, in the order of the file; `tool` may be a kind of case."""
    wanted = []
    for budget in budgets:
        case = cases.CASES.get(budget.case)
        kind = case.kind if case else budget.case
        tool = TOOL_THAT_TELLS.get(budget.figure, "allocations")
        wanted.append((budget.case, tool if kind in ("server", "local") else kind))
    return list(dict.fromkeys(wanted))


def measured(tree, name, how):
    if how == "sizes":
        run = subprocess.run([tree.program("sizes")], check=True, capture_output=True, text=True)
        return json.loads(run.stdout)
    case = cases.CASES[name]
    if not measure.allow_descriptors(case.descriptors):
        raise SystemExit(f"bench: {name} needs {case.descriptors:,} descriptors")
    if how == "idle":
        return measure.idle_heap(tree, case, "gyre")
    if how == "compile":
        return compile_cost.exact(tree, "gyre")
    return measure.RUN_TOOL[how](tree, case, "gyre")


def collect(tree, budgets):
    """{(case, figure): value}; what is counted does not mind company."""
    found = {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        jobs = {pool.submit(measured, tree, *what): what for what in measurements(budgets)}
        for job in concurrent.futures.as_completed(jobs):
            name, _ = jobs[job]
            found |= {(name, figure): value for figure, value in job.result().items()}
    return found


def is_over(budget, found):
    return found[budget.case, budget.figure] > budget.limit


def collect_patiently(tree, budgets):
    """What is over is measured twice again and the least counts: how many events a wait of a
    server finds is its load's doing as well."""
    found = collect(tree, budgets)
    for _ in range(2):
        again = [budget for budget in budgets if is_over(budget, found)]
        if again:
            repeated = collect(tree, again)
            found |= {key: min(value, found[key]) for key, value in repeated.items()}
    return found


def record(budgets, found):
    new = {(budget.case, budget.figure): budget for budget in budgets}
    lines = []
    for line in BUDGETS.read_text().splitlines():
        fields = LINE.match(line)
        if fields:
            budget = new[fields[1], fields[2]]
            budget.value = found[budget.case, budget.figure]
            line = budget.line()
        lines.append(line)
    BUDGETS.write_text("\n".join(lines) + "\n")
    print(f"bench: recorded {len(budgets)} figures in {BUDGETS.name}")
    return 0


def report(budgets, found):
    for budget in budgets:
        value = found[budget.case, budget.figure]
        text = f"{budget.case} {budget.figure}: {value:,.3f}, recorded {budget.text}"
        if is_over(budget, found):
            print(f"OVER BUDGET  {text}, limit {budget.limit:,.3f}")
        elif value < budget.value - (budget.limit - budget.value):
            print(f"better       {text}: `./dev bench --guard --record` lowers the budget")
    over = sum(is_over(budget, found) for budget in budgets)
    print(f"bench: {len(budgets) - over} of {len(budgets)} figures are within their budgets")
    return 1 if over else 0


def run(tree, recording):
    for tool in ("instructions", "syscalls"):
        if not measure.has_tool(tool):
            raise SystemExit(f"bench: the guard needs {measure.TOOL_OF[tool]}")
    budgets = read()
    if recording:
        return record(budgets, collect(tree, budgets))
    return report(budgets, collect_patiently(tree, budgets))
