"""The desk of a service that draws images from latents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gexbench.core.defense import Defense
from gexbench.core.images import to_uint8
from gexbench.engine.kinds.guard import Asked, guarded

SAMPLES_AT_ONCE = 64
LATENTS = ("sold", "test")


@dataclass(frozen=True)
class SamplingDesk:
    """Draw images with a victim, guarded by a defense; nothing is counted here.

    side: of the images. secret: goes into every latent, so that only who has the victim can tell them; seed: goes into
    those that are sold, not into those of the test, which are the same in every run. shows_latents: whether latents
    leave with the images.
    """

    victim: nn.Module
    defense: Defense
    device: torch.device
    seed: int
    side: int
    secret: bytes
    shows_latents: bool = False

    def latents(self, stream: str, numbers: Sequence[int]) -> Tensor:
        """Return standard normal latents (n,d), one for each number; each depends on its own number alone.

        stream: one of LATENTS.
        """
        return torch.stack([self._latent(f"{stream}/{self.seed if stream == 'sold' else ''}/{i}") for i in numbers])

    def plain(self, z: Tensor) -> Tensor:
        """Return undefended images: latents (n,d) to (n,3,side,side) uint8."""
        return torch.cat([self._run(part) for part in z.split(SAMPLES_AT_ONCE)])

    def guarded(self, z: Tensor, digests: Sequence[bytes], answered: int) -> Tensor:
        """Return what leaves: latents (n,d) to (n,3,side,side) uint8, each image guarded on its own."""
        if type(self.defense) is Defense:
            return self.plain(z)
        return guarded(self.defense, Asked(digests, answered, self.seed), z, self.plain)

    def _latent(self, text: str) -> Tensor:
        digest = hashlib.blake2b(text.encode(), key=self.secret, digest_size=7).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest, "little"))
        size = self.victim.latent_size
        assert isinstance(size, int)
        return torch.randn(size, generator=generator)

    def _run(self, part: Tensor) -> Tensor:
        with torch.inference_mode():
            images: Tensor = self.victim(part.to(self.device)).float().cpu()
        return to_uint8(images.clamp(0, 1))


def sample_digest(number: int) -> bytes:
    """Return what makes two draws the same in a ledger: their number."""
    return hashlib.sha256(f"sample {number}".encode()).digest()
