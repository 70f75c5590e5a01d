"""What the interpreter's allow-list holds, and what it never holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gexbench.engine.sandbox import rules as rules_file
from gexbench.engine.sandbox.rules import interpreter_rules
from gexbench.errors import PlanError

REPOSITORY = Path(__file__).resolve().parents[3]


def test_rules_never_allow_a_folder_around_something_private(tmp_path: Path) -> None:
    private = [Path(os.__file__).parent / "json", tmp_path / "plug/secret", REPOSITORY / "gexbench/engine"]
    (tmp_path / "plug/secret").mkdir(parents=True)
    (tmp_path / "plug/code.py").touch()
    rules = interpreter_rules(private, [tmp_path / "plug"], "cpu")
    for path in private:
        assert not any(path.resolve().is_relative_to(allowed.resolve()) for allowed in rules.read)
    assert (tmp_path / "plug/code.py").resolve() in rules.read


def test_a_private_folder_around_the_package_does_not_close_it_but_what_is_private_within_stays_so() -> None:
    rules = interpreter_rules([REPOSITORY, REPOSITORY / "gexbench/engine"], [], "cpu")
    assert REPOSITORY / "gexbench/core" in rules.read
    assert REPOSITORY / "gexbench/engine" not in rules.read
    assert REPOSITORY not in rules.read


def test_a_plug_in_that_is_private_or_a_link_into_something_private_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data/inner").mkdir(parents=True)
    (tmp_path / "plug").symlink_to("data/inner")
    for plug in (tmp_path / "plug", tmp_path / "data"):
        with pytest.raises(PlanError, match="attacks may not read"):
            interpreter_rules([tmp_path / "data"], [plug], "cpu")


def test_a_view_is_for_processes_without_cuda_and_keeps_the_links_on_the_import_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.syspath_prepend(tmp_path / "link")
    rules = interpreter_rules([], [], "cpu")
    assert {tmp_path / "link", Path(sys.executable), Path("/lib64")} <= set(rules.names)
    assert (rules.view, interpreter_rules([], [], "cuda").view) == (True, False)


def test_a_library_from_elsewhere_keeps_the_names_it_is_looked_for_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libfar.so.1.2").touch()
    (tmp_path / "libfar.so.1").symlink_to("libfar.so.1.2")
    (tmp_path / "another").symlink_to("elsewhere")
    monkeypatch.setattr(rules_file, "_mapped", lambda _: [str(tmp_path / "libfar.so.1.2")])
    names = interpreter_rules([], [], "cpu").names
    assert tmp_path / "libfar.so.1" in names
    assert tmp_path / "another" not in names


def test_a_plug_in_beside_what_is_private_is_allowed_and_so_is_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "data/plug").mkdir(parents=True)
    (tmp_path / "link").symlink_to("data/plug")
    for private, plug in (("data", "data/plug"), ("data/tests", "link")):
        assert (
            tmp_path.resolve() / "data/plug" in interpreter_rules([tmp_path / private], [tmp_path / plug], "cpu").read
        )


def test_what_libraries_ask_about_the_processor_can_be_read_and_what_they_ask_about_a_gpu_only_beside_one() -> None:
    reads = {devices: set(interpreter_rules([], [], devices).read) for devices in ("cpu", "cuda")}
    for path in ("/etc/localtime", "/etc/ld.so.cache", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"):
        assert Path(path) in reads["cpu"] & reads["cuda"]
    for path in ("/proc/driver/nvidia", "/proc/self/maps", "/sys/bus/pci/devices"):
        assert Path(path) in reads["cuda"] - reads["cpu"]
