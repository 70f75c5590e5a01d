"""A defense answers messages, one image each, and what it raises is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from gexbench.core.defense import Defense, History
from gexbench.engine.defender import process
from gexbench.engine.defender.process import Defender, as_tensor
from gexbench.engine.wire.frames import Channel, pair
from gexbench.engine.wire.guarding import (
    AskQuestions,
    Defends,
    DefenseFailed,
    Guarded,
    GuardOne,
    Harden,
    Hardened,
    StartDefense,
)
from gexbench.engine.wire.image_file import store_images
from gexbench.engine.wire.messages import Message, Stop, receive, send

X = torch.full((1, 3, 8, 8), 51, dtype=torch.uint8)


class Both(Defense):
    """Draws in both moments."""

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        return x + torch.rand(1, generator=history.generator)

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return y + torch.rand(1, generator=history.generator) + history.answered


class Asking(Defense):
    """Chooses questions, and not as a sequence."""

    def questions(self, asked: Sequence[Tensor], common: Sequence[Tensor]) -> Sequence[Tensor]:
        return (image for image in asked)  # type: ignore[return-value]


class Feeding(Defense):
    """Draws for whatever is fed, and leaves answers as they are."""

    def guard_input(self, x: Tensor, history: History) -> Tensor:
        return x + torch.rand(1, generator=history.generator)

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        return z + torch.rand(1, generator=history.generator)


class Late(Defense):
    """Is given its moment when it is made."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.guard_output = lambda x, y, history: y / 2  # type: ignore[method-assign]


class Broken(Defense):
    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        raise KeyError("no")


class Wordy(Defense):
    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return "a picture"  # type: ignore[return-value]


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor([1.0]))


class Victim:
    def build(self, options: Mapping[str, Any]) -> nn.Module:
        return Line()


class Twice(Defense):
    """Doubles the weights."""

    def harden(self, victim: nn.Module, owner: Sequence[Tensor]) -> nn.Module:
        victim.gain.data *= 2 * len(owner)  # type: ignore[operator, union-attr]
        return victim


class NoNet(Defense):
    def harden(self, victim: nn.Module, owner: Sequence[Tensor]) -> nn.Module:
        return {"gain": 1}  # type: ignore[return-value]


def started(name: str) -> Defender:
    defender = Defender()
    order = StartDefense(entry=f"{__name__}:{name}", options={}, device="cpu", threads=torch.get_num_threads())
    assert isinstance(defender.reply(order), Defends)
    return defender


def one(moment: str, seed: int = 1, answered: int = 0) -> GuardOne:
    return GuardOne(moment=moment, x=X, y=X.clone() if moment == "guard_output" else None, answered=answered, seed=seed)


def made(defender: Defender, order: Message) -> Tensor:
    reply = defender.reply(order)
    assert isinstance(reply, Guarded)
    return reply.made


@pytest.mark.parametrize(
    ("name", "moments"),
    [("Both", ("guard_input", "guard_output")), ("Late", ("guard_output",)), ("Twice", ("harden",))],
)
def test_it_says_which_moments_do_something(name: str, moments: tuple[str, ...]) -> None:
    order = StartDefense(entry=f"{__name__}:{name}", options={}, device="cpu", threads=torch.get_num_threads())
    assert Defender().reply(order) == Defends(moments=moments)


def test_a_questions_moments_share_one_generator_and_other_questions_have_their_own() -> None:
    defender, chance = started("Both"), torch.Generator().manual_seed(1)
    first, second = (torch.rand(1, generator=chance) for _ in range(2))
    assert torch.allclose(made(defender, one("guard_input")), 0.2 + first)
    made(defender, one("guard_input", seed=2))
    assert torch.allclose(made(defender, one("guard_output", answered=0)), 0.2 + second)
    assert torch.allclose(made(defender, one("guard_input")), 0.2 + first)  # asked again: from the start


