#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Builds and runs main.cpp the way a user would: as one of the three kinds of consumer.

    run.py subproject|pkgconfig|cmake --source ROOT --build TREE --work FOLDER

subproject builds a copy of the sources, unoptimised, in a consumer's own tree; nothing may be
downloaded. The other two install TREE into FOLDER and build against that. FOLDER is kept between
runs, so that the second one is quick. Exit code 77: what it needs is not there.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = ("include", "lib", "subprojects", "meson.build", "meson_options.txt")
SKIPPED = 77


def run(*command, **options):
    print("+", shlex.join(map(str, command)), flush=True)
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **options)


def need(program):
    if shutil.which(program) is None:
        print("skipped: no", program)
        sys.exit(SKIPPED)


def copy(source, target):
    """Copies what is new or changed, with its times, and removes what is gone."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in source.iterdir()}
        for entry in target.iterdir():
            if entry.name not in names:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for name in names:
            copy(source / name, target / name)
        return
    old = target.stat() if target.exists() else None
    new = source.stat()
    if old is None or (old.st_size, old.st_mtime_ns) != (new.st_size, new.st_mtime_ns):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def expect_ok(program, **options):
    output = run(program, stdout=subprocess.PIPE, text=True, **options).stdout
    print(output, end="")
    if output != "OK\n":
        sys.exit("the consumer did not say OK")


def installed(arguments):
    """Installs the library's own tree, not the system, and returns the prefix."""
    stage = arguments.work / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    run("meson", "install", "-C", arguments.build, "--no-rebuild", "--quiet", "--destdir", stage)
    found = list(stage.rglob("gyre.pc"))
    if len(found) != 1:
        sys.exit(f"gyre.pc is installed {len(found)} times")
    text = found[0].read_text().splitlines()
    prefix = next(line for line in text if line.startswith("prefix=")).removeprefix("prefix=")
    return stage / prefix.lstrip("/"), found[0].parent


def library_path(prefix):
    folders = {str(file.parent) for file in prefix.rglob("libgyre.so*")}
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(folders)}


def subproject(arguments):
    work = arguments.work
    for part in PARTS:
        copy(arguments.source / part, work / "source/subprojects/gyre" / part)
    copy(HERE / "subproject/gyre.wrap", work / "source/subprojects/gyre.wrap")
    copy(HERE / "subproject/meson.build", work / "source/meson.build")
    copy(HERE / "main.cpp", work / "source/main.cpp")
    tree = work / "tree"
    if not (tree / "build.ninja").exists():
        shutil.rmtree(tree, ignore_errors=True)
        # Tests, benchmarks and examples must stay off without being told.
        run("meson", "setup", "--wrap-mode=nodownload", "-Dbuildtype=plain", "-Dcpp_args=-O0",
            tree, work / "source")  # fmt: skip
    run("ninja", "-C", tree)
    if any(tree.rglob("*_tests")) or any(tree.rglob("echo_server")):
        sys.exit("a subproject builds tests or examples")
    expect_ok(tree / "consumer")


def pkgconfig(arguments):
    need("pkg-config")
    prefix, folder = installed(arguments)
    flags = run(
        "pkg-config", f"--define-variable=prefix={prefix}", "--cflags", "--libs", "gyre",
        env={**os.environ, "PKG_CONFIG_PATH": str(folder)}, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip
    if "boost" in flags.lower() or "fmt" in flags:
        sys.exit(f"private dependencies reach the user: {flags}")
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    program = arguments.work / "consumer"
    run(*compiler, "-std=c++20", HERE / "main.cpp", "-o", program, *shlex.split(flags))
    expect_ok(program, env=library_path(prefix))


def cmake(arguments):
    need("cmake")
    prefix, _ = installed(arguments)
    copy(HERE / "main.cpp", arguments.work / "source/main.cpp")
    copy(HERE / "cmake/CMakeLists.txt", arguments.work / "source/CMakeLists.txt")
    tree = arguments.work / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    run("cmake", "-S", arguments.work / "source", "-B", tree, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tree)
    expect_ok(tree / "consumer", env=library_path(prefix))


def main():
    ways = {"subproject": subproject, "pkgconfig": pkgconfig, "cmake": cmake}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=ways)
    for name in ("--source", "--build", "--work"):
        parser.add_argument(name, type=Path, required=True)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    try:
        ways[arguments.way](arguments)
    except subprocess.CalledProcessError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
