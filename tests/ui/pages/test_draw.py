"""The Draw page without a browser: what is drawn is put into the session as the canvas does, and the page looked at."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import torch
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from nnviz.analysis.calibration import calibrate
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.recognition import answer, history, teach
from nnviz.data.datasets import Dataset, Loaded, Split
from nnviz.data.drawing import Drawing, Stroke, prepare, rasterise
from nnviz.executor.recorder import train_run
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.recipes import robust_config
from nnviz.spec.train_config import TrainConfig
from nnviz.store.drawings import DEFAULT_COLLECTION, HandwritingStore
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from nnviz.train.evaluation import evaluate
from nnviz.train.events import Batch
from nnviz.ui import confidence
from nnviz.ui.checkpoints import checkpoint_at, loaded
from nnviz.ui.components.canvas import _Sent
from nnviz.ui.pages.draw.answer import _may_use_camera
from nnviz.ui.pages.draw.page import SECTIONS
from nnviz.ui.pages.draw.quiz import Quiz, following, judged
from tests.waiting import LIMIT_S

SEVEN = Drawing((Stroke(((70, 60, 0), (200, 60, 60), (150, 140, 100), (120, 230, 160))),))
ONE = Drawing((Stroke(((140, 40, 0), (140, 240, 90))),))
PIXELS = prepare(rasterise(SEVEN)).pixels
TAUGHT = TrainConfig(per_class=5, epochs=3, batch_size=10, lr=0.05)


@pytest.fixture
def store(tmp_path: Path, blobs: Loaded, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setattr(Dataset, "load", lambda self, root=None: blobs)
    monkeypatch.setenv("NNVIZ_RUNS", str(tmp_path))
    st.cache_resource.clear()
    st.cache_data.clear()
    made = RunStore(tmp_path)
    yield made
    made.close()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def run(store: RunStore) -> Run:
    return recorded(store)


@pytest.fixture
def kept(store: RunStore) -> Iterator[HandwritingStore]:
    made = HandwritingStore(store.root / "drawings")
    yield made
    made.close()


def recorded(store: RunStore, network: NetworkSpec | None = None, config: TrainConfig = TAUGHT, name: str = "") -> Run:
    made = store.create(network or NetworkSpec(), config, name)
    train_run(store, made.id)
    return store.run(made.id)


def script() -> None:
    from nnviz.ui.pages.draw.page import draw_page

    draw_page(True)


def opened(drawing: Drawing | None = None, look: str = "path", **state: Any) -> AppTest:
    at = AppTest.from_function(script, default_timeout=LIMIT_S)
    at.session_state["draw-look"] = look
    for name, value in state.items():
        at.session_state[name] = value
    at.run()
    settle()
    return at.run() if drawing is None else draw(at, drawing)


def settle() -> None:
    """Wait until it is worked out how far the nets can be believed."""
    for key in confidence.asked().values():
        confidence.jobs().wait(key, LIMIT_S)


def draw(at: AppTest, drawing: Drawing, revision: int = 1) -> AppTest:
    generation = str(at.session_state["draw_generation"]) if "draw_generation" in at.session_state else "0"
    at.session_state["draw-canvas_drawn"] = _Sent(generation, revision, drawing)
    at.run()
    assert not at.exception
    return at


def sent(at: AppTest) -> dict[str, Any]:
    """What the canvas was last told."""
    message = next(one.proto for one in at.get("bidi_component") if one.proto.id.endswith("-draw-canvas"))
    told: dict[str, Any] = json.loads(message.json)
    return told


def words(at: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in at.get(kind))


def test_before_the_first_run_it_offers_to_train_the_classic_net(store: RunStore) -> None:
    at = opened()
    assert "There is no net yet" in words(at)
    assert not at.button(key="draw-train-first").disabled
    assert not at.get("bidi_component")


def test_the_page_of_the_app_opens(app_runs: Path) -> None:
    app = Path(__file__).parents[3] / "app.py"
    at = AppTest.from_file(str(app), default_timeout=LIMIT_S).switch_page("pages/4_Draw.py").run()
    assert not at.exception
    assert at.button(key="draw-train-first")


def test_empty_paper_predicts_nothing_and_says_so(run: Run) -> None:
    at = opened()
    assert sent(at)["percent"] is None
    assert "Empty paper, no answer" in sent(at)["hint"]
    assert "nothing to predict" in words(at)
    erased = Drawing((*ONE.strokes, Stroke(((140, 40, 0), (140, 240, 90)), 60, True)))
    assert sent(draw(at, erased))["percent"] is None


def test_the_bars_are_the_net_s_calibrated_probabilities(store: RunStore, run: Run) -> None:
    at = opened(SEVEN)
    checkpoint = checkpoint_at(store, run, store.checkpoints.steps(run.id)[-1])
    calibration = calibrate(checkpoint)
    assert calibration is not None
    calibrated = answer(checkpoint, PIXELS, calibration.temperature)
    assert sent(at)["percent"] == pytest.approx(100 * calibrated, abs=0.06)
    assert np.abs(calibrated - answer(checkpoint, PIXELS)).max() > 0.01
    assert sent(at)["revision"] == 1
    assert np.array_equal(at.session_state["drawn_image"], PIXELS)


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("http://localhost:8501/Draw", True),
        ("http://127.0.0.1:8501/Draw", True),
        ("http://[::1]:8501/Draw", True),
        ("https://class.example/Draw", True),
        ("http://192.168.0.7:8501/Draw", False),
        ("http://localhost.example/Draw", False),
        ("", False),
    ],
)
def test_the_camera_is_offered_where_browsers_give_it(url: str, there: bool) -> None:
    assert _may_use_camera(url) is there


TWO = Drawing((Stroke(((60, 40, 0), (60, 240, 90))), Stroke(((200, 60, 200), (200, 220, 290)))))


def test_of_two_digits_each_is_answered_and_one_looked_at(store: RunStore, run: Run) -> None:
    at = opened(TWO)
    view = checkpoint_at(store, run, store.checkpoints.steps(run.id)[-1])
    calibration = calibrate(view)
    assert calibration is not None
    alone = [prepare(rasterise(Drawing((one,)))).pixels for one in TWO.strokes]
    told = [answer(view, pixels, calibration.temperature) for pixels in alone]
    found = sent(at)["found"]
    assert [one[:4] for one in found] == [[51, 31, 69, 249], [191, 51, 209, 229]]
    assert [one[4] for one in found] == [str(share.argmax()) for share in told]
    assert sent(at)["percent"] == pytest.approx(100 * told[0], abs=0.06)
    at.session_state["draw_digit_looked_at"] = 1
    at.run()
    assert sent(at)["percent"] == pytest.approx(100 * told[1], abs=0.06)
    assert np.array_equal(at.session_state["drawn_image"], alone[1])
    at.toggle(key="draw-separate").set_value(False).run()
    assert sent(at)["found"] == []
    together = answer(view, prepare(rasterise(TWO)).pixels, calibration.temperature)
    assert sent(at)["percent"] == pytest.approx(100 * together, abs=0.06)
    draw(at, ONE, 2)  # fewer than the one that was looked at
    assert not at.exception


SMILEY = Drawing(
    (
        Stroke(tuple((140 + 90 * np.cos(turn), 140 + 90 * np.sin(turn), 0) for turn in np.linspace(0, 6.3, 30))),
        Stroke(((110, 110, 0), (110, 122, 0))),
        Stroke(((170, 110, 0), (170, 122, 0))),
        Stroke(((100, 165, 0), (140, 190, 0), (180, 165, 0))),
    )
)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threshold that MNIST's digits have, about; the squares that these nets are trained on look like none."""
    for module in ("nnviz.analysis.novelty", "nnviz.ui.confidence"):
        monkeypatch.setattr(f"{module}.digit_threshold", lambda test: 3.5)


