"""How much of a difference's error is of the seeds and how much of the test images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gexbench.boards.compare import Contest, ImageErrors, Question
from gexbench.boards.side import Side
from gexbench.cards.catalog import Catalog
from gexbench.errors import GexbenchError
from gexbench.record import RunRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gexbench.engine.run.resample import Resampled

DRAWS = 4000


def with_images(
    contest: Contest, question: Question, catalog: Catalog, progress: Callable[[str, int, int], None]
) -> Contest:
    """Return a comparison with the errors of its test images, or with why they are not known."""
    paired, runs = contest.test.way == "paired", [dict(_kept(side)) for side in (contest.a, contest.b)]
    if any(len(kept) < len(values) for kept, values in zip(runs, contest.values, strict=True)):
        return contest
    from gexbench.engine.run.resample import Resampler

    common, number = runs[0].keys() & runs[1].keys(), question.number
    tests = [number.test] if number.test else list(contest.a.first.plan.dataset.splits.test)
    resampler = Resampler(catalog, contest.card, number.compare, tests)
    drawn: list[list[Resampled]] = []
    try:
        for kept in runs:
            seeds = sorted(common if paired else kept)
            drawn.append([resampler.of(*kept[seed], progress) for seed in seeds])
    except GexbenchError as error:
        return replace(contest, images=f"not resampled: {error}" + (f" ({error.hint})" if error.hint else ""))
    found = errors(drawn[0], drawn[1], paired)
    return replace(contest, images=found or "not resampled: two seeds a side at least are needed")


def _kept(side: Side) -> Iterator[tuple[int, tuple[RunRecord, Path]]]:
    """Yield record and folder of the runs, by seed, whose answers were kept."""
    for record in side.row.records:
        folder = side.folders.get(record.plan.seed)
        if folder is not None and record.evidence_sha256 is not None:
            yield record.plan.seed, (record, folder)


def errors(a: Sequence[Resampled], b: Sequence[Resampled], paired: bool) -> ImageErrors | None:
    """Return the standard errors of mean a - mean b by a hierarchical bootstrap; None below two seeds a side.

    a, b: a run each, with the same draws of images. First seeds are drawn, with pairs the same for both, then images,
    the same for all. Of n seeds n - 1 are drawn: that makes the variance right however few they are. Source: Rao and Wu
    1988, Resampling inference with complex survey data.
    """
    import numpy as np

    if min(len(a), len(b)) < 2:
        return None
    random, draws = np.random.default_rng(0), len(a[0].drawn)
    whole = [np.asarray([run.whole for run in side]) for side in (a, b)]
    drawn = [np.stack([run.drawn for run in side]) for side in (a, b)]
    first = random.integers(len(a), size=(DRAWS, len(a) - 1))
    seeds = [first, first if paired else random.integers(len(b), size=(DRAWS, len(b) - 1))]
    images = random.integers(draws, size=(DRAWS, 1))
    by_image = drawn[0].mean(axis=0) - drawn[1].mean(axis=0)
    return ImageErrors(
        seeds=_deviation(whole[0][seeds[0]].mean(axis=1) - whole[1][seeds[1]].mean(axis=1)),
        images=_deviation(by_image),
        total=_deviation(drawn[0][seeds[0], images].mean(axis=1) - drawn[1][seeds[1], images].mean(axis=1)),
        n=min(run.n for run in (*a, *b)),
        way=a[0].way,
        draws=draws,
    )


def _deviation(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1))
