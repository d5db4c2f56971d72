"""Registries that find their entries: every module of a package may hold some, and adding one is adding a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Protocol, TypeVar


class Entry(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def rank(self) -> int: ...


E = TypeVar("E", bound=Entry)


def modules_of(package: str, path: list[str]) -> Iterator[ModuleType]:
    """Every module of a package, in alphabetical order; `path` is its `__path__`."""
    for info in pkgutil.iter_modules(path):
        yield importlib.import_module(f"{package}.{info.name}")


def registry(package: str, path: list[str], kind: type[E]) -> dict[str, E]:
    """Name → entry: all instances of `kind` that the package's modules hold, by their rank, then by their name.

    Raises ValueError if two have the same name.
    """
    found: dict[str, E] = {}
    for module in modules_of(package, path):
        for entry in vars(module).values():
            if isinstance(entry, kind) and found.setdefault(entry.name, entry) is not entry:
                raise ValueError(f"two entries of {package} are called {entry.name!r}")
    return dict(sorted(found.items(), key=lambda item: (item[1].rank, item[0])))
