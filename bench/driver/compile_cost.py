# SPDX-License-Identifier: BSL-1.0
"""What the echo program costs to compile by each library, by the narrowest headers: CPU time at
-O2, lines that the library's headers leave after the preprocessor beyond what the program's own
standard headers do, bytes of the stripped program alone and with the library it is linked to."""

import os
import re
import resource
import subprocess
import tempfile
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent

UNCACHED = {**os.environ, "CCACHE_DISABLE": "1"}


def lines_of_program(source):
    """Without what only other programs of the same source have: `#if BENCH_...` to its `#endif`."""
    depth = 0  # of #if in such a block
    for line in source.read_text().splitlines():
        if line.startswith("#if") and (depth or line.startswith("#if BENCH_")):
            depth += 1
        if depth == 0:
            yield line
        elif line.startswith("#endif"):
            depth -= 1


def includes(source):
    """What a source and the benchmarks' own headers under it include from outside, in order."""
    found = []
    for line in lines_of_program(source):
        if outside := re.match(r"#include <(.+)>", line):
            found.append(outside[1])
        elif own := re.match(r'#include "(.+)"', line):
            found += includes(BENCH / own[1])
    return list(dict.fromkeys(found))


def is_librarys(header):
    return re.match(r"(gyre|asio|boost|event2)/|uv\.h|ev\.h", header) is not None


def lines_of(command, headers, folder):
    source = Path(folder) / "only_headers.cpp"
    source.write_text("".join(f"#include <{name}>\n" for name in headers))
    run = subprocess.run([*command, "-E", "-P", source], check=True, capture_output=True)
    return run.stdout.count(b"\n")


def command(tree):
    built_by = re.search(
        r"^rule cpp_COMPILER\n command = (?:\S*ccache )?(\S+) ",
        (tree.path / "build.ninja").read_text(), re.M,
    )  # fmt: skip
    folders = [BENCH, BENCH.parent / "include", tree.path / "include"]
    return [built_by[1], "-std=c++20", "-DASIO_STANDALONE", *(f"-I{f}" for f in folders)]


def lines_added(tree, library):
    own = includes(BENCH / f"echo/{library}.cpp")
    standard = [name for name in own if not is_librarys(name)]
    theirs = [name for name in own if is_librarys(name)]
    with tempfile.TemporaryDirectory() as folder:
        both = lines_of(command(tree), theirs + standard, folder)
        return both - lines_of(command(tree), standard, folder)


def cpu_seconds(tree, library):
    with tempfile.TemporaryDirectory() as folder:
        output = ["-O2", "-c", "-o", f"{folder}/echo.o", BENCH / f"echo/{library}.cpp"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*command(tree), *output], check=True, env=UNCACHED)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def stripped_bytes(file):
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "stripped"
        subprocess.run(["strip", "-o", copy, file], check=True)
        return copy.stat().st_size


def sizes(tree, library):
    program = tree.program(f"echo_{library}")
    own = stripped_bytes(program)
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    libraries = re.findall(r"=> (\S*/lib(?:gyre|uv|event\S*|ev)\.so\S*)", linked)
    return {"program_bytes": own,
            "with_library_bytes": own + sum(stripped_bytes(file) for file in libraries)}


def exact(tree, library):
    """What is the same each time."""
    return {"lines_added": lines_added(tree, library), **sizes(tree, library)}
