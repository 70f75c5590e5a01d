"""From submissions to boards: their records, and what a maintainer signed of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gexbench.boards.folder import Added, add
from gexbench.boards.verified import add_signed
from gexbench.cards.catalog import Catalog
from gexbench.submission.examine import Examined, examine
from gexbench.submission.layout import is_submission, open_submission
from gexbench.submission.verdict import read_verdict


def add_all(places: Sequence[Path], root: Path, registry: Sequence[Path] = ()) -> Added:
    """Add records to boards below `root`, and to their lists of verified ones what verdicts of submissions hold.

    places: submissions, and what boards.folder.add takes. All are added or none. Raises SubmissionError as `examine`
    and `read_verdict`, BoardError as `add`.
    """
    found = [examine(open_submission(place), root, registry) for place in places if is_submission(place)]
    verdicts = [(each, read_verdict(each)) for each in found]
    runs = [place for place in places if not is_submission(place)]
    brought = [path for each in found for path in each.records]
    added = add([*runs, *brought], root, Catalog.load(registry))
    for each, verdict in verdicts:
        if verdict is not None:
            _add_verified(each, verdict.by, verdict.verified)
    return added


def _add_verified(examined: Examined, by: str, signatures: dict[str, str]) -> None:
    for record in examined.records.values():
        if record.seal in signatures:
            add_signed(examined.board(record).folder, by, {record.seal: signatures[record.seal]})
