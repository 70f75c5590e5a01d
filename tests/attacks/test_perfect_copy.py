"""The yardsticks of a copy: what the victim's own network scores, and what an invisible change costs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from training_factory import brief_in, equal

from gexbench.attacks.perfect_copy import NETWORKS, AnsweringJpeg, CopyAsJpeg, PerfectCopy
from gexbench.core.jpeg import recompressed
from gexbench.engine.attacker.kept import keep, read_kept, rebuild
from gexbench.errors import PlanError
from gexbench.training.sngan import build_sngan
from gexbench.victims.cyclegan import CycleGAN
from gexbench.victims.srgan import SRGAN
from gexbench.victims.ugatit import UGATIT

from .drawing import SNGAN, DrawingDoor, drawing_brief
from .translation import TranslationDoor

X = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
SMALL = {"blocks": 1, "channels": 4}
VICTIMS: dict[str, nn.Module] = {
    "ResNetGenerator": CycleGAN().build(SMALL),
    "ResUNet": CycleGAN().build({**SMALL, "generator": "resunet", "depth": 2}),
    "SRResNet": SRGAN().build({**SMALL, "kernel": 3}),
    "UGATITGenerator": UGATIT().build({**SMALL, "side": 16}),
}


def as_jpeg(victim: nn.Module | None, folder: Path, quality: int = 90) -> nn.Module:
    return CopyAsJpeg().extract(TranslationDoor(12), brief_in(folder, victim=victim, options={"quality": quality}))


def built_anew(net: nn.Module, folder: Path) -> nn.Module:
    keep(net, folder)
    made = rebuild(read_kept(folder), None)
    assert isinstance(made, nn.Module)
    return made


def test_every_network_of_a_service_that_answers_images_has_its_test_here() -> None:
    assert NETWORKS.keys() == VICTIMS.keys()


@pytest.mark.parametrize("name", VICTIMS)
def test_a_perfect_copy_answers_as_the_victim_does_after_it_was_built_anew(name: str, tmp_path: Path) -> None:
    victim = VICTIMS[name].eval()
    copy = built_anew(PerfectCopy().extract(TranslationDoor(12), brief_in(tmp_path, victim=victim)), tmp_path)
    with torch.no_grad():
        assert torch.equal(copy(X), victim(X))


def test_of_a_service_that_draws_the_generator_alone_is_copied(tmp_path: Path) -> None:
    victim = build_sngan({**SNGAN, "side": 32}, seed=5)
    copy = PerfectCopy().extract(DrawingDoor(6), drawing_brief(tmp_path, {}, victim=victim))
    assert equal(built_anew(copy, tmp_path), victim.generator)


@pytest.mark.parametrize("name", VICTIMS)
def test_a_copy_as_jpeg_answers_with_the_victims_answers_after_jpeg(name: str, tmp_path: Path) -> None:
    victim = VICTIMS[name].eval()
    copy = built_anew(as_jpeg(victim, tmp_path, 70), tmp_path)
    with torch.no_grad():
        wanted = torch.stack([recompressed(image, 70) for image in victim(X).clamp(0, 1)])
        assert torch.equal(copy(X), wanted)


def test_neither_asks_anything(tmp_path: Path) -> None:
    door = TranslationDoor(12)
    brief = brief_in(tmp_path, victim=VICTIMS["ResUNet"], options={"quality": 90})
    PerfectCopy().extract(door, brief)
    CopyAsJpeg().extract(door, brief)
    assert door.remaining == 12


@pytest.mark.parametrize("attack", [PerfectCopy, CopyAsJpeg])
def test_without_the_victims_weights_there_is_no_copy(
    attack: type[PerfectCopy] | type[CopyAsJpeg], tmp_path: Path
) -> None:
    with pytest.raises(PlanError, match="needs the victim's weights"):
        attack().extract(TranslationDoor(12), brief_in(tmp_path, options={"quality": 90}))


def test_a_network_that_nobody_knows_how_to_build_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot build a Identity anew"):
        as_jpeg(nn.Identity(), tmp_path)


def test_answers_of_a_network_that_leaves_the_range_are_clamped_before_jpeg() -> None:
    copy = AnsweringJpeg("ResUNet", {**SMALL, "depth": 2}, 90)
    copy.net = nn.Threshold(2.0, 3.0)
    assert torch.equal(copy(X), torch.ones_like(X))