def test_a_question_that_is_asked_again_begins_anew_where_the_defense_guards_latents_too() -> None:
    defender = started("Feeding")
    first = made(defender, one("guard_input"))
    assert torch.equal(made(defender, one("guard_input")), first)


def test_questions_that_are_no_sequence_are_told(tmp_path: Path) -> None:
    store_images(tmp_path / "images.safetensors", [torch.zeros(3, 8, 8)])
    order = AskQuestions(asked=tmp_path / "images.safetensors", common=tmp_path / "images.safetensors")
    reply = started("Asking").reply(order)
    assert reply == DefenseFailed(reason="returned generator, not a sequence of images")


def test_images_come_as_floats_and_latents_as_they_are() -> None:
    defender = started("Both")
    z = torch.randn(1, 5)
    order = GuardOne(moment="guard_input", x=z, answered=0, seed=4)
    assert torch.equal(made(defender, order), z + torch.rand(1, generator=torch.Generator().manual_seed(4)))


@pytest.mark.parametrize(
    ("name", "reason"), [("Broken", "raised KeyError: 'no'"), ("Wordy", "returned str, not a tensor")]
)
def test_what_goes_wrong_is_told(name: str, reason: str) -> None:
    assert started(name).reply(one("guard_output")) == DefenseFailed(reason=reason)


def test_an_entry_that_is_not_there_is_told() -> None:
    reply = Defender().reply(StartDefense(entry=f"{__name__}:No", options={}, device="cpu", threads=1))
    assert isinstance(reply, DefenseFailed)
    assert reply.reason.startswith("cannot be opened: module ")


def harden(folder: Path) -> Harden:
    store_images(folder / "owner.safetensors", [torch.zeros(3, 8, 8)] * 4)
    weights = as_tensor(safetensors.torch.save({"gain": torch.tensor([3.0])}))
    return Harden(entry=f"{__name__}:Victim", net={}, weights=weights, owner=folder / "owner.safetensors")


def test_hardening_sees_weights_and_owners_images_and_gives_back_weights_alone(tmp_path: Path) -> None:
    reply = started("Twice").reply(harden(tmp_path))
    assert isinstance(reply, Hardened)
    assert reply.class_path == f"{__name__}:Line"
    assert safetensors.torch.load(reply.weights.numpy().tobytes())["gain"].tolist() == [24.0]


def test_hardening_that_returns_no_network_is_told(tmp_path: Path) -> None:
    assert started("NoNet").reply(harden(tmp_path)) == DefenseFailed(reason="returned dict, not a network")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """The service's end of a channel to a defense's process, which here is a thread."""
    ours, theirs = pair()
    monkeypatch.setattr(Channel, "inherited", lambda fd: theirs)
    thread = threading.Thread(target=process.main, args=(["5"],))
    thread.start()
    yield ours
    ours.close()
    thread.join(60)
    theirs.close()
    assert not thread.is_alive()


def test_it_follows_orders_until_it_is_told_to_stop(bench: Channel) -> None:
    send(bench, StartDefense(entry=f"{__name__}:Late", options={}, device="cpu", threads=torch.get_num_threads()))
    assert receive(bench, Defends) == Defends(moments=("guard_output",))
    send(bench, one("guard_output"))
    guarded = receive(bench, Guarded)
    assert guarded is not None
    assert torch.allclose(guarded.made, torch.full((1, 3, 8, 8), 0.1))
    send(bench, Stop())


def test_it_ends_well_when_it_is_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair()
    monkeypatch.setattr(Channel, "inherited", lambda fd: theirs)
    send(ours, Stop())
    assert process.main(["5"]) == 0
    ours.close()
    theirs.close()


def test_what_is_no_order_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair()
    monkeypatch.setattr(Channel, "inherited", lambda fd: theirs)
    ours.end.sendall(b"\x08" + bytes(15))
    assert process.main(["5"]) == 1
    ours.close()
    theirs.close()
