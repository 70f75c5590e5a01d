"""Victims that are pipelines of `diffusers`, packed into one file as store.pipeline does."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import os
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gexbench.cards.own import PIPELINE_FILES, PIPELINE_INDEX, SEEDED, arguments_of
from gexbench.cards.schema import VictimCard
from gexbench.core.images import to_uint8
from gexbench.engine.service.foreign_victim import ForeignVictim, reason
from gexbench.errors import AssetMissing, CardError, PlanError
from gexbench.foreign_text import shown

LIBRARIES = ("diffusers", "transformers")
"""Where the parts of a pipeline may come from: an index names modules, and naming one imports it."""
LARGEST = 64 << 30
_QUIET = {"HF_HUB_OFFLINE": "1", "DIFFUSERS_VERBOSITY": "error", "TRANSFORMERS_VERBOSITY": "error"}
_OURS = ("image", "generator", "output_type", "return_dict", "batch_size", "num_images_per_prompt")


class DiffusersVictim(ForeignVictim):
    """A pipeline that draws, or that takes one image; what else it is called with stands in [net] of its card.

    Its noise is drawn from a seed that is told by the question and the file alone, so the same question has the same
    answer, in whatever order questions come. A pipeline that draws is given a seed for a latent.
    """

    is_slow = True

    def __init__(self, card: VictimCard, files: Path, digest: str, device: str) -> None:
        super().__init__(card, files, digest)
        with tempfile.TemporaryDirectory() as folder, _opened(files) as file:
            if _sha256(file) != digest:
                raise AssetMissing(f"{files} was changed while it was opened", "put the file back")
            _unpack(file, files, Path(folder))
            self._pipe = _loaded(Path(folder), files, device)
        self._takes = inspect.signature(type(self._pipe).__call__).parameters
        self._beside = arguments_of(card)
        for name in self._beside:
            if name not in self._takes or name in _OURS:
                known = ", ".join(each for each in self._takes if each not in (*_OURS, "self"))
                raise CardError(f"victim {card.name!r}: net.{shown(name)} is no word of its call", f"known: {known}")

    def _read(self, files: Path) -> bytes:
        with _opened(files) as file:
            found = _sha256(file)
            if found != self.digest:
                raise AssetMissing(
                    f"{files} is not the file of victim {self.card.name!r} (sha256 {found[:12]}…)", "put the file back"
                )
            file.seek(0)
            self._key = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=64)).digest()
        return b""

    def found_latent_size(self) -> int | None:
        """Return how long latents are that seeds are made of, None where it takes images."""
        return None if "image" in self._takes else SEEDED

    def call(self, x: Tensor) -> Tensor:
        """Return an image (1,3,H,W) in [0,1] for an image (1,3,h,w) in [0,1], or for a latent (1,d)."""
        is_image = x.dim() == 4 and x.shape[1] == 3
        if is_image != ("image" in self._takes):
            what = "takes an image" if "image" in self._takes else "draws images"
            raise ValueError(f"the pipeline {type(self._pipe).__name__} {what}")
        asked: dict[str, Any] = {"generator": torch.Generator().manual_seed(self._seed(x)), "output_type": "np"}
        if is_image:
            pixels = to_uint8(x)[0].permute(1, 2, 0).contiguous().numpy()
            asked["image"] = Image.fromarray(pixels)
        asked |= {"prompt": ""} if "prompt" in self._takes else {}
        made = self._pipe(**{name: value for name, value in {**asked, **self._beside}.items() if name in self._takes})
        image = np.asarray(made.images[0], dtype=np.float32)
        return torch.from_numpy(image.copy()).permute(2, 0, 1)[None]

    def _seed(self, x: Tensor) -> int:
        """Return a seed below 2^63 that only who has the file can tell."""
        content = x.contiguous().float().numpy().tobytes()
        return int.from_bytes(hashlib.blake2b(content, key=self._key, digest_size=8).digest()) >> 1


@contextmanager
def _opened(files: Path) -> Iterator[BufferedReader]:
    try:
        file = files.open("rb")
    except OSError as error:
        raise AssetMissing(f"cannot read the victim {files}: {error.strerror}", "put the file back") from None
    with file:
        yield file


def _sha256(file: BufferedReader) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(file: BufferedReader, files: Path, folder: Path) -> None:
    """Unpack settings and tensors, and nothing else; raises PlanError where the index asks for more."""
    try:
        with zipfile.ZipFile(file) as archive:
            items = [each for each in archive.infolist() if each.filename.endswith(PIPELINE_FILES)]
            if sum(each.file_size for each in items) > LARGEST:
                raise PlanError(f"{files} unpacks to more than {LARGEST} bytes", "give a smaller pipeline")
            for item in items:
                parts = PurePosixPath(item.filename).parts
                if ".." in parts or item.filename.startswith("/") or "\\" in item.filename:
                    raise PlanError(f"{files} holds a path that leads out of it", "pack it anew")
                archive.extract(item, folder)
            _refuse_modules(json.loads(archive.read(PIPELINE_INDEX)), files)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, NotImplementedError, RuntimeError) as error:
        raise AssetMissing(f"{files} is no packed pipeline: {reason(error)}", "gexbench new victim packs one") from None


def _refuse_modules(index: object, files: Path) -> None:
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        raise PlanError(
            f"{files}: {PIPELINE_INDEX} names no class of diffusers", "pipelines with code of their own are not run"
        )
    for name, value in index.items():
        library = value[0] if isinstance(value, list) and value else None
        if library is not None and library not in LIBRARIES and not _is_of_diffusers(library):
            told = f"{files}: its part {shown(str(name))} is of {shown(str(library))}"
            raise PlanError(told, f"parts are of {' and '.join(LIBRARIES)}; no other module is imported for one")


def _is_of_diffusers(library: object) -> bool:
    """Say whether a name is that of a folder of diffusers' own pipelines, such as `stable_diffusion`."""
    spec = importlib.util.find_spec("diffusers")
    places = spec.submodule_search_locations if spec else None
    named = isinstance(library, str) and library.isidentifier()
    return named and any(Path(place, "pipelines", str(library), "__init__.py").is_file() for place in places or ())


def _loaded(folder: Path, files: Path, device: str) -> Any:
    os.environ.update(_QUIET)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from diffusers import DiffusionPipeline
            from diffusers.utils import logging
    except ImportError:
        raise AssetMissing("pipelines need diffusers", "pip install 'gexbench[diffusers]'") from None
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipe = DiffusionPipeline.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
            )
    except Exception as error:  # whatever a foreign folder makes of it
        raise AssetMissing(
            f"{files} is no pipeline that diffusers opens: {reason(error)}",
            "save it with pipe.save_pretrained(FOLDER, safe_serialization=True)",
        ) from None
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)
