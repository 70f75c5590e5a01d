"""A mark that nets hide and read: the key's bits in every answer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gexbench.core.defense import Claim, Trial
from gexbench.core.marks import keyed_chance, matched
from gexbench.defenses.hidden import HiddenMark
from gexbench.nets.hiding import FingerprintDecoder, FingerprintEncoder
from gexbench.training.hiding import HidingOptions, HidingTraining, fingerprint_training
from gexbench.training.loop import TrainingContext


class Fingerprint(HiddenMark):
    """Hide the key's bits in every answer, and read them from a suspect's.

    Option `bits`: how many; the others are those of HiddenMark. Plain answers decode to some pattern of bits, whatever
    the key: the key says at which half of the places its bits differ from that pattern. Source: Yu, Skripniuk,
    Abdelnabi and Fritz 2021 (arXiv 2007.08457), in smaller nets; the choice of the bits and the test are ours.
    """

    def training(self, numbers: HidingOptions, context: TrainingContext) -> HidingTraining:
        """Return what fits encoder and decoder."""
        return fingerprint_training(int(self.options["bits"]), numbers, context)

    def unfitted(self, side: int) -> tuple[nn.Module, nn.Module]:
        """Return an encoder and a decoder with any weights."""
        bits = len(self.prepared["plain"])
        return FingerprintEncoder(bits, side), FingerprintDecoder(bits, side)

    def secret(self) -> Tensor:
        """Return the key's bits (bits,), which differ at half of the places from those of plain answers."""
        bits = self._usual()
        places = keyed_chance(self.key, "fingerprint").permutation(len(bits))[: len(bits) // 2]
        bits[torch.from_numpy(places)] ^= True
        return bits

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        """Count the key's bits in the majority, bit by bit, of what the suspect's answers decode to.

        score: how many bits are the key's; half of them say nothing. p: the share of keys that would find as many in
        the same majority; a model is one observation, however many answers it gives. Figures: how many bits there are,
        how many of the majority differ from those of plain answers, the share of the key's bits over all images, and
        the p of keys drawn without regard to plain answers. Raises GexbenchError on answers of another number or size.
        """
        found = self.read(output for output, _ in matched(outputs, trial.plain)) > 0
        majority, secret = _majority(found.float().mean(dim=0)), self.secret()
        right, same, total = (
            int(each) for each in ((majority == secret).sum(), (majority == self._usual()).sum(), len(secret))
        )
        figures = {"bits": total, "changed": total - same, "share": float((found == secret).float().mean())}
        binomial = sum(math.comb(total, each) for each in range(right, total + 1)) / 2**total
        return Claim(right, _as_many(right, same, total), {**figures, "binomial": binomial})

    def _usual(self) -> Tensor:
        return _majority(self.prepared["plain"])


def _majority(share: Tensor) -> Tensor:
    return share > 0.5


def _as_many(right: int, same: int, total: int) -> float:
    """Return the share of keys that agree with a string of bits in `right` places or more.

    same: places at which the string agrees with plain answers' bits, from which a key differs at half of all places. Of
    those, one that differs at i of the `same` agrees with the string in same + half - 2 i places.
    """
    half = total // 2
    ways = [(math.comb(same, i) * math.comb(total - same, half - i), same + half - 2 * i) for i in range(half + 1)]
    return sum(count for count, agreed in ways if agreed >= right) / math.comb(total, half)
