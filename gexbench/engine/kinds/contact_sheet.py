"""Contact sheets: test images beside what victim and surrogate made, under a line of titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gexbench.core.images import from_uint8, to_uint8, upscale
from gexbench.engine.kinds.evidence import TestEvidence

TILE, GAP, HEAD = 240, 8, 26
SMALL, ROWS = 128, 6
TINY, ACROSS = 48, 8
INK, PAPER, MARK = (32, 33, 36), (255, 255, 255), (230, 80, 30)


def rows(columns: Mapping[str, Sequence[Tensor]]) -> Image.Image:
    """Return a column of six images for each title, spread over its images (3,h,w) uint8; fewer leave rows empty."""
    blank = torch.full((3, SMALL, SMALL), 255, dtype=torch.uint8)
    tiles = [
        _tile(images[row * len(images) // ROWS if len(images) >= ROWS else row], SMALL) if row < len(images) else blank
        for row in range(ROWS)
        for images in columns.values()
    ]
    return _titled(dict.fromkeys(columns, SMALL), _grid(tiles, len(columns), GAP)[:, GAP:])


def blocks(columns: Mapping[str, Sequence[Tensor]]) -> Image.Image:
    """Return a square block of the first 64 images (3,h,w) uint8 for each title."""
    side = ACROSS * TINY
    blank = torch.full((3, TINY, TINY), 255, dtype=torch.uint8)
    squares = []
    for images in columns.values():
        tiles = [_tile(image, TINY) for image in images[: ACROSS**2]]
        squares.append(_grid([*tiles, *[blank] * (ACROSS**2 - len(tiles))], ACROSS, 0))
    return _titled(dict.fromkeys(columns, side), _grid(squares, len(squares), GAP)[:, GAP:])


def zoomed(evidence: TestEvidence, scale: int, title: str) -> Image.Image:
    """Return the first test image whole, and below it the crop where the victim differs most from plain enlargement.

    Columns: input, bicubic (where scale, output side over input side, is above 1), victim, surrogate under its title,
    truth.
    """
    columns = _columns(evidence, scale, title)
    top, left, side = _busiest(evidence, scale)
    second = HEAD + max(_fit(image)[0].height for image in columns.values()) + GAP
    sheet = Image.new("RGB", (GAP + len(columns) * (TILE + GAP), second + TILE + GAP), PAPER)
    pen = _write_titles(sheet, dict.fromkeys(columns, TILE))
    for column, image in enumerate(columns.values()):
        x = GAP + column * (TILE + GAP)
        whole, factor = _fit(image)
        sheet.paste(whole, (x, HEAD))
        box = [x + left * factor, HEAD + top * factor, x + (left + side) * factor, HEAD + (top + side) * factor]
        pen.rectangle(box, outline=MARK, width=2)
        crop = _pil(image[:, top : top + side, left : left + side]).resize((TILE, TILE), Image.Resampling.NEAREST)
        sheet.paste(crop, (x, second))
    return sheet


def _titled(widths: Mapping[str, int], grid: Tensor) -> Image.Image:
    """Return a grid below a line of titles, each above a column of its width."""
    sheet = Image.new("RGB", (grid.shape[2], HEAD + grid.shape[1]), PAPER)
    _write_titles(sheet, widths)
    sheet.paste(_pil(grid), (0, HEAD))
    return sheet


def _write_titles(sheet: Image.Image, widths: Mapping[str, int]) -> ImageDraw.ImageDraw:
    pen, font, x = ImageDraw.Draw(sheet), ImageFont.load_default(14), GAP
    for title, width in widths.items():
        pen.text((x, 6), title, fill=INK, font=font)
        x += width + GAP
    return pen


def _grid(tiles: Sequence[Tensor], across: int, gap: int) -> Tensor:
    from torchvision.utils import make_grid  # takes a second to import

    grid: Tensor = make_grid(torch.stack(list(tiles)), nrow=across, padding=gap, pad_value=255)
    return grid


def _tile(image: Tensor, side: int) -> Tensor:
    small = np.asarray(_pil(image).resize((side, side), Image.Resampling.LANCZOS))
    return torch.from_numpy(small.copy()).permute(2, 0, 1)


def _columns(evidence: TestEvidence, scale: int, title: str) -> dict[str, Tensor]:
    x = evidence.inputs[0]
    columns = {"input": x.repeat_interleave(scale, 1).repeat_interleave(scale, 2)}
    if scale > 1:
        columns["bicubic"] = _bicubic(evidence, scale)
    columns["victim"] = evidence.victim[0]
    if evidence.surrogate is not None:
        columns[title] = evidence.surrogate[0]
    return {**columns, "truth": evidence.truth[0]}


def _bicubic(evidence: TestEvidence, scale: int) -> Tensor:
    return to_uint8(upscale(from_uint8(evidence.inputs[0]), scale).clamp(0, 1))


def _busiest(evidence: TestEvidence, scale: int) -> tuple[int, int, int]:
    victim = evidence.victim[0].float()
    plain = _bicubic(evidence, scale).float() if scale > 1 else evidence.inputs[0].float()
    difference = (victim - plain).abs().mean(0)
    side = min(96, *difference.shape)
    means = difference.unfold(0, side, side // 4).unfold(1, side, side // 4).mean((-1, -2))
    row, column = divmod(int(means.argmax()), means.shape[1])
    return row * (side // 4), column * (side // 4), side


def _fit(image: Tensor) -> tuple[Image.Image, float]:
    height, width = image.shape[1:]
    scale = TILE / max(height, width)
    return _pil(image).resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS), scale


def _pil(image: Tensor) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image.permute(1, 2, 0).numpy()))
