"""What of the Ray backend needs no Ray."""

from __future__ import annotations

from itertools import permutations

import pytest

from nnviz.executor.ray_backend import InOrder
from nnviz.train.commands import Action, Command


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_commands_are_passed_on_as_they_were_given_however_they_arrive(order: tuple[int, ...]) -> None:
    commands = [Command(Action.SET, "lr", 0.05), Command(Action.BATCH), Command(Action.PAUSE), Command(Action.STOP)]
    passed: list[Command] = []
    in_order = InOrder(passed.append)
    for arrived, number in enumerate(order, 1):
        in_order.put(number, commands[number])
        assert passed == commands[: len(passed)]
        assert len(passed) == next((n for n in range(4) if n not in order[:arrived]), 4)  # as soon as they can be
