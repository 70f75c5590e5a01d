"""Adversarial noise against a discriminator."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.defense import History, Place
from gexbench.core.images import from_uint8, to_uint8
from gexbench.defenses.pgd_discriminator import PgdDiscriminator
from gexbench.errors import RunFailed
from gexbench.nets.initialise import seeded
from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.packed import packed, unpacked
from gexbench.nets.patchgan import PatchGAN
from gexbench.nets.sngan import SNGANGenerator, SNGANOptions
from gexbench.nets.sngan_discriminator import SNGANDiscriminator
from gexbench.nets.srgan_discriminator import SRGANDiscriminator

QUESTION = torch.zeros(1, 3, 8, 8)
OPTIONS = {"eps": 0.25, "steps": 5, "judge_steps": 2}


class Enlarging(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2)


def _images(count: int = 3, side: int = 24, seed: int = 0) -> list[Tensor]:
    return list(from_uint8(to_uint8(torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)))))


def _place(folder: Path, scale: int = 1, style: list[Tensor] | None = None) -> Place:
    return Place(style or [], scale, {}, torch.device("cpu"), "fp32", 0, folder, lambda what, done, total: None)


def _guarded(y: Tensor, judge: nn.Module, eps: float, seed: int = 0) -> Tensor:
    defense = PgdDiscriminator({**OPTIONS, "eps": eps})
    defense.prepared = packed(judge)
    return defense.guard_output(QUESTION, y, History(0, torch.Generator().manual_seed(seed)))


def _judge(verdict: float) -> PatchGAN:
    judge = seeded(lambda: PatchGAN(channels=4), seed=0).requires_grad_(False).eval()
    judge.layers[-1].bias += verdict
    return judge


def _gan() -> LatentGAN:
    return LatentGAN(SNGANGenerator(SNGANOptions(32, 4, 8)), SNGANDiscriminator(32, 4)).eval()


@pytest.mark.parametrize(("verdict", "side"), [(1.0, 32), (-1.0, 32), (1.0, 24)])
def test_the_logit_goes_further_from_the_verdict_the_larger_eps_is_and_the_bound_holds(
    verdict: float, side: int
) -> None:
    judge, y = _judge(verdict), _images(1, side)[0][None]
    logits = [verdict * float(judge(y).mean())]
    for eps in (0.0625, 0.125, 0.25):
        got = _guarded(y, judge, eps)
        moved = (to_uint8(got).int() - to_uint8(y).int()).abs()
        assert moved.max() == int(127.5 * eps)
        logits.append(verdict * float(judge(got).mean()))
    assert logits[0] > 0
    assert logits == sorted(logits, reverse=True)
    assert len(set(logits)) == 4


def test_no_eps_changes_nothing_and_answers_too_small_to_judge_are_moved_too() -> None:
    judge, y = _judge(1.0), _images(1, 9)[0][None]
    assert torch.equal(_guarded(y, judge, 0.0), y)
    assert _guarded(y, judge, 0.25).shape == y.shape
    assert not torch.equal(_guarded(y, judge, 0.25), y)


def test_the_same_question_gets_the_same_answer_and_another_gets_another() -> None:
    judge, y = _judge(1.0), _images(1)[0][None]
    assert torch.equal(_guarded(y, judge, 0.25, seed=1), _guarded(y, judge, 0.25, seed=1))
    assert not torch.equal(_guarded(y, judge, 0.25, seed=1), _guarded(y, judge, 0.25, seed=2))


def test_a_victim_that_holds_a_discriminator_lends_its_own(tmp_path: Path) -> None:
    gan, x = _gan(), torch.stack(_images(2, 32))
    prepared = PgdDiscriminator(OPTIONS).prepare(gan, [], _place(tmp_path))
    assert torch.equal(unpacked(prepared)(x), gan.discriminator(x))


@pytest.mark.parametrize(("scale", "style"), [(1, _images(seed=1)), (2, None)], ids=["style", "enlarging"])
def test_elsewhere_one_is_trained_on_the_victims_answers_the_same_each_time(
    tmp_path: Path, scale: int, style: list[Tensor] | None
) -> None:
    victim = Enlarging() if scale == 2 else nn.Identity()
    found = [
        PgdDiscriminator(OPTIONS).prepare(victim, _images(), _place(tmp_path / folder, scale, style))
        for folder in ("one", "two")
    ]
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(tensor, found[1][name]) for name, tensor in found[0].items())
    assert isinstance(unpacked(found[0]), PatchGAN)


def test_where_none_is_to_be_had_it_says_so_in_one_line(tmp_path: Path) -> None:
    draws = nn.Linear(2, 2)
    draws.latent_size = 2  # type: ignore[assignment]
    foreign = LatentGAN(_gan().generator, SRGANDiscriminator(crop=32))
    small = _place(tmp_path, style=_images(side=23))
    for victim, place, told in (
        (nn.Identity(), _place(tmp_path), "holds no discriminator, and there is nothing to train one on"),
        (draws, dataclasses.replace(small, style=_images()), "holds no discriminator"),
        (foreign, _place(tmp_path), "of the class SRGANDiscriminator cannot be built anew"),
        (nn.Identity(), small, "sides of 24 pixels or more; an image has 23"),
    ):
        with pytest.raises(RunFailed, match=told) as refused:
            PgdDiscriminator(OPTIONS).prepare(victim, _images(), place)
        assert "\n" not in str(refused.value)
