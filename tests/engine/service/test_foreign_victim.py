"""Whatever a foreign network does ends in images in [0,1], or in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from own_victim_factory import card_of
from torch import Tensor

from gexbench.engine.service.foreign_victim import ForeignVictim, reason
from gexbench.errors import AssetMissing, RunFailed


def enlarged(x: Tensor) -> Tensor:
    return x.repeat_interleave(4, 2).repeat_interleave(4, 3)


class Toy(ForeignVictim):
    """A victim that does what a function does."""

    def __init__(self, folder: Path, does: Callable[[Tensor], object], kind: str = "image-to-image", **net: object):
        (folder / "net.pt").write_bytes(b"net")
        card = card_of(folder / "net.pt", kind, net=net)
        assert card.weights is not None
        super().__init__(card, folder / "net.pt", card.weights.sha256)
        self.call = does  # type: ignore[method-assign]


def test_questions_reach_it_one_by_one_in_the_values_it_takes_and_answers_come_back_in_ours(tmp_path: Path) -> None:
    seen: list[Tensor] = []

    def does(x: Tensor) -> Tensor:
        seen.append(x)
        return enlarged(x)

    x = torch.rand(3, 3, 5, 7)
    answers = Toy(tmp_path, does, takes=(-1, 1), gives=(-1, 1)).answer(x)
    torch.testing.assert_close(answers, enlarged(x))
    assert [tuple(each.shape) for each in seen] == [(1, 3, 5, 7)] * 3
    torch.testing.assert_close(torch.cat(seen), x * 2 - 1)


def test_a_little_beyond_white_is_white(tmp_path: Path) -> None:
    answers = Toy(tmp_path, lambda x: enlarged(x) * 1.01).answer(torch.ones(1, 3, 4, 4))
    assert float(answers.max()) == 1.0


def broken(_: Tensor) -> Tensor:
    raise ValueError("size must be even\nand more")


@pytest.mark.parametrize(
    ("does", "why"),
    [
        (lambda x: enlarged(x) * 255, r"answered with values from .* to .*, not from 0 to 1"),
        (lambda x: x, r"answered \(1, 3, 4, 6\) with \(1, 3, 4, 6\), not \(1, 3, 16, 24\)"),
        (lambda x: x[:, :1], r"with \(1, 1, 4, 6\), which is no image"),
        (lambda x: x[0], "which is no image"),
        (lambda x: enlarged(x) / 0, "not finite"),
        (lambda x: (x, x), "answered with a tuple"),
        (broken, "cannot take an image of 6 x 4: size must be even"),
    ],
)
def test_what_is_no_answer_is_one_line(does: Callable[[Tensor], object], why: str, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=why) as refused:
        Toy(tmp_path, does).answer(torch.rand(1, 3, 4, 6) + 0.1)
    assert "\n" not in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize("dims", [2, 4])
def test_latents_are_given_in_the_shape_it_takes(dims: int, tmp_path: Path) -> None:
    def does(z: Tensor) -> Tensor:
        if z.dim() != dims:
            raise ValueError("wrong dims")
        return torch.zeros(1, 3, 8, 8) + z.flatten().sum().sigmoid()

    z = torch.randn(3, 5)
    answers = Toy(tmp_path, does, "sampling", latent_size=5).answer(z)
    torch.testing.assert_close(answers[:, 0, 0, 0], z.sum(1).sigmoid())


def test_a_file_that_is_not_the_cards_is_refused_before_anything_opens_it(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"net")
    card = card_of(tmp_path / "net.pt")
    with pytest.raises(AssetMissing, match=r"is not the file of victim 'own/net' .sha256 .*…, not .*…"):
        ForeignVictim(card, tmp_path / "net.pt", "0" * 64)
    with pytest.raises(AssetMissing, match="cannot read the victim"):
        ForeignVictim(card, tmp_path / "gone.pt", "0" * 64)


def test_secrets_hang_on_file_and_use(tmp_path: Path) -> None:
    victim = Toy(tmp_path, enlarged)
    assert len(victim.secret("latents")) == 32
    assert victim.secret("latents") != victim.secret("other")


def test_no_weights_can_be_had_or_put_in(tmp_path: Path) -> None:
    victim = Toy(tmp_path, enlarged)
    with pytest.raises(RunFailed, match="gives no weights"):
        victim.weights()
    with pytest.raises(ValueError, match="foreign"):
        victim.with_weights(None)  # type: ignore[arg-type]


def test_of_a_torchscript_traceback_the_line_that_names_the_error_is_told() -> None:
    told = "The operation failed.\nTraceback of TorchScript (most recent call last):\n  x\nRuntimeError: odd size\n"
    assert reason(RuntimeError(told)) == "RuntimeError: odd size"
    assert len(reason(RuntimeError("x" * 1000))) <= 200
    assert reason(KeyError()) == "KeyError"
