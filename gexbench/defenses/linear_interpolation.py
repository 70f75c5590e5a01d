"""Input perturbation: images are drawn between a few latents only."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from gexbench.core.defense import Defense, History


class LinearInterpolation(Defense):
    """Draw every image from a point between two of a few anchors, whatever latent was drawn for it.

    Option `anchors`: how many latents the key draws, the fewer, the less of what the victim can draw leaves. Which two,
    and where between them, is chance that belongs to the question. Inside a segment latents are shorter than any that
    the victim learned from, so the point is moved along its ray to where lengths between the two anchors' would lie.
    Source: input perturbation, Hu and Pang 2021 (doi 10.1145/3485832.3485838), section 8, of which only a summary was
    at hand; anchors, their number and the length are ours.
    """

    def guard_latent(self, z: Tensor, history: History) -> Tensor:
        """Return another latent; shapes as in Defense.guard_latent."""
        anchors = _anchors(self.key, int(self.options["anchors"]), z.shape[1]).to(z)
        ends = anchors[torch.randperm(len(anchors), generator=history.generator)[:2].to(z.device)]
        share = float(torch.rand((), generator=history.generator))
        point, length = torch.lerp(ends[:1], ends[1:], share), torch.lerp(ends[0].norm(), ends[1].norm(), share)
        fed: Tensor = point * (length / point.norm().clamp_min(1e-12))
        return fed


def _anchors(key: bytes, count: int, size: int) -> Tensor:
    """Return standard normal latents (count,size) that the key alone decides."""
    digest = hashlib.blake2b(b"anchors", key=key[:64], digest_size=7).digest()
    return torch.randn(count, size, generator=torch.Generator().manual_seed(int.from_bytes(digest, "little")))
