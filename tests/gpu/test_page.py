"""How a page of a device is laid out."""

from __future__ import annotations

import json
from pathlib import Path

from gpu.page import Page


def test_a_page_is_the_same_as_text_and_as_data(tmp_path: Path) -> None:
    page = Page({"device": "H200", "cores": 16})
    page.add("speed", net="srresnet", seconds=0.012345, memory_gb=None)
    page.add("speed", net="pix2pix", seconds=12.0, memory_gb=1.5)
    page.write(tmp_path)
    assert (tmp_path / "gpu-page.txt").read_text().splitlines() == [
        "device H200  cores 16",
        "",
        "speed",
        "  net       seconds  memory_gb",
        "  srresnet  0.01235  -",
        "  pix2pix   12       1.5",
    ]
    kept = json.loads((tmp_path / "gpu-page.json").read_text())
    assert kept["sections"]["speed"][0] == {"net": "srresnet", "seconds": 0.012345, "memory_gb": None}
