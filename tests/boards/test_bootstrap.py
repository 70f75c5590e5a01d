"""The errors of seeds and of test images come out as they went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from record_factory import Records, changed, save

from boards.conftest import MakeBoard
from gexbench.boards.bootstrap import errors, with_images
from gexbench.boards.compare import Contest, ImageErrors, Question, contest
from gexbench.boards.compare_page import as_json, compare_page
from gexbench.boards.pair_tests import welch
from gexbench.boards.side import Number
from gexbench.engine.run.resample import Resampled, Resampler
from gexbench.errors import DataMissing
from gexbench.record import RunRecord

SEEDS, IMAGES, DRAWS = 40, 50, 2000


def runs(scores: np.ndarray) -> list[Resampled]:
    """Return runs whose scores by seed and image are given."""
    picks = np.random.default_rng(1).integers(scores.shape[1], size=(DRAWS, scores.shape[1]))
    return [Resampled(float(run.mean()), run[picks].mean(axis=1), len(run), "bootstrap") for run in scores]


def drawn(seed_spread: float, image_spread: float) -> np.ndarray:
    """Return differences that come from their seed and their image, each part with exactly that deviation."""
    of_seeds, of_images = (np.linspace(-1, 1, n) for n in (SEEDS, IMAGES))
    parts = (spread * part / part.std(ddof=1) for spread, part in ((seed_spread, of_seeds), (image_spread, of_images)))
    seeds, images = parts
    return seeds[:, None] + images[None, :]


@pytest.mark.parametrize(("seed_spread", "image_spread"), [(1.0, 0.0), (0.0, 1.0), (1.0, 2.0)])
def test_each_error_is_the_deviation_over_the_root_of_its_count(seed_spread: float, image_spread: float) -> None:
    common = 10 * np.random.default_rng(2).normal(size=(SEEDS, IMAGES))
    found = errors(runs(common + drawn(seed_spread, image_spread)), runs(common), paired=True)
    assert found is not None
    seeds, images = seed_spread / SEEDS**0.5, image_spread / IMAGES**0.5
    assert found.seeds == pytest.approx(seeds, rel=0.05, abs=1e-9)
    assert found.images == pytest.approx(images, rel=0.05, abs=1e-9)
    assert found.total == pytest.approx((seeds**2 + images**2) ** 0.5, rel=0.05)


def test_with_three_seeds_the_error_of_seeds_is_the_paired_tests() -> None:
    rows = np.repeat([[1.0], [2.0], [4.0]], IMAGES, axis=1)
    found = errors(runs(rows), runs(np.zeros_like(rows)), paired=True)
    assert found is not None
    assert found.seeds == pytest.approx(np.std([1, 2, 4], ddof=1) / 3**0.5, rel=0.03)
    assert found.images == pytest.approx(0, abs=1e-9)


def test_without_pairs_both_rows_bring_their_seeds() -> None:
    rows = drawn(1.0, 0.0)
    paired, apart = (errors(runs(rows), runs(rows), paired=paired) for paired in (True, False))
    assert paired is not None
    assert apart is not None
    assert paired.seeds == 0
    assert apart.seeds == pytest.approx((2 / SEEDS) ** 0.5, rel=0.05)


def test_test_images_that_both_rows_share_cancel() -> None:
    rows = drawn(1.0, 5.0)
    found = errors(runs(rows), runs(rows + 1), paired=False)
    assert found is not None
    assert found.images == pytest.approx(0, abs=1e-9)


def test_one_seed_tells_nothing_of_seeds() -> None:
    assert errors(runs(drawn(1.0, 1.0)[:1]), runs(drawn(1.0, 1.0)), paired=False) is None


def test_the_interval_with_images_has_their_degrees_of_freedom_where_seeds_change_nothing() -> None:
    still = welch([2.0, 2.0], [1.0, 1.0])
    low, high = ImageErrors(0.0, 0.1, 0.1, 101, "bootstrap", DRAWS).interval(still) or (0.0, 0.0)
    assert (low, high) == pytest.approx((1 - 0.1984, 1 + 0.1984), abs=1e-4)  # Student's t of 100: 1.984
    both = welch([2.0, 2.2, 2.4], [1.0, 1.1, 1.3])
    alone = ImageErrors(both.error or 0.0, 0.0, both.error or 0.0, 101, "bootstrap", DRAWS)
    assert alone.interval(both) == pytest.approx(both.interval())
    assert alone.interval(welch([2.0], [1.0])) is None


Own = tuple[Question, Contest, Records]


@pytest.fixture
def own(records: Records, board_of: MakeBoard, tmp_path: Path) -> Own:
    """Return a comparison of runs of one's own that say that they kept their answers, four and three seeds."""
    for run in [*records.seeds((27.0, 27.5, 28.0, 29.0)), *records.seeds((26.9, 27.3, 28.0), defense="jpeg")]:
        save(changed(run, "evidence_sha256", "0" * 64), tmp_path)
    question = Question(board_of(), "mini", Number("psnr-y", "B"))
    places = (str(tmp_path / pattern) for pattern in ("sr-srresnet-mini-*", "sr-srresnet-jpeg-*"))
    return question, contest(question, *places), records


def resampled(question: Question, found: Contest, records: Records) -> tuple[Contest, str]:
    known = with_images(found, question, records.catalog, lambda *_: None)
    return known, " ".join(
        cell for sheet in compare_page(question, [known]).sheets for row in sheet.rows for cell in row
    )


def test_runs_that_kept_their_answers_are_drawn_pair_by_pair(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, str]] = []

    def of(self: Resampler, record: RunRecord, folder: Path, progress: object) -> Resampled:
        assert list(self.tests) == ["set5", "set14"]
        asked.append((record.plan.seed, folder.name.split("-b")[0]))
        return Resampled(whole := float(record.plan.seed), whole + np.linspace(-1, 1, 100), 5, "bootstrap")

    monkeypatch.setattr(Resampler, "of", of)
    found, text = resampled(*own)
    assert asked == [(seed, name) for name in ("sr-srresnet-mini", "sr-srresnet-jpeg-mini") for seed in range(3)]
    assert isinstance(found.images, ImageErrors)
    assert (found.images.seeds, found.images.images) == (0, 0)  # pairs with the same draws cancel
    assert "SE of seeds" in text
    assert "(bootstrap, 5 images)" in text
    assert as_json(own[0], [found])["pairs"][0]["images"]["draws"] == 100


def test_what_keeps_answers_from_being_drawn_is_said(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    def of(*_: object) -> Resampled:
        raise DataMissing("nothing was kept", "run it again without --no-keep")

    monkeypatch.setattr(Resampler, "of", of)
    found, text = resampled(*own)
    assert "not resampled: nothing was kept (run it again without --no-keep)" in text
    assert as_json(own[0], [found])["pairs"][0]["images"] is None
