"""A comparison of rows as a page of tables, and as plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gexbench.boards.compare import Contest, Question
from gexbench.boards.flat import plain
from gexbench.boards.pair_tests import MOST_SEEDS, PairTest
from gexbench.boards.sections import GUIDE
from gexbench.boards.sheet import MINUS, NOTHING, Column, Page, Sheet, heading, visible, with_std
from gexbench.boards.side import Side
from gexbench.boards.spread import spread

WAYS = {"paired": "paired t", "welch": "Welch"}


def compare_page(question: Question, found: Sequence[Contest]) -> Page:
    """Return one pair of rows in full, several as a line each."""
    sheets = (_rows(question, found[0]), findings(found[0])) if len(found) == 1 else (_lines(question, found),)
    return visible(Page(f"Compared on {question.board.card.task}", (), GUIDE, sheets))


def _number(question: Question, contest: Contest) -> str:
    number = question.number
    main = question.board.task.main
    ranks = number[:2] == (main.metric, main.compare)
    other = "" if ranks else f" (rows are ranked by {main.metric} {main.compare})"
    return f"{question.profile}, {heading(contest.card, number.compare, number.test or '')}{other}"


def _rows(question: Question, contest: Contest) -> Sheet:
    rows = []
    for letter, side, values in zip("AB", (contest.a, contest.b), contest.values, strict=True):
        mean = with_std(spread(list(values.values())), contest.card)
        marks = side.marks
        if not any(mark.startswith("seeds ") for mark in marks):
            marks = (f"seeds {', '.join(map(str, values))}", *marks)
        rows.append((letter, side.name, mean, "; ".join(marks)))
    columns = (Column("", False), Column("row", False), Column("mean ± SD"), Column("of", False))
    return Sheet("Rows", 3, (_number(question, contest),), columns, tuple(rows))


def findings(contest: Contest) -> Sheet:
    """Return what the comparison of two rows found, a line a finding."""
    test = contest.test
    rows = [
        ("A − B", _with_interval(test, 0.95)),
        ("test", f"{WAYS[test.way]}: {contest.why}" + _r(test)),
        ("p", _p(test.p) + (f"; by turning signs {_p(test.sign_flip)}" if test.sign_flip is not None else "")),
        ("p after Holm", f"{_p(contest.holm)}, among {contest.family} pairs"),
        ("margin", _margin(contest)),
        ("detectable", _detectable(test)),
        ("test images", _images(contest)),
        ("answer", answer(contest)),
    ]
    return Sheet("Difference", 3, (), (Column("", False), Column("", False)), tuple(rows))


def _lines(question: Question, found: Sequence[Contest]) -> Sheet:
    titles = {"A": 0, "B": 0, "A − B": 0, "95 % CI": 2, "test": 2, "p": 2, "Holm": 0, "detectable": 1, "answer": 0}
    words = ("A", "B", "test", "answer")
    columns = tuple(Column(title, title not in words, spare) for title, spare in titles.items())
    rows = tuple(
        (
            contest.a.name,
            contest.b.name,
            figure(contest.test.value, contest.test.error),
            _interval(contest.test, 0.95),
            WAYS[contest.test.way],
            _p(contest.test.p),
            _p(contest.holm),
            figure(contest.test.detectable(), contest.test.error),
            answer(contest),
        )
        for contest in found
    )
    differ = sum(contest.answer == "different" for contest in found)
    notes = (
        f"{_number(question, found[0])}. {differ} of {len(found)} pairs are different.",
        f"Margin: {_size(found[0])}.",
    )
    return Sheet("Pairs", 3, notes, columns, rows)


def answer(contest: Contest) -> str:
    """Return the answer in words."""
    if contest.better is None:
        return contest.answer
    better = "A" if contest.better is contest.a else "B"
    small = contest.p_equal is not None and contest.p_equal <= 0.05
    return f"different: {better} is better" + (", by less than the margin" if small else "")


def _margin(contest: Contest) -> str:
    size, inside = _size(contest), _interval(contest.test, 0.9)
    return size if contest.p_equal is None else f"{size}; 90 % interval {inside}, p {_p(contest.p_equal)}"


def _size(contest: Contest) -> str:
    margin = contest.margin
    return f"none, {margin.told}" if margin.value is None else f"±{margin.value:.3g}, {margin.told}"


def _detectable(test: PairTest) -> str:
    least = test.detectable()
    if least is None:
        return NOTHING
    needed = test.seeds_needed()
    seeds = f"{needed} seeds a side" if needed is not None else f"more than {MOST_SEEDS} seeds a side"
    return f"{figure(least, test.error)} with 80 % probability; the difference at hand would take {seeds}"


def _images(contest: Contest) -> str:
    found, test = contest.images, contest.test
    if isinstance(found, str):
        return found
    seeds, images, total = (figure(error, found.total) for error in (found.seeds, found.images, found.total))
    ends = _ends(found.interval(test), found.total)
    return (
        f"SE of seeds {seeds}, of images {images}, of both {total} and 95 % CI {ends} ({found.way}, {found.n} images)"
    )


def _with_interval(test: PairTest, confidence: float) -> str:
    return f"{figure(test.value, test.error)}, 95 % CI {_interval(test, confidence)}"


def _interval(test: PairTest, confidence: float) -> str:
    return "deterministic" if test.error == 0 else _ends(test.interval(confidence), test.error)


def _ends(ends: tuple[float, float] | None, error: float | None) -> str:
    return NOTHING if ends is None else " … ".join(figure(end, error) for end in ends)


def _r(test: PairTest) -> str:
    return "" if test.correlation is None else f" (r = {test.correlation:.3f})".replace("-", MINUS)


def figure(value: float | None, error: float | None) -> str:
    """Return a number to two digits of its standard error, or to four of its own."""
    if value is None:
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size, kept = (error, 1) if error else (abs(value) or 1.0, 3)
    return f"{value:.{min(6, max(0, kept - math.floor(math.log10(size))))}f}".replace("-", MINUS)


def _p(p: float | None) -> str:
    if p is None:
        return NOTHING
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def as_json(question: Question, found: Sequence[Contest]) -> dict[str, Any]:
    """Return comparisons as plain data."""
    number, card = question.number, found[0].card
    head = {
        "board": question.board.card.name,
        "task": question.board.card.task,
        "profile": question.profile,
        **number._asdict(),
        "unit": card.unit,
        "higher_is_better": card.higher_is_better,
    }
    return {**head, "pairs": [plain(_pair(contest)) for contest in found]}


def _pair(contest: Contest) -> dict[str, Any]:
    test = contest.test
    low, high = test.interval() or (None, None)
    inner_low, inner_high = test.interval(0.9) or (None, None)
    return {
        "a": _side(contest.a, contest.values[0]),
        "b": _side(contest.b, contest.values[1]),
        "difference": test.value,
        "standard_error": test.error,
        "ci_low": low,
        "ci_high": high,
        "test": test.way,
        "why": contest.why,
        "n": list(test.n),
        "freedom": test.freedom,
        "correlation": test.correlation,
        "p": test.p,
        "p_sign_flip": test.sign_flip,
        "p_holm": contest.holm,
        "pairs_of_table": contest.family,
        "margin": contest.margin.value,
        "margin_from": contest.margin.told,
        "ci90_low": inner_low,
        "ci90_high": inner_high,
        "p_equivalence": contest.p_equal,
        "answer": contest.answer,
        "better": None if contest.better is None else contest.better.name,
        "images": _image_errors(contest),
        "images_why": contest.images if isinstance(contest.images, str) else None,
        "detectable": test.detectable(),
        "seeds_needed": test.seeds_needed(),
    }


def _image_errors(contest: Contest) -> dict[str, Any] | None:
    found = contest.images
    if isinstance(found, str):
        return None
    low, high = found.interval(contest.test) or (None, None)
    return {**asdict(found), "ci_low": low, "ci_high": high}


def _side(side: Side, values: dict[int, float]) -> dict[str, Any]:
    over = spread(list(values.values()))
    records = [record.id for record in side.row.records]
    marks = list(side.marks)
    return {"row": side.name, "mean": over.mean, "std": over.std, "values": values, "records": records, "marks": marks}
