"""One item ahead, no more; errors where they belong."""

import threading
import time

import pytest

from inference.prefetch import prefetch

PATIENCE_S = 60.0


def test_the_next_is_made_while_the_one_before_is_used() -> None:
    made: list[int] = []
    second = threading.Event()

    def make(n: int) -> int:
        made.append(n)
        if n == 1:
            second.set()
        return n * n

    for n, square in prefetch(make, range(6)):
        assert square == n * n
        if n == 0:
            assert second.wait(PATIENCE_S)
            time.sleep(0.05)
            assert made == [0, 1]  # and not the third
    assert made == [0, 1, 2, 3, 4, 5]
    assert list(prefetch(make, [])) == []
    assert list(prefetch(make, [7])) == [(7, 49)]


def test_an_error_comes_in_its_items_place() -> None:
    def make(n: int) -> float:
        return 1 / (2 - n)

    ahead = prefetch(make, range(5))
    assert [next(ahead)[0], next(ahead)[0]] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(ahead)
