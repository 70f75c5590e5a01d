"""From a study's design to pages that hold all they need, and in which nothing but the pictures differs by arm."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from gexbench.errors import OutputError
from gexbench.files import atomic_write
from gexbench.study.arms import Arms
from gexbench.study.design import Wish, design, orders
from gexbench.study.key import NAME, PAGES, SCORES, Group, Item, Key, Rules, study_id

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")
QUESTION = "How well did the program make the left picture into what it should become?"
SECONDS = 8
"""What a question takes, to say beforehand how long a page does."""


def new_seed() -> str:
    """Return a seed that nobody guesses."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Made:
    """A study that lies on the disk: its id, the digest of its key, and who answers on which page."""

    study: str
    key_sha256: str
    key: Key


def make(arms: Arms, wish: Wish, rules: Rules, folder: Path) -> Made:
    """Write pages and, beside them, the key and each rater's code; the same seed gives the same bytes.

    Raises StudyError where the design cannot be had, OutputError where the folder has something in it.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"{folder} is not empty", "give a new folder: a study that was made is never changed")
    groups = design(wish, arms.names)
    key = Key(task=arms.task, profile=arms.profile, seed=wish.seed, sides=arms.sides, rules=rules, groups=groups)
    content = (key.model_dump_json(indent=1) + "\n").encode()
    study = study_id(content)
    for group in groups:
        atomic_write(folder / PAGES / group.page, page(study, group, arms, wish, rules).encode())
    lines = [f"{code},{group.page}\r\n" for group in groups for code in group.raters]
    atomic_write(folder / "raters.csv", ("rater,page\r\n" + "".join(lines)).encode())
    atomic_write(folder / NAME, content)
    return Made(study, hashlib.sha256(content).hexdigest(), key)


def page(study: str, group: Group, arms: Arms, wish: Wish, rules: Rules) -> str:
    """Return a page of a study."""
    style, script = (template_text(name) for name in ("page.css", "page.js"))
    data = {
        "study": study,
        "question": rules.question,
        **_shown(group, arms),
        "orders": orders(wish.seed, group),
    }
    return (
        environment()
        .get_template("page.html")
        .render(
            style=raw(style),
            script=raw(script),
            style_hash=csp_hash(style),
            script_hash=csp_hash(script),
            data=raw(json.dumps(data, ensure_ascii=True).replace("<", "\\u003c")),
            question=rules.question,
            minutes=max(1, round(len(group.items) * SECONDS / 60)),
            scores=SCORES,
        )
    )


def _shown(group: Group, arms: Arms) -> dict[str, Any]:
    """Return pictures, each once and in the order of the items, and what each item shows of them."""
    places = {name: at for at, name in enumerate(arms.names)}
    sides = {item.id: _pictures(item, places, arms) for item in group.items if item.source}
    drawn = list(dict.fromkeys(picture for pair in sides.values() for picture in pair))
    numbers = {picture: at for at, picture in enumerate(drawn)}
    items = [
        {
            "id": item.id,
            "wanted": item.wanted,
            "source": numbers[sides[item.id][0]] if item.source else None,
            "result": numbers[sides[item.id][1]] if item.source else None,
        }
        for item in group.items
    ]
    return {"pictures": drawn, "items": items}


def _pictures(item: Item, places: Mapping[str, int], arms: Arms) -> tuple[str, str]:
    at = places[item.source]
    source = arms.sources[at]
    if item.arm is not None:
        result = arms.pictures["ab".index(item.arm)][at]
    else:
        result = source if item.role == "untranslated" else arms.truth[at % len(arms.truth)]
    return data_url(source), data_url(result)


def data_url(image: Tensor) -> str:
    """Return an image (3,h,w) uint8 as PNG of 8-bit RGB and nothing else, uncompressed: all of a size are as long.

    Compressed, the smoother arm would have the shorter files.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(file, "PNG", compress_level=0)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def csp_hash(text: str) -> str:
    """Return what a policy calls a script or style of just this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def template_text(name: str) -> str:
    """Return a file that lies beside the templates."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def raw(text: str) -> Markup:
    """Return text of ours that goes on a page as it is."""
    from markupsafe import Markup

    return Markup(text)


@cache
def environment() -> Environment:
    """Return the maker of pages."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
