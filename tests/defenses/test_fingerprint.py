"""The fingerprint."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from owner_factory import guarded, key_of, noisy, options_of, place_in, refuses, scenes, trial_of
from torch import Tensor, nn

from gexbench.core.defense import Trial
from gexbench.defenses.fingerprint import Fingerprint, _as_many
from gexbench.errors import GexbenchError, PlanError

OPTIONS = {"bits": 16, "bound": 16.0, "side": 32, "steps": 30, "shadow_steps": 0}
Prepared = dict[str, Tensor]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    place = place_in(tmp_path_factory.mktemp("fingerprint"))
    return dict(Fingerprint(OPTIONS).prepare(nn.Identity(), scenes(64, 32, 32, seed=1), place))


def _mark(prepared: Prepared, key: int = 0) -> Fingerprint:
    mark = Fingerprint(OPTIONS)
    mark.prepared, mark.key = prepared, key_of(key)
    return mark


def test_the_keys_bits_are_in_marked_answers_and_half_of_them_in_plain_ones(prepared: Prepared) -> None:
    mark, images = _mark(prepared), scenes(20)
    found = mark.claim(guarded(mark, images, images), trial_of(images))
    assert found.score == 16
    assert found.p == pytest.approx(1 / math.comb(16, 8))
    assert found.figures["share"] > 0.9
    plain = mark.claim(images, trial_of(images))
    assert plain.score <= 11
    assert (plain.p or 0) > 0.05


def test_another_key_finds_nothing_and_alarms_as_seldom_as_it_says(prepared: Prepared) -> None:
    images = scenes(8)
    suspects = [guarded(_mark(prepared, 999), images, images), noisy(images, 0.1, 1), images[::-1]]
    for suspect in suspects:
        found = [_mark(prepared, key).claim(suspect, trial_of(images)) for key in range(60)]
        assert sum((each.p or 0) <= 0.1 for each in found) <= 14


def test_the_share_of_keys_is_counted_exactly() -> None:
    total, same = 6, 4
    string = [1] * same + [0] * (total - same)
    keys = [[place in differ for place in range(total)] for differ in _choices(total, 3)]
    agreed = [sum(bool(bit) != flip for bit, flip in zip(string, key, strict=True)) for key in keys]
    for right in range(total + 1):
        assert _as_many(right, same, total) == pytest.approx(sum(a >= right for a in agreed) / len(keys))


def _choices(total: int, count: int) -> list[set[int]]:
    return [{i for i in range(total) if n >> i & 1} for n in range(2**total) if n.bit_count() == count]


def test_the_keys_bits_differ_from_plain_answers_at_half_of_the_places(prepared: Prepared) -> None:
    codes = [_mark(prepared, key).secret() for key in range(4)]
    assert all(int((code != (prepared["plain"] > 0.5)).sum()) == 8 for code in codes)
    assert not torch.equal(codes[0], codes[1])


def test_no_pixel_changes_by_more_than_the_bound(prepared: Prepared) -> None:
    images = [*scenes(4), *scenes(2, 40, 72)]
    for image, got in zip(images, guarded(_mark(prepared), images, images), strict=True):
        assert got.shape == image.shape
        assert 0 < (got - image).abs().amax() <= 16 / 255 + 1e-6
        assert got.amin() >= 0
        assert got.amax() <= 1


def test_a_service_that_draws_is_prepared_from_what_it_draws(tmp_path: Path) -> None:
    class Draws(nn.Module):
        latent_size = 3

        def forward(self, z: Tensor) -> Tensor:
            return z.sigmoid()[:, :, None, None].expand(-1, 3, 12, 12)

    mark = Fingerprint({**OPTIONS, "steps": 2})
    mark.prepared, mark.key = mark.prepare(Draws(), (), place_in(tmp_path)), key_of(0)
    images = scenes(3, 12, 12)
    assert mark.claim(guarded(mark, [torch.zeros(3)] * 3, images), Trial((), images)).figures["bits"] == 16


def test_shadows_of_a_service_that_enlarges_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    class Doubles(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.repeat_interleave(2, -1).repeat_interleave(2, -2)

    mark = Fingerprint({**OPTIONS, "shadow_steps": 5})
    with pytest.raises(PlanError, match="shadow_steps needs a service whose questions and answers are squares"):
        mark.prepare(Doubles(), scenes(2), place_in(tmp_path, scale=2))
    assert not list(tmp_path.iterdir())


def test_answers_of_another_size_are_refused(prepared: Prepared) -> None:
    with pytest.raises(GexbenchError, match="answer 0 of a suspect is"):
        _mark(prepared).claim(scenes(1, 8, 8), trial_of(scenes(1)))


def test_the_cards_options_have_bounds() -> None:
    assert options_of("fingerprint")["bits"] == 32
    refuses("fingerprint", "bits=4", "bound=40", "side=4", "steps=0")
