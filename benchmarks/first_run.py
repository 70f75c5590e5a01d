"""What a newcomer waits for: the README's run, and the start of the command line.

    python benchmarks/first_run.py [--task sr] [--attack srresnet]

Prints seconds and peak memory of all processes together (proportional set size, Linux, looked at every 5 s), and
the median seconds of five starts of `gexbench --help` and `gexbench list`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

GEXBENCH = (sys.executable, "-m", "gexbench")


def descendants(root: int) -> list[int]:
    """Return a process and all its descendants."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
    members = [root]
    for member in members:
        members += [pid for pid, parent in parents.items() if parent == member]
    return members


def resident(pids: list[int]) -> int:
    """Return the proportional set size of processes, in bytes."""
    total = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return total


def first_run(words: Sequence[str], folder: str) -> tuple[float, int]:
    """Run an attack, the words after `gexbench`; returns seconds and peak bytes."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen([*GEXBENCH, *words, "--out", folder, "--json"], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, resident(descendants(process.pid)))
        time.sleep(5.0)  # reading it costs the run some time itself
    if process.returncode != 0:
        raise SystemExit(f"the run ended with code {process.returncode}")
    return time.perf_counter() - start, peak


def start_of(word: str) -> float:
    """Return the median seconds of five starts of a light command."""
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([*GEXBENCH, word], stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="sr")
    parser.add_argument("--attack", default="srresnet")
    given = parser.parse_args()
    for word in ("--help", "list"):
        print(f"gexbench {word:7} {start_of(word):.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        words = ("run", "--task", given.task, "--attack", given.attack)
        seconds, peak = first_run(words, folder)
    print(f"gexbench {' '.join(words)}: {seconds:.1f} s, {peak / 1e9:.2f} GB in all processes together")


if __name__ == "__main__":
    main()
