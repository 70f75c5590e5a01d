"""Victims that are PyTorch networks with a safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gexbench.cards.entry import load_entry
from gexbench.cards.schema import VictimCard
from gexbench.engine.service.victim import Harden
from gexbench.engine.store.weights import load_weights, salted


class PyTorchVictim:
    """A network in evaluation mode; implements kinds.endpoint.OpenVictim."""

    def __init__(self, card: VictimCard, weights: Path, digest: str, device: str, harden: Harden) -> None:
        net: nn.Module = load_entry(card.entry)().build(card.net)
        load_weights(net, weights, digest, card.net)
        net = harden(net)
        self._net = net.eval().requires_grad_(False).to(device)
        self._weights, self._device = weights, torch.device(device)
        size = getattr(net, "latent_size", None)
        self.digest, self.latent_size = digest, size if isinstance(size, int) else None

    def answer(self, x: Tensor) -> Tensor:
        """Return images (N,3,H,W) float32 on the CPU."""
        with torch.inference_mode():
            images: Tensor = self._net(x.to(self._device)).float().cpu()
        return images

    def secret(self, use: str) -> bytes:
        """Return 32 bytes that only who can read the weights can tell, others for each use."""
        return salted(self._weights, use)
