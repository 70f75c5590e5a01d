"""An attack to start from: ask about random images, fit a small net to the answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gexbench.core.attack import Brief
from gexbench.core.oracle import Oracle, ask


class Enlarger(nn.Module):
    """Learn what to add to plain bilinear enlargement: (N,3,h,w) to (N,3,s*h,s*w)."""

    def __init__(self, scale: int, channels: int) -> None:
        super().__init__()
        self.scale = scale
        self.config = {"scale": scale, "channels": channels}  # how a surrogate is built anew to be scored
        self.layers = nn.Sequential(
            nn.Conv2d(3, channels, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 3 * scale**2, 3, padding=1),
            nn.PixelShuffle(scale),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged images; only in evaluation mode are they clamped to [0,1], as a surrogate's must be."""
        y: Tensor = self.layers(x) + F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return y if self.training else y.clamp(0, 1)


class MineAttack:
    """Copy the victim behind the oracle."""

    def extract(self, oracle: Oracle, brief: Brief) -> nn.Module:
        """Ask what the budget allows, train, and return the surrogate."""
        chosen = torch.randperm(len(brief.pool), generator=brief.generator)[: brief.budget]
        questions = [brief.pool[int(i)] for i in chosen]
        answers = ask(oracle, questions)
        net = Enlarger(brief.scale, brief.options["channels"]).to(brief.device)
        train(net, questions, answers, brief)
        return net.eval()


def train(net: nn.Module, questions: list[Tensor], answers: list[Tensor], brief: Brief) -> None:
    """Fit the net to the answers with Adam and the absolute difference."""
    steps = brief.options["steps"]
    optimiser = torch.optim.Adam(net.parameters(), lr=brief.options["lr"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for step in range(steps):
        x, y = draw(questions, answers, brief)
        loss = F.l1_loss(net(x.to(brief.device)), y.to(brief.device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        brief.progress("training", step + 1, steps)


def draw(questions: list[Tensor], answers: list[Tensor], brief: Brief) -> tuple[Tensor, Tensor]:
    """Draw crops of random questions and the same places of their answers."""
    side = min(brief.options["patch"], *(length for question in questions for length in question.shape[1:]))
    scale, low, high = brief.scale, [], []
    for _ in range(brief.options["batch"]):
        index = random_below(len(questions), brief)
        top, left = (random_below(length - side + 1, brief) for length in questions[index].shape[1:])
        low.append(crop(questions[index], top, left, side))
        high.append(crop(answers[index], top * scale, left * scale, side * scale))
    return torch.stack(low), torch.stack(high)


def crop(image: Tensor, top: int, left: int, side: int) -> Tensor:
    """Cut a square out of (3,h,w)."""
    return image[:, top : top + side, left : left + side]


def random_below(end: int, brief: Brief) -> int:
    """Draw a whole number from 0 to end - 1; the brief's generator makes a seed give the same run again."""
    return int(torch.randint(end, (1,), generator=brief.generator))
