"""What is kept for all: within its bound whatever it is, made once, the least recently used forgotten first."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest
import streamlit as st
import torch

from nnviz.data.datasets import Loaded
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.runs import RunStore
from nnviz.train.trainer import Trainer
from nnviz.ui.checkpoints import checkpoint_now
from nnviz.ui.memory import Memory, give_back, kept, memory, size_of
from tests.waiting import LIMIT_S

MB = 1_000_000


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (torch.zeros(250_000), MB),
        (torch.zeros(250_000)[::2], MB),  # a view holds all of it
        (np.zeros(MB, np.uint8), MB),
        (np.zeros((2, MB // 2), np.uint8)[0], MB),
        (bytes(MB), MB),
        ("x" * MB, MB),
        ([torch.zeros(125_000), {"a": (np.zeros(MB // 2, np.uint8),)}], MB),
        ([torch.zeros(250_000)] * 5, MB),
        (torch.nn.Linear(499, 500), MB),
        (go.Figure(go.Scatter(y=np.zeros(125_000))), MB),
        (SimpleNamespace(part=SimpleNamespace(weights=torch.zeros(250_000))), MB),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_as_large_as_all_that_it_holds(value: object, size: int) -> None:
    assert size_of(value) == pytest.approx(size, rel=0.05)


def test_what_holds_itself_and_what_is_mapped_counts_once_and_not_at_all(tmp_path: Path, blobs: Loaded) -> None:
    ring: list[object] = [bytes(MB)]
    ring.append(ring)
    assert size_of(ring) == pytest.approx(MB, rel=0.01)
    mapped = np.memmap(tmp_path / "file", np.uint8, "w+", shape=(MB,))
    assert size_of(mapped) < 1000
    assert size_of([blobs]) < 1000


@pytest.mark.parametrize("size", [1, 10, 100])
def test_all_together_stay_within_the_bound(size: int) -> None:
    kept_here = Memory(300 * MB // 100)
    for number in range(1000 // size):
        kept_here.get(("bytes", number), lambda: bytes(size * MB // 100))
        assert kept_here.size <= kept_here.limit


def test_the_least_recently_used_goes_first() -> None:
    made: list[str] = []

    def ask(key: str) -> None:
        kept_here.get(key, lambda: made.append(key) or bytes(MB))  # type: ignore[func-returns-value]

    kept_here = Memory(3 * MB + 1000)
    for key in ("a", "b", "c", "a", "d", "a", "c"):
        ask(key)
    assert made == ["a", "b", "c", "d"]
    ask("b")
    assert made == ["a", "b", "c", "d", "b"]


def test_what_alone_is_too_large_is_kept_until_the_next_comes() -> None:
    kept_here = Memory(MB)
    large = kept_here.get("large", lambda: bytes(5 * MB))
    assert kept_here.get("large", lambda: b"") is large
    kept_here.get("next", lambda: b"small")
    assert kept_here.size < 1000


def test_what_grows_is_measured_again() -> None:
    kept_here = Memory(3 * MB)
    kept_here.get("growing", lambda: SimpleNamespace(), grows=True).more = bytes(2 * MB)
    kept_here.get("growing", lambda: SimpleNamespace(), grows=True)
    kept_here.get("other", lambda: bytes(2 * MB))
    assert kept_here.size == pytest.approx(2 * MB, rel=0.01)


def test_what_grows_once_it_is_made_is_measured_although_nobody_asks_again() -> None:
    kept_here = Memory(3 * MB)
    kept_here.get("growing", lambda: SimpleNamespace(), grows=True).more = bytes(2 * MB)
    kept_here.get("other", lambda: b"")
    assert kept_here.size == pytest.approx(2 * MB, rel=0.01)


def test_what_is_large_is_measured_as_long_as_it_is_kept() -> None:
    """Others put something in while a page is at work with it."""
    kept_here = Memory(30 * MB)
    growing = kept_here.get("growing", lambda: SimpleNamespace(some=bytes(8 * MB)), grows=True)
    for size in (1, 5):
        kept_here.get(size, lambda: b"")
        growing.more = bytes(size * MB)
    kept_here.get("last", lambda: b"")
    assert kept_here.size == pytest.approx(13 * MB, rel=0.01)


def test_what_somebody_still_holds_is_not_made_twice() -> None:
    kept_here = Memory(MB)
    held = kept_here.get("net", lambda: torch.nn.Linear(500, 500))
    kept_here.get("other", lambda: bytes(MB // 2))
    assert kept_here.get("net", lambda: torch.nn.Linear(500, 500)) is held


def test_what_sessions_hold_counts_as_long_as_they_do() -> None:
    kept_here = Memory(3 * MB)
    held = kept_here.get("net", lambda: torch.nn.Linear(500, 500))
    for number in range(5):
        kept_here.get(number, lambda: bytes(MB))
    assert kept_here.size <= 2.1 * MB
    del held
    for number in range(5):
        kept_here.get(number + 5, lambda: bytes(MB - 1000))
    assert kept_here.size >= 2.9 * MB


def test_what_sessions_hold_counts_with_what_it_has_grown_by() -> None:
    kept_here = Memory(20 * MB)
    held = kept_here.get("net", lambda: torch.nn.Linear(1500, 1500), grows=True)
    kept_here.get("large", lambda: bytes(15 * MB))
    held.weight.grad = torch.zeros(1500, 1500)
    for number in range(5):
        kept_here.get(number, lambda: bytes(MB))
    assert kept_here.size <= 2.1 * MB


def test_many_who_ask_at_once_wait_for_one() -> None:
    kept_here, begun, go_on = Memory(MB), threading.Event(), threading.Event()
    made: list[int] = []

    def make() -> int:
        begun.set()
        assert go_on.wait(LIMIT_S)
        made.append(1)
        return 7

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(kept_here.get("key", make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(LIMIT_S)
    go_on.set()
    for thread in threads:
        thread.join()
    assert (made, found) == ([1], [7] * 8)


def test_what_failed_is_tried_again() -> None:
    kept_here = Memory(MB)
    with pytest.raises(ZeroDivisionError):
        kept_here.get("key", lambda: 1 // 0)
    assert kept_here.get("key", lambda: 3) == 3


def test_after_its_time_it_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    kept_here, now = Memory(MB), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert kept_here.get("key", lambda: 1, seconds=5) == 1
    now[0] = 4
    assert kept_here.get("key", lambda: 2, seconds=5) == 1
    now[0] = 6
    assert kept_here.get("key", lambda: 3, seconds=5) == 3


def test_arguments_tell_results_apart_but_for_those_that_begin_with_an_underscore() -> None:
    st.cache_resource.clear()
    asked: list[object] = []

    @kept()
    def double(number: int, more: int = 0, *, _by: object = None) -> int:
        asked.append((number, more))
        return 2 * number + more

    assert (double(1), double(number=1, more=0), double(1, _by=[]), double(2, 1)) == (2, 2, 2, 5)
    assert asked == [(1, 0), (2, 1)]
    st.cache_resource.clear()
    assert double(1) == 2
    assert asked == [(1, 0), (2, 1), (1, 0)]


def test_the_bound_of_the_server_is_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_CACHE_MB", "7")
    st.cache_resource.clear()
    assert memory().limit == 7 * MB
    st.cache_resource.clear()
    give_back()  # does nothing where the system has no such call


def test_a_network_looked_into_is_held_once_with_its_momentum_and_the_next_step_is_three_times_more(
    blobs: Loaded, store: RunStore
) -> None:
    network, config = NetworkSpec((Dense(1024),)), TrainConfig(epochs=2)
    trainer = Trainer(network, config, blobs)
    next(trainer.run())
    view = checkpoint_now(store, store.create(network, config), trainer.checkpoint())
    weights = 4 * (785 * 1024 + 1025 * 10)
    assert size_of(view) == pytest.approx(2 * weights, rel=0.05)
    assert view.next_step is not None
    assert size_of(view) == pytest.approx(5 * weights, rel=0.1)  # the gradient, the weights after it, the momentum
