"""From images to rows on all the cores or devices there are: in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

import torch
from torch import Tensor

from gexbench.core.extractor import Extractor
from gexbench.errors import GexbenchError

T = TypeVar("T")
R = TypeVar("R")
Prepared = tuple[bytes, Tensor]
"""An image's key, and what its extractor's network takes."""
Computed = tuple[list[bytes], Tensor]
"""The keys of a batch, and its rows."""


def on_cores(
    read: Callable[[T], Prepared], extractor: Extractor, items: Iterable[T], size: int, cores: int
) -> Iterator[Computed]:
    """Yield the rows of batches of `size`, each taken from file to row by one core.

    A layer spread over cores would end with its slowest.
    """
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from ahead(
                pool, lambda part: _computed(extractor, list(map(read, part))), batches(items, size), 2 * cores
            )
    finally:
        torch.set_num_threads(before)


def on_devices(
    read: Callable[[T], Prepared], extractors: Sequence[Extractor], items: Iterable[T], size: int, readers: int
) -> Iterator[Computed]:
    """Yield the rows of batches of `size`, computed on every device while `readers` threads prepare the next ones."""
    free: SimpleQueue[Extractor] = SimpleQueue()
    for extractor in extractors:
        free.put(extractor)

    def run(batch: Sequence[Prepared]) -> Computed:
        extractor = free.get()
        try:
            return _computed(extractor, batch)
        finally:
            free.put(extractor)

    # These flags are the process's: threads that each set and reset them would undo one another's.
    with (
        torch.backends.cudnn.flags(True, allow_tf32=False, deterministic=True),
        ThreadPoolExecutor(readers) as reading,
        ThreadPoolExecutor(len(extractors)) as running,
    ):
        prepared = ahead(reading, read, items, 2 * size * len(extractors))
        yield from ahead(running, run, batches(prepared, size), 2 * len(extractors))


def ahead(pool: Executor, work: Callable[[T], R], items: Iterable[T], most: int) -> Iterator[R]:
    """Yield results in order while at most `most` are under way or waiting: memory stays bounded."""
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items, the last one shorter."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def _computed(extractor: Extractor, batch: Sequence[Prepared]) -> Computed:
    return [key for key, _ in batch], _rows(extractor, torch.stack([image for _, image in batch]))


def _rows(extractor: Extractor, batch: Tensor) -> Tensor:
    """Return the features of a batch, in smaller parts where the device's memory does not hold it."""
    try:
        return extractor.features(batch)
    except torch.OutOfMemoryError as error:
        if len(batch) == 1:
            raise GexbenchError(
                "the device's memory does not hold one image's activations", "use --device cpu"
            ) from error
    # Not inside `except`: the error holds the frames it came through, and they hold the activations.
    torch.cuda.empty_cache()
    return torch.cat([_rows(extractor, half) for half in batch.chunk(2)])
