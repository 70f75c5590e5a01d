"""Victims that are PyTorch networks with a safetensors file."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from gexbench.cards.entry import entry_of, load_entry
from gexbench.cards.schema import VictimCard
from gexbench.engine.kinds.endpoint import Weights
from gexbench.engine.store.weights import load_weights, salted


class PyTorchVictim:
    """A network in evaluation mode; implements kinds.endpoint.OpenVictim."""

    def __init__(self, card: VictimCard, weights: Path, digest: str, device: str) -> None:
        net: nn.Module = load_entry(card.entry)().build(card.net)
        load_weights(net, weights, digest, card.net)
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

    def weights(self) -> Weights:
        """Return a copy of the network's tensors, on the CPU, and its class."""
        tensors = {name: tensor.cpu().contiguous().clone() for name, tensor in self._net.state_dict().items()}
        return Weights(entry_of(type(self._net)), tensors)

    def with_weights(self, weights: Weights) -> PyTorchVictim:
        """Return a victim of the same class with other weights; raises ValueError, saying what does not fit."""
        fault = _fault(weights, self.weights())
        if fault:
            raise ValueError(fault)
        other = copy.copy(self)
        other._net = copy.deepcopy(self._net)
        other._net.load_state_dict(weights.tensors, strict=True)
        return other


def _fault(got: Weights, own: Weights) -> str:
    if got.class_path != own.class_path:
        return f"a {got.class_path}, not a {own.class_path}"
    for name in sorted(got.tensors.keys() ^ own.tensors.keys()):
        return f"{'no' if name in own.tensors else 'another'} tensor {name[:80]!r}"
    for name, tensor in got.tensors.items():
        like = own.tensors[name]
        if (tensor.shape, tensor.dtype) != (like.shape, like.dtype):
            return f"{name} as {tensor.dtype} {tuple(tensor.shape)}, not {like.dtype} {tuple(like.shape)}"
        if not bool(torch.isfinite(tensor).all()):
            return f"values in {name} that are not finite"
    return ""
