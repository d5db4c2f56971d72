"""The live route in a real server: what a page gets, and what strangers do."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
import streamlit as st
import uvicorn
from starlette.applications import Starlette
from streamlit import config, net_util
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from nnviz.data.datasets import Loaded
from nnviz.data.drawing import MAX_JSON_BYTES
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.trainer import Trainer
from nnviz.ui.live import route
from nnviz.ui.live.route import ONCE, PATH, address, routes
from tests.ui.live.trained import trained
from tests.waiting import LIMIT_S, wait_until

pytestmark = pytest.mark.usefixtures("images_at_hand")

NETWORK = NetworkSpec((Dense(6),))
CONFIG = TrainConfig(per_class=2, epochs=1, batch_size=4, lr=0.01)
STRANGER = "http://stranger.example"


@pytest.fixture
def run(store: RunStore) -> Run:
    """A finished one."""
    return trained(store, NETWORK, CONFIG)


@pytest.fixture
def host(store: RunStore, caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """Of a server that has the route, "127.0.0.1:port"; in the end, nothing has gone wrong in it."""
    listening = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(Starlette(routes=routes()), ws="websockets-sansio", log_config=None, lifespan="off")
    server = uvicorn.Server(settings)
    serving = threading.Thread(target=server.run, args=([listening],), daemon=True)
    serving.start()
    wait_until(lambda: server.started)
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    serving.join(LIMIT_S)
    listening.close()
    assert not serving.is_alive()
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine knows no address of its own: the network is not asked for one."""
    monkeypatch.setattr(net_util, "get_internal_ip", lambda: None)
    monkeypatch.setattr(net_util, "get_external_ip", lambda: None)


class Page:
    """What a browser does."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def says(self, message: object) -> None:
        self._socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def gets(self) -> tuple[int, dict[str, Any]] | dict[str, Any]:
        """The next that comes: number and header of a picture, or a word."""
        data = self._socket.recv(LIMIT_S)
        return json.loads(data) if isinstance(data, str) else opened(data)

    def gets_picture(self) -> tuple[int, dict[str, Any]]:
        while isinstance(found := self.gets(), dict):
            pass
        return found

    def gets_word(self, word: str) -> Any:
        while not (isinstance(found := self.gets(), dict) and word in found):
            pass
        return found[word]


def opened(data: bytes) -> tuple[int, dict[str, Any]]:
    number, length = struct.unpack("<dI", data[:12])
    return int(number), json.loads(data[12 : 12 + length])


@pytest.fixture
def page(host: str) -> Iterator[Page]:
    with connect(f"ws://{host}{address(PATH)}", origin=f"http://{host}") as socket:
        yield Page(socket)


def ask(host: str, message: object, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Once, by HTTP: the status, the headers and the body of the answer."""
    connection = HTTPConnection(host, timeout=LIMIT_S)
    connection.request("POST", address(ONCE), message if isinstance(message, bytes) else json.dumps(message), headers)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found


def put(store: RunStore, run: Run, data: Loaded, steps: int) -> None:
    """Show the state after so many steps, as the training would."""
    trainer = Trainer(run.network, run.config, data)
    for _ in zip(range(steps), trainer.run(), strict=False):
        pass
    store.present.put(run.id, trainer.checkpoint())


# ---------------------------------------------------------------------- a page


def test_a_picture_comes_and_how_far_the_run_is(page: Page, run: Run) -> None:
    page.says({"wish": {"run": run.id, "image": 3}, "number": 7})
    number, header = page.gets_picture()
    assert (number, header["title"], header["step"]) == (7, "Test image 3: 3", run.step)
    told = page.gets_word("progress")
    assert (told["run"], told["status"], told["step"]) == (run.id, "finished", run.step)


def test_the_net_of_a_link_needs_no_run(page: Page) -> None:
    page.says({"wish": {"setup": {"net": "dense_3"}}, "number": 1})
    _, header = page.gets_picture()
    assert [layer["size"] for layer in header["layers"]] == [3, 10]


def test_the_next_picture_waits_until_the_last_is_drawn(page: Page, store: RunStore, blobs: Loaded) -> None:
    run = store.create(NETWORK, CONFIG)
    store.writer.set_status(run.id, run.attempt, Status.RUNNING)
    put(store, run, blobs, 1)
    page.says({"wish": {"run": run.id}, "number": 1})
    assert page.gets_picture()[1]["step"] == 1
    put(store, run, blobs, 2)
    page.says({"pick": {"how": "next", "after": 4, "wish": {"run": run.id}}})
    page.says("nonsense")
    while "problem" not in (word := page.gets()):  # whatever else was on its way has come before
        assert isinstance(word, dict)
    put(store, run, blobs, 3)
    page.says({"drawn": True})
    assert page.gets_picture()[1]["step"] == 3  # the newest, none of those between


