"""Answers of raters, as their pages saved them: read, refused where they cannot be of the study, and sorted."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np

from gexbench.errors import nearest
from gexbench.files import read_bounded
from gexbench.foreign_text import shown
from gexbench.study.design import orders
from gexbench.study.effect import Ratings
from gexbench.study.key import SCORES, Key, Role, StudyError

COLUMNS = ["study", "rater", "item", "position", "score", "milliseconds"]
LARGEST = 1 << 20
LONGEST = 7 * 86_400_000
"""Milliseconds that an answer may take: a week."""

Row = tuple[str, int, int, int]
"""Item, position, score and milliseconds."""


@dataclass(frozen=True)
class Rater:
    """One person's answers by item; page: 0 or 1. sha256: of the file that they came in."""

    code: str
    page: int
    scores: Mapping[str, int]
    milliseconds: Mapping[str, int]
    sha256: str


def read_answers(paths: Iterable[Path], key: Key, study: str) -> list[Rater]:
    """Return the raters of all files, in the order of their codes; raises StudyError that names file and line."""
    found: dict[str, tuple[Rater, Path]] = {}
    for path in paths:
        for rater in _read(path, key, study):
            if rater.code in found:
                raise StudyError(
                    f"rater {rater.code} is in {found[rater.code][1]} and in {path}", "give each rater's file once"
                )
            found[rater.code] = rater, path
    return [found[code][0] for code in sorted(found)]


def _read(path: Path, key: Key, study: str) -> list[Rater]:
    try:
        content = read_bounded(path, LARGEST)
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except OSError as error:
        raise StudyError(f"cannot read the answers {path}: {error.strerror}", "give the CSV files of raters") from None
    except (UnicodeDecodeError, csv.Error):
        raise StudyError(f"{path} is no CSV of UTF-8 text", "give the file that a page saved") from None
    if not lines or lines[0] != COLUMNS:
        raise StudyError(f"{path} has not the columns {','.join(COLUMNS)}", "give the file that a page saved")
    answers: dict[str, list[Row]] = {}
    for number, cells in enumerate(lines[1:], start=2):
        if cells:
            row = _answer(cells, f"{path}, line {number}", study)
            answers.setdefault(cells[1], []).append(row)
    if not answers:
        raise StudyError(f"{path} holds no answer", "leave it out")
    digest = hashlib.sha256(content).hexdigest()
    return [_rater(code, rows, key, (path, digest)) for code, rows in answers.items()]


def _answer(cells: Sequence[str], place: str, study: str) -> Row:
    if len(cells) != len(COLUMNS):
        raise StudyError(f"{place}: {len(cells)} cells, not {len(COLUMNS)}", "give the file that a page saved")
    if cells[0] != study:
        raise StudyError(
            f"{place}: these are answers of study {shown(cells[0], 40)!r}, and the key is that of {study!r}",
            "give the folder of that study; a key that was changed is another study's",
        )
    score = _number(cells[4], "score", place, SCORES)
    return cells[2], _number(cells[3], "position", place), score, _number(cells[5], "milliseconds", place)


def _number(text: str, what: str, place: str, within: range = range(LONGEST + 1)) -> int:
    plain = text.isascii() and text.isdecimal() and len(text) < 12
    if not plain or int(text) not in within:
        raise StudyError(
            f"{place}: {what} {shown(text, 40)!r} is no whole number from {within[0]} to {within[-1]}",
            "ask the rater for the file that the page saved",
        )
    return int(text)


def _rater(code: str, rows: Sequence[Row], key: Key, file: tuple[Path, str]) -> Rater:
    page = next((at for at, group in enumerate(key.groups) if code in group.raters), None)
    if page is None:
        known = [rater for group in key.groups for rater in group.raters]
        raise StudyError(f"{file[0]}: {shown(code, 40)!r} is no rater of this study", nearest(code, known)[:200])
    _refuse_other_items(code, rows, key, page, file[0])
    scores = {item: score for item, _, score, _ in rows}
    return Rater(code, page, scores, {item: taken for item, *_, taken in rows}, file[1])


def _refuse_other_items(code: str, rows: Sequence[Row], key: Key, page: int, path: Path) -> None:
    group = key.groups[page]
    known, given = {item.id for item in group.items}, [item for item, *_ in rows]
    if strange := next((item for item in given if item not in known), None):
        raise StudyError(
            f"{path}: rater {code} answers {shown(strange, 40)!r}, which {group.page} does not ask", "leave it out"
        )
    if twice := next((item for item in given if given.count(item) > 1), None):
        raise StudyError(f"{path}: rater {code} answers item {twice} more than once", "give each rater's file once")
    if len(given) < len(known):
        raise StudyError(f"{path}: rater {code} answers {len(given)} of {len(known)} items", "leave the file out")
    asked = [group.items[place].id for place in orders(key.seed, group)[code]]
    if {item: position for item, position, *_ in rows} != {item: at for at, item in enumerate(asked, start=1)}:
        raise StudyError(f"{path}: these answers are not in the order of rater {code}", "are they another rater's?")


def faults(rater: Rater, key: Key) -> list[str]:
    """Return why a rater is left out by the rules that were settled beforehand; empty where nothing is wrong."""
    found, items = [], key.groups[rater.page].items
    for item in items:
        score = rater.scores[item.id]
        if item.wanted is not None and score != item.wanted:
            found.append(f"gave {score} where {item.wanted} was asked for")
        if item.repeats is not None and abs(score - rater.scores[item.repeats]) >= key.rules.apart:
            found.append(f"gave {rater.scores[item.repeats]} and then {score} to one picture")
    usual = median(rater.milliseconds.values())
    if usual < key.rules.least_median:
        found.append(f"took {usual:.0f} ms for the median answer")
    return found


def ratings(raters: Sequence[Rater], key: Key) -> Ratings:
    """Return the scores of the rated items, first times only."""
    shown_items = [{i.source: i for i in group.items if i.role == "rated"} for group in key.groups]
    pages = [
        np.array([[r.scores[items[name].id] for name in key.sources] for r in raters if r.page == at], float)
        for at, items in enumerate(shown_items)
    ]
    signs = np.array([1.0 if shown_items[0][name].arm == "b" else -1.0 for name in key.sources])
    return Ratings((pages[0].reshape(-1, len(signs)), pages[1].reshape(-1, len(signs))), signs)


def anchor(raters: Sequence[Rater], key: Key, role: Role) -> float | None:
    """Return the mean score of all items of a role; None where nobody is there to give any."""
    found = [r.scores[i.id] for r in raters for i in key.groups[r.page].items if i.role == role]
    return fmean(found) if found else None
