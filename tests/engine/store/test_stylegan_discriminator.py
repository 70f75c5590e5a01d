"""The discriminator in the files of StyleGAN2's authors, and both networks as a victim's weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from gexbench.cli.victim import convert
from gexbench.engine.store.convert import converter
from gexbench.engine.store.stylegan_pickle import discriminator_from_stylegan2
from gexbench.engine.store.tensor_pickle import PickleRefused
from gexbench.engine.store.weights import load_weights
from gexbench.errors import AssetMissing
from gexbench.nets.latent_gan import LatentGAN
from gexbench.nets.stylegan2 import StyleGAN2Options
from gexbench.nets.stylegan2_discriminator import StyleGAN2Discriminator
from gexbench.victims.stylegan2 import StyleGAN2

from .stylegan_authors import LATENT, OPTIONS, SIDE, Authors, Weights, activated, file_of, filtered, judging, weights


def judged(w: Weights, images: Tensor) -> Tensor:
    """Compute the logits of four images in [-1,1] from the papers alone."""
    x = activated(convolved(w, f"b{SIDE}.fromrgb", images))
    for side in (16, 8):
        straight = convolved(w, f"b{side}.skip", filtered(x, 1, 1)[..., ::2, ::2] / 4.0)
        y = activated(convolved(w, f"b{side}.conv0", F.pad(x, (1, 1, 1, 1))))
        y = activated(convolved(w, f"b{side}.conv1", filtered(y, 2, 2) / 4.0)[..., ::2, ::2])
        x = (straight + y) / 2.0**0.5
    spread = (x.var(dim=0, correction=0) + 1e-8).sqrt().mean().expand(len(x), 1, 4, 4)
    x = activated(convolved(w, "b4.conv", F.pad(torch.cat([x, spread], dim=1), (1, 1, 1, 1))))
    x = activated(multiplied(w, "b4.fc", x.flatten(1)))
    return multiplied(w, "b4.out", x)


def convolved(w: Weights, name: str, x: Tensor) -> Tensor:
    weight = w[f"{name}.weight"]
    return F.conv2d(x, weight / weight[0].numel() ** 0.5, w.get(f"{name}.bias"))


def multiplied(w: Weights, name: str, x: Tensor) -> Tensor:
    weight = w[f"{name}.weight"]
    return x @ weight.T / weight.shape[1] ** 0.5 + w[f"{name}.bias"]


def pictures() -> Tensor:
    return torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))


def test_a_converted_discriminator_gives_the_logits_of_the_papers_equations(tmp_path: Path, authors: Authors) -> None:
    arrays = judging()
    state = discriminator_from_stylegan2(file_of(tmp_path, authors, weights(), judge=arrays), OPTIONS)
    net = StyleGAN2Discriminator(StyleGAN2Options(**OPTIONS))
    net.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in state.items()})
    wanted = judged(arrays, 2.0 * pictures() - 1.0)
    assert wanted.std() > 0.01
    assert torch.allclose(net(pictures()), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("b16.conv1.weight", None, r"file\.pkl lacks b16\.conv1\.weight, which the discriminator of StyleGAN2 needs"),
        ("b16.skip.weight", None, r"lacks b16\.skip\.weight.*a victim is not made from the generator alone"),
        ("mapping.embed.weight", (5, 10), r"holds a conditional discriminator, which is told classes"),
        ("b8.fromrgb.weight", (5, 3, 1, 1), r"holds b8\.fromrgb\.weight, which the discriminator"),
        ("b4.conv.weight", (5, 5, 3, 3), r"b4\.conv\.weight of the shape \(5, 5, 3, 3\), not \(5, 6, 3, 3\)"),
    ],
)
def test_another_discriminator_is_refused(
    name: str, shape: tuple[int, ...] | None, message: str, tmp_path: Path, authors: Authors
) -> None:
    arrays = {key: array for key, array in judging().items() if key != name}
    if shape:
        arrays[name] = torch.ones(shape)
    path = file_of(tmp_path, authors, weights(), judge=arrays)
    with pytest.raises(PickleRefused, match=message):
        discriminator_from_stylegan2(path, OPTIONS)


def test_an_official_file_becomes_the_weights_of_a_victim(
    tmp_path: Path, authors: Authors, capsys: pytest.CaptureFixture[str]
) -> None:
    path, to = file_of(tmp_path, authors, weights(), judge=judging()), tmp_path / "made.safetensors"
    convert(path, to, json=True)
    told = json.loads(capsys.readouterr().out)
    assert [line.partition(":")[0] for line in told["differences"]] == ["noise", "precision", "clamp", "truncation"]
    net = StyleGAN2().build(told["net"])
    load_weights(net, to, told["sha256"])
    assert isinstance(net, LatentGAN)
    assert torch.equal(net.discriminator.last[5].weight, judging()["b4.out.weight"])  # type: ignore[union-attr,index]
    assert net.eval()(torch.zeros(1, LATENT)).shape == (1, 3, SIDE, SIDE)
    assert converter("stylegan2")(path) == to.read_bytes()
    assert set(safetensors.torch.load_file(to)) == set(net.state_dict())


@pytest.mark.parametrize("content", [b"", b"PK not a pickle", b"\x80\x02N."], ids=["empty", "other", "none"])
def test_a_file_that_is_not_what_it_claims_is_refused_and_nothing_is_written(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file.pkl").write_bytes(content)
    with pytest.raises(PickleRefused):
        convert(tmp_path / "file.pkl", tmp_path / "made.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["file.pkl"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"", "an empty file"),
        (b"\x93NUMPY\1\0", "a NumPy array"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_another_kind_of_file_is_named_before_it_is_read(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "file.pkl").write_bytes(content)
    with pytest.raises(PickleRefused, match=rf"file\.pkl is not a PyTorch pickle of StyleGAN2, but {told}"):
        convert(tmp_path / "file.pkl", tmp_path / "made.safetensors")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetMissing, match=r"no file at .*file\.pkl"):
        convert(tmp_path / "file.pkl", tmp_path / "made.safetensors")