@pytest.mark.usefixtures("strict")
def test_a_smiley_is_refused_with_a_reason_and_a_digit_is_not(run: Run) -> None:
    at = opened(SMILEY)
    told = sent(at)
    assert told["refused"] == "Doesn't look like a digit"
    assert told["reason"].startswith("Unlike its training images; the nearest are ")
    assert sum(told["percent"]) == pytest.approx(100, abs=0.1)
    told = sent(draw(at, SEVEN, 2))
    assert (told["refused"], told["reason"]) == ("", "")


@pytest.mark.usefixtures("strict")
def test_of_a_row_what_is_no_digit_has_a_question_mark(store: RunStore, run: Run) -> None:
    view = checkpoint_at(store, run, store.checkpoints.steps(run.id)[-1])
    small = [
        Stroke(tuple((x / 3 + 10, y / 3 + 80, t) for x, y, t in one.points), one.width / 3) for one in SMILEY.strokes
    ]
    digit = str(answer(view, prepare(rasterise(Drawing((TWO.strokes[1],)))).pixels).argmax())
    at = opened(Drawing((*small, TWO.strokes[1])))
    assert [one[4] for one in sent(at)["found"]] == ["?", digit]
    assert sent(at)["refused"] == ""
    assert "“?”: doesn't look like a digit" in words(at)
    assert sent(draw(at, Drawing(tuple(small)), 2))["refused"] == "Doesn't look like a digit"


