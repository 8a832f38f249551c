# SPDX-License-Identifier: BSL-1.0
"""The figures of a run: collected, written as JSON, read, compared, printed as tables."""

import json
import statistics
from pathlib import Path

import cases


class Results:
    """(case, library, figure) -> what the rounds gave."""

    def __init__(self):
        self.about = {}
        self.notes = []
        self.runs = {}

    def add(self, case, library, figures):
        for figure, value in figures.items():
            self.runs.setdefault((case, library, figure), []).append(value)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def median(self, case, library, figure):
        """None if it was not measured."""
        runs = self.runs.get((case, library, figure))
        return statistics.median(runs) if runs else None

    def spread(self, case, library, figure):
        runs = self.runs[case, library, figure]
        return min(runs), max(runs)

    def floor(self, case, figure):
        """Of the floor's variants the one that does this best."""
        found = [self.median(case, library, figure) for library in cases.FLOOR]
        return min((value for value in found if value is not None), default=None)

    def libraries(self, case):
        present = {library for name, library, _ in self.runs if name == case}
        return [library for library in cases.LIBRARIES if library in present]

    def figures(self, case):
        present = {figure for name, _, figure in self.runs if name == case}
        return [figure for figure in cases.FIGURES if figure in present]

    def add_to(self, earlier):
        """Takes over what an earlier run has and this one has not."""
        self.runs = earlier.runs | self.runs
        self.notes = [n for n in earlier.notes if n not in self.notes] + self.notes
        self.about["command"] = f"{earlier.about['command']}\n{self.about['command']}"

    # --- JSON ---------------------------------------------------------------------------------

    def write(self, path):
        rows = []
        for (case, library, figure), runs in self.runs.items():
            low, high = min(runs), max(runs)
            rows.append({"case": case, "library": library, "figure": figure,
                         "median": statistics.median(runs), "least": low, "most": high,
                         "runs": runs})  # fmt: skip
        lines = ",\n".join("    " + json.dumps(row) for row in rows)
        about = json.dumps(self.about, indent=2)[1:-2]
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(
            f'{{{about},\n  "notes": {json.dumps(self.notes)},\n  "figures": [\n{lines}\n  ]\n}}\n'
        )

    @classmethod
    def read(cls, path):
        found = cls()
        read = json.loads(Path(path).read_text())
        for row in read.pop("figures"):
            found.runs[row["case"], row["library"], row["figure"]] = row["runs"]
        found.notes = read.pop("notes")
        found.about = read
        return found


# --- tables -----------------------------------------------------------------------------------


def shown(value, figure):
    digits = cases.FIGURES[figure][1]
    return "" if value is None else f"{round(value, digits) or 0:,.{digits}f}"


def ratio(value, other):
    return f"{value / other:.2f}" if value is not None and other else ""


def table_of(results, case):
    """Rows of text: heading, then a row a library. The first figure comes with its spread, its
    ratio to the floor, and Gyre's to it."""
    first = case.first
    floor = results.floor(case.name, first)
    gyre = results.median(case.name, "gyre", first)
    others = [figure for figure in results.figures(case.name) if figure != first]
    head = ["", cases.FIGURES[first][0], "least-most", "/ floor", "Gyre /"]
    rows = [[*head, *(cases.FIGURES[figure][0] for figure in others)]]
    for library in results.libraries(case.name):
        value = results.median(case.name, library, first)
        spread = ""
        if value is not None:
            ends = results.spread(case.name, library, first)
            spread = "-".join(shown(end, first) for end in ends)
        row = [cases.LIBRARIES[library], shown(value, first), spread, ratio(value, floor),
               ratio(gyre, value)]  # fmt: skip
        rows.append([*row, *(shown(results.median(case.name, library, f), f) for f in others)])
    return rows


def print_table(results, case):
    rows = table_of(results, case)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    print(f"\n{case.name}: {case.title}")
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
        print("  " + "  ".join(cells).rstrip())
