"""From sets of images to rows of features: every image through every network once, ever."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL
import torch
from torch import Tensor

from gexbench.cards.catalog import Catalog
from gexbench.cards.entry import load_entry
from gexbench.cards.schema import AssetCard, ExtractorCard
from gexbench.core.attack import Progress
from gexbench.core.extractor import Extractor
from gexbench.core.features import CHUNK, Features, Moments
from gexbench.engine.machine import hardware
from gexbench.engine.scoring.features.cache import FeatureCache
from gexbench.engine.scoring.features.images import ImageSet, Seen
from gexbench.engine.scoring.features.work import ahead, on_cores, on_devices
from gexbench.engine.store.assets import AssetStore
from gexbench.errors import DataMissing
from gexbench.files import writing
from gexbench.foreign_text import escaped

_CPU_BATCH, _GPU_BATCH, _GPU_BYTES = 8, 256, 48 << 20


class StoredFeatures:
    """Features of one set on disk, in the order of their images' hashes."""

    def __init__(self, cache: FeatureCache, keys: Sequence[bytes], width: int) -> None:
        self._cache, self._width = cache, width
        self._given, self._keys = keys, sorted(keys)

    @property
    def shape(self) -> tuple[int, int]:
        """Return how many images there are and how long a row is."""
        return len(self._keys), self._width

    @cached_property
    def moments(self) -> Moments:
        """Return the moments of all rows; a thousand rows are in memory at a time."""
        starts = range(0, len(self._keys), CHUNK)
        return Moments.of_chunks(self.rows(slice(start, start + CHUNK)) for start in starts)

    def rows(self, which: Tensor | slice) -> Tensor:
        """Return the rows of the given numbers, or of a slice."""
        keys = self._keys[which] if isinstance(which, slice) else [self._keys[i] for i in which.tolist()]
        return self._cache.rows(keys)

    @cached_property
    def lots(self) -> Tensor:
        """Return lots by the images' hashes; copies of one image have different ones."""
        copies: Counter[bytes] = Counter()
        lots = []
        for key in self._keys:
            lots.append(hashlib.sha256(key + copies[key].to_bytes(8)).digest()[:8])
            copies[key] += 1
        return torch.from_numpy(np.frombuffer(b"".join(lots), dtype="<i8").astype(np.int64))

    def partners(self, reference: StoredFeatures, order: Sequence[int]) -> Tensor:
        """Return (n,) int64: for each row the row of its partner in `reference`, the same under any order of names.

        order: for each image by its name's place the place of its partner. Raises ValueError where counts differ.
        """
        pairs = [(key, reference._given[place]) for key, place in zip(self._given, order, strict=True)]
        rows = sorted(range(len(pairs)), key=lambda number: pairs[number])
        partners = sorted(range(len(pairs)), key=lambda number: pairs[number][::-1])
        found = torch.empty(len(pairs), dtype=torch.int64)
        found[torch.tensor(partners)] = torch.arange(len(pairs))
        return found[torch.tensor(rows)]

    def in_order(self) -> Tensor:
        """Return all rows in the order of the set's names, in memory."""
        return self._cache.rows(self._given)

    def halves(self) -> tuple[Features, Features]:
        """Return two disjoint halves, split by content; of an image that is there twice one is left out."""
        once = sorted(set(self._keys))
        return (
            StoredFeatures(self._cache, once[0::2], self._width),
            StoredFeatures(self._cache, once[1::2], self._width),
        )


