"""Threads that clean pictures: order, memory, early ends, and batches for a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from threading import Barrier, Event, Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image
from waiting import wait_until

from sigclean.bulk.batching import Batcher
from sigclean.bulk.pipeline import PixelBudget, in_order
from sigclean.letterbox import Letterbox
from sigclean.views.view import Reading, View

SECONDS = 60  # limit for what takes no time on an idle machine


def test_results_come_in_the_items_order() -> None:
    first_may_end = Event()

    def work(item: int, stop: Event) -> int:
        if item == 0:
            assert first_may_end.wait(SECONDS)
        if item == 3:
            first_may_end.set()
        return item * item

    assert list(in_order(work, range(20), 2)) == [item * item for item in range(20)]


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Any:
        for item in range(1000):
            taken.append(item)
            yield item

    results = in_order(lambda item, stop: item, items(), 2)
    assert next(results) == 0
    assert len(taken) < 10
    results.close()


def test_an_error_ends_the_work_and_stops_the_other_threads() -> None:
    stopped, begun = Event(), Barrier(2)

    def work(item: int, stop: Event) -> None:
        if item < 2:
            begun.wait(SECONDS)
        if item == 0:
            raise ValueError("a full disk")
        if stop.wait(SECONDS):
            stopped.set()

    with pytest.raises(ValueError, match="a full disk"):
        list(in_order(work, range(100), 2))
    assert stopped.wait(SECONDS)


def test_no_more_pixels_are_held_than_the_budget_has() -> None:
    budget = PixelBudget(10)
    held, most = 0, 0

    def work(pixels: int, stop: Event) -> None:
        nonlocal held, most
        with budget.hold(pixels):
            held += pixels
            most = max(most, held)
            held -= pixels

    list(in_order(work, [4, 3, 5, 2, 6, 1] * 50, 4))
    assert most <= 10


def test_a_picture_larger_than_the_budget_waits_for_its_turn_and_gets_all_of_it() -> None:
    budget, entered = PixelBudget(10), []
    with budget.hold(1):
        large = Thread(target=lambda: _enter(budget, 99, entered))
        large.start()
        wait_until(lambda: budget.waiting == 1)
        small = Thread(target=lambda: _enter(budget, 1, entered))
        small.start()  # would fit, but the large one is before it
        wait_until(lambda: budget.waiting == 2)
        assert entered == []
    large.join(SECONDS)
    small.join(SECONDS)
    assert entered == [99, 1]


def _enter(budget: PixelBudget, pixels: int, entered: list[int]) -> None:
    with budget.hold(pixels):
        entered.append(pixels)


def view(number: int, width: int) -> View:
    image = Image.new("RGB", (width, 8))
    shown = np.full((3, 8, width), number, np.float32)
    reading = Reading(image.size, (0, 0, *image.size))
    return View(image, image, Letterbox(8).place(8, 8), (0, 0), shown, reading)


def test_views_of_one_shape_go_through_the_network_together() -> None:
    batches: list[tuple[int, ...]] = []
    first, all_wait = Event(), Event()

    def network(views: Sequence[View]) -> list[int]:
        batches.append(np.stack([one.shown for one in views]).shape)
        if not first.is_set():  # the others come while it works on the first
            first.set()
            assert all_wait.wait(SECONDS)
        return [int(one.shown[0, 0, 0]) for one in views]

    with closing(Batcher(network, most=4)) as batcher:
        results: dict[int, int] = {}

        def get(number: int, width: int) -> None:
            results[number] = batcher.ask(view(number, width))

        threads = [Thread(target=get, args=(0, 8))]
        threads[0].start()
        assert first.wait(SECONDS)
        for number in range(1, 8):
            threads.append(Thread(target=get, args=(number, 16 if number == 3 else 8)))
            threads[-1].start()
        wait_until(lambda: batcher.waiting == 7)
        all_wait.set()
        for thread in threads:
            thread.join(SECONDS)
    assert results == {number: number for number in range(8)}
    assert sorted(shape[0] for shape in batches) == [1, 1, 2, 4]
    assert {shape[3] for shape in batches if shape[0] > 1} == {8}


def test_an_error_of_the_network_reaches_the_threads_that_wait() -> None:
    def network(views: Sequence[View]) -> list[int]:
        raise MemoryError

    with closing(Batcher(network, most=4)) as batcher, pytest.raises(MemoryError):
        batcher.ask(view(1, 8))
