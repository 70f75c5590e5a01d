"""A mark that nets hide and read: the key's bits in every answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn

from gexbench.core.defense import Claim, Defense, History, Place, Trial
from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.marks import keyed_chance, matched
from gexbench.nets.fingerprint import CELL, FingerprintDecoder, FingerprintEncoder
from gexbench.training.fingerprint import FingerprintOptions, at_side, fit_fingerprint, hidden
from gexbench.training.loop import TrainingContext
from gexbench.training.owner_answers import owner_answers

LEARNED_FROM = 512
"""Answers that the nets are fitted to, at most."""


class Fingerprint(Defense):
    """Hide the key's bits in every answer, and read them from a suspect's.

    Options `bits`, `bound` (most that a pixel changes, in 8-bit steps), `side` (the mark is made at that many pixels,
    or at the answers' own side where they are smaller, and resized to them), `steps`. Plain answers decode to some
    pattern of bits, whatever the key: the key says at which half of the places its bits differ from that pattern.
    Source: Yu, Skripniuk, Abdelnabi and Fritz 2021 (arXiv 2007.08457), in smaller nets; the choice of the bits and the
    test are ours.
    """

    def prepare(self, victim: nn.Module, owner: Sequence[Tensor], place: Place) -> Mapping[str, Tensor]:
        """Fit encoder and decoder to the victim's answers, and keep the bits that plain answers decode to."""
        answers = owner_answers(victim, owner, LEARNED_FROM, place)
        side = min(int(self.options["side"]), *(min(answer.shape[-2:]) for answer in answers)) // 8 * 8
        squares = [to_uint8(at_side(from_uint8(answer)[None], side)[0]) for answer in answers]
        numbers = FingerprintOptions(self._bits, side, float(self.options["bound"]), int(self.options["steps"]))
        encoder, decoder = fit_fingerprint(squares, numbers, TrainingContext.of(place))
        nets = {"encoder": encoder.cpu(), "decoder": decoder.cpu()}
        held = {f"{name}.{key}": value for name, net in nets.items() for key, value in net.state_dict().items()}
        return {**held, "plain": _majority(_read(decoder, [from_uint8(square) for square in squares]))}

    def guard_output(self, x: Tensor, y: Tensor, history: History) -> Tensor:
        """Return y with the key's bits in it, in [0,1]; shapes as in Defense.guard_output."""
        with torch.no_grad():
            return hidden(self._encoder, y, self._code[None].to(y), self._numbers)

    def claim(self, outputs: Sequence[Tensor], trial: Trial) -> Claim:
        """Count the key's bits in the majority, bit by bit, of what the suspect's answers decode to.

        score: how many bits are the key's; half of them say nothing. p: the share of keys that would find as many in
        the same majority; a model is one observation, however many answers it gives. Figures: how many bits there are,
        how many of the majority differ from plain answers', the share of the key's bits image by image, and the p of
        a key drawn without regard to plain answers. Raises GexbenchError on answers of another number or size.
        """
        found = _read(self._decoder, [output for output, _ in matched(outputs, trial.plain)])
        majority, code = _majority(found), self._code
        right, total = int((majority == code).sum()), len(code)
        same = int((majority == self.prepared["plain"]).sum())
        shares = {"bits": float(total), "changed": float(total - same), "share": float((found == code).float().mean())}
        binomial = sum(math.comb(total, k) for k in range(right, total + 1)) / 2**total
        return Claim(float(right), _as_many(right, same, total), {**shares, "binomial": binomial})

    @property
    def _bits(self) -> int:
        return int(self.options["bits"])

    @cached_property
    def _code(self) -> Tensor:
        """Return the bits of the key (bits,) uint8, which differ from plain answers' at half of the places."""
        code = self.prepared["plain"].clone()
        differ = keyed_chance(self.key, "fingerprint").permutation(len(code))[: len(code) // 2]
        code[torch.from_numpy(differ)] ^= 1
        return code

    @cached_property
    def _numbers(self) -> FingerprintOptions:
        side = CELL * math.isqrt(self.prepared["encoder.spread.weight"].shape[0] // 3)
        return FingerprintOptions(len(self.prepared["plain"]), side, float(self.options["bound"]), 0)

    @cached_property
    def _encoder(self) -> FingerprintEncoder:
        net = FingerprintEncoder(self._numbers.bits, self._numbers.side)
        net.load_state_dict(self._held("encoder."))
        return net.eval()

    @cached_property
    def _decoder(self) -> FingerprintDecoder:
        net = FingerprintDecoder(self._numbers.bits, self._numbers.side)
        net.load_state_dict(self._held("decoder."))
        return net.eval()

    def _held(self, net: str) -> dict[str, Tensor]:
        return {key.removeprefix(net): value for key, value in self.prepared.items() if key.startswith(net)}


@torch.no_grad()
def _read(decoder: FingerprintDecoder, images: Sequence[Tensor]) -> Tensor:
    """Return the bits (N,bits) uint8 that images decode to."""
    return torch.cat([decoder(at_side(image[None], decoder.config["side"])) > 0 for image in images]).to(torch.uint8)


def _majority(bits: Tensor) -> Tensor:
    return (bits.float().mean(dim=0) > 0.5).to(torch.uint8)


def _as_many(right: int, same: int, total: int) -> float:
    """Return the share of keys that agree with a string of bits in `right` places or more.

    same: places at which the string agrees with plain answers' bits, from which a key differs at half of all places. Of
    those, one that differs at i of the `same` agrees with the string in same + half - 2 i places.
    """
    half = total // 2
    ways = [(math.comb(same, i) * math.comb(total - same, half - i), same + half - 2 * i) for i in range(half + 1)]
    return sum(count for count, agreed in ways if agreed >= right) / math.comb(total, half)
