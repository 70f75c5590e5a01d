"""A defense is prepared on the victim and its owner's images, and tells what goes wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.core.defense import Defense, Place
from gexbench.engine.defender import preparing
from gexbench.engine.defender.preparing import happened, prepare
from gexbench.engine.wire.frames import Channel, pair
from gexbench.engine.wire.guarding import Prepare, Prepared
from gexbench.engine.wire.image_file import store_images
from gexbench.engine.wire.messages import Failed, Progress, Ready, Stop, receive, send
from gexbench.errors import RunFailed

from ..toy_orders import quiet


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([1.0]))


class Victim:
    def build(self, options: Mapping[str, Any]) -> nn.Module:
        return Line()


class Looks(Defense):
    """Returns what it is given, as numbers."""

    def prepare(self, victim: nn.Module, owner: Sequence[Tensor], place: Place) -> Mapping[str, Tensor]:
        place.progress("looking", 1, 1)
        assert (self.key, self.prepared, place.precision, str(place.device)) == (b"", {}, "fp32", "cpu")
        (place.workdir / "kept").write_text("here")
        counts = (len(owner), len(place.style), place.scale, place.seed, int(victim.training), len(place.assets))
        return {"gain": victim.gain, "counts": torch.tensor(counts), "turned": torch.ones(2, 3).T}  # type: ignore[dict-item]


class Raises(Defense):
    def prepare(self, victim: nn.Module, owner: Sequence[Tensor], place: Place) -> Mapping[str, Tensor]:
        raise KeyError("no")


@pytest.fixture
def order(tmp_path: Path) -> Prepare:
    weights = safetensors.torch.save({"gain": torch.tensor([3.0])})
    (tmp_path / "victim.safetensors").write_bytes(weights)
    for name, count in (("owner", 4), ("style", 2)):
        store_images(tmp_path / f"{name}.safetensors", [torch.zeros(3, 8, 8)] * count)
    return Prepare(
        entry=f"{__name__}:Looks",
        code=None,
        options={},
        victim=f"{__name__}:Victim",
        net={},
        weights=tmp_path / "victim.safetensors",
        digest=hashlib.sha256(weights).hexdigest(),
        owner=tmp_path / "owner.safetensors",
        style=tmp_path / "style.safetensors",
        scale=4,
        assets={"vgg": tmp_path / "vgg"},
        device="cpu",
        precision="fp32",
        threads=torch.get_num_threads(),
        seed=0,
        workdir=tmp_path,
    )


def test_it_sees_the_victim_its_owners_images_and_a_place(order: Prepare, tmp_path: Path) -> None:
    made = safetensors.torch.load(prepare(order, quiet).content.numpy().tobytes())
    assert made["gain"].tolist() == [3.0]
    assert made["counts"].tolist() == [4, 2, 4, 0, 0, 1]
    assert made["turned"].shape == (3, 2)
    assert (tmp_path / "kept").read_text() == "here"


def test_a_tasks_without_style_has_no_style_images(order: Prepare) -> None:
    made = safetensors.torch.load(prepare(order.model_copy(update={"style": None}), quiet).content.numpy().tobytes())
    assert made["counts"].tolist()[1] == 0


def test_what_it_raises_is_told_without_a_traceback() -> None:
    assert happened(KeyError("no")) == "raised KeyError: 'no'"
    assert happened(RunFailed("loss is nan at step 3")) == "stopped: loss is nan at step 3"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """The bench's end of a channel to a preparer's process, which here is a thread."""
    ours, theirs = pair()
    monkeypatch.setattr(Channel, "inherited", lambda fd: theirs)
    thread = threading.Thread(target=preparing.main, args=(["5"],))
    thread.start()
    yield ours
    ours.close()
    thread.join(60)
    theirs.close()
    assert not thread.is_alive()


def test_it_is_ready_tells_how_far_it_is_and_sends_what_it_prepared(bench: Channel, order: Prepare) -> None:
    assert isinstance(receive(bench, Ready), Ready)
    send(bench, order)
    assert receive(bench, Progress) == Progress(what="looking", done=1, total=1)
    assert isinstance(receive(bench, Prepared), Prepared)
    send(bench, Stop())


def test_what_goes_wrong_is_sent(bench: Channel, order: Prepare) -> None:
    receive(bench, Ready)
    send(bench, order.model_copy(update={"entry": f"{__name__}:Raises"}))
    assert receive(bench, Failed) == Failed(reason="raised KeyError: 'no'")
