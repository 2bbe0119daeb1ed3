from random import Random

from loadtests.tasks.deck import Deck


def deal(seed: int, count: int) -> list[str]:
    deck, random = Deck("abcde"), Random(seed)
    return [deck.deal(random) for _ in range(count)]


def test_every_item_comes_as_often_as_every_other() -> None:
    dealt = deal(1, 15)
    rounds = [dealt[0:5], dealt[5:10], dealt[10:15]]
    assert [sorted(own) for own in rounds] == [list("abcde")] * 3
    assert rounds[0] != rounds[1]


def test_the_order_follows_the_seed() -> None:
    assert deal(1, 15) == deal(1, 15) != deal(2, 15)
