"""docs/your-own-service.md, followed from an empty folder as it is written, with few steps and one seed."""

from __future__ import annotations

import glob
import os
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

from gexbench.cards.catalog import check
from gexbench.cards.endpoint import Endpoint, endpoint_of
from gexbench.cards.own import signature_of
from gexbench.cards.schema import VictimCard
from gexbench.record import RunRecord, read_record

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "your-own-service.md").read_text(encoding="utf-8")
FEWER = {"steps=300": "steps=2", "steps=50": "steps=2", "0-4": "0"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


class Reader:
    """Who follows the page in a folder; 8000 is a port that is free."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running = folder, list[subprocess.Popen[bytes]]()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = str(listening.getsockname()[1])
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.env = {**os.environ, "PYTHONPATH": paths, "GEXBENCH_HOME": str(folder / "home")}

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text.replace("8000", self.port))

    def follow(self, commands: str) -> None:
        for line in commands.replace("8000", self.port).splitlines():
            program, *words = shlex.split(line)
            command = [sys.executable, *(["-m", "gexbench"] if program == "gexbench" else [])]
            if words[-1] == "&":
                self.running.append(subprocess.Popen([*command, *words[:-1]], cwd=self.folder, env=self.env))
                self.await_port()
                continue
            found = [each for word in words for each in self.meant(word)]
            done = subprocess.run([*command, *found], cwd=self.folder, capture_output=True, text=True, env=self.env)
            assert done.returncode == 0, f"{line}\n{done.stderr}"

    def meant(self, word: str) -> list[str]:
        return sorted(glob.glob(word, root_dir=self.folder)) if "*" in word else [FEWER.get(word, word)]

    def await_port(self) -> None:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", int(self.port)), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return

    def record(self, board: str) -> RunRecord:
        files = [*self.folder.glob(f"boards/{board}/records/*srresnet*.json")]
        assert len(files) == 1
        return read_record(files[0])


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    for process in made.running:
        process.terminate()
        process.wait()


def test_the_page_leads_from_a_generator_and_a_folder_of_images_to_a_board(reader: Reader) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    (generator, server), (first, board, exported, served) = blocks("python"), blocks("console")
    fill(reader.folder / "pictures", 12, 112)
    reader.write("make_generator.py", generator)
    reader.write("serve.py", server)
    save_onnx(reader.folder / "generator.onnx")
    for commands in (first, board, exported, served):
        reader.follow(commands)
    for name, backend in (("enlarge", "torchscript"), ("export", "onnx"), ("serve", "http")):
        record = reader.record(f"me/{name}")
        assert (record.plan.victim.backend, record.plan.victim.name.partition("/")[0]) == (backend, "me")
        assert record.account.answered == record.plan.budget
        assert (record.bill is not None) == (backend == "http")
        page = (reader.folder / f"boards/me/{name}/README.md").read_text()
        assert "srresnet" in page


def test_the_cards_of_the_page_are_such() -> None:
    faces, upscaler = (check(VictimCard, tomllib.loads(text), Path("x.toml")) for text in blocks("toml")[::-1])
    assert signature_of(faces).gives == (-1, 1)
    assert endpoint_of(upscaler).headers == {"Authorization": "UPSCALER_KEY"}
    assert endpoint_of(upscaler).target.host == "api.example.org"


def test_the_table_of_the_page_names_what_an_endpoint_may_say() -> None:
    told = PAGE[PAGE.index("| in `[endpoint]`") :].partition("\n\n")[0]
    assert {*re.findall(r"`([a-z_]+)`", told)} >= {*Endpoint.model_fields} - {"url"}
