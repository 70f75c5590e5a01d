"""Images become rows on all cores or devices: in order, whole, and with nothing left changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from gexbench.engine.scoring.features.work import Computed, Prepared, batches, on_cores, on_devices
from gexbench.errors import DataMissing

from ...toy_orders import HANG


class Squares:
    """An extractor that squares, and remembers who asked it for how much."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.threads: set[int] = set()
        self.busy = threading.Lock()

    def features(self, batch: Tensor) -> Tensor:
        assert self.busy.acquire(blocking=False), "two batches at once on one device"
        self.batches.append(len(batch))
        self.threads.add(torch.get_num_threads())
        self.busy.release()
        return batch**2

    def prepare(self, image: Tensor) -> Tensor:
        return image

    def to(self, device: str) -> Squares:
        return self


class Shared(Squares):
    """One extractor for all cores."""

    def features(self, batch: Tensor) -> Tensor:
        with self.busy:
            self.batches.append(len(batch))
            self.threads.add(torch.get_num_threads())
        return batch**2


def read(item: int) -> Prepared:
    return bytes([item]), torch.tensor([float(item)])


def unreadable(item: int) -> Prepared:
    if item == 7:
        raise DataMissing("cannot read image 7")
    return read(item)


def in_order(computed: Iterator[Computed], count: int) -> bool:
    """Say whether all rows came, each with its key, in the order of the items."""
    parts = list(computed)
    keys = [key for part, _ in parts for key in part]
    rows = torch.cat([rows for _, rows in parts])
    return keys == [bytes([i]) for i in range(count)] and rows[:, 0].tolist() == [float(i * i) for i in range(count)]


@pytest.mark.parametrize(("size", "parts"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_items_are_taken_in_batches_the_last_one_shorter(size: int, parts: list[int]) -> None:
    taken = list(batches(iter(range(5)), size))
    assert [len(part) for part in taken] == parts
    assert [item for part in taken for item in part] == list(range(5))


def test_of_nothing_there_are_no_batches() -> None:
    assert list(batches([], 3)) == []


@pytest.mark.parametrize("cores", [1, 3])
def test_cores_give_every_row_in_order(cores: int) -> None:
    extractor = Shared()
    assert in_order(on_cores(read, extractor, range(50), 4, cores), 50)
    assert sorted(extractor.batches) == [2, *[4] * 12]


def test_a_core_computes_on_its_own_and_the_process_gets_its_threads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[int] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    list(on_cores(read, Shared(), range(20), 4, 2))
    assert set(set_to[:-1]) == {1}
    assert set_to[-1] == 6
    with pytest.raises(DataMissing):
        list(on_cores(unreadable, Shared(), range(20), 4, 2))
    assert set_to[-1] == 6


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_devices_give_every_row_in_order_and_each_takes_one_batch_at_a_time(devices: int) -> None:
    extractors = [Squares() for _ in range(devices)]
    assert in_order(on_devices(read, extractors, range(90), 4, 3), 90)
    assert sorted(size for each in extractors for size in each.batches) == [2, *[4] * 22]


def test_no_device_stands_idle_and_none_is_given_two_batches_at_once() -> None:
    together = threading.Barrier(2, timeout=HANG)

    class Meeting(Squares):
        def features(self, batch: Tensor) -> Tensor:
            alone = self.busy.acquire(blocking=False)
            together.wait() if alone else together.abort()
            self.busy.release()
            return batch**2

    assert in_order(on_devices(read, [Meeting(), Meeting()], range(16), 2, 1), 16)


def test_an_image_that_cannot_be_read_ends_the_work_with_its_error() -> None:
    on_both = on_cores(unreadable, Shared(), range(20), 4, 2), on_devices(unreadable, [Squares()], range(20), 4, 2)
    for computed in on_both:
        with pytest.raises(DataMissing, match="cannot read image 7"):
            list(computed)


def test_what_devices_need_of_the_process_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []

    class Looking(Squares):
        def features(self, batch: Tensor) -> Tensor:
            seen.append((torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32))
            return batch**2

    before = (torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32)
    list(on_devices(read, [Looking()], range(4), 2, 1))
    assert seen == [(True, False)] * 2
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32) == before
