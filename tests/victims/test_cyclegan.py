"""The victim that learns a style without pairs; what it shares with others is in `training/test_cycle.py`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from domain_factory import brightened, studio_of, train
from training_factory import equal

from gexbench.nets.resunet import ResUNet
from gexbench.victims.cyclegan import CycleGAN


def test_it_learns_to_make_dark_photos_bright(tmp_path: Path) -> None:
    net = train("cyclegan", studio_of("cyclegan", tmp_path, steps=120))
    dark, made = brightened(net)
    assert not net.training
    assert made > dark + 0.3


def test_a_u_net_of_residual_blocks_learns_it_too(tmp_path: Path) -> None:
    resunet = {"generator": "resunet", "depth": 2, "channels": 8, "blocks": 1}
    net = train("cyclegan", replace(studio_of("cyclegan", tmp_path, steps=120), net=resunet))
    dark, made = brightened(net)
    assert isinstance(net, ResUNet)
    assert made > dark + 0.3


def test_another_generator_is_refused() -> None:
    with pytest.raises(ValueError, match="generator 'vgg' must be one of resnet, resunet"):
        CycleGAN().build({"generator": "vgg"})


def test_discriminators_see_images_made_earlier(tmp_path: Path) -> None:
    kept, fresh = (train("cyclegan", studio_of("cyclegan", tmp_path / str(n), steps=6, pool=n)) for n in (3, 0))
    assert not equal(kept, fresh)