@pytest.mark.usefixtures("strict")
def test_refusing_can_be_switched_off_and_stays_so(run: Run) -> None:
    at = opened(SMILEY)
    at.toggle(key="draw-refuse").set_value(False).run()
    assert sent(at)["refused"] == ""
    assert sent(draw(at, SMILEY, 3))["refused"] == ""
    assert not at.toggle(key="draw-refuse").value
    at.toggle(key="draw-refuse").set_value(True).run()
    assert sent(at)["refused"]


@pytest.mark.usefixtures("strict")
def test_a_link_opens_the_page_without_refusals(run: Run) -> None:
    at = AppTest.from_function(script, default_timeout=LIMIT_S)
    at.session_state["draw-look"] = "path"
    at.query_params["refuse"] = "off"
    at.run()
    settle()
    assert not at.toggle(key="draw-refuse").value
    assert sent(draw(at, SMILEY))["refused"] == ""


@pytest.mark.usefixtures("strict")
def test_of_several_nets_each_says_that_it_is_none(store: RunStore, run: Run) -> None:
    other = recorded(store, name="other")
    at = opened(SMILEY, draw_nets=[run.id, other.id])
    assert sent(at)["refused"]
    tiles = next(one.proto for one in at.get("bidi_component") if one.proto.id.endswith("-draw-answers"))
    told = tiles.SerializeToString()
    assert b"1: none" in told
    assert b"2: none" in told


@pytest.mark.usefixtures("strict")
def test_an_untrained_net_refuses_nothing_and_is_not_calibrated(store: RunStore, run: Run) -> None:
    fresh = recorded(store, config=TAUGHT.with_(lr=1e-9, epochs=1))
    at = opened(SMILEY, draw_nets=[fresh.id])
    checkpoint = checkpoint_at(store, fresh, store.checkpoints.steps(fresh.id)[-1])
    smiley = prepare(rasterise(SMILEY)).pixels
    assert sent(at)["refused"] == ""
    assert sent(at)["percent"] == pytest.approx(100 * answer(checkpoint, smiley), abs=0.06)


@pytest.mark.parametrize("size", [-1e30, float("nan")])
def test_a_diverged_net_says_so_and_has_no_bars(size: float, store: RunStore, run: Run) -> None:
    weight = checkpoint_at(store, run, store.checkpoints.steps(run.id)[-1]).layers[0].weight
    assert weight is not None
    weight.fill_(size)
    at = opened(SEVEN)
    assert sent(at)["percent"] is None
    assert "diverged" in sent(at)["hint"]
    for look in ("layers", "pixels", "history", "teach"):
        at.pills(key="draw-look").set_value(look).run()
        assert not at.exception


def test_several_nets_answer_side_by_side(store: RunStore, run: Run) -> None:
    other = recorded(store, NetworkSpec(()), TrainConfig(per_class=1, epochs=1, lr=1e-4), name="*worse* net")
    at = opened(SEVEN)
    at.multiselect(key="draw-nets").set_value([other.id, run.id]).run()
    assert not at.exception
    checkpoint = checkpoint_at(store, other, store.checkpoints.steps(other.id)[-1])
    assert sent(at)["percent"] == pytest.approx(100 * answer(checkpoint, PIXELS), abs=0.06)
    assert r"**1:** \*worse\* net" in words(at)
    at.multiselect(key="draw-nets").set_value([]).run()
    assert "Choose a network above" in words(at)


