"""What marks did in runs: were they found in surrogates, in innocents, and what did they cost an answer.

    python benchmarks/marks.py RUN...

RUN: folders of runs against defenses that claim, with their evidence. Runs that differ in seed alone make one entry of
the JSON that is printed, named by task, profile, defense and the attack with its options (`plain` for none). dB:
the peak signal-to-noise ratio of marked answers against those of the undefended victim on the test inputs, the least
of all seeds and splits, from the mean squared error of a split. low p: key by key, how many innocents that set no
threshold have a p of their own of at most 0.01, and of how many; the 95 % interval of Clopper and Pearson is that of
the worst key, since the same innocents are tried with each.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from gexbench.boards.label import attack_label, defense_label
from gexbench.ownership import LEVEL, Ownership, interval
from gexbench.record import RunRecord, read_record


def name_of(record: RunRecord) -> str:
    """Return the words that tell a run from others but for its seed."""
    plan = record.plan
    attack = attack_label(plan)
    words = [plan.task.name, plan.profile.name, defense_label(plan), attack if "(" in attack else f"{attack} (plain)"]
    if plan.budget != plan.task.profile[plan.profile.name].ranked_budget:
        words.append(str(plan.budget))
    return ", ".join(words)


def decibels(run: Path) -> float | None:
    """Return the least of the splits' ratios; None where nothing was kept or answers have no pairs."""
    kept = run / "evidence.safetensors"
    if not kept.is_file():
        return None
    squares: dict[str, list[float]] = defaultdict(list)
    images = load_file(kept)
    for key, guarded in images.items():
        test, side, place = key.rsplit("/", 2)
        victim = images.get(f"{test}/victim/{place}")
        if side == "guarded" and victim is not None:
            squares[test].append(float((guarded.to(torch.float64) - victim.to(torch.float64)).square().mean()))
    means = [statistics.fmean(each) for each in squares.values()]
    return min((10 * math.log10(255**2 / mean) for mean in means if mean > 0), default=None)


def entry(runs: Sequence[tuple[Path, RunRecord]]) -> Mapping[str, Any]:
    """Return what the runs of one name show together."""
    verdicts = [record.ownership for _, record in runs if record.ownership is not None]
    ratios = [ratio for folder, record in runs if record.ownership and (ratio := decibels(folder)) is not None]
    main = runs[0][1].plan.task.main
    scores = [score for _, record in runs if (score := record.score(main.metric, main.compare)) is not None]
    return {
        "seeds": len(runs),
        "found": sum(verdict.detected for verdict in verdicts),
        "sane": sum(verdict.sane for verdict in verdicts),
        "score": [round(verdict.suspect.score, 4) for verdict in verdicts],
        "largest p": max((v.suspect.p for v in verdicts if v.suspect.p is not None), default=None),
        "figures": {key: [round(v.suspect.figures[key], 4) for v in verdicts] for key in verdicts[0].suspect.figures},
        "highest innocent": max((each.score for v in verdicts for each in v.innocents), default=None),
        "false alarms": sum(verdict.false_alarms for verdict in verdicts),
        "low p": _low(verdicts),
        "dB": round(min(ratios), 3) if ratios else None,
        "B": {
            "mean": round(statistics.fmean(scores), 4),
            "std": round(statistics.stdev(scores), 4) if scores[1:] else None,
        },
        "prepared in s": _mean([record.seconds.get("prepare-defense") for _, record in runs]),
        "ms an answer": _mean([r.defense_delay and 1000 * r.defense_delay for _, r in runs]),
    }


def _low(verdicts: Sequence[Ownership]) -> Mapping[str, Any] | None:
    keys = [[each.p for each in verdict.innocents if not each.sets_threshold] for verdict in verdicts]
    known = [[p for p in key if p is not None] for key in keys]
    if not all(known):
        return None
    low = [sum(p <= LEVEL for p in key) for key in known]
    worst = max(range(len(low)), key=lambda key: low[key] / len(known[key]))
    ends = [round(100 * end, 2) for end in interval(low[worst], len(known[worst]))]
    return {"innocents": low, "of": [len(key) for key in known], "interval in percent": ends}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.fmean(known), 3) if known else None


def main() -> int:
    """Read the runs, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    named: dict[str, list[tuple[Path, RunRecord]]] = defaultdict(list)
    for folder in parser.parse_args().runs:
        record = read_record(folder / "record.json")
        if record.status == "ok" and record.ownership is not None:
            named[name_of(record)].append((folder, record))
    json.dump({name: entry(runs) for name, runs in sorted(named.items())}, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
