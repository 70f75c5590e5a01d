"""What a study shows, with the rules and without."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from study_factory import lines_of, write

from gexbench.boards.pair_tests import PairTest
from gexbench.study.analysis import Report, analyse, concluded, document
from gexbench.study.answers import read_answers
from gexbench.study.key import Item, Key
from gexbench.study.pages import Made
from gexbench.study.report import html, text


def answered(made: Made, folder: Path, gap: float, careless: int = 0, seed: int = 0) -> Report:
    """Return the report of all raters, who like arm b by `gap` more; the first so many of each page do not read."""
    dice, files = np.random.default_rng(seed), []
    for group in made.key.groups:
        for place, code in enumerate(group.raters):

            def score(item: Item, heedless: bool = place < careless) -> int:
                if item.wanted:
                    return 1 if heedless else item.wanted
                mean = {"true-style": 4.5, "untranslated": 1.5}.get(item.role, 3 + gap * (item.arm == "b"))
                return int(np.clip(np.rint(mean + dice.normal(0, 0.4)), 1, 5))

            files.append(write(folder / f"{code}.csv", lines_of(code, made.key, made.study, score)))
    return analyse(read_answers(files, made.key, made.study), made.key, made.study)


def test_arms_that_are_liked_alike_are_equivalent_and_others_differ(made: Made, tmp_path: Path) -> None:
    assert answered(made, tmp_path, 0.0).answer == "equivalent"
    apart = answered(made, tmp_path, 1.5)
    assert apart.answer == "different"
    assert apart.everyone.test.value > 1


def test_rules_leave_raters_out_and_both_results_are_told(made: Made, tmp_path: Path) -> None:
    report = answered(made, tmp_path, 0.0, careless=2)
    assert len(report.left_out) == 4
    assert report.kept is not None
    assert (report.kept.effect.raters, report.everyone.effect.raters) == ((4, 4), (6, 6))
    told = document(report)
    assert told["counted"]["raters"] == [4, 4]
    assert told["anchors"]["untranslated"] < 2 < 4 < told["anchors"]["true_style"]


def test_where_the_rules_leave_too_few_nothing_is_concluded(made: Made, tmp_path: Path) -> None:
    report = answered(made, tmp_path, 0.0, careless=5)
    assert report.answer == "undecided: page 1 has 1 rater to count, and 2 are the least, after the rules"
    assert report.everyone.test.outside(0.5) < 0.05
    assert "undecided" in text(report)
    assert "undecided" in html(report)


@pytest.mark.parametrize(
    ("value", "error", "told"),
    [
        (0.0, 0.1, "equivalent"),
        (0.3, 0.05, "equivalent, although they differ"),
        (0.6, 0.1, "different"),
        (0.3, 0.3, "undecided"),
    ],
)
def test_what_is_concluded(value: float, error: float, told: str) -> None:
    from gexbench.study.effect import _below

    p = 2 * _below(-abs(value) / error, 30)
    assert concluded(PairTest("paired", (9, 9), value, error, 30.0, p), 0.5) == told


def test_the_document_is_plain_json_and_says_what_it_was_made_of(made: Made, tmp_path: Path) -> None:
    report = answered(made, tmp_path, 0.2)
    told = json.loads(json.dumps(document(report), allow_nan=False))
    assert told["rules"]["margin"] == 0.5
    assert len(told["answers_sha256"]) == 12
    assert sum(told["everyone"]["scores"]["a"]) == 12 * 4
    low, high = told["everyone"]["interval_95"]
    assert low < told["everyone"]["effect"] < high
    assert told["everyone"]["pooled"]["d"] == pytest.approx(told["everyone"]["cohens_d"], abs=1e-9)


def test_the_text_names_result_margin_rules_and_traps(made: Made, tmp_path: Path) -> None:
    told = text(answered(made, tmp_path, 0.0, careless=1))
    for words in ("equivalent within 0.5 points", "95 % interval", "where 2 was asked for", "Holm", "Welch"):
        assert words in told


def test_the_page_holds_its_figures_asks_nobody_and_shows_foreign_text_as_text(made: Made, tmp_path: Path) -> None:
    report = answered(made, tmp_path, 0.2)
    rules = report.key.rules.model_copy(update={"question": "<script>alert(1)</script>"})
    page = html(Report(**{**vars(report), "key": report.key.model_copy(update={"rules": rules})}))
    assert page.count("<svg") == 3
    assert page.count("<desc>") == 3
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page == html(Report(**{**vars(report), "key": report.key.model_copy(update={"rules": rules})}))


def test_the_key_is_all_that_decides(made: Made, tmp_path: Path) -> None:
    report = answered(made, tmp_path, 0.3)
    wide = made.key.model_copy(update={"rules": made.key.rules.model_copy(update={"margin": 2.0})})
    assert isinstance(wide, Key)
    assert analyse(report.raters, wide, made.study).answer.startswith("equivalent")
