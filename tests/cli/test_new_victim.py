"""`gexbench new victim`: from a file or an address to a card that a board of one's own takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from http_service import as_json, running
from own_victim_factory import Draw, Enlarge, save_script
from typer.testing import CliRunner

from gexbench import bench
from gexbench.cards.catalog import Catalog
from gexbench.cards.schema import VictimCard
from gexbench.cli.app import app
from gexbench.engine.store.weights import file_sha256
from gexbench.errors import GexbenchError, PlanError
from gexbench.plan import Request


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GEXBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def new(name: str, source: str) -> VictimCard:
    result = CliRunner().invoke(app, ["new", "victim", name, "--from", source])
    if isinstance(result.exception, GexbenchError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return Catalog.load([Path("cards")]).get(VictimCard, name)


def test_what_was_found_stands_on_the_card_and_the_file_beside_it() -> None:
    card = new("me/net", str(save_script(Enlarge(2.0, -1.0), Path("generator.pt"))))
    assert (card.backend, card.scale, card.net, card.draws) == ("torchscript", 4, {"gives": [-1.0, 1.0]}, False)
    assert card.weights is not None
    assert card.weights.sha256 == file_sha256(Path("cards/victims/net.pt")) == file_sha256(Path("generator.pt"))
    _, plan = bench.prepare(Request("sr", "bicubic", victim="me/net", folders=(Path("cards"),)))
    assert plan.victim_weights == card.weights.sha256


def test_one_that_draws_is_told_by_itself() -> None:
    card = new("me/draws", str(save_script(Draw(), Path("draw.pt"))))
    assert (card.draws, card.net) == (True, {"side": 32, "latent_size": 6})


def test_an_address_is_known_by_its_answers_which_lie_beside_the_card() -> None:
    with running(as_json) as service:
        Path("service.toml").write_text(
            'name = "own/service"\nsummary = "S."\ntask_kind = "image-to-image"\nbackend = "http"\n'
            'note = "N."\n[endpoint]\nform = "json"\nquestion = "picture"\n'
            f'answer = "images.0"\nprice = 0.25\nurl = "{service.url}"\n'
        )
        card = new("me/service", "service.toml")
        asked = len(service.bodies)
        _, plan = bench.prepare(Request("sr", "bicubic", victim="me/service", folders=(Path("cards"),)))
    assert asked == len(service.bodies)  # the card says who it is
    assert (card.scale, card.endpoint["price"], card.endpoint["answer"]) == (4, 0.25, "images.0")
    assert card.weights is not None
    assert plan.victim_weights == card.weights.sha256 == file_sha256(Path("cards/victims/service.safetensors"))


def test_what_is_no_service_is_one_line_and_nothing_is_written() -> None:
    torch.save({"x": torch.ones(1)}, "pickled.pt")
    with running() as service:
        url = service.url
    for source, why in (
        ("pickled.pt", "never unpickled"),
        ("gone.onnx", "no victim at"),
        ("ftp://example.org/", "no address"),
        (url, "did not answer: 5 tries, the last: Connection refused"),
    ):
        with pytest.raises(GexbenchError, match=why) as refused:
            new("me/net", source)
        assert "\n" not in str(refused.value)
    with pytest.raises(GexbenchError, match="is not a name for your victim"):
        new("net", "pickled.pt")
    assert not [*Path().glob("cards/**/*.*")]


def test_a_victim_among_the_cards_of_an_attack_that_could_read_it_is_refused() -> None:
    new("me/net", str(save_script(Enlarge(), Path("generator.pt"))))
    for folder, text in (("attacks", 'name = "me/thief"\nsummary = "T."\nentry = "thief:T"\n'),):
        (Path("cards") / folder).mkdir()
        (Path("cards") / folder / "thief.toml").write_text(text)
    Path("cards/thief.py").write_text("class T: ...")
    with pytest.raises(PlanError, match=r"net\.pt, of victim 'me/net', lies in cards, which the attack may read"):
        bench.prepare(Request("sr", "me/thief", victim="me/net", folders=(Path("cards"),)))
