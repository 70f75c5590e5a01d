"""How often `gexbench verify` rejects honest records, and how often changed ones, by simulation from records.

    python benchmarks/verify_power.py [--draws 10000] [--independent]

A draw takes a record of the profile `mini` and makes anew, from the means and the spread that are recorded, all seeds
of all rows of its profile and a second run: trainings that differ by noise alone. Scores of one run go together as
they do in the records, or each on its own. Prints JSON, the shares that differ by how many standard deviations of the
row one score of the record was moved; `repeated` where the second run's training came out as the record's, as it does
on one kind of processor. For the rest no noise is drawn: `same_seeds` holds the records of pix2pix against second runs
on another processor, whose numbers stand in the CSV of a curve; `other_seeds` each record of a row with seeds of two
processors against each seed of the other one.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gexbench.boards.label import row_key
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import MetricCard
from gexbench.noise import Noise, Numbers, Place, Where, alike
from gexbench.record import RunRecord, read_record
from gexbench.verification import difference_between, numbers_of

ROOT = Path(__file__).resolve().parent.parent
BOARDS, CURVES = ROOT / "leaderboards", ROOT / "docs" / "images"
MOVED = (0, 5, 7, 10, 15)
"""Standard deviations by which one score is moved."""


@dataclass(frozen=True)
class Row:
    """What is recorded of one row: numbers and processor by seed."""

    name: str
    seeds: tuple[Numbers, ...]
    processors: tuple[str, ...]

    @property
    def places(self) -> list[Place]:
        """Return the numbers that all seeds have, less the victim's own."""
        return [p for p in self.seeds[0] if p[1] != "A" and all(p in seed for seed in self.seeds)]


