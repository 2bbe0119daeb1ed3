"""Who computes next: first come, first served."""

from __future__ import annotations

import threading
import time

from service.slots import Slots


def test_who_has_a_slot_and_wants_another_at_once_is_last() -> None:
    slots = Slots(1)
    turns: list[int] = []

    def take_turn(number: int) -> None:
        with slots:
            turns.append(number)

    threads = [threading.Thread(target=take_turn, args=(number,)) for number in range(5)]
    with slots:
        for number, thread in enumerate(threads):
            thread.start()
            while len(slots._waiting) == number:
                time.sleep(0.001)
    take_turn(5)
    assert turns == [0, 1, 2, 3, 4, 5]


def test_there_are_never_more_than_the_slots_inside() -> None:
    slots = Slots(2)
    inside = 0
    most = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with slots:
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.0001)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (most, inside) == (2, 0)


def test_a_slot_comes_back_from_what_failed() -> None:
    slots = Slots(1)
    for _ in range(2):
        try:
            with slots:
                raise RuntimeError
        except RuntimeError:
            pass
