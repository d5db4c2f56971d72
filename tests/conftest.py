"""Fixtures for all tests. Where the real MNIST files are at hand, tests run on them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
import torch
from threadpoolctl import threadpool_limits

from nnviz.data.datasets import DATASETS, Dataset, Loaded, Split
from nnviz.executor import local
from nnviz.store.runs import RunStore
from tests import processes
from tests.waiting import LIMIT_S

# As trainings and the server do; with more, processes that share the cores wait for each other.
torch.set_num_threads(1)
threadpool_limits(1, user_api="blas")

processes.mark()

# Most tests are of a store that is empty but for what they put there.
os.environ["NNVIZ_PRETRAINED"] = "0"

local.SHUTDOWN_SECONDS = local.KILL_SECONDS = LIMIT_S  # people don't wait that long for an end, tests must see it

PROJECT = Path(__file__).parents[1]


def _find_mnist() -> Path | None:
    """Where NNVIZ_DATA names a folder it is that or none: an empty one shows what the tests do without MNIST."""
    named = os.environ.get("NNVIZ_DATA")
    for root in (named,) if named else (PROJECT.parent / "shared" / "data", PROJECT / "data"):
        if (Path(root) / "MNIST" / "raw" / "train-images-idx3-ubyte").is_file():
            return Path(root).resolve()
    return None


MNIST = _find_mnist()
"""Looked for once, before tests change the environment."""


LONGEST = ("test_ray.py", "test_driver.py", "test_all.py", "test_local.py", "test_datasets.py", "test_cli.py")
"""They begin, so that at the end no process is left with one of them while the others have nothing to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # What needs the real MNIST says so in two ways, of which each implies the other.
        if "mnist_root" in getattr(item, "fixturenames", ()):
            item.add_marker("mnist")
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if MNIST is None and item.get_closest_marker("mnist"):
        pytest.skip(NO_MNIST)


NO_MNIST = "no real MNIST: set NNVIZ_DATA to a folder that has it, or start the app once to download it"


@pytest.fixture(autouse=True, scope="module")
def nothing_left_running() -> Iterator[None]:
    """Set up before all fixtures of a module, and so looks when those have ended what they started."""
    yield
    assert processes.end_all() == [], "still running when the module's tests were over; killed now"


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder with the real MNIST in torchvision's layout; skips where there is none."""
    if MNIST is None:
        pytest.skip(NO_MNIST)
    return MNIST


@pytest.fixture(scope="session")
def blobs() -> Loaded:
    """A small data set that can be learned in no time: each class is a bright square in its own place, with noise."""
    source = torch.Generator().manual_seed(7)

    def split(count: int) -> Split:
        labels = torch.arange(count) % 10
        images = torch.randint(0, 60, (count, 1, 28, 28), generator=source, dtype=torch.uint8)
        for image, label in zip(images, labels.tolist(), strict=True):
            row, column = divmod(label, 5)
            image[0, 4 + 12 * row : 10 + 12 * row, 1 + 5 * column : 6 + 5 * column] += 180
        return Split(images, labels)

    return Loaded(DATASETS["mnist"], split(300), split(100))


@pytest.fixture(scope="module")
def app_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The runs folder of pages that are run in this process; what they started is ended afterwards."""
    folder = tmp_path_factory.mktemp("app") / "runs"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NNVIZ_RUNS", str(folder))
        if MNIST:
            environment.setenv("NNVIZ_DATA", str(MNIST))
        st.cache_resource.clear()
        yield folder
        st.cache_resource.clear()


@pytest.fixture
def images_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every data set counts as being there, for pages that ask only whether it is: nothing is trained."""
    monkeypatch.setattr(Dataset, "available", lambda self, root=None: True)
    monkeypatch.setattr(Dataset, "problem", lambda self, root=None: None)


@pytest.fixture
def store(app_runs: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """The store that the pages read, with `blobs` as every data set; empty again afterwards."""
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    store = RunStore(app_runs)
    yield store
    for run in store.runs():
        store.delete(run.id)
    store.close()
