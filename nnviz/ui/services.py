"""What all sessions of the server share: the run store, the kept drawings, the executor, the getting of data."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import streamlit as st
import torch
from threadpoolctl import threadpool_limits

from nnviz import environment, pretrained
from nnviz.data.download import Preparation
from nnviz.environment import SettingError
from nnviz.executor.local import LocalExecutor
from nnviz.store.database import ReadOnly, StoreError
from nnviz.store.drawings import HandwritingStore
from nnviz.store.runs import RunStore
from nnviz.sweep.store import SweepStore
from nnviz.ui.one_click import obey_once
from nnviz.ui.tcp_nodelay import send_at_once


@st.cache_resource(show_spinner=False, on_release=RunStore.close)
def store() -> RunStore:
    opened = RunStore(look_only=True)
    with suppress(SettingError):  # said by every page
        pretrained.install(opened)
    return opened


def look_only() -> str:
    """Why nothing can be trained, changed or deleted here, only looked at; empty where it can."""
    return str(ReadOnly(store().root)) if store().look_only else ""


@st.cache_resource(show_spinner=False)
def sweeps() -> SweepStore:
    return SweepStore(store())


@st.cache_resource(show_spinner=False, on_release=HandwritingStore.close)
def handwriting() -> HandwritingStore:
    return HandwritingStore(look_only=store().look_only)


@st.cache_resource(show_spinner=False, on_release=LocalExecutor.close)
def executor() -> LocalExecutor:
    # The server only ever computes a little; more threads would fight with the trainings, and wait for each other.
    torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")
    started = LocalExecutor(store())
    obey_once()
    gc.freeze()  # what torch brought is here to stay; collections needn't walk over it
    return started


@st.cache_resource(show_spinner=False)
def connected() -> None:
    """Once the server has visitors, and so its sockets."""
    send_at_once()


@asynccontextmanager
async def warm_up(app: st.App) -> AsyncIterator[None]:
    """Start what trains together with the server: importing torch takes seconds, which nobody who presses Play should
    wait for. What is wrong is said by the first page.
    """

    def start() -> None:
        with suppress(StoreError, SettingError, OSError, sqlite3.Error):
            environment.check()
            executor()

    threading.Thread(target=start, name="warm-up", daemon=True).start()
    yield


@st.cache_resource(show_spinner=False)
def preparation() -> Preparation:
    return Preparation()
