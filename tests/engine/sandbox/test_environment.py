"""What a child process is given."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from gexbench.engine.sandbox import environment

FAULTS_OF_TEN_LARGE_BLOCKS = """
import resource
for _ in range(10):
    bytearray(48 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt * resource.getpagesize() // 2**20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the variables are glibc's")
def test_a_child_fetches_memory_it_has_freed_only_once(tmp_path: Path) -> None:
    environment.furnish(tmp_path)
    words = [sys.executable, "-c", FAULTS_OF_TEN_LARGE_BLOCKS]
    env = environment.environment(tmp_path, {})
    done = subprocess.run(words, cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 150  # MiB: one block and the interpreter; 480 if each were fetched anew


def test_a_childs_folders_are_made_where_nothing_is_and_may_be_there_already(tmp_path: Path) -> None:
    for _ in range(2):
        environment.furnish(tmp_path / "deep" / "own")
    variables = environment.environment(tmp_path / "deep" / "own", {})
    assert all(Path(variables[key]).is_dir() for key in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "TORCH_HOME"))