class Collector:
    """Features of image sets on the devices there are.

    device: as in `hardware.choose`; all CUDA devices share the work. folder: where rows are kept for later runs; None
    keeps them until the collector is gone. Raises OutputError when the folder cannot be made.
    """

    def __init__(self, catalog: Catalog, device: str = "auto", folder: Path | None = None) -> None:
        self._catalog, self._folder = catalog, folder
        if folder is not None:
            with writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
        self.device = hardware.choose(device, autocast=False).device
        self._caches: dict[str, FeatureCache] = {}
        self._keys: dict[ImageSet, list[bytes]] = {}
        self._networks: dict[str, list[Extractor]] = {}
        self._done: dict[tuple[str, ImageSet], StoredFeatures] = {}
        self._seen: dict[bytes, Seen] = {}

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files; features that were given out cannot be read any more."""
        for cache in self._caches.values():
            cache.close()

    def collect(self, card: ExtractorCard, images: ImageSet, progress: Progress) -> StoredFeatures:
        """Return the features of a set; what an earlier call, run or process has computed is not computed again.

        Raises AssetMissing when the network's weights are not here, DataMissing naming an image that cannot be read.
        """
        if (card.name, images) not in self._done:
            cache, keys = self._cache(card), self._hashed(images, progress)
            first = {key: index for index, key in reversed(list(enumerate(keys)))}
            absent = cache.missing(keys)
            absent |= self._look(cache, images, {key: first[key] for key in first if key not in absent}, progress)
            missing = {key: first[key] for key in sorted(absent, key=first.__getitem__)}
            if missing:
                self._compute(card, images, missing, progress)
            self._done[card.name, images] = StoredFeatures(cache, keys, card.width)
        return self._done[card.name, images]

    def seen(self, images: ImageSet, progress: Progress) -> list[Seen | None]:
        """Return what is known of each image so far, from its decoding in this call or in an earlier one."""
        keys, told = self._hashed(images, progress), dict(self._seen)
        told |= {keys[index]: seen for index, seen in (images.seen or {}).items()}
        return [told.get(key) for key in keys]

    def hashes(self, images: ImageSet, progress: Progress) -> list[bytes]:
        """Return the SHA-256 of each image's content."""
        return self._hashed(images, progress)

    def _look(self, cache: FeatureCache, images: ImageSet, kept: Mapping[bytes, int], progress: Progress) -> set[bytes]:
        """Learn what files with a row were, and return those whose row was made by an older rule.

        A row that was kept without a word on its file is looked at once; the rule for more than 8 bits has changed.
        """
        if (seen := images.seen) is None:
            return set()
        told = {key: Seen.from_text(text) for key, text in cache.facts(kept).items()}
        self._seen |= {key: seen for key, seen in told.items() if seen is not None}
        unknown = {key: index for key, index in kept.items() if told.get(key) is None}

        def read(item: tuple[bytes, int]) -> tuple[bytes, Seen]:
            images.decode(_unchanged(images, *item), item[1])
            return item[0], seen[item[1]]

        with ThreadPoolExecutor(hardware.cores()) as pool:
            looked = dict(ahead(pool, read, unknown.items(), 64))
        if unknown:
            progress("looking at files", len(looked), len(unknown))
        old = {key for key, seen in looked.items() if seen.facts.depth > 8}
        cache.tell({key: seen.as_text() for key, seen in looked.items() if key not in old})
        return old

    def digest(self, images: ImageSet, progress: Progress) -> str:
        """Return the SHA-256 of a set's content: the same for the same images under any names, in any order."""
        return hashlib.sha256(b"".join(sorted(self._hashed(images, progress)))).hexdigest()

    def _hashed(self, images: ImageSet, progress: Progress) -> list[bytes]:
        if images not in self._keys:
            self._keys[images] = list(_keys(images, progress))
        return self._keys[images]

    def _compute(self, card: ExtractorCard, images: ImageSet, missing: Mapping[bytes, int], progress: Progress) -> None:
        extractors, size, what, done = self._extractors(card), self._batch_size(), f"features {card.name}", 0
        cache = self._cache(card)

        def read(item: tuple[bytes, int]) -> tuple[bytes, Tensor]:
            key, index = item
            return key, extractors[0].prepare(images.decode(_unchanged(images, key, index), index))

        progress(what, 0, len(missing))
        cores = hardware.cores()
        if self.device == "cpu":
            computed = on_cores(read, extractors[0], missing.items(), size, cores)
        else:
            computed = on_devices(read, extractors, missing.items(), size, cores)
        for keys, rows in computed:
            _refuse_nan(images, keys, rows, missing)
            cache.put(keys, rows)
            if images.seen is not None:
                cache.tell({key: images.seen[missing[key]].as_text() for key in keys})
            done += len(keys)
            progress(what, done, len(missing))

    def _extractors(self, card: ExtractorCard) -> list[Extractor]:
        if card.name not in self._networks:
            store = AssetStore()
            paths = {name: store.path(self._catalog.get(AssetCard, name)) for name in card.assets}
            count = torch.cuda.device_count() if self.device == "cuda" else 1
            names = [f"cuda:{index}" for index in range(count)] if self.device == "cuda" else [self.device]
            self._networks[card.name] = [load_entry(card.entry)(card.settings, paths).to(name) for name in names]
        return self._networks[card.name]

    def _batch_size(self) -> int:
        if self.device != "cuda":
            return _CPU_BATCH
        return min(_GPU_BATCH, max(8, torch.cuda.mem_get_info()[0] // _GPU_BYTES))

    def _cache(self, card: ExtractorCard) -> FeatureCache:
        if card.name not in self._caches:
            file = f"{card.name.replace('/', '_')}-{self._identity(card)}.sqlite"
            self._caches[card.name] = FeatureCache(self._folder / file if self._folder else None, card.width)
        return self._caches[card.name]

    def _identity(self, card: ExtractorCard) -> str:
        """Return 12 hex digits that change with anything that moves a row's last bits."""
        weights = {name: self._catalog.get(AssetCard, name).result_sha256 for name in card.assets}
        facts = [card.entry, card.version, card.settings, weights, torch.__version__, PIL.__version__, self.device]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _keys(images: ImageSet, progress: Progress) -> Iterator[bytes]:
    count = len(images.names)
    for index in range(count):
        yield _key(images.content(index))
        if index % 256 == 0 or index + 1 == count:
            progress("hashing images", index + 1, count)


def _unchanged(images: ImageSet, key: bytes, index: int) -> bytes:
    content = images.content(index)
    if _key(content) != key:
        raise DataMissing(f"{escaped(images.names[index])} changed while its set was read", "start again")
    return content


def _key(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _refuse_nan(images: ImageSet, keys: Sequence[bytes], rows: Tensor, missing: Mapping[bytes, int]) -> None:
    if bool(torch.isfinite(rows).all()):
        return
    bad = keys[int((~torch.isfinite(rows).all(dim=1)).nonzero()[0, 0])]
    raise DataMissing(
        f"{escaped(images.names[missing[bad]])} gives features that are NaN or infinite",
        "no distance is defined with it; take it out",
    )
