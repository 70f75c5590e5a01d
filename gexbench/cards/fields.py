"""The words and names that cards are made of, and the model they are read into."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from gexbench.foreign_text import invisible

NAME = r"[a-z0-9]+(-[a-z0-9]+)*"
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME}(/{NAME})?$", max_length=80)]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
"""What test splits and options are called."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Entry = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Compare = Literal["A", "B", "C"]
TaskKindName = Literal["image-to-image", "sampling"]
"""The kinds of task. The module engine/kinds/<name>.py, with `_` for `-`, is all that is particular to one."""
TAKES_IMAGES: TaskKindName = "image-to-image"
DRAWS: TaskKindName = "sampling"
Knowledge = Literal["outputs", "latents", "partial-real", "discriminator", "truth", "weights", "twin"]
OptionValue = bool | int | float | str | tuple[str, ...]


def _stays_inside(path: str) -> str:
    if path.startswith(("/", "\\", "~")) or ".." in re.split(r"[/\\]", path) or re.match(r"^[A-Za-z]:", path):
        raise ValueError(f"{path!r} must be a relative path below its folder")
    return path


def _visible(text: str) -> str:
    if (found := invisible(text)) is not None:
        raise ValueError(f"the character {found!a} is invisible: write one line of visible ones")
    return text


def _visible_lines(text: str) -> str:
    if (found := invisible(text, allowed="\n\t")) is not None:
        raise ValueError(f"the character {found!a} is invisible")
    return text


Line = Annotated[str, AfterValidator(_visible)]
Prose = Annotated[str, AfterValidator(_visible_lines)]
RelativePath = Annotated[str, AfterValidator(_stays_inside)]


class Frozen(BaseModel):
    """A value read from or written to a file: never changed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", defer_build=True)
