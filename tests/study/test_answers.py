"""Answers that are of a study, and those that are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from study_factory import group_of, lines_of, write

from gexbench.study.answers import LARGEST, faults, ratings, read_answers
from gexbench.study.key import Item, StudyError, read_key
from gexbench.study.pages import Made

Change = Callable[[list[list[str]]], object]


def code(made: Made, page: int = 0, place: int = 0) -> str:
    return made.key.groups[page].raters[place]


def test_scores_are_sorted_by_image_whatever_order_they_were_asked_in(made: Made, tmp_path: Path) -> None:
    names = made.key.sources

    def score(item: Item) -> int:
        return item.wanted or (names.index(item.source) % 5 + 1 if item.role == "rated" else 1)

    codes = [code(made, page, place) for page in (0, 1) for place in (0, 1)]
    files = [write(tmp_path / f"{c}.csv", lines_of(c, made.key, made.study, score)) for c in codes]
    found = ratings(read_answers(files, made.key, made.study), made.key)
    for page in found.scores:
        assert page.tolist() == [[at % 5 + 1 for at in range(len(names))]] * 2
    arms = {item.source: item.arm for item in made.key.groups[0].items if item.role == "rated"}
    assert ["b" if sign > 0 else "a" for sign in found.signs] == [arms[name] for name in names]


def test_several_raters_may_come_in_one_file(made: Made, tmp_path: Path) -> None:
    both = [lines_of(code(made, page), made.key, made.study) for page in (0, 1)]
    path = write(tmp_path / "all.csv", [*both[0], *both[1][1:]])
    assert [r.page for r in sorted(read_answers([path], made.key, made.study), key=lambda r: r.page)] == [0, 1]


def set_cell(row: int, column: int, text: str) -> Change:
    return lambda lines: lines[row].__setitem__(column, text)


REFUSED: dict[str, tuple[Change, str]] = {
    "another study": (set_cell(1, 0, "feed" * 8), "line 2: these are answers of study 'feedfeed"),
    "another rater": (lambda lines: [line.__setitem__(1, "nobody") for line in lines[1:]], "'nobody' is no rater"),
    "a score of 6": (set_cell(3, 4, "6"), "line 4: score '6' is no whole number from 1 to 5"),
    "a score of 0": (set_cell(3, 4, "0"), "score '0' is no whole number"),
    "a score of 2.5": (set_cell(3, 4, "2.5"), "score '2.5' is no whole number"),
    "no score": (set_cell(3, 4, ""), "score '' is no whole number"),
    "another script's digit": (set_cell(3, 4, "٣"), "is no whole number"),
    "a negative time": (set_cell(3, 5, "-1"), "milliseconds '-1' is no whole number"),
    "an endless time": (set_cell(3, 5, "9" * 400), "is no whole number"),
    "an item of nobody": (set_cell(3, 2, "0" * 12), "which page-1.html does not ask"),
    "an item twice": (lambda lines: lines.append(lines[1]), "more than once"),
    "an item less": (lambda lines: lines.pop(), "answers 13 of 14 items"),
    "a position twice": (set_cell(3, 3, "1"), "not in the order of rater"),
    "a cell more": (lambda lines: lines[2].append("x"), "line 3: 7 cells, not 6"),
    "other columns": (set_cell(0, 0, "stduy"), "has not the columns"),
    "nothing": (lambda lines: lines.clear(), "has not the columns"),
    "a heading alone": (lambda lines: lines.__delitem__(slice(1, None)), "holds no answer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_of_the_study_is_refused_in_a_line(name: str, made: Made, tmp_path: Path) -> None:
    change, told = REFUSED[name]
    lines = lines_of(code(made), made.key, made.study)
    assert len(lines) == 15
    change(lines)
    with pytest.raises(StudyError) as caught:
        read_answers([write(tmp_path / "answers.csv", lines)], made.key, made.study)
    assert told in str(caught.value)
    assert "answers.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_answers_of_another_rater_under_a_new_code_are_refused(made: Made, tmp_path: Path) -> None:
    lines = lines_of(code(made, 0, 0), made.key, made.study)
    for line in lines[1:]:
        line[1] = code(made, 0, 1)
    with pytest.raises(StudyError, match="not in the order of rater"):
        read_answers([write(tmp_path / "answers.csv", lines)], made.key, made.study)


def test_a_rater_counts_once(made: Made, tmp_path: Path) -> None:
    lines = lines_of(code(made), made.key, made.study)
    files = [write(tmp_path / name, lines) for name in ("one.csv", "copy.csv")]
    with pytest.raises(StudyError, match=r"is in .*one\.csv and in .*copy\.csv"):
        read_answers(files, made.key, made.study)


def test_answers_of_the_other_pages_items_are_refused(made: Made, tmp_path: Path) -> None:
    lines = lines_of(code(made, 1), made.key, made.study)
    for line in lines[1:]:
        line[1] = code(made, 0)
    with pytest.raises(StudyError, match=r"which page-1\.html does not ask"):
        read_answers([write(tmp_path / "answers.csv", lines)], made.key, made.study)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff\xfe", "no CSV"), (b"x" * (LARGEST + 1), "more than 1 MiB"), (None, "No such file"), (b'"', "no CSV")],
    ids=["binary", "huge", "none", "quote"],
)
def test_a_file_that_is_no_csv_is_refused(content: bytes | None, told: str, made: Made, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "answers.csv").write_bytes(content)
    with pytest.raises(StudyError, match=told):
        read_answers([tmp_path / "answers.csv"], made.key, made.study)


def fault(made: Made, tmp_path: Path, score: Callable[[Item], int], hurry: bool = False) -> list[str]:
    lines = lines_of(code(made), made.key, made.study, score)
    if hurry:
        for line in lines[1:]:
            line[5] = "900"
    (rater,) = read_answers([write(tmp_path / "answers.csv", lines)], made.key, made.study)
    return faults(rater, made.key)


def test_rules_leave_out_who_does_not_read_look_or_wait(made: Made, tmp_path: Path) -> None:
    assert fault(made, tmp_path, lambda item: item.wanted or 3) == []
    assert fault(made, tmp_path, lambda item: item.wanted or 3, hurry=True) == ["took 900 ms for the median answer"]
    told = fault(made, tmp_path, lambda item: 3)
    assert sorted(told) == ["gave 3 where 2 was asked for", "gave 3 where 4 was asked for"]
    unsteady = fault(made, tmp_path, lambda item: item.wanted or (5 if item.repeats else 2))
    assert unsteady == ["gave 2 and then 5 to one picture"] * 2
    assert fault(made, tmp_path, lambda item: item.wanted or (4 if item.repeats else 2)) == []


def test_a_key_that_was_changed_is_another_studys(folder: Path, made: Made, tmp_path: Path) -> None:
    text = (folder / "key.json").read_text(encoding="utf-8")
    (tmp_path / "key.json").write_text(text.replace('"margin": 0.5', '"margin": 1.5'), encoding="utf-8")
    key, study = read_key(tmp_path)
    assert key.rules.margin == 1.5
    path = write(tmp_path / "answers.csv", lines_of(code(made), made.key, made.study))
    with pytest.raises(StudyError, match="these are answers of study"):
        read_answers([path], key, study)


def test_a_missing_or_broken_key_is_refused_in_a_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"cannot read the key .*key\.json"):
        read_key(tmp_path)
    (tmp_path / "key.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StudyError, match="is no key of a study: task"):
        read_key(tmp_path)


def test_a_key_with_a_name_twice_or_a_repeat_of_nothing_is_refused(tmp_path: Path, made: Made) -> None:
    first, second = made.key.groups
    strange = next(item for item in first.items if item.repeats).model_copy(update={"repeats": "0" * 12})
    changes = {
        "names an item twice": first.model_copy(update={"items": (*first.items, first.items[0])}),
        "repeats one that it does not ask": first.model_copy(update={"items": (*first.items[:-1], strange)}),
        "a rater is named twice": first.model_copy(update={"raters": second.raters}),
    }
    for told, group in changes.items():
        broken = made.key.model_copy(update={"groups": (group, second)})
        (tmp_path / "key.json").write_text(broken.model_dump_json(), encoding="utf-8")
        with pytest.raises(StudyError, match="is no key of a study") as caught:
            read_key(tmp_path)
        assert told in str(caught.value) or "same images" in str(caught.value) or "either arm" in str(caught.value)


def test_a_key_that_is_no_latin_square_is_refused(folder: Path, tmp_path: Path, made: Made) -> None:
    first, second = made.key.groups
    same = second.model_copy(update={"items": first.items})
    broken = made.key.model_copy(update={"groups": (first, same)})
    (tmp_path / "key.json").write_text(broken.model_dump_json(), encoding="utf-8")
    with pytest.raises(StudyError, match="each in the other arm"):
        read_key(tmp_path)
    assert group_of(code(made), made.key) is first
