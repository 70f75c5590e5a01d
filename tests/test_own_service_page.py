"""docs/your-own-service.md, followed from an empty folder as it is written, with few steps and one seed."""

from __future__ import annotations

import glob
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_images import fill
from own_victim_factory import save_onnx
from typer.testing import CliRunner

from gexbench.cards.catalog import check
from gexbench.cards.endpoint import Endpoint, endpoint_of
from gexbench.cards.own import signature_of
from gexbench.cards.schema import VictimCard
from gexbench.cli.app import app
from gexbench.record import read_record

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "your-own-service.md").read_text(encoding="utf-8")
FEWER = {"steps=300": "steps=2", "steps=50": "steps=2", "0-4": "0"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


class Reader:
    """Who follows the page in the folder that is here; 8000 is a port that is free."""

    def __init__(self) -> None:
        self.running = list[subprocess.Popen[bytes]]()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = str(listening.getsockname()[1])

    def write(self, name: str, text: str) -> None:
        Path(name).write_text(text.replace("8000", self.port))

    def follow(self, commands: str) -> None:
        for line in commands.replace("8000", self.port).splitlines():
            program, *words = shlex.split(line)
            if program == "gexbench":
                found = [each for word in words for each in self.meant(word)]
                done = CliRunner().invoke(app, found)
                assert done.exit_code == 0, f"{line}: {done.exception} {done.output}"
            elif words[-1] == "&":
                self.running.append(subprocess.Popen([sys.executable, *words[:-1]], stderr=subprocess.DEVNULL))
                self.await_port()
            else:
                subprocess.run([sys.executable, *words], check=True, capture_output=True)

    def meant(self, word: str) -> list[str]:
        return sorted(glob.glob(word)) if "*" in word else [FEWER.get(word, word)]

    def await_port(self) -> None:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", int(self.port)), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.setenv("GEXBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GEXBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    made = Reader()
    yield made
    for process in made.running:
        process.terminate()
        process.wait()


def test_the_page_leads_from_a_generator_and_a_folder_of_images_to_a_board(reader: Reader) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    (generator, server), (first, board, exported, served) = blocks("python"), blocks("console")
    fill(Path("pictures"), 12, 112)
    reader.write("make_generator.py", generator)
    reader.write("serve.py", server)
    save_onnx(Path("generator.onnx"))
    for commands in (first, board, exported, served):
        reader.follow(commands)
    for name, backend in (("enlarge", "torchscript"), ("export", "onnx"), ("serve", "http")):
        (file,) = Path(f"boards/me/{name}/records").glob("*srresnet*.json")
        record = read_record(file)
        assert (record.plan.victim.backend, record.plan.victim.name.partition("/")[0]) == (backend, "me")
        assert record.account.answered > record.plan.budget / 2  # some of the questions are the same
        assert (record.bill is not None) == (backend == "http")
        assert "srresnet" in Path(f"boards/me/{name}/README.md").read_text()


def test_the_cards_of_the_page_are_such() -> None:
    faces, upscaler = (check(VictimCard, tomllib.loads(text), Path("x.toml")) for text in blocks("toml")[::-1])
    assert signature_of(faces).gives == (-1, 1)
    assert endpoint_of(upscaler).headers == {"Authorization": "GEXBENCH_KEY_UPSCALER"}
    assert endpoint_of(upscaler).target.host == "api.example.org"


def test_the_table_of_the_page_names_what_an_endpoint_may_say() -> None:
    told = PAGE[PAGE.index("| in `[endpoint]`") :].partition("\n\n")[0]
    assert {*re.findall(r"`([a-z_]+)`", told)} >= {*Endpoint.model_fields} - {"url"}
