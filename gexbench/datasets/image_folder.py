"""Images of your own: one folder of them, two folders of pairs, or photos and a style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from gexbench.core.dataset import Dataset, File, Split
from gexbench.core.images import decode_8bit, from_uint8
from gexbench.core.lazy import Lazy
from gexbench.core.pairing import PAIRS, partners
from gexbench.datasets.photos import ScaledPhotos
from gexbench.datasets.settings import refuse_unknown
from gexbench.datasets.unpaired import ImageSets, Square, UnpairedPhotos, squares
from gexbench.errors import CardError, DataMissing, PlanError, nearest

LAYOUTS = ("one", "paired", "unpaired")


def image_folder(settings: Mapping[str, Any], files: Mapping[str, Sequence[File]]) -> Dataset:
    """Return the reader of a layout, which settings.layout names; raises CardError for what it does not know.

    one: photos alone. With scale 2 or more they are the truth, and inputs are made of them (`ScaledPhotos`); with scale
    1 they are for services that draw (`ImageSets`). paired: `PairedFolders`. unpaired: `UnpairedPhotos`.
    """
    layout = settings.get("layout")
    rest = {key: value for key, value in settings.items() if key != "layout"}
    if layout == "paired":
        return PairedFolders(rest, files)
    if layout == "unpaired":
        return UnpairedPhotos(rest, files)
    if layout == "one" and rest.get("scale", 1) == 1:
        return ImageSets({key: value for key, value in rest.items() if key != "scale"}, files)
    if layout == "one":
        return ScaledPhotos(rest, files)
    raise CardError(f"settings.layout = {layout!r} is refused", nearest(str(layout), LAYOUTS))


@dataclass(frozen=True)
class Pairs:
    """What the card sets. input, target: the folders of the two sides, as `files` of the splits name them.

    scale: side of a target over side of its input. side: inputs become squares of so many pixels, targets of scale
    times as many; 0 means as they are. strip: with commas between, what is taken off the ends of names to pair them.
    """

    input: str = "input"
    target: str = "target"
    scale: int = 1
    side: int = 0
    strip: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Pairs:
        """Read a card's settings; raises CardError for an unknown key or what is out of range."""
        known = {field.name: type(field.default) for field in fields(cls)}
        refuse_unknown(settings, known, "the layout paired")
        for key, value in settings.items():
            if type(value) is not known[key]:
                raise CardError(f"settings.{key} = {value!r} is refused", f"it takes {known[key].__name__}")
        pairs = cls(**settings)
        if pairs.scale < 1 or pairs.side < 0 or 0 < pairs.side < 8:
            raise CardError(
                f"settings.scale = {pairs.scale} and side = {pairs.side} are refused", "scale 1, side 8 or more"
            )
        if pairs.input == pairs.target:
            raise CardError(f"settings.input and settings.target are both {pairs.input!r}", "name two folders")
        return pairs


class PairedFolders:
    """Read pairs when they are asked for; `PairedFolders(settings, files)`, settings as in `Pairs`.

    files: pictures by split, "owner", "pool", "test/<name>", of both sides in each. Which belong together is told by
    their paths below the two folders (core.pairing). All are 8-bit. Raises CardError for settings it does not know and
    DataMissing for images without partners; indexing raises DataMissing for a file that is no image, is too small, or
    is not `scale` times as large as its input.
    """

    def __init__(self, settings: Mapping[str, Any], files: Mapping[str, Sequence[File]]) -> None:
        self._pairs = Pairs.of(settings)
        self._splits = {split: _matched(self._pairs, split, listed) for split, listed in files.items()}

    def owner(self) -> Sequence[Tensor]:
        """Return the owner's targets, each (3,H,W) float32 in [0,1]."""
        return self._split("owner").truth

    def style(self) -> Sequence[Tensor]:
        """Return nothing: there are pairs."""
        return ()

    def pool(self) -> Split:
        """Return the attacker's inputs; their targets go to controls only."""
        return self._split("pool")

    def tests(self) -> dict[str, Split]:
        """Return the held-back pairs by name."""
        return {key.removeprefix("test/"): self._split(key) for key in self._splits if key.startswith("test/")}

    def _split(self, split: str) -> Split:
        inputs, targets = self._splits.get(split, ((), ()))
        side, scale = self._pairs.side, self._pairs.scale

        def truth(index: int) -> Tensor:
            _refuse_size(inputs[index], targets[index], scale)
            return _read(targets, side * scale)[index]

        return Split([each.name for each in inputs], _read(inputs, side), Lazy(len(targets), truth))


def _read(pictures: Sequence[File], side: int) -> Sequence[Tensor]:
    if side:
        return squares(pictures, Square(side))
    return Lazy(len(pictures), lambda index: from_uint8(decode_8bit(pictures[index].read(), pictures[index].name)))


def _matched(pairs: Pairs, split: str, listed: Sequence[File]) -> tuple[list[File], list[File]]:
    tops = (f"{pairs.input}/", f"{pairs.target}/")
    if stray := next((each.name for each in listed if not each.name.startswith(tops)), None):
        hint = f"files of the splits begin with {' or '.join(tops)}: correct them, or input and target in the settings"
        raise CardError(f"{stray} of {split} lies in neither folder", hint)
    inputs, targets = ([each for each in listed if each.name.startswith(top)] for top in tops)
    mine, theirs = ([each.name.removeprefix(top) for each in listed if each.name.startswith(top)] for top in tops)
    if not inputs or not targets:
        raise DataMissing(f"{split} has {len(inputs)} inputs and {len(targets)} targets", PAIRS.way_out)
    try:
        order = partners(mine, theirs, [text for text in pairs.strip.split(",") if text], PAIRS).order
    except PlanError as error:
        raise DataMissing(f"{split}: {error}", error.hint) from None
    return inputs, [targets[place] for place in order]


def _refuse_size(first: File, second: File, scale: int) -> None:
    have, got = (decode_8bit(each.read(), each.name).shape[-2:] for each in (first, second))
    if (got[0], got[1]) != (scale * have[0], scale * have[1]):
        told = f"{second.name} has {got[1]}x{got[0]} pixels, {first.name} {have[1]}x{have[0]}"
        raise DataMissing(
            f"{told}: not {scale} times as many a side", "correct the images, or settings.scale on the card"
        )
