from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from record_factory import CARDS, Records, write_registry
from site_reader import Read, read

from gexbench.cards.catalog import Catalog
from gexbench.cards.prices import PriceCard
from gexbench.cards.roots import packaged_root
from gexbench.plan import Identity
from gexbench.site.cost_page import cost_html, training_price
from gexbench.site.source import Source
from website.conftest import opened, write_prices

MakeSource = Callable[..., Source]
WEIGHTS = "ab" * 32


def source_with(folder: Path, weights: str = WEIGHTS, flops: str = "training_flops = 3.6e17") -> Source:
    """Return a site of three runs on a victim whose training was counted, with two prices."""
    made = Records(write_registry(folder / "registry"), Identity(WEIGHTS, "pins-hash", "code-hash"))
    net = f'{CARDS["victims/net"]}\n{flops}\n[weights]\nfile = "net.safetensors"\nsha256 = "{weights}"\n'
    (made.folder / "victims" / "net.toml").write_text(net, "utf-8")
    write_prices(made.folder)
    return opened(made, folder, [*made.seeds((27.0, 27.1, 27.2)), made.make("bicubic", b=20.0)])


def page(source: Source) -> Read:
    return read(cost_html(source))


def test_a_theft_stands_beside_the_training_of_what_is_copied(tmp_path: Path) -> None:
    words = page(source_with(tmp_path)).words
    # 100 answers at 3 USD a thousand; 3.6e17 FLOPs are five hours at 20 TFLOP/s
    assert "sr@1 mini net srresnet 100 0.30 360.00 7.95" in words
    assert "sr@1 paper net 1000 3.00 360.00 7.95" in words


def test_prices_say_their_day_and_lead_to_who_asks_them(tmp_path: Path) -> None:
    found = page(source_with(tmp_path))
    assert "2026-05-25" in found.words
    assert {"https://example.org/pricing", "https://example.org/machines", "https://arxiv.org/abs/2104.12623"} <= {
        *found.links
    }


@pytest.mark.parametrize(("weights", "flops"), [("cd" * 32, "training_flops = 3.6e17"), (WEIGHTS, "")])
def test_nothing_is_said_of_a_training_that_nobody_counted_or_of_other_weights(
    weights: str, flops: str, tmp_path: Path
) -> None:
    words = page(source_with(tmp_path, weights, flops)).words
    assert "srresnet 100 0.30 — —" in words


def test_a_row_leads_to_its_table_and_its_victim(tmp_path: Path) -> None:
    links = page(source_with(tmp_path)).links
    assert "tables/sr/mini/100.html#row-srresnet" in links
    assert "victims/net.html" in links


def test_without_prices_the_page_still_tells_budgets(source_of: MakeSource, records: Records) -> None:
    words = page(source_of(records.seeds((27.0, 27.1, 27.2)))).words
    assert "Prices" not in words
    assert "srresnet 100 —" in words


def test_what_a_training_costs_is_hours_times_the_price_of_one() -> None:
    hour = Catalog((packaged_root(),)).get(PriceCard, "a100-hour")
    assert training_price(20e12 * 3600, hour) == pytest.approx(1.59)