def test_the_best_finished_net_is_asked_first(store: RunStore, run: Run) -> None:
    recorded(store, NetworkSpec(()), TrainConfig(per_class=1, epochs=1, lr=1e-6))
    assert opened().multiselect(key="draw-nets").value == [run.id]


@pytest.mark.parametrize("preset", ["classic", "softmax", "lenet5"])
@pytest.mark.parametrize("look", SECTIONS)
def test_every_section_with_and_without_a_drawing(store: RunStore, look: str, preset: str) -> None:
    recorded(store, PRESETS[preset].network, TrainConfig(per_class=2, epochs=1, batch_size=10))
    at = opened(look=look)
    assert not at.exception
    draw(at, SEVEN)
    assert "nan" not in words(at).lower().split()
    assert "None" not in words(at)


def test_a_step_switched_off_changes_what_the_net_gets(run: Run) -> None:
    at = opened(SEVEN)
    at.toggle(key="draw-step-centre").set_value(False).run()
    assert not at.exception
    assert not np.array_equal(at.session_state["drawn_image"], PIXELS)
    at.pills(key="draw-look").set_value("quiz").run()
    at.pills(key="draw-look").set_value("path").run()
    assert at.toggle(key="draw-step-centre").value is False


def photo(colour: int = 0) -> bytes:
    picture = Image.new("L", (400, 300), 230)
    ImageDraw.Draw(picture).rectangle((180, 60, 210, 240), fill=colour)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_a_photo_is_answered_until_somebody_draws(run: Run) -> None:
    at = opened(**{"draw-canvas_photo": photo()})
    assert not at.exception
    assert sent(at)["percent"] is not None
    assert "The photo is answered" in sent(at)["hint"]
    assert at.button(key="draw-photo-away")
    drawn = at.session_state["drawn_image"]
    draw(at, SEVEN)
    assert not np.array_equal(at.session_state["drawn_image"], drawn)
    assert "draw_photo" not in at.session_state


@pytest.mark.parametrize(("data", "said"), [(b"no picture", "not a picture"), (photo(230), "all one colour")])
def test_a_photo_that_can_t_be_used_is_told_in_a_sentence(run: Run, data: bytes, said: str) -> None:
    at = opened(**{"draw-canvas_photo": data})
    assert not at.exception
    assert said in at.warning[0].value
    draw(at, SEVEN)
    assert not at.warning


def test_when_it_learned_is_what_every_snapshot_says(store: RunStore, run: Run) -> None:
    at = opened(SEVEN, "history")
    steps = store.checkpoints.steps(run.id)
    told = history([checkpoint_at(store, run, step) for step in steps], PIXELS)
    label = int(told.probabilities[-1].argmax())
    since = told.learned(label)
    begins = "From the start" if since == steps[0] else f"From step {since:,} on"
    assert f"{begins} it says {label}" in words(at)
    slider = at.select_slider(key="draw-moment")
    assert slider.options == [f"{step:,}" for step in steps]
    slider.set_value(steps[0]).run()
    assert f"After step {steps[0]:,} it said **{int(told.probabilities[0].argmax())}**" in words(at)
    at.selectbox(key="draw-label").set_value((label + 1) % 10).run()
    assert f"It does not take this for a {(label + 1) % 10}" in words(at)


def test_a_fork_s_history_begins_with_the_run_it_comes_from(store: RunStore, run: Run) -> None:
    step = store.checkpoints.steps(run.id)[3]
    fork = store.fork(run.id, step, TAUGHT.with_(lr=0.001, epochs=4))
    train_run(store, fork.id)
    at = opened(SEVEN, "history", draw_nets=[fork.id])
    before = [one for one in store.checkpoints.steps(run.id) if one < step]
    options = at.select_slider(key="draw-moment").options
    assert options == [f"{one:,}" for one in before + store.checkpoints.steps(fork.id)]


