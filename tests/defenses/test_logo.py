"""The hidden logo."""

from __future__ import annotations

import statistics

import pytest
from owner_factory import guarded, key_of, noisy, options_of, place_in, refuses, scenes, trial_of
from torch import Tensor, nn

from gexbench.defenses.logo import Logo
from gexbench.errors import GexbenchError

OPTIONS = {"bound": 16.0, "side": 32, "steps": 30, "shadow_steps": 0}
Prepared = dict[str, Tensor]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return dict(Logo(OPTIONS).prepare(nn.Identity(), scenes(64, seed=1), place_in(tmp_path_factory.mktemp("logo"))))


def _mark(prepared: Prepared, key: int = 0) -> Logo:
    mark = Logo(OPTIONS)
    mark.prepared, mark.key = prepared, key_of(key)
    return mark


@pytest.mark.parametrize("size", [(32, 32), (40, 72)])
def test_the_logo_is_in_marked_answers_and_not_in_plain_ones(prepared: Prepared, size: tuple[int, int]) -> None:
    mark, images = _mark(prepared), scenes(8, *size)
    marked = guarded(mark, images, images)
    assert all(0 < (a - b).abs().amax() <= 16 / 255 + 1e-6 for a, b in zip(marked, images, strict=True))
    found = mark.claim(marked, trial_of(images))
    assert found.score > 5
    assert (found.p or 1) < 1e-5
    plain = mark.claim(images, trial_of(images))
    assert (plain.score, plain.p) == (0.0, 1.0)


def test_another_key_finds_nothing_and_alarms_no_oftener_than_it_says(prepared: Prepared) -> None:
    images = scenes(4)
    for suspect in (guarded(_mark(prepared, 999), images, images), noisy(images, 0.1, 1), images[::-1]):
        found = [_mark(prepared, key).claim(suspect, trial_of(images)) for key in range(50)]
        assert statistics.stdev(each.score for each in found) == pytest.approx(1.0, abs=0.35)
        assert sum((each.p or 0) <= 0.1 for each in found) <= 10


def test_answers_of_another_size_are_refused(prepared: Prepared) -> None:
    with pytest.raises(GexbenchError, match="answer 0 of a suspect is"):
        _mark(prepared).claim(scenes(1, 8, 8), trial_of(scenes(1)))


def test_the_cards_options_have_bounds() -> None:
    assert options_of("logo")["bound"] == 16.0
    refuses("logo", "bound=40", "side=4", "steps=0")
