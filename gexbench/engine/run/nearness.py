"""How near the questions of a run came to its test inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from gexbench.engine.kinds.evidence import TestEvidence
from gexbench.engine.run.orders import Setting
from gexbench.engine.run.sides import Journal
from gexbench.engine.service.ledger import images_asked
from gexbench.record import REDRAWN, Nearness


def nearness_of(setting: Setting, journal: Journal, tests: Mapping[str, TestEvidence]) -> dict[str, Nearness]:
    """Compare what the ledger was paid for with the test inputs; what is near one of them is an incident."""
    kind, plan, ledger = setting.kind, setting.plan, setting.folder.ledger
    found: dict[str, Nearness] = {}
    for name, test in tests.items():
        if name.startswith(REDRAWN):
            continue  # nobody knew them
        journal.progress(f"comparing questions with test {name}", 0, 0)
        asked = (_image(pixels, height) for pixels, height in images_asked(ledger))
        near = kind.nearness(asked, test, plan)
        if near is None:
            continue
        distance = math.floor(near.distance * 1e4) / 1e4 if math.isfinite(near.distance) else None
        found[name] = Nearness(distance=distance, questions=len(near.asked), images=len(near.met))
        if near.met:
            told = (
                f"asked about {len(near.met)} of the {len(test.inputs)} images of test {name}, or near copies of them"
            )
            journal.note((f"{told}: nearest distance {distance:.2g}, threshold 1",))
    return found


def _image(pixels: bytes, height: int) -> Tensor:
    return torch.frombuffer(bytearray(pixels), dtype=torch.uint8).reshape(3, height, -1)