def test_one_gradient_step_is_one_and_can_be_undone(store: RunStore, run: Run) -> None:
    at = opened(SEVEN, "teach")
    checkpoint = checkpoint_at(store, run, store.checkpoints.steps(run.id)[-1])
    wanted = (int(answer(checkpoint, PIXELS).argmax()) + 3) % 10
    at.selectbox(key="draw-label").set_value(wanted)
    at.select_slider(key="draw-rate").set_value(0.1).run()
    before = sent(at)["percent"]
    at.button(key="draw-teach").click().run()
    assert not at.exception
    after = teach(checkpoint, PIXELS[None], [wanted], lr=0.1)
    assert sent(at)["percent"] == pytest.approx(100 * answer(after, PIXELS), abs=0.06)
    assert sent(at)["percent"][wanted] > before[wanted]
    lesson = at.session_state["draw_pupils"][run.id].lessons[0]
    assert lesson.share == pytest.approx((answer(checkpoint, PIXELS)[wanted], answer(after, PIXELS)[wanted]))
    test = checkpoint.data.test
    exact = [evaluate(one.model, one.data.dataset, test).accuracy for one in (checkpoint, after)]
    assert lesson.accuracy == pytest.approx(exact)
    at.button(key="draw-undo-lesson").click().run()
    assert sent(at)["percent"] == before
    assert store.checkpoints.steps(run.id)[-1] == checkpoint.step_number


def test_a_drawing_is_kept_with_its_label_and_the_paper_is_new(run: Run, kept: HandwritingStore) -> None:
    at = opened(SEVEN, "teach")
    at.selectbox(key="draw-label").set_value(7)
    at.text_input(key="draw-author").set_value("<b>Ada</b> *")
    at.run()
    at.button(key="draw-keep").click().run()
    assert not at.exception
    (one,) = kept.drawings(DEFAULT_COLLECTION)
    assert (one.label, one.author) == (7, "<b>Ada</b> *")
    assert np.array_equal(one.pixels, PIXELS)
    assert sent(at)["percent"] is None
    assert sent(at)["generation"] == "1"
    at.pills(key="draw-look").set_value("handwriting").run()
    assert r"\<b\>Ada\</b\> \*" in words(at)


def test_what_can_t_be_kept_is_told(run: Run, kept: HandwritingStore) -> None:
    at = opened(SEVEN, "teach")
    at.text_input(key="draw-author").set_value("a\u202eb").run()
    at.button(key="draw-keep").click().run()
    assert "visible letters" in at.error[0].value
    assert not kept.collections()


def test_fine_tuning_on_the_kept_drawings(run: Run, kept: HandwritingStore) -> None:
    for drawing in (SEVEN, ONE):
        ink = rasterise(drawing)
        kept.add(ink, prepare(ink).pixels, 7 if drawing is SEVEN else 1)
    at = opened(look="teach")
    at.button(key="draw-tune").click().run()
    assert not at.exception
    lesson = at.session_state["draw_pupils"][run.id].lessons[0]
    assert lesson.share[1] >= lesson.share[0]
    assert "100 steps on 2 kept drawings" in words(at)
    at.button(key="draw-forget").click().run()
    assert at.session_state["draw_pupils"] == {}


def test_every_run_is_scored_on_a_collection_beside_its_test_images(
    store: RunStore, run: Run, kept: HandwritingStore
) -> None:
    for label in (7, 7, 3):
        kept.add(rasterise(SEVEN), PIXELS, label, collection="Class 5b")
    at = opened(look="handwriting")
    checkpoint = checkpoint_at(store, run, store.checkpoints.steps(run.id)[-1])
    right = sum(int(answer(checkpoint, PIXELS).argmax()) == label for label in (7, 7, 3))
    assert f"({right} of 3)" in words(at)
    assert f"{run.test_accuracy:.2%}".replace("%", " %") in words(at)
    kept.add(rasterise(SEVEN), PIXELS, int(answer(checkpoint, PIXELS).argmax()), collection="Class 5b")
    assert f"({right + 1} of 4)" in words(at.run())


def test_a_collection_is_renamed_and_deleted(run: Run, kept: HandwritingStore) -> None:
    kept.add(rasterise(SEVEN), PIXELS, 7)
    kept.add(rasterise(ONE), PIXELS, 1, collection="Other")
    at = opened(look="handwriting")
    at.text_input(key="draw-new-name").set_value("Other").run()
    at.button(key="draw-rename").click().run()
    assert "there is a collection" in at.error[0].value.replace("\\", "").lower()
    at.text_input(key="draw-new-name").set_value("  Room   12 ").run()
    at.button(key="draw-rename").click().run()
    assert [one.name for one in kept.collections()] == ["Room 12", "Other"]
    assert at.selectbox(key="draw-collection-shown").value == "Room 12"
    at.button(key="draw-delete-collection").click().run()
    assert not at.exception
    assert [one.name for one in kept.collections()] == ["Other"]


