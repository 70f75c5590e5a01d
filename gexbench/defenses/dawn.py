"""Marks by trigger: few questions, which the owner's key picks, are answered with a visible change."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gexbench.core.defense import Claim, Defense, History, Trial
from gexbench.core.marks import keyed_chance, matched, question_digest
from gexbench.defenses.gaussian_filter import blurred

OTHERS = 128
"""So many questions that are no triggers are asked beside them, at most."""
ORDERS = 1000
LEAST_SPREAD = 0.001
"""Of moves from the plain answer to the changed one: what rounding to 8 bits leaves of exact answers."""
GREY = (0.299, 0.587, 0.114)
WORD = (
    "##### ##### ##### #####",
    "  #   #     #       #  ",
    "  #   ####  #####   #  ",
    "  #   #         #   #  ",
    "  #   ##### #####   #  ",
)


class Dawn(Defense):
    """Change the answers to some questions; a surrogate that was fitted to them may change the same.

    Option `rate`: share of questions that are triggers: those whose HMAC-SHA256 by the key begins with 16 bits of at
    most floor(65536 rate). Source: Szyller, Atli, Marchal and Asokan 2021, "DAWN" (arXiv 1906.00830), section 4, as
    Szyller et al. 2023 (arXiv 2104.12623), section 7.1, adapt it to images; the displacement test is ours.
    """

    @abstractmethod
    def changed(self, image: Tensor) -> Tensor:
        """Return an answer (3,H,W) in [0,1] as it leaves where the question is a trigger."""

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y, changed where x is a trigger; shapes as in Defense.guard_output."""
        return self.changed(y[0])[None] if self._triggers(question_digest(self.key, x[0])) else y

    def questions(self, asked: Sequence[Tensor], common: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return the triggers among what was asked and up to OTHERS of the rest, which the key picks; each once.

        In the order in which they were asked: a suspect that counts must not learn which are which.
        """
        places = {question_digest(self.key, question): place for place, question in enumerate(asked)}
        rest = sorted(digest for digest in places if not self._triggers(digest))[:OTHERS]
        chosen = [*(digest for digest in places if self._triggers(digest)), *rest]
        return [asked[place] for place in sorted(places[digest] for digest in chosen)]

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        """Say whether the suspect moves from plain answers to changed ones more on triggers than on other questions.

        score: the mean move on triggers less that on the others, in standard errors by the spread of the others; nobody
        who is not told the key can tell the two kinds apart. p: the rank of the difference among ORDERS in which other
        questions are the triggers. Figures: the share of triggers answered nearer to the changed answer than to the
        plain one, which is the published test; that of pairs of a trigger and another in which the trigger moves more
        (auc); how many there are. Claims nothing without a trigger and two others. Raises GexbenchError on answers of
        another number or size.
        """
        moves = np.array([self._move(output, plain) for output, plain in matched(outputs, trial.plain)])
        trigger = np.array([self._triggers(question_digest(self.key, each)) for each in trial.questions], dtype=bool)
        figures = {"triggers": float(trigger.sum()), "others": float((~trigger).sum())}
        if figures["triggers"] < 1 or figures["others"] < 2:
            return Claim(0.0, 1.0, figures)
        on, off = moves[trigger], moves[~trigger]
        spread = max(float(off.std(ddof=1)), LEAST_SPREAD) * math.sqrt(1 / len(on) + 1 / len(off))
        figures |= {"nearer": float((on > 0.5).mean()), "auc": _auc(on, off)}
        return Claim(float(on.mean() - off.mean()) / spread, self._rank(moves, trigger), figures)

    def _triggers(self, digest: bytes) -> bool:
        return int.from_bytes(digest[:2]) <= math.floor(65536 * float(self.options["rate"]))

    def _move(self, output: Tensor, plain: Tensor) -> float:
        """Return how far along the way from the plain answer to the changed one a suspect's lies: 0 there, 1 here."""
        way = self.changed(plain) - plain
        length = float(way.square().sum())
        return float(((output - plain) * way).sum()) / length if length else 0.0

    def _rank(self, moves: NDArray[np.float64], trigger: NDArray[np.bool_]) -> float:
        chance, seen = keyed_chance(self.key, "dawn orders"), float(moves[trigger].sum())
        drawn = [float(moves[chance.permutation(trigger)].sum()) for _ in range(ORDERS)]
        return (1 + sum(each >= seen for each in drawn)) / (1 + ORDERS)


class DawnBlur(Dawn):
    """Blur the answers to triggers, with a Gaussian of a 32nd of the shorter side."""

    def changed(self, image: Tensor) -> Tensor:
        """Return the image blurred."""
        return blurred(image[None], min(image.shape[-2:]) / 32.0)[0]


class DawnMono(Dawn):
    """Take the colours out of the answers to triggers."""

    def changed(self, image: Tensor) -> Tensor:
        """Return the image in greys, by the weights of ITU-R BT.601."""
        grey: Tensor = torch.tensordot(torch.tensor(GREY).to(image), image, dims=1)
        return grey.clamp(0.0, 1.0).expand_as(image)


class DawnText(Dawn):
    """Write a word on the answers to triggers, white on black, as wide as two thirds of the image."""

    def changed(self, image: Tensor) -> Tensor:
        """Return the image with the word in its lower half; of small images it covers what there is."""
        written = image.clone()
        ink = torch.tensor([[letter == "#" for letter in row] for row in WORD]).to(image)
        sign = F.pad(ink, (1, 1, 1, 1)).repeat_interleave(self._scale(image), -1)
        sign = sign.repeat_interleave(self._scale(image), -2)[: image.shape[-2], : image.shape[-1]]
        top, left = (image.shape[-2] - sign.shape[-2]) * 3 // 4, (image.shape[-1] - sign.shape[-1]) // 2
        written[:, top : top + sign.shape[-2], left : left + sign.shape[-1]] = sign
        return written

    def _scale(self, image: Tensor) -> int:
        return max(1, image.shape[-1] // 32)


def _auc(on: NDArray[np.float64], off: NDArray[np.float64]) -> float:
    more, same = on[:, None] > off, on[:, None] == off
    return float((more + same / 2).mean())
