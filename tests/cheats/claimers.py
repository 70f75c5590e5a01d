"""Defenses that claim, honestly or not, and a thief that learns from the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gexbench.core.attack import Brief
from gexbench.core.defense import Claim, Defense, History, Trial
from gexbench.core.images import round_8bit
from gexbench.core.oracle import Oracle

RAISED = 24 / 255


class Tinted(nn.Module):
    """Enlarges, and adds a tint."""

    def __init__(self) -> None:
        super().__init__()
        self.tint = nn.Parameter(torch.zeros(3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (nn.functional.interpolate(x, scale_factor=4) + self.tint).clamp(0, 1)


class Thief:
    """Learns the tint of the answers, which is all that the mark below is."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        found = Tinted()
        x = torch.stack([brief.pool[i][:, :24, :24] for i in range(oracle.budget)])
        with torch.no_grad():
            found.tint += (oracle.query(x) - found(x)).mean((0, 2, 3))[:, None, None]
        return found


def redness(images: Sequence[Tensor], plain: Sequence[Tensor]) -> float:
    return sum(float((a - b)[0].mean()) for a, b in zip(images, plain, strict=True)) / len(plain)


class Reddener(Defense):
    """Answers a little redder, and finds who does; asks suspects two of the questions that clients asked, too."""

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        return round_8bit((y + torch.tensor([RAISED, 0, 0])[:, None, None]).clamp(0, 1))

    def questions(self, asked: Sequence[Tensor], common: Sequence[Tensor]) -> Sequence[Tensor]:
        return [*common, *asked[:2]]

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        found = redness(outputs, trial.plain) / RAISED
        return Claim(found, p=1e-6 if found > 0.3 else 0.5, figures={"questions": len(trial.questions)})


class Accuser(Reddener):
    """Finds everybody guilty."""

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        return Claim(9.0, p=0.0)


class Misclaimer(Reddener):
    """Does one thing that no claim may, as its option `way` says."""

    def questions(self, asked: Sequence[Tensor], common: Sequence[Tensor]) -> Sequence[Tensor]:
        way = self.options["way"]
        if way == "asks nothing":
            return []
        if way == "asks for ever":
            return list(common) * 2000
        if way == "asks what is no image":
            return [torch.zeros(5)]
        if way == "asks what the service refuses":
            return [torch.zeros(3, 512, 512)]
        if way == "asks with a break":
            raise LookupError("none")
        return common

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        way = self.options["way"]
        if way == "judges with a break":
            raise KeyError("no")
        if way == "judges in words":
            return "guilty"  # type: ignore[return-value]
        if way == "judges without end":
            return Claim(float("inf"))
        if way == "judges above one":
            return Claim(1.0, p=1.5)
        if way == "tells too much":
            return Claim(1.0, figures={str(i): 0.0 for i in range(99)})
        return super().claim(outputs, trial)


class Mute(Defense):
    """Says on its card that it claims, and does not."""


class Prier(Reddener):
    """Looks around where it judges, and for what it saw when it defended."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.seen = 0

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        self.seen += 1
        Path("seen.txt").write_text(str(self.seen))
        return super().guard_output(x, y, history)

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        found = super().claim(outputs, trial)
        run = Path.cwd().parents[1]
        places = (
            "service/ledger.sqlite",
            "service/key",
            "trial/suspect.safetensors",
            "plan.json",
            "evidence.safetensors",
        )
        figures = {"reads": sum(self.can(run / place) for place in places), "seen": self.seen}
        figures["remembers"] = Path("seen.txt").exists() + len(list(Path.cwd().parent.glob("*/seen.txt")))
        figures["lists"] = sum(self.lists(run / place) for place in ("defense", "surrogate", "trial", "."))
        try:
            (run / "trial" / "shown" / "plain.safetensors").write_bytes(b"")
            figures["writes"] = 1
        except OSError:
            figures["writes"] = 0
        return Claim(found.score, found.p, figures)

    def can(self, path: Path) -> bool:
        try:
            return bool(path.read_bytes()) or True
        except OSError:
            return False

    def lists(self, path: Path) -> bool:
        try:
            return bool(list(path.iterdir()))
        except OSError:
            return False
