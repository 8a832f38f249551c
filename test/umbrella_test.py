# SPDX-License-Identifier: BSL-1.0
"""Compiles a program of callbacks with the umbrella header and with narrow ones: the code has to be
the same, and none of it a completion token's.

    umbrella_test.py SOURCE WORK COMPILER ARGUMENT...
"""

import re
import subprocess
import sys
from pathlib import Path

ADAPTORS = ("use_future", "promise", "deferred", "detached", "tuple_handler", "redirect",
            "appending", "prepending", "consign", "allocator_binder", "slot_binder")  # fmt: skip


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def functions(obj):
    """name -> disassembly, with the names of what it calls."""
    found, name = {}, None
    for line in run("objdump", "-dr", "--no-show-raw-insn", str(obj)).splitlines():
        if head := re.match(r"^[0-9a-f]+ <(.+)>:$", line):
            name = head[1]
            found[name] = []
        elif name and line.strip() and not line.startswith("Disassembly"):
            # Where a function lies does not matter, nor what objdump calls the target of a jump.
            found[name].append(re.sub(r"^\s*[0-9a-f]+:\s*|\b[0-9a-f]+ <.*>$|# .*$", "", line))
    return found


def main(source, work, *compiler):
    Path(work).mkdir(exist_ok=True)
    code, symbols = [], []
    for way, words in (("umbrella", ["-DBY_UMBRELLA"]), ("narrow", [])):
        obj = Path(work) / f"{way}.o"
        run(*compiler, "-std=c++20", "-O2", "-ffunction-sections", "-c", *words, source,
            "-o", str(obj))  # fmt: skip
        code.append(functions(obj))
        symbols.append(run("nm", "-C", str(obj)))
    names = sorted({*code[0], *code[1]})
    other = [n for n in names if code[0].get(n) != code[1].get(n)]
    for name in other:
        print("differs:", name)
    strangers = [a for a in ADAPTORS if any(a in s for s in symbols)]
    for adaptor in strangers:
        print("has a symbol of:", adaptor)
    if not names:
        print("no code was found")
    return 1 if other or strangers or not names else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
