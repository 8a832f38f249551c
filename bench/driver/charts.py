# SPDX-License-Identifier: BSL-1.0
"""The charts of docs/benchmarks.md. The same figures give the same bytes: no dates, fixed ids."""

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot  # noqa: E402

import cases  # noqa: E402

COLOURS = {
    "raw": "#9a9a9a",
    "raw_tree": "#c8c8c8",
    "gyre": "#0b6e4f",
    "asio": "#d1495b",
    "boost": "#edae49",
    "libuv": "#30638e",
    "libevent": "#8d6a9f",
    "libev": "#8fb8de",
}
STYLE = {
    "svg.hashsalt": "gyre",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
}


def bars(path, results, title, groups, figure, log=False):
    """groups: (label, case); a bar a library in each."""
    present = [library for library in cases.LIBRARIES
               if any(results.median(case, library, figure) is not None for _, case in groups)]
    width = 0.84 / max(len(present), 1)
    with matplotlib.rc_context(STYLE):
        drawing, axes = matplotlib.pyplot.subplots(figsize=(9, 3.6))
        for number, library in enumerate(present):
            at = [place - 0.42 + width * (number + 0.5) for place in range(len(groups))]
            heights = [results.median(case, library, figure) or 0 for _, case in groups]
            axes.bar(at, heights, width * 0.94, color=COLOURS[library],
                     label=cases.LIBRARIES[library])  # fmt: skip
        if log:
            axes.set_yscale("log")
            axes.set_ylim(bottom=1)
            axes.yaxis.set_major_formatter("{x:,.0f}")
        axes.set_xticks(range(len(groups)), [label for label, _ in groups])
        axes.set_title(title, loc="left")
        axes.grid(axis="y", color="#e4e4e4")
        axes.legend(ncols=len(present), frameon=False, loc="upper center",
                    bbox_to_anchor=(0.5, -0.1), handlelength=1, columnspacing=1.2)  # fmt: skip
        drawing.savefig(path, bbox_inches="tight", metadata={"Date": None, "Creator": None})
        matplotlib.pyplot.close(drawing)