def rows(profile: str) -> dict[str, list[Row]]:
    """Return the rows of a profile that seeds change and that have at least three, by board."""
    found: dict[str, dict[tuple[object, ...], list[RunRecord]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(BOARDS.glob("*/records/*.json")):
        record = read_record(path)
        if record.plan.profile.name == profile:
            found[path.parts[-3]][row_key(record.plan)].append(record)
    own = tolerances()
    return {board: [row for r in table.values() if (row := _row(r, own))] for board, table in found.items()}


def _row(records: Sequence[RunRecord], own: Mapping[str, float]) -> Row | None:
    plan = records[0].plan
    name = f"{plan.attack.name} {plan.defense.name if plan.defense else ''} {plan.budget}"
    seeds = tuple(map(numbers_of, records))
    row = Row(name, seeds, tuple(record.provenance.processor for record in records))
    return None if len(seeds) < 3 or alike(seeds, row.places, own) else row


def tolerances() -> dict[str, float]:
    """Return each metric's own tolerance."""
    return {name: filed.card.tolerance for name, filed in Catalog.load().all(MetricCard).items()}


def drawn(row: Row, count: int, dice: random.Random, independent: bool) -> list[dict[Place, float]]:
    """Return new seeds with the row's means, variances and, unless independent, covariances: normal."""
    found = []
    means = {p: statistics.fmean(seed[p] for seed in row.seeds) for p in row.places}
    weight = (len(row.seeds) - 1) ** -0.5
    for _ in range(count):
        together = [dice.gauss() * weight for _ in row.seeds]
        own = {p: [dice.gauss() * weight for _ in row.seeds] if independent else together for p in row.places}
        found.append(
            {p: m + sum(g * (s[p] - m) for g, s in zip(own[p], row.seeds, strict=True)) for p, m in means.items()}
        )
    return found


def differs(record: Numbers, again: Numbers, seeds: Sequence[Numbers], noise: Noise) -> bool:
    """Return whether `gexbench verify` would say so."""
    held = noise.held(record, again, seeds)
    pairs = (difference_between(place, record, again, held, noise.own) for place in record)
    return any(not d.agrees and not d.lacking for d in pairs)


def simulate(draws: int, independent: bool = False, moved: Sequence[int] = MOVED) -> dict[str, dict[str, float]]:
    """Return the shares that differ of `draws` records by what was done to them, of all and by the seeds of a row."""
    dice, own = random.Random(0), tolerances()
    table, rejected = rows("mini"), Counter[tuple[str, str]]()
    places = [(board, number) for board, of_board in table.items() for number in range(len(of_board))]
    records = [len(table[board][number].seeds) for board, number in places]
    for _ in range(draws):
        ((board, number),) = dice.choices(places, records)
        seeds = [drawn(row, len(row.seeds), dice, independent) for row in table[board]]
        (record, *others), row = seeds.pop(number), table[board][number]
        (again,) = drawn(row, 1, dice, independent)
        noise, kind = Noise(seeds, own), f"{len(row.seeds)} seeds"
        spread = {p: statistics.stdev(s[p] for s in row.seeds) for p in row.places}
        place, sign = dice.choice([p for p, std in spread.items() if std > 0]), dice.choice((-1, 1))
        rejected[kind, "draws"] += 1
        for deviations in moved:
            changed = {**record, place: record[place] + sign * deviations * spread[place]}
            rejected[kind, f"moved by {deviations}"] += differs(changed, again, others, noise)
        changed = {**record, place: record[place] + sign * 5 * spread[place]}
        rejected[kind, "repeated, moved by 5"] += differs(changed, record, others, noise)
    return _shares(rejected)


def _shares(rejected: Counter[tuple[str, str]]) -> dict[str, dict[str, float]]:
    kinds = sorted({kind for kind, _ in rejected})
    shares: dict[str, dict[str, float]] = {}
    for what in dict.fromkeys(what for _, what in rejected):
        counts = {"all": sum(rejected[kind, what] for kind in kinds), **{kind: rejected[kind, what] for kind in kinds}}
        of = shares.get("draws", {})
        shares[what] = {kind: round(count / of[kind], 4) if of else count for kind, count in counts.items()}
    return shares


def same_seeds() -> Iterator[tuple[str, bool]]:
    """Yield each record that was run again on another processor, and whether it differs."""
    own, table = tolerances(), rows("mini")
    for curve in sorted(CURVES.glob("*-pix2pix-mini-curve.csv")):
        board = curve.name.partition("-")[0]
        (row,) = (row for row in table[board] if row.name == "pix2pix  512")
        noise = Noise([other.seeds for other in table[board] if other is not row], own)
        for seed, again in _rerun(curve).items():
            others = [numbers for place, numbers in enumerate(row.seeds) if place != seed]
            yield f"{board} seed {seed}", differs(row.seeds[seed], again, others, noise)


def _rerun(curve: Path) -> dict[int, dict[Place, float]]:
    """Return the numbers at 512 questions by seed."""
    found: dict[int, dict[Place, float]] = defaultdict(dict)
    with curve.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["budget"] == "512":
                place = (line["metric"], cast(Where, line["compare"]), line["test"])
                found[int(line["seed"])][place] = float(line["value"])
    return found


def other_seeds() -> Iterator[tuple[str, bool]]:
    """Yield each record of a row with seeds of two processors, and whether it differs from a seed of the other one."""
    own, table = tolerances(), rows("mini")
    for board, of_board in table.items():
        for row in of_board:
            noise = Noise([other.seeds for other in of_board if other is not row], own)
            for one, two in itertools.permutations(range(len(row.seeds)), 2):
                if row.processors[one] != row.processors[two]:
                    others = [seed for place, seed in enumerate(row.seeds) if place not in (one, two)]
                    yield f"{board} {row.name} seed {one}", differs(row.seeds[one], row.seeds[two], others, noise)


def pretended(pairs: Iterable[tuple[str, bool]]) -> dict[str, object]:
    """Return how many pairs there are, and which records differ in how many."""
    found = list(pairs)
    return {"pairs": len(found), "differ": Counter(name for name, apart in found if apart)}


def main() -> None:
    """Print what comes of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--independent", action="store_true")
    arguments = parser.parse_args()
    simulated = simulate(arguments.draws, independent=arguments.independent)
    recorded = {"same_seeds": pretended(same_seeds()), "other_seeds": pretended(other_seeds())}
    print(json.dumps({**simulated, **recorded}, indent=2))


if __name__ == "__main__":
    main()
