"""Two domains without pairs: what victims of style transfer learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gexbench.core.images import from_uint8, to_uint8
from gexbench.core.victim import Studio
from gexbench.errors import DataMissing
from gexbench.training.adversarial import write_sheet
from gexbench.training.loop import TrainingContext, step_generator
from gexbench.training.patches import draw_crops, pixel_digest

SHEETS, ROWS = 20, 6


@dataclass(frozen=True)
class Domains:
    """Photos and style images, each (3,H,W) uint8, in no relation to each other."""

    photos: Sequence[Tensor]
    style: Sequence[Tensor]

    @classmethod
    def of(cls, studio: Studio) -> Domains:
        """Read an owner's images; raises DataMissing where either domain is empty."""
        photos, style = ([to_uint8(image) for image in images] for images in (studio.owner, studio.style))
        if not photos or not style:
            told = f"a victim of style transfer learns from photos and style images; got {len(photos)} and {len(style)}"
            raise DataMissing(told, "name a data set with the splits owner and style on the victim's card")
        return cls(photos, style)

    def digest(self) -> str:
        """Return a hash of all pixels."""
        return f"{pixel_digest(self.photos)} {pixel_digest(self.style)}"

    def draw(self, size: int, count: int, context: TrainingContext, number: int) -> tuple[Tensor, Tensor]:
        """Draw one step's photos and style images, crops mirrored by chance, onto the training's device, channels last.

        Both (count,3,size,size) float32 in [0,1]; the draws depend on `context.seed` and the step's number alone.
        """
        drawn = []
        for images, stream in ((self.photos, "photos"), (self.style, "style")):
            generator = step_generator(context.seed, stream, number)
            crops = draw_crops(images, size, count, generator)
            mirrored = (torch.rand(count, generator=generator) < 0.5).view(-1, 1, 1, 1)
            crops = torch.where(mirrored, crops.flip(-1), crops)
            drawn.append(crops.to(context.device, memory_format=torch.channels_last))
        return drawn[0], drawn[1]


class Sheets:
    """Write what the nets make of a few of the owner's images while they train: `<workdir>/samples/<step>.png`."""

    def __init__(self, domains: Domains, context: TrainingContext, steps: int) -> None:
        self._context, self._every = context, max(1, steps // SHEETS)
        self._photos, self._style = (
            from_uint8(torch.stack([images[i * len(images) // ROWS] for i in range(ROWS)])).to(context.device)
            if len({image.shape for image in images}) == 1
            else None
            for images in (domains.photos, domains.style)
        )

    def __call__(self, done: int, translate: Mapping[str, Callable[[Tensor], Tensor]]) -> None:
        """Write a sheet when `done` steps are a multiple of a twentieth; translate: "style" and "photo", by aim."""
        if done % self._every or self._photos is None or self._style is None:
            return
        with torch.no_grad():
            columns = {
                "photo": self._photos,
                "to style": translate["style"](self._photos),
                "style": self._style,
                "to photo": translate["photo"](self._style),
            }
        write_sheet(self._context.workdir / "samples" / f"{done:07d}.png", columns)