def test_a_new_wish_takes_the_place_of_the_last(page: Page, run: Run) -> None:
    for number in range(1, 9):
        page.says({"wish": {"run": run.id, "image": number}, "number": number})
    seen = [page.gets_picture()]
    while seen[-1][0] < 8:
        seen.append(page.gets_picture())
    assert [header["title"] for _, header in seen] == [f"Test image {number}: {number}" for number, _ in seen]
    assert [number for number, _ in seen] == sorted({number for number, _ in seen})


def test_a_new_wish_is_obeyed_at_once_however_long_nothing_moved(
    page: Page, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOOK_EVERY", "REST_EVERY"):
        monkeypatch.setattr(route, name, 10 * LIMIT_S)
    for number in (1, 2, 3):
        page.says({"wish": {"run": run.id, "image": number}, "number": number})
        assert page.gets_picture()[0] == number
        page.says({"drawn": True})
        assert page.gets_word("progress")


def test_what_was_said_is_said_again_after_a_new_wish(page: Page, run: Run) -> None:
    """The page forgets it then."""
    for number in (1, 2, 3):
        page.says({"wish": {"run": run.id, "image": number}, "number": number})
        assert page.gets_picture()[0] == number
        assert page.gets_word("progress")["run"] == run.id
    for number in (4, 5):
        page.says({"wish": {"run": run.id, "image": 100}, "number": number})
        assert "there are 100 test images" in page.gets_word("problem")
    page.says({"wish": {"run": run.id, "image": 99}, "number": 6})
    assert page.gets_picture()[0] == 6


def test_another_image_is_picked_each_time_it_is_asked_for(page: Page) -> None:
    for _ in range(2):
        page.says({"pick": {"how": "next", "after": 12, "digit": 5, "wish": {}}})
        assert page.gets_word("picked") == 15
    page.says({"pick": {"how": "previous"}})
    assert "the next" in page.gets_word("problem")


BAD = [
    "",
    "nonsense",
    "[1]",
    b"\x00\x01",
    "[" * 50_000,
    " " * (MAX_JSON_BYTES + 1),
    {"wish": None},
    {"wish": {"run": "../.."}},
    {"wish": {"run": "\ud800"}},
    {"wish": {"image": 10**30}},
    {"wish": {"setup": {"net": "dense_3~batchnorm", "batch_size": "1"}}},
    {"wish": {}, "number": "one"},
    '{"wish": {}, "number": Infinity}',
    '{"wish": {}, "number": 1' + 400 * "0" + "}",
    {"pick": None},
    {"pick": {"how": "next", "wish": {"step": 0.5}}},
]


@pytest.mark.parametrize("message", BAD, ids=lambda message: str(message)[:40])
def test_a_bad_message_is_answered_with_a_sentence_and_the_page_lives_on(page: Page, message: object) -> None:
    page.says(message)
    assert page.gets_word("problem").endswith(".")
    page.says({"wish": {}, "number": 2})
    assert page.gets_picture()[0] == 2


def test_messages_that_say_nothing_do_no_harm(page: Page) -> None:
    for message in ({}, {"drawn": True}, {"drawn": "yes"}, {"finish": 1}):
        page.says(message)
    page.says({"wish": {}, "number": 3})
    assert page.gets_picture()[0] == 3


@pytest.mark.parametrize("step", [None, 1])
def test_a_run_that_is_deleted_is_gone(page: Page, run: Run, store: RunStore, step: int | None) -> None:
    page.says({"wish": {"run": run.id, "step": step}, "number": 1})
    page.gets_picture()
    store.delete(run.id)
    page.says({"drawn": True})
    assert "may have been deleted" in page.gets_word("gone")
    page.says({"wish": {}, "number": 2})
    assert page.gets_picture()[0] == 2


def test_a_step_that_is_not_kept_is_said(page: Page, run: Run) -> None:
    page.says({"wish": {"run": run.id, "step": 4000}, "number": 1})
    assert page.gets_word("problem")


def test_several_pages_get_the_same_at_once(host: str, run: Run) -> None:
    where = f"ws://{host}{address(PATH)}"
    with connect(where) as one, connect(where) as other:
        pages = [Page(one), Page(other)]
        for page in pages:
            page.says({"wish": {"run": run.id}, "number": 1})
        first, second = (page.gets_picture() for page in pages)
        assert first == second


def test_a_page_that_goes_leaves_nothing_behind(host: str, run: Run) -> None:
    before = threading.active_count()
    for _ in range(5):
        with connect(f"ws://{host}{address(PATH)}") as socket:
            page = Page(socket)
            page.says({"wish": {"run": run.id}, "number": 1})
            page.gets_picture()
    assert threading.active_count() <= before + 3  # those that work for all pages


def test_pages_live_on_when_the_caches_are_cleared(page: Page, run: Run) -> None:
    """As anybody can in Streamlit's menu: it closes the store."""
    for number in (1, 2):
        page.says({"wish": {"run": run.id}, "number": number})
        assert page.gets_picture()[0] == number
        st.cache_resource.clear()


# ---------------------------------------------------------------------- once at a time


def test_once_a_picture_then_nothing_new(host: str, run: Run) -> None:
    wish = {"run": run.id, "image": 3}
    status, headers, body = ask(host, {"wish": wish, "number": 7})
    assert (status, headers["content-type"]) == (200, "application/octet-stream")
    assert opened(body)[0] == 7
    assert opened(body)[1]["title"] == "Test image 3: 3"
    assert ask(host, {"wish": wish, "number": 7, "seen": headers["x-seen"]})[0] == 204
    assert ask(host, {"wish": {**wish, "image": 4}, "number": 8, "seen": headers["x-seen"]})[0] == 200


def test_once_how_far_the_run_is_and_another_image(host: str, run: Run) -> None:
    status, _, body = ask(host, {"wish": {"run": run.id}, "progress": True})
    assert status == 200
    assert json.loads(body)["progress"]["step"] == run.step
    question = {"how": "next", "after": 12, "digit": 5, "wish": {"run": run.id}}
    assert json.loads(ask(host, {"pick": question})[2]) == {"picked": 15}


def test_once_of_a_deleted_run(host: str, run: Run, store: RunStore) -> None:
    store.delete(run.id)
    for message in ({"wish": {"run": run.id}}, {"wish": {"run": run.id}, "progress": True}):
        status, _, body = ask(host, message)
        assert status == 200
        assert "may have been deleted" in json.loads(body)["gone"]


@pytest.mark.parametrize("message", BAD, ids=lambda message: str(message)[:40])
def test_once_a_bad_message(host: str, message: object) -> None:
    status, _, body = ask(host, message.encode() if isinstance(message, str) else message)
    assert status == 200
    assert json.loads(body)["problem"].endswith(".")


def test_once_a_unit_in_another_script(host: str) -> None:
    status, headers, _ = ask(host, {"wish": {"unit": ["日本", 1]}})
    assert status == 200
    assert headers["x-seen"].isascii()


def test_only_posts_are_answered(host: str) -> None:
    connection = HTTPConnection(host, timeout=LIMIT_S)
    connection.request("GET", address(ONCE))
    assert connection.getresponse().status == 405
    connection.close()


# ---------------------------------------------------------------------- who may ask


def status_of(host: str, origin: str | None) -> tuple[int, int]:
    """Of the WebSocket's opening and of a question by HTTP, asked by a page from `origin`."""
    headers = {"Origin": origin} if origin else {}
    once, _, _ = ask(host, {"wish": {}}, **headers)
    try:
        with connect(f"ws://{host}{address(PATH)}", origin=origin):
            return 101, once
    except InvalidStatus as refused:
        return refused.response.status_code, once


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("origin", [STRANGER, "https://127.0.0.1.stranger.example", "null", "stranger.example"])
def test_a_page_from_elsewhere_is_refused(host: str, origin: str) -> None:
    assert status_of(host, origin) == (403, 403)


@pytest.mark.usefixtures("alone")
def test_our_own_page_and_programs_are_let_in(host: str) -> None:
    assert status_of(host, f"http://{host}") == (101, 200)
    assert status_of(host, None) == (101, 200)


@pytest.fixture
def options() -> Iterator[dict[str, Any]]:
    """Options of the server that were changed, to be as they were again."""
    before: dict[str, Any] = {}
    yield before
    for name, value in before.items():
        config.set_option(name, value)


def set_option(options: dict[str, Any], name: str, value: object) -> None:
    options.setdefault(name, config.get_option(name))
    config.set_option(name, value)


@pytest.mark.usefixtures("alone")
def test_a_page_that_the_server_is_told_of_is_let_in(host: str, options: dict[str, Any]) -> None:
    set_option(options, "server.corsAllowedOrigins", [STRANGER])
    assert status_of(host, STRANGER) == (101, 200)
    assert status_of(host, "http://other.example") == (403, 403)


@pytest.mark.usefixtures("alone")
def test_a_host_that_the_server_does_not_go_by_is_refused(host: str, options: dict[str, Any]) -> None:
    set_option(options, "server.allowedHosts", ["nnviz.example"])
    assert status_of(host, f"http://{host}") == (403, 403)


@pytest.mark.parametrize(
    ("base", "wanted"), [("", "/live"), ("class", "/class/live"), ("/class/", "/class/live"), ("a/b", "/a/b/live")]
)
def test_the_path_is_under_that_of_the_server(options: dict[str, Any], base: str, wanted: str) -> None:
    set_option(options, "server.baseUrlPath", base)
    assert address(PATH) == wanted
    assert address(ONCE) == f"{wanted}/once"
    assert [one.path for one in routes()] == [wanted, f"{wanted}/once"]  # type: ignore[attr-defined]
