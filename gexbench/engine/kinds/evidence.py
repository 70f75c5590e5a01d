"""Evidence: what victim and surrogate answer on the test splits; only images come back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gexbench.core.dataset import Split
from gexbench.core.images import from_uint8, to_uint8
from gexbench.errors import RunFailed


@dataclass(frozen=True)
class TestEvidence:
    """One test split, all images (3,H,W) uint8: inputs, truth, victim's answers, defended ones, surrogate's.

    In tasks of style and of sampling the truth is a set of its own, of another length. In those of sampling there are
    no inputs, and victim's and surrogate's images have no relation to each other; sold and unsold are what the service
    sold in the run, as it left, and as many images that it never sells. None where nobody asked for them.
    """

    names: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    truth: tuple[Tensor, ...]
    victim: tuple[Tensor, ...]
    guarded: tuple[Tensor, ...] | None
    surrogate: tuple[Tensor, ...] | None
    sold: tuple[Tensor, ...] | None = None
    unsold: tuple[Tensor, ...] | None = None


Answer = Callable[[Tensor], Mapping[str, Tensor]]
Draw = Callable[[int, int], Mapping[str, Tensor]]
"""From the number of the first image and how many to images (n,3,side,side) uint8: plain, and guarded if any are."""
Infer = Callable[[Tensor], Tensor]
Tick = Callable[[str, int, int], None]
DRAWN_AT_ONCE = 64


def collect(split: Split, answer: Answer, infer: Infer | None, tick: Tick) -> TestEvidence:
    """Ask victim and surrogate about every test input, one at a time.

    infer None stands for the victim control. Raises RunFailed when a surrogate's output is not an image of the
    right size in [0,1].
    """
    inputs = tuple(to_uint8(x) for x in split.inputs)
    truth = tuple(to_uint8(t) for t in split.truth)
    victim, guarded, surrogate = [], [], []
    for done, x in enumerate(inputs):
        answers = answer(x[None])
        victim.append(answers["plain"][0])
        if "guarded" in answers:
            guarded.append(answers["guarded"][0])
        if infer is not None:
            surrogate.append(to_uint8(valid(infer(x[None]), (1, *victim[-1].shape))[0]))
        tick("collecting evidence", done + 1, len(inputs))
    return TestEvidence(
        names=tuple(split.names),
        inputs=inputs,
        truth=truth,
        victim=tuple(victim),
        guarded=tuple(guarded) or None,
        surrogate=tuple(surrogate) if infer is not None else None,
    )


@dataclass(frozen=True)
class Drawn:
    """Images drawn for scoring, all (3,side,side) uint8; the fields are those of `TestEvidence`."""

    victim: tuple[Tensor, ...]
    guarded: tuple[Tensor, ...] | None
    surrogate: tuple[Tensor, ...] | None
    sold: tuple[Tensor, ...] | None = None
    unsold: tuple[Tensor, ...] | None = None

    def beside(self, split: Split) -> TestEvidence:
        """Return the evidence on a split of real images."""
        truth = tuple(to_uint8(t) for t in split.truth)
        drawn = (self.victim, self.guarded, self.surrogate, self.sold, self.unsold)
        return TestEvidence(tuple(split.names), (), truth, *drawn)

    def after(self, sold: tuple[Tensor, ...], victim: Draw, tick: Tick) -> Drawn:
        """Return this with the images that were sold, and as many that never are, drawn where these are too few.

        Where a defense guards what is sold it guards both.
        """
        unsold = list(self.guarded or self.victim)[: len(sold)]
        for first in range(len(unsold), len(sold), DRAWN_AT_ONCE):
            batch = victim(first, min(DRAWN_AT_ONCE, len(sold) - first))
            unsold.extend(batch.get("guarded", batch["plain"]))
            tick("drawing what was not sold", len(unsold), len(sold))
        return replace(self, sold=sold, unsold=tuple(unsold))


@dataclass(frozen=True)
class Maker:
    """A surrogate that draws: from latents (N,size) to images; seed goes into the latents it is given."""

    infer: Infer
    size: int
    seed: int

    def latents(self, numbers: Iterable[int]) -> Tensor:
        """Return standard normal latents, one for each number, each depending on seed and number alone."""
        generators = [torch.Generator().manual_seed(self._seed(number)) for number in numbers]
        return torch.stack([torch.randn(self.size, generator=generator) for generator in generators])

    def _seed(self, number: int) -> int:
        digest = hashlib.blake2b(f"surrogate/{self.seed}/{number}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "little")


def draw(n: int, victim: Draw, maker: Maker | None, tick: Tick) -> Drawn:
    """Have victim and surrogate draw `n` images each; maker None stands for the victim control.

    Raises RunFailed when what a surrogate makes is no image of the victim's size in [0,1].
    """
    images: dict[str, list[Tensor]] = {"plain": [], "guarded": [], "surrogate": []}
    for first in range(0, n, DRAWN_AT_ONCE):
        numbers = range(first, min(n, first + DRAWN_AT_ONCE))
        for name, batch in victim(first, len(numbers)).items():
            images[name].extend(batch)
        if maker is not None:
            wanted = (len(numbers), *images["plain"][-1].shape)
            images["surrogate"].extend(to_uint8(valid(maker.infer(maker.latents(numbers)), wanted)))
        tick("collecting evidence", numbers[-1] + 1, n)
    plain, guarded, made = (tuple(images[name]) for name in ("plain", "guarded", "surrogate"))
    return Drawn(plain, guarded or None, made if maker is not None else None)


def valid(y: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a surrogate's output; raises RunFailed when it is not of that shape with values in [0,1]."""
    if tuple(y.shape) != shape:
        raise RunFailed(f"the surrogate returned shape {tuple(y.shape)}, not {shape}")
    if not bool(torch.isfinite(y).all()):
        raise RunFailed("the surrogate returned NaN or infinite values")
    low, high = float(y.amin()), float(y.amax())
    if low < 0 or high > 1:
        raise RunFailed(f"the surrogate returned values from {low:.3g} to {high:.3g}, outside [0,1]")
    return y


def floats(images: tuple[Tensor, ...]) -> list[Tensor]:
    """Return 8-bit images as float32 in [0,1]."""
    return [from_uint8(image) for image in images]
