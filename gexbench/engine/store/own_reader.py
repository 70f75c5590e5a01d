"""A reader of images that is somebody's own code: trusted by who runs it, beside the truth, and ranked on no board."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor

from gexbench.cards.catalog import Filed
from gexbench.cards.schema import DatasetCard
from gexbench.core.dataset import Dataset, File, Split
from gexbench.core.lazy import Lazy
from gexbench.errors import CardError, DataMissing, GexbenchError, nearest
from gexbench.files import read_bounded
from gexbench.foreign_text import shown

T = TypeVar("T")
_LARGEST = 1 << 20
_MARK = "gexbench_trusted_from"


def load_reader(filed: Filed[DatasetCard]) -> tuple[str, Path]:
    """Run the module beside a card that its reader stands in; returns the hash of what ran, and the file.

    From then on, in this process, the entry on the card means the reader with a guard around it. No folder is put on
    the path of imports. Raises CardError where the file, or the name in it, is not there, and where the module has the
    name of another, DataMissing where it cannot be run.
    """
    module, _, name = filed.card.reader.partition(":")
    file = (filed.root.code or filed.root.path) / f"{module}.py"
    known = sys.modules.get(module)
    if "." in module or (known is not None and getattr(known, _MARK, None) != str(file)):
        raise CardError(f"{filed.path}: {module!r} is no name for a module of your own", "call the file otherwise")
    try:
        content = read_bounded(file, _LARGEST)
    except OSError as error:
        raise CardError(
            f"{filed.path}: no file {module}.py beside the cards: {error.strerror}", "put it there"
        ) from None
    held = ModuleType(module)
    held.__dict__.update({"__file__": str(file), _MARK: str(file)})
    _guarded(filed.card.reader, lambda: exec(compile(content, str(file), "exec"), held.__dict__))
    reader = getattr(held, name, None)
    if reader is None:
        raise CardError(f"{file} has no {name!r}", nearest(name, vars(held)))
    setattr(held, name, lambda settings, files: OwnDataset(filed.card.reader, reader, settings, files))
    sys.modules[module] = held
    return hashlib.sha256(content).hexdigest(), file


def read_by(filed: Filed[DatasetCard]) -> Filed[DatasetCard]:
    """Return a data set as it is, its own reader loaded if it has one; raises as `load_reader`."""
    if filed.card.is_read_by_others:
        load_reader(filed)
    return filed


class OwnDataset:
    """What somebody's reader gives; implements core.dataset.Dataset, and passes on images alone.

    Whatever the reader raises becomes a DataMissing, as does what is no image (3,H,W) float32 in [0,1].
    """

    def __init__(
        self, entry: str, reader: Callable[..., Any], settings: Mapping[str, Any], files: Mapping[str, Sequence[File]]
    ) -> None:
        self._entry = entry
        self._own: Dataset = _guarded(entry, lambda: reader(settings, files))

    def owner(self) -> Sequence[Tensor]:
        """Return the victim's training images."""
        return self._images(_guarded(self._entry, self._own.owner))

    def style(self) -> Sequence[Tensor]:
        """Return the style images."""
        return self._images(_guarded(self._entry, self._own.style))

    def pool(self) -> Split:
        """Return the attacker's images."""
        return self._split(_guarded(self._entry, self._own.pool))

    def tests(self) -> dict[str, Split]:
        """Return the held-back splits by name."""
        return {str(name): self._split(split) for name, split in _guarded(self._entry, self._own.tests).items()}

    def _split(self, split: Split) -> Split:
        names = _guarded(self._entry, lambda: [str(name) for name in split.names])
        return Split(names, self._images(split.inputs), self._images(split.truth))

    def _images(self, images: Sequence[Tensor]) -> Sequence[Tensor]:
        return Lazy(_guarded(self._entry, lambda: len(images)), lambda index: self._image(images, index))

    def _image(self, images: Sequence[Tensor], index: int) -> Tensor:
        image = _guarded(self._entry, lambda: images[index])
        fits = isinstance(image, Tensor) and image.dtype == torch.float32 and image.dim() == 3 and image.shape[0] == 3
        if not fits or not bool(((image >= 0) & (image <= 1)).all()):
            raise DataMissing(f"{self._entry} gives no image number {index}", "an image is (3,H,W) float32 in [0,1]")
        return image.detach().cpu().contiguous()


def _guarded(entry: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except GexbenchError:
        raise
    except Exception as error:  # whatever foreign code does
        told = f"{type(error).__name__}: {shown(str(error), 200)}"
        raise DataMissing(f"the reader {entry} failed: {told}", "correct it") from error
