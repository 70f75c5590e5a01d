"""Victims that somebody else made: whatever they do ends in images in [0,1], or in one line that says why not."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from gexbench.cards.own import signature_of
from gexbench.cards.schema import VictimCard
from gexbench.engine.kinds.endpoint import Weights
from gexbench.errors import AssetMissing, PlanError, RunFailed
from gexbench.foreign_text import shown

NEAR, FEW, MOST = 0.02, 0.05, 0.5
"""How far beyond black and white, in parts of their distance, a value may lie; the share of values that may lie farther
when the victim is opened, and while it answers: nets overshoot at edges, and more so on odd questions."""


class ForeignVictim:
    """A foreign network, called with one image or latent at a time; implements kinds.endpoint.OpenVictim.

    What answers is a backend's `call`, of a batch of one in the values that the network takes. told_sides: sides that
    the file says it takes. is_slow: whether it is asked no more than is needed, since a call takes long or costs money.
    """

    is_slow = False

    def __init__(self, card: VictimCard, files: Path, digest: str) -> None:
        self.card, self.signature = card, signature_of(card)
        self.digest = digest
        self.told_sides: tuple[int, ...] = ()
        self._key = b""
        self._latent_shape: tuple[int, ...] | None = None
        self.content = self._read(files)

    def _read(self, files: Path) -> bytes:
        try:
            content = files.read_bytes()
        except OSError as error:
            raise AssetMissing(f"cannot read the victim {files}: {error.strerror}", "put the file back") from None
        found = hashlib.sha256(content).hexdigest()
        if found != self.digest:
            raise AssetMissing(
                f"{files} is not the file of victim {self.card.name!r} (sha256 {found[:12]}…, not {self.digest[:12]}…)",
                "put the file back, or correct the card's sha256",
            )
        self._key = hashlib.blake2b(content, digest_size=64).digest()
        return content

    @cached_property
    def latent_size(self) -> int | None:
        """Return the length of its latents, as its card says it, or its file; None where neither does."""
        return self.signature.latent_size or self.found_latent_size()

    def found_latent_size(self) -> int | None:
        """Return the length of latents that the file tells, None where it tells none."""
        return None

    def call(self, x: Tensor) -> object:
        """Return what the network makes of a batch of one, float32 on the CPU."""
        raise NotImplementedError

    def answer(self, x: Tensor) -> Tensor:
        """Return images (N,3,H,W) float32 in [0,1] on the CPU; raises RunFailed for what are none."""
        return torch.cat([self._one(part) for part in x.split(1)])

    def _one(self, x: Tensor) -> Tensor:
        y = self.raw(x)
        if share(y) > MOST:
            raise RunFailed(f"{self._subject} answered {_told(y, *self.signature.gives)}", self._way_out())
        return y.clamp(0, 1)

    def raw(self, x: Tensor) -> Tensor:
        """Return what the network makes of one image or latent, black 0 and white 1, not yet within."""
        low, high = self.signature.gives
        y, scale, side = self.values(x), self.card.scale, self.signature.side
        wanted = (1, 3, x.shape[2] * scale, x.shape[3] * scale) if x.dim() == 4 else (1, 3, side, side)
        if tuple(y.shape) != wanted and (x.dim() == 4 or side is not None):
            told = f"{self._subject} answered {tuple(x.shape)} with {tuple(y.shape)}, not {wanted}"
            raise RunFailed(told, f"its card says a scale of {scale}, and no other side than {side or 'any'}")
        return (y - low) / (high - low)

    def values(self, x: Tensor) -> Tensor:
        """Return what the network makes of one image or latent: an image (1,3,H,W) of any size and finite values."""
        y = self._called(x)
        if not isinstance(y, Tensor):
            raise RunFailed(f"{self._subject} answered with a {type(y).__name__}", "let it return one tensor")
        if y.dim() != 4 or y.shape[:2] != (1, 3):
            told = f"{self._subject} answered {tuple(x.shape)} with {tuple(y.shape)}, which is no image"
            raise RunFailed(told, "let it return images (N,3,H,W)")
        y = y.float().cpu()
        if not bool(y.isfinite().all()):
            raise RunFailed(f"{self._subject} answered with values that are not finite", "correct the network")
        return y

    def _called(self, x: Tensor) -> object:
        what = "a latent" if x.dim() == 2 else f"an image of {x.shape[3]} x {x.shape[2]}"
        try:
            with torch.inference_mode():
                if x.dim() == 2:
                    return self._drawn(x)
                low, high = self.signature.takes
                return self.call(x * (high - low) + low)
        except Exception as error:  # whatever a foreign network does
            told = f"{self._subject} cannot take {what}: {reason(error)}"
            raise RunFailed(told, "gexbench victim probe says what it takes") from error

    def _drawn(self, z: Tensor) -> object:
        """Call with a latent (1,d), or as (1,d,1,1) where the network takes no other."""
        if self._latent_shape is not None:
            return self.call(z.reshape(self._latent_shape))
        try:
            y, self._latent_shape = self.call(z), tuple(z.shape)
        except Exception:
            y, self._latent_shape = self.call(z[:, :, None, None]), (*z.shape, 1, 1)
        return y

    def _way_out(self) -> str:
        low, high = self.signature.gives
        return f"the card says gives = [{low:g}, {high:g}]; write a card with other values, such as [-1, 1] or [0, 255]"

    @property
    def _subject(self) -> str:
        return f"victim {self.card.name!r}"

    def refuse_range(self, y: Tensor) -> None:
        """Raise PlanError where what `raw` returned is of another range than the card says."""
        if share(y) > FEW:
            raise PlanError(f"{self._subject} answers {_told(y, *self.signature.gives)}", self._way_out())

    def secret(self, use: str) -> bytes:
        """Return 32 bytes that only who has the file can tell, others for each use."""
        return hashlib.blake2b(self._key, digest_size=32, person=use.encode()).digest()

    def weights(self) -> Weights:
        """Refuse: nothing can be had of it but answers; the planner lets no defense ask."""
        raise RunFailed(f"{self._subject} gives no weights", "take a defense that does not harden")

    def with_weights(self, weights: Weights) -> ForeignVictim:
        """Refuse, as `weights` does."""
        raise ValueError("weights of a foreign victim")


def share(y: Tensor) -> float:
    """Return the share of values that lie beyond black and white by more than NEAR."""
    return float(((y < -NEAR) | (y > 1 + NEAR)).float().mean())


def reason(error: BaseException) -> str:
    """Return the line of an exception that says what happened, of a bounded length."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Error" in line and not line.startswith("Traceback")]
    return shown((named or lines or [type(error).__name__])[-1 if named else 0], 200)


def _told(y: Tensor, low: float, high: float) -> str:
    least, most = (float(v) * (high - low) + low for v in (y.min(), y.max()))
    return f"with values from {least:.3g} to {most:.3g}, not from {low:g} to {high:g}"
