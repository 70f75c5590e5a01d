"""Victims that are TorchScript files, as torch.jit.save writes them."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import torch
from torch import Tensor

from gexbench.cards.schema import VictimCard
from gexbench.engine.service.foreign_victim import ForeignVictim, reason
from gexbench.errors import AssetMissing

COLOURS = 3
FIRST = 4
"""Parameters, the first, whose sizes may be that of a latent."""


class TorchScriptVictim(ForeignVictim):
    """A TorchScript network in evaluation mode; it carries its own code, which runs in this process."""

    def __init__(self, card: VictimCard, files: Path, digest: str, device: str) -> None:
        super().__init__(card, files, digest)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # torch no longer develops TorchScript; files stay
                net = torch.jit.load(io.BytesIO(self.content), map_location=device)
        except Exception as error:  # whatever a foreign file makes of it
            raise AssetMissing(
                f"{files} is no TorchScript file that torch {torch.__version__} opens: {reason(error)}",
                "write it with torch.jit.script(net).save(FILE), or torch.jit.trace(net, example).save(FILE)",
            ) from None
        self.content, self._device = b"", torch.device(device)
        self._net = net.eval()

    def call(self, x: Tensor) -> object:
        """Return what the network makes of a batch of one."""
        return self._net(x.to(self._device))

    def found_latent_size(self) -> int | None:
        """Return what the network says in `latent_size`, or the first size of its parameters that it draws from."""
        told = getattr(self._net, "latent_size", None)
        if isinstance(told, int):
            return told
        sizes = [n for p in list(self._net.parameters())[:FIRST] if p.dim() > 1 for n in (p.shape[1], p.shape[0])]
        return next((n for n in dict.fromkeys(sizes) if n > COLOURS and self._draws(n)), None)

    def _draws(self, size: int) -> bool:
        for shape in ((1, size), (1, size, 1, 1)):
            try:
                with torch.inference_mode():
                    y = self.call(torch.zeros(shape))
            except Exception:  # not that size
                continue
            if isinstance(y, Tensor) and y.dim() == 4 and y.shape[1] == COLOURS:
                return True
        return False
