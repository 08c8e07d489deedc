"""Measures, beside raw SQLite on the same disk, what the engine aims for; see README.md.

    python benchmarks [NAME...] [--quick] [--write]

Figures are printed and never asserted: machines differ, and a benchmark that fails teaches to ignore it.
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import platform
import sqlite3
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import figures

RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(figures.FAMILIES)} (all)")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller numbers")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in figures.FAMILIES]
    if unknown:
        parser.error(f'there is no "{unknown[0]}"; choose from {", ".join(figures.FAMILIES)}')
    if options.write and (options.names or options.quick):
        parser.error("--write keeps a full run only: no names, no --quick")
    rows: list[tuple[str, ...]] = []
    began = time.monotonic()
    for name in options.names or figures.FAMILIES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            rows += map(figures.row, alone.submit(figures.measure, name, options.quick).result())
    text = f"{_machine()}, {time.monotonic() - began:.0f} s\n\n{figures.table(rows)}"
    print(text)
    if options.write:
        RESULTS.write_text(f"# Results\n\nThe last full run; README.md says how to read it.\n\n{text}\n")


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = (
        f"{_processor()}, {cores} cores",
        f"{platform.system()} {platform.release()}, {tempfile.gettempdir()} on {_file_system()}",
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    )
    return "; ".join(parts)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def _file_system() -> str:
    """The type of the file system that the cases use."""
    best, kind = "", "?"
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return kind
    folder = os.path.realpath(tempfile.gettempdir())
    for line in mounts:
        _, point, name, *_ = line.split()
        if len(point) >= len(best) and f"{folder}/".startswith(point.rstrip("/") + "/"):
            best, kind = point, name
    return kind


if __name__ == "__main__":
    main()
