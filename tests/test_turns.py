"""Turns: nobody waits behind another visitor's batch, and places in the queue are known."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BoundedSemaphore, Event

import pytest
from waiting import wait_until

from sigclean.demo.turns import BusyError, Turns


async def _worked(turns: Turns, done: list[str], name: str, visitor: str) -> None:
    async with turns.turn_of(visitor):
        done.append(name)


async def _in_order(pieces: list[tuple[str, str]]) -> list[str]:
    """Ask for turns in an order, while another piece is worked on; returns the order of work."""
    turns, done = Turns(1, 100), list[str]()
    async with turns.turn_of("first"):
        waiting = []
        for number, (name, visitor) in enumerate(pieces, 1):
            waiting.append(asyncio.create_task(_worked(turns, done, name, visitor)))
            while len(turns) < number:
                await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    return done


def test_turns_go_round_the_visitors_and_each_visitors_work_is_done_in_its_order() -> None:
    pieces = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("c1", "c"), ("b2", "b")]
    assert asyncio.run(_in_order(pieces)) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_batch_of_one_visitor_lets_another_in_after_the_picture_at_hand() -> None:
    turns, done, begun, go = Turns(1, 100), list[str](), Event(), Event()

    def batch() -> None:
        for number in range(5):
            with turns.turn("batch"):
                begun.set()
                go.wait()
                done.append(f"batch {number}")

    def single() -> None:
        with turns.turn("single"):
            done.append("single")

    with ThreadPoolExecutor(2) as pool:
        working = pool.submit(batch)
        begun.wait()
        other = pool.submit(single)
        wait_until(lambda: len(turns) == 1)
        go.set()
        other.result()
        working.result()
    assert done.index("single") <= 2  # after the first, or the one that had asked before


def test_as_much_work_at_once_as_may_be_and_no_more() -> None:
    turns, room, both = Turns(2, 1000), BoundedSemaphore(2), Barrier(2, timeout=60)

    def work(visitor: str) -> None:
        with turns.turn(visitor):
            assert room.acquire(blocking=False), "three at once"
            both.wait()  # for the other one at work
            room.release()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(work, "abcdefghij" * 20))
    assert len(turns) == 0


async def _places() -> tuple[list[int], list[int]]:
    turns = Turns(1, 100)
    async with turns.turn_of("z"):
        tasks = [asyncio.create_task(_worked(turns, [], visitor, visitor)) for visitor in "aaabca"]
        while len(turns) < 6:
            await asyncio.sleep(0)
        places = turns.places("a"), [*turns.places("b"), *turns.places("c")]
    await asyncio.gather(*tasks)
    return places


def test_a_place_is_the_number_of_those_who_come_before() -> None:
    assert asyncio.run(_places()) == ([0, 3, 4, 5], [1, 2])


async def _cancelled() -> int:
    turns = Turns(1, 100)
    async with turns.turn_of("a"):
        left = asyncio.create_task(_worked(turns, [], "b", "b"))
        while not len(turns):
            await asyncio.sleep(0)
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        waiting = len(turns)
    async with turns.turn_of("c"):
        return waiting


def test_who_leaves_loses_the_place_and_blocks_nobody() -> None:
    assert asyncio.run(_cancelled()) == 0


async def _told() -> list[tuple[int, int]]:
    turns, said = Turns(1, 100), list[tuple[int, int]]()
    told = asyncio.Event()

    async def tell(place: int, of: int) -> None:
        said.append((place, of))
        told.set()

    async def wait() -> None:
        async with turns.turn_of("b", tell):
            pass

    async with turns.turn_of("a"):
        waiting = asyncio.create_task(wait())
        await told.wait()
    await waiting
    return said


def test_who_waits_is_told_the_place() -> None:
    assert asyncio.run(_told())[0] == (0, 1)


def test_a_full_queue_is_said_in_one_sentence_and_goes_on() -> None:
    turns = Turns(1, 1)

    def work() -> None:
        with turns.turn("b"):
            pass

    with ThreadPoolExecutor(1) as pool:
        with turns.turn("a"):
            turns.check_room()
            waiting = pool.submit(work)
            wait_until(lambda: len(turns) == 1)
            with pytest.raises(BusyError, match=r"^Too many pictures wait to be cleaned"):
                turns.check_room()
        waiting.result()
    turns.check_room()
