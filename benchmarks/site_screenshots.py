"""The pictures of the site in docs/images, made of the boards that ship: light and dark, on a desk and on a phone.

    python benchmarks/site_screenshots.py [--site FOLDER]

--site takes a site that is built already. Wants playwright, and Chromium on the path. A picture of the same pages by
another Chromium, or with other fonts, has other bytes; none may be larger than MOST.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from gexbench.boards.published import published_root
from gexbench.cards.catalog import Catalog
from gexbench.site.build import build
from gexbench.site.source import open_source

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
MOST = 150_000
"""Bytes of a picture."""
COLOURS = 128
DESK, PHONE = {"width": 1120, "height": 760}, {"width": 390, "height": 760}


@dataclass(frozen=True)
class Shot:
    """A picture: of what page, on what screen, in what colours; at: what is scrolled to the top."""

    name: str
    page: str
    screen: Mapping[str, int]
    scheme: str
    at: str = ""


SHOTS = (
    Shot("site-board", "boards/sr.html", DESK, "light"),
    Shot("site-defenses", "boards/sr.html", DESK, "dark", "figure:has-text('Harm to thieves')"),
    Shot("site-costs", "costs.html", DESK, "light"),
    Shot("site-phone", "tables/sr/mini/512.html#compare=srresnet~bicubic", PHONE, "dark", "#compare"),
    Shot("site-record", "records/sr-srresnet-mini-b512-s0-9bb9b795.html", PHONE, "light"),
)


def taken(browser: Any, site: Path, shot: Shot) -> bytes:
    """Return a picture as PNG of few colours."""
    context = browser.new_context(viewport=dict(shot.screen), color_scheme=shot.scheme)
    page = context.new_page()
    page.goto(f"{site.resolve().as_uri()}/{shot.page}")
    if shot.at:
        page.locator(shot.at).first.evaluate("place => place.scrollIntoView({ block: 'start' })")
    whole = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    kept = io.BytesIO()
    whole.quantize(COLOURS, dither=Image.Dither.NONE).save(kept, "png", optimize=True)
    return kept.getvalue()


def main() -> None:
    """Write all pictures."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--site", type=Path, help="A site that is built already.")
    asked = parser.parse_args()
    chromium = next(found for name in ("chromium", "google-chrome") if (found := shutil.which(name)))
    with tempfile.TemporaryDirectory() as spare, sync_playwright() as started:
        site = asked.site or Path(spare)
        if not asked.site:
            build(open_source(published_root(), Catalog.load()), site)
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for shot in SHOTS:
            content = taken(browser, site, shot)
            if len(content) > MOST:
                raise SystemExit(f"{shot.name} has {len(content)} bytes, more than {MOST}")
            (IMAGES / f"{shot.name}.png").write_bytes(content)
            print(f"{shot.name}.png, {len(content) // 1000} kB: {shot.page}, {shot.scheme}")
        browser.close()


if __name__ == "__main__":
    main()
