"""Victims that gexbench did not write, and what their cards say of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from gexbench.cards.endpoint import BACKEND, endpoint_of
from gexbench.cards.fields import Frozen, Line, Sha256
from gexbench.cards.schema import VictimCard
from gexbench.errors import CardError
from gexbench.foreign_text import shown

LONGEST_LATENT, LARGEST_SIDE = 1 << 16, 1 << 13
SEEDED = 8
"""Length of the latents that an endpoint, or a pipeline, which draws is given a seed from; it never sees them."""
PIPELINE, PIPELINE_INDEX = "diffusers", "model_index.json"
"""The backend of a pipeline, whose card may say with what else it is called, and the file that makes a folder one."""
PIPELINE_FILES = (".json", ".safetensors", ".txt", ".model")
"""Endings of what a pipeline is made of: settings, tensors, words of a tokenizer. No code and nothing pickled."""
Bound = Annotated[float, Field(allow_inf_nan=False)]


class Signature(Frozen):
    """What a network takes and gives, in the [net] table of its card.

    side: of the square images it takes, or draws; None for any. latent_size: of its latents. takes, gives: the values
    of black and white in what goes in and comes out.
    """

    side: int | None = Field(default=None, ge=1, le=LARGEST_SIDE)
    latent_size: int | None = Field(default=None, ge=1, le=LONGEST_LATENT)
    takes: tuple[Bound, Bound] = (0.0, 1.0)
    gives: tuple[Bound, Bound] = (0.0, 1.0)

    @model_validator(mode="after")
    def _black_is_below_white(self) -> Signature:
        if self.takes[0] >= self.takes[1] or self.gives[0] >= self.gives[1]:
            raise ValueError("takes and gives are [black, white], such as [-1, 1]")
        return self


def is_foreign(card: VictimCard) -> bool:
    """Say whether a victim is a file, code in a file, or an address: nothing but its answers can be had of it."""
    return card.backend != "pytorch"


def is_seeded(card: VictimCard) -> bool:
    """Say whether a victim that draws is given seeds, and no latents."""
    return card.backend in (BACKEND, PIPELINE)


def is_slow(card: VictimCard) -> bool:
    """Say whether a victim takes its time, or money, for an answer, and is asked no more than is needed."""
    return card.backend in (BACKEND, PIPELINE)


def is_remote(card: VictimCard) -> bool:
    """Say whether a victim is behind an address."""
    return card.backend == BACKEND


def signature_of(card: VictimCard) -> Signature:
    """Return what a card says of a foreign victim's questions and answers; raises CardError for what it cannot mean.

    Of a network in code the other keys are for its class, of a pipeline for its call.
    """
    all_mean = not card.entry and card.backend != PIPELINE
    known = {key: value for key, value in card.net.items() if all_mean or key in Signature.model_fields}
    if is_remote(card):
        return _of_address(card)
    try:
        return Signature.model_validate(known)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = shown(".".join(["net", *map(str, first["loc"])]))
        fields = ", ".join(Signature.model_fields)
        raise CardError(f"victim {card.name!r}: {place}: {first['msg']}", f"[net] says {fields}") from None


def _of_address(card: VictimCard) -> Signature:
    endpoint_of(card)
    for key in sorted(card.net.keys() - {"side"}):
        told = f"victim {card.name!r}: net.{shown(key)}: an endpoint takes and gives PNG, from black to white"
        raise CardError(told, "[net] of an endpoint says side alone")
    try:
        found = Signature.model_validate(card.net)
    except ValidationError as error:
        raise CardError(f"victim {card.name!r}: net.side: {error.errors()[0]['msg']}", "a number of pixels") from None
    return found.model_copy(update={"latent_size": SEEDED}) if card.draws else found


def arguments_of(card: VictimCard) -> dict[str, object]:
    """Return what the class of a network in code is called with, or a pipeline beside its question."""
    return {key: value for key, value in card.net.items() if key not in Signature.model_fields}


class Facts(Frozen):
    """What `gexbench victim probe` found out about a victim.

    draws: whether it draws images; else it answers images with images. scale: output side over input side. sides:
    squares that it took, of those tried. any_shape: whether it took images that are no squares. latent_size, drawn: of
    what draws: the length of its latents, height and width of its images. least, most: of all values of its answers.
    gives: black and white of the usual range that holds them, as a card says it; None where none does. deterministic:
    whether it answered the same question with the same bits. images_per_second: one at a time, at `timed_at` pixels a
    side. calls: how often one behind an address was asked for all this.
    """

    name: Line
    backend: Line
    sha256: Sha256
    draws: bool
    scale: int = 1
    sides: tuple[int, ...] = ()
    any_shape: bool = False
    latent_size: int | None = None
    drawn: tuple[int, int] | None = None
    least: float
    most: float
    gives: tuple[float, float] | None
    deterministic: bool
    images_per_second: float
    timed_at: int
    calls: int = 0
