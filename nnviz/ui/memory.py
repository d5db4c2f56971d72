"""What pages have worked out and may be asked for again: kept for the whole server, within one bound in bytes.

A network may have a thousand numbers or sixty million, so that a bound in entries is none: what was used longest ago
goes first, whatever it is, once all together are more than `environment.cache_bytes`.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import FunctionType, MethodType, ModuleType
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakValueDictionary

import numpy as np
import streamlit as st
from torch import Tensor

from nnviz.data.datasets import Loaded
from nnviz.environment import cache_bytes
from nnviz.store.runs import RunStore

P = ParamSpec("P")
T = TypeVar("T")

_MOST_OBJECTS = 50_000  # looked at to measure a value; what is larger in numbers of objects is so in arrays too
_ENOUGH = 8_000_000  # bytes: what is as large is measured often; so much freed, the system is asked to take it back
_NO_VALUES = (
    type,
    FunctionType,
    MethodType,
    ModuleType,
    Loaded,
    RunStore,
)  # the images are mapped files, shared by all


@dataclass
class _Entry:
    value: Any
    size: int
    made: float


class Memory:
    """Values by key, the least recently used of them forgotten first. Safe to share between threads.

    The newest is kept even if it alone is larger than the bound: the page that shows it asks for it again and again.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._grown: set[Hashable] = set()
        self._held: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
        """Forgotten here, but a session still holds it: to make it again would take its memory twice."""
        self._held_sizes: dict[Hashable, int] = {}
        self._freed = 0

    @property
    def size(self) -> int:
        """Bytes of all values, about."""
        with self._lock:
            return sum(entry.size for entry in self._entries.values())

    def get(self, key: Hashable, make: Callable[[], T], *, seconds: float | None = None, grows: bool = False) -> T:
        """The value of `key`, made at most once at a time, and anew after so many `seconds`. What `grows` by being
        used is measured again.
        """
        found, value = self._look(key, seconds, grows)
        if found:
            return cast(T, value)
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            found, value = self._look(key, seconds, grows)
            if found:
                return cast(T, value)
            try:
                held = self._held.pop(key, None) if seconds is None else None
                made = cast(T, held) if held is not None else make()
                self._put(key, made)
                if grows:  # by whoever gets it now
                    with self._lock:
                        self._grown.add(key)
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return made

    def _look(self, key: Hashable, seconds: float | None, grows: bool) -> tuple[bool, Any]:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or (seconds is not None and time.monotonic() - entry.made > seconds):
                return False, None
            self._entries.move_to_end(key)
            if grows:
                self._grown.add(key)
            return True, entry.value

    def _put(self, key: Hashable, value: object) -> None:
        size = size_of(value)
        with self._lock:
            grown = [(one, self._entries[one].value) for one in self._grown if one in self._entries]
            # Somebody may be at work with it still: what is large is measured as long as it is kept.
            self._grown = {one for one, _ in grown if self._entries[one].size >= _ENOUGH}
            held = [(one, kept) for one, kept in self._held.items() if self._held_sizes.get(one, 0) >= _ENOUGH]
        sizes = {one: size_of(kept) for one, kept in grown}
        held_sizes = {one: size_of(kept) for one, kept in held}
        grown, held = [], []  # else what goes is held here
        with self._lock:
            self._held_sizes.update(held_sizes)
            for one, now in sizes.items():
                if one in self._entries:
                    self._entries[one].size = now
            self._entries[key] = _Entry(value, size, time.monotonic())
            self._entries.move_to_end(key)
            self._held_sizes.pop(key, None)
            while len(self._entries) > 1 and self._taken() > self.limit:
                last, entry = self._entries.popitem(last=False)
                self._freed += entry.size
                with suppress(TypeError):  # not everything can be held weakly
                    self._held[last], self._held_sizes[last] = entry.value, entry.size
                del entry  # else it is held here
            enough = self._freed >= _ENOUGH
            if enough:
                self._freed = 0
        if enough:
            give_back()

    def _taken(self) -> int:
        """Bytes of what is kept here, and of what sessions hold of what was."""
        self._held_sizes = {key: size for key, size in self._held_sizes.items() if key in self._held}
        return sum(entry.size for entry in self._entries.values()) + sum(self._held_sizes.values())


@st.cache_resource(show_spinner=False)
def memory() -> Memory:
    """That of the server."""
    _return_large_blocks()
    return Memory(cache_bytes())


def kept(*, seconds: float | None = None, grows: bool = False) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function's results be kept in `memory`, by its arguments; those that begin with _ don't tell them apart."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)
        name = f"{function.__module__}.{function.__qualname__}"

        @functools.wraps(function)
        def ask(*arguments: P.args, **named: P.kwargs) -> T:
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            key = (name, *(value for word, value in bound.arguments.items() if not word.startswith("_")))
            return memory().get(key, lambda: function(*arguments, **named), seconds=seconds, grows=grows)

        return ask

    return decorate


def size_of(value: object) -> int:
    """Bytes of a value and all that it holds, about; arrays count once, however many views of them there are."""
    total, seen, waiting = 0, set[int](), [value]
    while waiting and len(seen) < _MOST_OBJECTS:
        one = waiting.pop()
        if one is None or id(one) in seen or isinstance(one, _NO_VALUES):
            continue
        seen.add(id(one))
        if isinstance(one, Tensor):
            storage = one.untyped_storage()
            if storage.data_ptr() not in seen:
                seen.add(storage.data_ptr())
                total += storage.nbytes()
            waiting.append(one.grad if one.is_leaf else None)
        elif isinstance(one, np.ndarray):
            while isinstance(one.base, np.ndarray):
                one = one.base
            if id(one) not in seen or one is value or one.base is None:
                seen.add(id(one))
                total += 0 if isinstance(one, np.memmap) else one.nbytes
        else:
            total += sys.getsizeof(one, 0)
            waiting.extend(_parts(one))
    return total


def _parts(value: object) -> Iterable[Any]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return value
    return list(getattr(value, "__dict__", {}).values())


# ---------------------------------------------------------------------- the system's share

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # of mallopt(3), glibc
_LARGE = 1_000_000


def _return_large_blocks() -> None:
    """Let glibc map each large block by itself, so that it goes back to the system as soon as it is freed; else every
    freed block makes it keep larger ones, in an arena for each thread.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_ARENA_MAX, 2)


def give_back() -> None:
    """Let the allocator return what is free to the system, where it can (glibc's malloc_trim)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