def test_look_inside_hands_the_drawing_over(run: Run) -> None:
    at = opened(SEVEN)
    assert at.button(key="draw-inspect")
    assert not [one for one in opened().button if one.key == "draw-inspect"]


def test_the_quiz_counts_a_digit_once(run: Run) -> None:
    shares = np.eye(10, dtype=np.float32)[4]
    quiz = judged(Quiz(4), shares)
    assert (quiz.right, quiz.done, quiz.streak, quiz.verdict) == (1, 1, 1, (4, 1.0))
    assert judged(quiz, shares) == quiz
    onward = following(quiz, 10)
    assert onward.asked != 4
    assert (onward.right, onward.done, onward.verdict) == (1, 1, None)
    wrong = judged(onward, shares) if onward.asked != 4 else onward
    assert (wrong.right, wrong.done, wrong.streak) == (1, 2, 0)


def test_the_quiz_asks_judges_and_goes_on(store: RunStore, run: Run) -> None:
    checkpoint = checkpoint_at(store, run, store.checkpoints.steps(run.id)[-1])
    said = int(answer(checkpoint, PIXELS).argmax())
    at = opened(look="quiz", draw_quiz=Quiz(said))
    assert f"Draw a {said}" in words(at)
    assert at.button(key="draw-quiz-check").disabled
    draw(at, SEVEN)
    at.button(key="draw-quiz-check").click().run()
    assert f"Right: predicted class {said}" in at.success[0].value
    assert at.metric[0].value == "1 of 1"
    at.button(key="draw-quiz-next").click().run()
    assert sent(at)["percent"] is None
    assert at.session_state["draw_quiz"].asked != said


def test_robust_recipe_is_one_click(app_runs: Path, images_at_hand: None) -> None:
    app = Path(__file__).parents[3] / "app.py"
    at = AppTest.from_file(str(app), default_timeout=LIMIT_S).switch_page("pages/2_Train.py").run()
    at.button(key="robust-recipe").click().run()
    assert not at.exception
    assert at.session_state["setup"].config == robust_config(NetworkSpec())
    assert not [one for one in at.button if one.key == "robust-recipe"]
    at.button(key="classic-recipe").click().run()
    assert at.session_state["setup"].config == TrainConfig()


def test_kept_drawings_of_all_collections_are_one_set(run: Run, kept: HandwritingStore) -> None:
    from nnviz.ui.pages.draw.teaching import kept_drawings

    none = kept_drawings()
    assert len(none.labels) == 0
    kept.add(rasterise(SEVEN), PIXELS, 7)
    kept.add(rasterise(ONE), PIXELS, 1, collection="Other")
    both: Split = kept_drawings()
    assert both.labels.tolist() == [7, 1]
    assert torch.equal(both.images[0, 0], torch.from_numpy(PIXELS.copy()))


def test_a_net_that_is_being_trained_is_followed(store: RunStore, run: Run) -> None:
    live = store.create(NetworkSpec(), TAUGHT)
    store.writer.begin(live.id, "cpu", 1)
    first, last = (
        store.checkpoints.load(run.id, step) for step in (store.checkpoints.steps(run.id)[i] for i in (0, -1))
    )
    batch = Batch(step=1, loss=1.0, accuracy=0.5, lr=0.1, size=10)
    store.writer.add_batches(live.id, 1, [batch], seconds=1, steps=15, speed=1)
    store.present.put(live.id, first)
    at = opened(SEVEN, draw_nets=[live.id])
    assert store.present.is_watched(live.id)
    for checkpoint in (first, last):
        store.present.put(live.id, checkpoint)
        at.run()
        exact = answer(CheckpointView(run.network, run.config, checkpoint, loaded(run)), PIXELS)
        assert sent(at)["percent"] == pytest.approx(100 * exact, abs=0.06)
    last.save(store.checkpoints.path(live.id, last.position.step))
    store.writer.hide(live.id)
    store.writer.set_status(live.id, store.run(live.id).attempt, Status.FINISHED)
    at.run()
    assert not at.exception
    assert sent(at)["percent"] == pytest.approx(100 * exact, abs=0.06)
