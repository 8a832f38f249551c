# SPDX-License-Identifier: BSL-1.0
"""What the figures were measured on, and with which versions."""

import os
import platform
import re
import subprocess
from pathlib import Path

# What a reader knows it by -> Debian's package, the name of pkg-config or None.
PACKAGES = {
    "Asio": ("libasio-dev", None),
    "Boost": ("libboost-dev", None),
    "libuv": ("libuv1-dev", "libuv"),
    "libevent": ("libevent-dev", "libevent"),
    "libev": ("libev-dev", None),
    "valgrind": ("valgrind", None),
    "strace": ("strace", None),
}


def output(*command, where=None):
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=where)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return run.stdout.strip()


def first_match(file, pattern):
    try:
        found = re.search(pattern, Path(file).read_text(), re.M)
    except OSError:
        return ""
    return found[1].strip('"') if found else ""


def machine():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": first_match("/proc/cpuinfo", r"^model name\s*: (.+)$") or platform.machine(),
        "processors usable": len(os.sched_getaffinity(0)),
        "memory, GiB": round(pages / 2**30),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": first_match("/etc/os-release", r"^PRETTY_NAME=(.+)$"),
        "load average before / after": load(),
    }


def load():
    """Of the last minute: above 1 before the run, the machine had other things to do."""
    return f"{os.getloadavg()[0]:.1f}"


def versions(root, compiler):
    found = {"Gyre": gyre(root), "compiler": output(compiler, "--version").split("\n")[0]}
    for name, (package, pkg_config) in PACKAGES.items():
        version = output("dpkg-query", "-W", "-f=${Version}", package)
        if not version and pkg_config:
            version = output("pkg-config", "--modversion", pkg_config)
        if version:
            found[name] = f"{version} ({package})"
    return found


def gyre(root):
    version = first_match(root / "meson.build", r"^\s*version: '(.+)'")
    commit = output("git", "describe", "--always", "--dirty", where=root)
    return f"{version}, commit {commit}" if commit else version
