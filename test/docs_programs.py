#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Takes the C++ program out of a page, so that what the documentation shows is compiled.

    docs_programs.py PAGE OUTPUT

A page has one block of C++ at most, and that is a whole source file: it begins with an #include.
"""

import re
import sys
from pathlib import Path


def main():
    page, output = Path(sys.argv[1]), Path(sys.argv[2])
    text = page.read_text()
    blocks = list(re.finditer(r"^```cpp\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    if len(blocks) != 1:
        sys.exit(f"{page}: {len(blocks)} blocks of C++ where there should be 1")
    program = blocks[0][1]
    if not program.startswith("#include <gyre/"):
        sys.exit(f"{page}: the program does not begin with the header that the page is about")
    line = text.count("\n", 0, blocks[0].start(1)) + 1
    output.write_text(f'#line {line} "{page.resolve()}"\n{program}')


main()
