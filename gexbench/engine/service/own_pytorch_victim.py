"""Victims that are PyTorch networks of somebody else's: a class in a file beside the card, and a safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gexbench.cards.entry import load_entry
from gexbench.cards.own import arguments_of
from gexbench.cards.schema import VictimCard
from gexbench.engine.service.foreign_victim import ForeignVictim, reason
from gexbench.engine.store.weights import load_weights
from gexbench.errors import CardError


class OwnPyTorchVictim(ForeignVictim):
    """A network in evaluation mode whose class is called with the card's [net], less what that says of answers."""

    def __init__(self, card: VictimCard, files: Path, digest: str, device: str, code: Path | None) -> None:
        super().__init__(card, files, digest)
        self.content, self._device = b"", torch.device(device)
        try:
            net = load_entry(card.entry, code)(**arguments_of(card))
        except CardError:
            raise
        except Exception as error:  # whatever foreign code does
            raise CardError(
                f"{card.entry} of victim {card.name!r} cannot be built: {reason(error)}", "correct [net]"
            ) from error
        if not isinstance(net, nn.Module):
            raise CardError(f"{card.entry} of victim {card.name!r} is no torch.nn.Module", "name the network's class")
        load_weights(net, files, digest, card.net)
        self._net = net.eval().requires_grad_(False).to(self._device)

    def found_latent_size(self) -> int | None:
        """Return what the network says in `latent_size`."""
        size = getattr(self._net, "latent_size", None)
        return size if isinstance(size, int) else None

    def call(self, x: Tensor) -> object:
        """Return what the network makes of a batch of one."""
        return self._net(x.to(self._device))
