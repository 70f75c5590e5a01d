"""Two processes that train one net: what they end with is what one process ends with."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as processes
from torch import Tensor, distributed, nn
from training_factory import context_in

from gexbench.core.images import to_uint8
from gexbench.errors import PlanError, RunFailed
from gexbench.nets.initialise import seeded
from gexbench.nets.srresnet import SRResNet, SRResNetOptions
from gexbench.training import group
from gexbench.training.conditional import ConditionalOptions, fit_conditional
from gexbench.training.loop import Loop, TrainingContext, run_steps
from gexbench.training.patches import Pairs
from gexbench.training.sngan import fit_sngan
from gexbench.training.super_resolution import fit_srresnet
from gexbench.victims.srgan import SRGANOptions, fit_adversarially

CLOSE = 1e-5
IDLE = {
    "srresnet with batch norm": r"layers\.[03]\.bias|body\.1\.bias|running_mean",
    "sngan": r"blocks\.\d\.(first|second|skip)\.bias|running_mean",
}
"""Biases that a batch norm takes away again: their gradients are rounding, which Adam makes steps of. What is left of
them is in running means."""
SR: dict[str, Any] = {
    "blocks": 1,
    "channels": 8,
    "kernel": 3,
    "batch_norm": False,
    "skip": "bicubic",
    "steps": 6,
    "batch": 4,
    "patch": 12,
    "lr": 2e-3,
    "loss": "l1",
    "augment": ("flip", "rotation", "cutout", "contrast"),
}
PIX2PIX = ConditionalOptions(
    depth=6,
    channels=4,
    dropout=0.5,
    discriminator_channels=4,
    steps=6,
    batch=4,
    crop=64,
    lr=2e-4,
    l1_weight=100.0,
    augment=("flip",),
)
SNGAN = {"channels": 4, "latent_size": 8, "discriminator_channels": 4, "steps": 4, "batch": 4, "critics": 2}
SNGAN |= {"lr": 2e-4, "average": 0.5}


def images(count: int, side: int) -> list[Tensor]:
    return list(to_uint8(torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(side))))


def as_hiding(context: TrainingContext) -> nn.Module:
    """Train what has not said that a group can."""
    net = nn.Conv2d(3, 3, 1)
    run_steps(
        lambda number: {"loss": net(torch.ones(1, 3, 1, 1)).mean().detach()},
        {"net": net},
        Loop("apart", 1, "", context),
    )
    return net


def as_srgan(context: TrainingContext) -> nn.Module:
    """Train the second phase of SRGAN."""
    net = seeded(lambda: SRResNet(SRResNetOptions(1, 8, 3, batch_norm=False, skip="bicubic")), 0)
    content = seeded(lambda: nn.Conv2d(3, 4, 3), 1).requires_grad_(False)
    numbers = {
        "patch": 12,
        "pretrain_steps": 0,
        "pretrain_batch": 1,
        "pretrain_lr": 0.0,
        "gan_steps": 4,
        "gan_batch": 4,
    }
    weights = {"content_weight": 0.01, "adversarial_weight": 1e-3, "pixel_weight": 1.0}
    options = SRGANOptions(**numbers, gan_lr=1e-4, content_layer="", **weights, discriminator_channels=2)
    fit_adversarially(net, content, Pairs(images(8, 16), images(8, 64), 4), options, context)
    return net


TRAININGS: Mapping[str, Callable[[TrainingContext], nn.Module]] = {
    "srresnet": lambda context: fit_srresnet(Pairs(images(8, 16), images(8, 64), 4), SR, context),
    "srresnet with batch norm": lambda context: fit_srresnet(
        Pairs(images(8, 16), images(8, 64), 4), {**SR, "batch_norm": True}, context
    ),
    "one step": lambda context: fit_srresnet(
        Pairs(images(8, 16), images(8, 64), 4), {**SR, "batch_norm": True, "steps": 1}, context
    ),
    "pix2pix": lambda context: fit_conditional(Pairs(images(8, 80), images(8, 80), 1), PIX2PIX, context),
    "wavelet-sam": lambda context: fit_conditional(
        Pairs(images(8, 80), images(8, 80), 1), replace(PIX2PIX, wavelet_weight=0.15, sam_rho=0.05), context
    ),
    "srgan": as_srgan,
    "sngan": lambda context: fit_sngan(images(8, 32), SNGAN, context),
    "an odd batch": lambda context: fit_sngan(images(8, 32), {**SNGAN, "batch": 5}, context),
    "apart": as_hiding,
}


def train_all(folder: Path) -> None:
    """Train each, and keep its weights; where it is refused, why."""
    for name, training in TRAININGS.items():
        try:
            net = training(context_in(folder / name))
        except PlanError as error:
            (folder / f"{name}.txt").write_text(str(error))
        else:
            if group.is_first():
                torch.save(net.state_dict(), folder / f"{name}.pt")


def serve(rank: int, folder: Path, port: Path) -> None:
    """Be one of two processes that train."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=port.as_uri(), rank=rank, world_size=2)
    train_all(folder)
    try:
        group.refuse_apart(rank, "number")
    except RunFailed as error:
        (folder / "differs.txt").write_text(str(error))
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Train all alone and by two processes."""
    alone, pair = tmp_path_factory.mktemp("alone"), tmp_path_factory.mktemp("pair")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLOO_SOCKET_IFNAME", "lo")
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        train_all(alone)
        torch.set_num_threads(threads)
        processes.spawn(serve, (pair, pair / "meet"), nprocs=2)
    return {"alone": alone, "pair": pair}


def losses(folder: Path, name: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / name / "fit.losses.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["srresnet", "srresnet with batch norm", "pix2pix", "wavelet-sam", "srgan", "sngan"])
def test_two_processes_end_with_the_weights_of_one(made: dict[str, Path], name: str) -> None:
    one, two = (torch.load(folder / f"{name}.pt", weights_only=True) for folder in made.values())
    assert one.keys() == two.keys()
    keys = [key for key in one if name not in IDLE or not re.search(IDLE[name], key)]
    far = {key: float((one[key].double() - two[key].double()).abs().max()) for key in keys}
    assert max(far.values()) < CLOSE, far


@pytest.mark.parametrize("name", ["srresnet", "srresnet with batch norm", "pix2pix", "wavelet-sam", "sngan"])
def test_two_processes_log_the_losses_of_one(made: dict[str, Path], name: str) -> None:
    one, two = (losses(folder, name) for folder in made.values())
    assert len(one) == len(two) > 1
    for mine, theirs in zip(one, two, strict=True):
        assert theirs == pytest.approx(mine, rel=CLOSE, abs=CLOSE)


def test_what_two_processes_began_one_goes_on_with(made: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(made["pair"] / "pix2pix", tmp_path / "pix2pix")
    net = TRAININGS["pix2pix"](context_in(tmp_path / "pix2pix"))
    left = torch.load(made["pair"] / "pix2pix.pt", weights_only=True)
    assert all(torch.equal(value, left[key]) for key, value in net.state_dict().items())


def test_batch_norm_remembers_the_whole_batch(made: dict[str, Path]) -> None:
    one, two = (torch.load(folder / "one step.pt", weights_only=True) for folder in made.values())
    kept = [key for key in one if "running" in key or "tracked" in key]
    assert kept
    for key in kept:
        torch.testing.assert_close(two[key], one[key], rtol=CLOSE, atol=1e-7)


def test_what_a_group_cannot_train_is_refused_in_words_and_alone_it_is_trained(made: dict[str, Path]) -> None:
    told = {path.stem: path.read_text() for path in made["pair"].glob("*.txt")}
    assert told["apart"] == "the training 'apart' is not shared by 2 processes"
    assert told["an odd batch"] == "a batch of 5 cannot be shared evenly by 2 processes"
    assert not list(made["alone"].glob("*.txt"))


def test_processes_that_do_not_have_the_same_are_found_out(made: dict[str, Path]) -> None:
    assert "do not have the same number" in (made["pair"] / "differs.txt").read_text()


def test_alone_nothing_is_changed(tmp_path: Path) -> None:
    net, x = nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm1d(2), nn.Dropout2d()), torch.rand(3, 2)
    group.join(net)
    assert [type(layer) for layer in net] == [nn.BatchNorm2d, nn.BatchNorm1d, nn.Dropout2d]
    assert group.share(x) is x
    assert group.averaged({"loss": x.mean()}) == {"loss": float(x.mean())}


def test_a_layer_that_would_mix_a_share_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "size", lambda: 2)
    with pytest.raises(PlanError, match="layers of BatchNorm1d is not trained by 2 processes"):
        group.join(nn.Sequential(nn.InstanceNorm2d(3), nn.BatchNorm1d(3)))
