"""Victims that answer, each through the backend that its card names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gexbench.cards.entry import load_entry
from gexbench.cards.schema import VictimCard
from gexbench.engine.kinds.endpoint import OpenVictim

BACKENDS = {"pytorch": "gexbench.engine.service.pytorch_victim:PyTorchVictim"}
"""What opens a victim, by the name of its backend; called as `open_victim` is, with the card first."""


def open_victim(card: VictimCard, files: Path, digest: str, device: str) -> OpenVictim:
    """Return a victim that answers.

    files: what it is made of, a weight file. digest: the SHA-256 of what answers, which must be kept. device: where it
    runs. Raises AssetMissing when the file is missing, altered or of another network.
    """
    backend: Any = load_entry(BACKENDS[card.backend])
    victim: OpenVictim = backend(card, files, digest, device)
    return victim
