"""Fitting nets that hide and nets that read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from training_factory import Interrupted, checkpoint_every_step, context_in, equal, stopping_at

from gexbench.nets.hiding import FingerprintDecoder, FingerprintEncoder
from gexbench.training.hiding import (
    HidingOptions,
    HidingTraining,
    Shadow,
    at_side,
    fingerprint_training,
    hidden,
    logo_training,
)
from gexbench.training.loop import finished

NUMBERS = HidingOptions(side=16, bound=16.0, steps=40, fainter=0.002, batch=8, lr=3e-3)


@pytest.fixture(scope="module")
def images() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(60, 200, (3, 1, 1), generator=generator).expand(3, 16, 16).byte() for _ in range(16)]


def _fitted(training: HidingTraining, images: list[Tensor]) -> tuple[nn.Module, nn.Module]:
    training.fit(images)
    return finished(training.hider), finished(training.reader)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, images: list[Tensor]) -> tuple[nn.Module, nn.Module]:
    return _fitted(fingerprint_training(4, NUMBERS, context_in(tmp_path_factory.mktemp("fingerprint"))), images)


@pytest.mark.parametrize("size", [(16, 16), (40, 56)])
def test_bits_are_read_from_what_they_were_hidden_in_whatever_its_size(
    fitted: tuple[nn.Module, nn.Module], size: tuple[int, int]
) -> None:
    encoder, decoder = fitted
    bits = torch.randint(2, (16, 4), generator=torch.Generator().manual_seed(1)).float()
    x = torch.linspace(0.2, 0.8, 16)[:, None, None, None].expand(16, 3, *size)
    marked = hidden(encoder, x, bits, 16, 16.0)
    assert marked.shape == x.shape
    assert (marked - x).abs().amax() <= 16 / 255 + 1e-6
    assert ((decoder(at_side(marked, 16)) > 0) == (bits > 0.5)).float().mean() > 0.95


def test_the_mark_is_made_fainter_once_bits_are_read_well(tmp_path: Path, images: list[Tensor]) -> None:
    training = HidingTraining(
        FingerprintEncoder(4, 16), FingerprintDecoder(4, 16), (4,), replace(NUMBERS, fainter=0.5), context_in(tmp_path)
    )
    training.step(images, 0)
    assert training.schedule.weight == 0
    training.schedule.accuracy.fill_(0.95)
    first = training.step(images, 1)
    assert first["mark"] == 0
    assert training.schedule.weight == 0.5
    assert training.step(images, 2)["mark"] > 0
    training.schedule.accuracy.fill_(0.5)
    training.step(images, 3)
    assert training.schedule.weight == 1.5


def test_a_training_that_was_stopped_ends_with_the_same_bits(
    tmp_path: Path, images: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = replace(NUMBERS, steps=6)
    expected = _fitted(fingerprint_training(4, numbers, context_in(tmp_path / "whole")), images)
    checkpoint_every_step(monkeypatch)
    with pytest.raises(Interrupted):
        fingerprint_training(4, numbers, replace(context_in(tmp_path / "cut"), progress=stopping_at(3))).fit(images)
    got = _fitted(fingerprint_training(4, numbers, context_in(tmp_path / "cut")), images)
    assert all(equal(one, other) for one, other in zip(expected, got, strict=True))


def test_a_logo_is_read_from_what_it_was_hidden_in_and_nothing_from_plain_images(
    tmp_path: Path, images: list[Tensor]
) -> None:
    embedder, extractor = _fitted(logo_training(NUMBERS, context_in(tmp_path)), images)
    logos = torch.randint(2, (16, 1, 4, 4), generator=torch.Generator().manual_seed(1)).float()
    x = torch.linspace(0.2, 0.8, 16)[:, None, None, None].expand(16, 3, 16, 16)
    found = extractor(hidden(embedder, x, logos, 16, 16.0))
    assert ((found > 0) == (logos > 0.5)).float().mean() > 0.9
    assert extractor(x).abs().mean() < 0.5 * found.abs().mean()


def test_a_reader_is_tuned_to_what_shadows_leave_of_a_secret_and_the_net_that_hides_stays(
    tmp_path: Path, images: list[Tensor]
) -> None:
    training = fingerprint_training(4, replace(NUMBERS, steps=30), context_in(tmp_path))
    training.fit(images)
    hider = [each.clone() for each in training.hider.parameters()]
    secret = torch.tensor([1.0, 0.0, 1.0, 1.0])
    dark, light = ([image + shift for image in images] for shift in (-20, 20))
    training.options = replace(training.options, lr=0.03)
    training.tune(images, [Shadow(dark, secret), Shadow(light, 1 - secret)], 60)
    assert all(torch.equal(a, b) for a, b in zip(hider, training.hider.parameters(), strict=True))
    found = training.reader(torch.stack(light).float() / 255) > 0
    assert (found == (secret < 0.5)).float().mean() > 0.9
