#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What it costs to compile the echo server of echo_body.hpp by each library, narrowest headers.

    compile_cost.py --compiler g++ --include FOLDER...

CPU seconds of the whole compilation at -O2, least of five, and the lines that the library's headers
leave after the preprocessor beyond what the program's own standard headers do. One JSON line a
figure on standard output; the table, for people, goes to standard error.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPETITIONS = 5
LIBRARIES = {"gyre": [], "asio": ["-DASIO_STANDALONE"]}


def includes(*names):
    """Standard headers and the library's, in the order of the sources."""
    found = re.findall(r"^#include <(.+)>", "\n".join((HERE / n).read_text() for n in names), re.M)
    return [n for n in found if "/" not in n], [n for n in found if "/" in n]


def lines_of(command, headers, folder):
    source = Path(folder) / "only_headers.cpp"
    source.write_text("".join(f"#include <{name}>\n" for name in headers))
    run = subprocess.run([*command, "-E", "-P", source], check=True, capture_output=True)
    return run.stdout.count(b"\n")


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--compiler", default="g++")
    options.add_argument("--include", action="append", default=[])
    asked = options.parse_args()
    command = [asked.compiler, "-std=c++20", *(f"-I{folder}" for folder in asked.include)]

    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        programs = {}
        for library, flags in LIBRARIES.items():
            standard, own = includes(f"echo_{library}.cpp", "echo_body.hpp")
            try:
                with_own = lines_of([*command, *flags], own + standard, folder)
            except subprocess.CalledProcessError:
                print(f"compile_cost: no headers of {library}", file=sys.stderr)
                continue
            only_standard = lines_of(command, standard, folder)
            figures[library] = {"lines_added": with_own - only_standard}
            output = ["-O2", "-c", "-o", f"{folder}/{library}.o"]
            programs[library] = [*command, *flags, *output, HERE / f"echo_{library}.cpp"]
        empty = Path(folder) / "standard.cpp"
        empty.write_text("".join(f"#include <{name}>\n" for name in standard))
        programs["standard headers alone"] = [*command, "-O2", "-c", "-o", f"{folder}/x.o", empty]
        seconds = {name: [] for name in programs}
        for _ in range(REPETITIONS):
            for name, program in programs.items():
                seconds[name].append(cpu_seconds(program))
        for name, times in seconds.items():
            figures.setdefault(name, {})["cpu_seconds"] = round(min(times), 3)

    for library, row in figures.items():
        for name, value in row.items():
            print(json.dumps({"name": f"compile_{name}", "library": library, "value": value}))
    print(f"{'':<24}{'CPU s, -O2':>12}{'lines added':>14}", file=sys.stderr)
    for library, row in figures.items():
        lines = row.get("lines_added", "")
        print(f"{library:<24}{row['cpu_seconds']:>12.2f}{lines:>14}", file=sys.stderr)
    if "asio" in figures:
        gyre, asio = figures["gyre"], figures["asio"]
        ratios = [gyre[key] / asio[key] for key in ("cpu_seconds", "lines_added")]
        print(f"{'gyre / asio':<24}{ratios[0]:>12.2f}{ratios[1]:>14.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
