"""The picture of a run: a test image and a zoomed crop of it, or, where truth is a style, a grid of test images."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from gexbench.core.images import from_uint8, to_uint8, upscale
from gexbench.engine.kinds.evidence import TestEvidence
from gexbench.engine.store.paths import atomic_write
from gexbench.plan import Plan

TILE, GAP, HEAD = 240, 8, 26
SMALL, ROWS = 128, 6
TINY, ACROSS = 48, 8
INK, PAPER, MARK = (32, 33, 36), (255, 255, 255), (230, 80, 30)


def draw(path: Path, evidence: TestEvidence, plan: Plan) -> None:
    """Write a PNG: columns input, bicubic (where the task scales), victim, surrogate, truth; rows whole image, crop.

    The crop is where victim and bicubic differ most, so that there is something to see. Where the truth is a style,
    rows are test images spread over the split, and the last column shows the style, image by image without relation.
    Where the service draws: three blocks, what victim and surrogate drew, and real images.
    """
    if plan.task.kind == "sampling":
        sheet = _blocks(evidence, plan)
    else:
        sheet = _grid(evidence, plan) if plan.task.truth == "style" else _zoom(evidence, plan)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    atomic_write(path, buffer.getvalue())


def _grid(evidence: TestEvidence, plan: Plan) -> Image.Image:
    columns = {"input": evidence.inputs, "victim": evidence.victim}
    if evidence.surrogate is not None:
        columns[plan.attack.name] = evidence.surrogate
    columns["style"] = evidence.truth
    sheet = Image.new("RGB", (GAP + len(columns) * (SMALL + GAP), HEAD + ROWS * (SMALL + GAP)), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for column, (title, images) in enumerate(columns.items()):
        x = GAP + column * (SMALL + GAP)
        pen.text((x, 6), title, fill=INK, font=font)
        for row in range(min(ROWS, len(images))):
            tile = _pil(images[row * len(images) // ROWS if len(images) >= ROWS else row])
            y = HEAD + row * (SMALL + GAP)
            sheet.paste(tile.resize((SMALL, SMALL), Image.Resampling.LANCZOS), (x, y))
    return sheet


def _blocks(evidence: TestEvidence, plan: Plan) -> Image.Image:
    blocks = {"victim": evidence.victim}
    if evidence.surrogate is not None:
        blocks[plan.attack.name] = evidence.surrogate
    blocks["real"] = evidence.truth
    block = ACROSS * TINY
    sheet = Image.new("RGB", (GAP + len(blocks) * (block + GAP), HEAD + block + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for column, (title, images) in enumerate(blocks.items()):
        x = GAP + column * (block + GAP)
        pen.text((x, 6), title, fill=INK, font=font)
        for place, image in enumerate(images[: ACROSS**2]):
            row, across = divmod(place, ACROSS)
            tile = _pil(image).resize((TINY, TINY), Image.Resampling.LANCZOS)
            sheet.paste(tile, (x + across * TINY, HEAD + row * TINY))
    return sheet


def _zoom(evidence: TestEvidence, plan: Plan) -> Image.Image:
    columns = _columns(evidence, plan)
    top, left, side = _busiest(evidence, plan.task.scale)
    second = HEAD + max(_fit(image)[0].height for image in columns.values()) + GAP
    sheet = Image.new("RGB", (GAP + len(columns) * (TILE + GAP), second + TILE + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for column, (title, image) in enumerate(columns.items()):
        x = GAP + column * (TILE + GAP)
        pen.text((x, 6), title, fill=INK, font=font)
        whole, scale = _fit(image)
        sheet.paste(whole, (x, HEAD))
        box = [x + left * scale, HEAD + top * scale, x + (left + side) * scale, HEAD + (top + side) * scale]
        pen.rectangle(box, outline=MARK, width=2)
        crop = _pil(image[:, top : top + side, left : left + side]).resize((TILE, TILE), Image.Resampling.NEAREST)
        sheet.paste(crop, (x, second))
    return sheet


def _columns(evidence: TestEvidence, plan: Plan) -> dict[str, Tensor]:
    scale, x = plan.task.scale, evidence.inputs[0]
    columns = {"input": x.repeat_interleave(scale, 1).repeat_interleave(scale, 2)}
    if scale > 1:
        columns["bicubic"] = _bicubic(evidence, scale)
    columns["victim"] = evidence.victim[0]
    if evidence.surrogate is not None:
        columns[f"surrogate ({plan.attack.name})"] = evidence.surrogate[0]
    columns["truth"] = evidence.truth[0]
    return columns


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
