"""Kill the preparation of a defense at random moments, start it again, and compare with an undisturbed one.

    python benchmarks/kill_prepare.py [--task monet2photo] [--defense fingerprint] [--kills 5] [--seed 0] [KEY=VALUE...]

KEY=VALUE: options of the defense, such as steps=100. Both preparations start with an empty cache. Prints after which
seconds of an attempt each kill came, whether the files are equal to the last bit, and whether a third call found the
file instead of making it. Exit code 1 if not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def start(home: Path, words: Sequence[str]) -> subprocess.Popen[str]:
    """Start a preparation whose cache is below `home`; assets and data stay where they are."""
    command = [sys.executable, "-m", "gexbench", "defense", "prepare", *words, "--json"]
    places = {"GEXBENCH_HOME": str(home)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **places}
    )


def ended(home: Path, words: Sequence[str]) -> tuple[dict[str, Any], float]:
    """Prepare to the end; returns what was printed, and the seconds it took."""
    begin = time.monotonic()
    process = start(home, words)
    printed, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"the preparation failed with exit code {process.returncode}")
    return json.loads(printed), time.monotonic() - begin


def main() -> int:
    """Prepare once, then with kills, then a third time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="monet2photo")
    parser.add_argument("--defense", default="fingerprint")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("options", nargs="*")
    given = parser.parse_args()
    words = [given.defense, "--task", given.task]
    words += [word for option in given.options for word in ("--set-defense", option)]
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as calm, tempfile.TemporaryDirectory() as rough:
        whole, took = ended(Path(calm), words)
        print(f"undisturbed: {took:.1f} s, {whole['sha256']}")
        for kill in range(given.kills):
            process, after = start(Path(rough), words), chance.uniform(0.1 * took, 0.9 * took)
            try:
                process.wait(after)
                print(f"kill {kill + 1}: it had ended before {after:.1f} s")
            except subprocess.TimeoutExpired:
                process.kill()
                print(f"kill {kill + 1}: after {after:.1f} s")
            process.communicate()
        again, seconds = ended(Path(rough), words)
        cached, third = ended(Path(rough), words)
    same = again["sha256"] == whole["sha256"]
    print(f"with kills: {again['sha256']}, {'equal' if same else 'NOT equal'}; the last attempt took {seconds:.1f} s")
    print(f"third call: {'found' if cached['cached'] else 'made ANEW'} in {third:.1f} s")
    return 0 if same and cached["cached"] else 1


if __name__ == "__main__":
    sys.exit(main())
