"""What do nets read right? `python -m benchmarks.recognition` prints one table: a column for each net, in per cent.

The nets are trained here by the robust recipe on MNIST and styles it lacks (NNVIZ_DATA, or ../shared/data), or runs of
the store, named by --runs. They are asked about
- MNIST's test images, as they are and redrawn: the lines along the middle of their ink, drawn with the Draw page's pen
  and brought into MNIST's frame as every drawing is;
- computer-drawn digits in styles that no training image has;
- redrawn digits that lie badly on the canvas (tiny, turned, narrow, over its edge), beside the same ones drawn large;
- several of MNIST's digits on one paper, side by side and touching: all of them are to be read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from benchmarks.bench import Table, need, parser
from benchmarks.strokes_of_digits import drawings_of
from nnviz import pretrained
from nnviz.analysis import reading
from nnviz.data import styles
from nnviz.data.datasets import DATASETS, Split, to_input
from nnviz.data.drawing import BRUSH, CANVAS, Drawing, Floats, prepare, rasterise
from nnviz.environment import cores
from nnviz.spec.network import build_model
from nnviz.spec.presets import PRESETS
from nnviz.spec.recipes import robust_config
from nnviz.store.runs import RunStore
from nnviz.train.trainer import trained

LARGE = 200.0
"""Canvas pixels of the longer side of a digit that somebody draws large."""

GOALS = {"MNIST, test images": (98.0, 99.1), "styles held out": (92.5, 95.5), "MNIST redrawn, large": (96.5, 97.5)}
"""Per cent that the classic net and the small CNN are to reach."""

WORST_FRAMING = 5.0
"""Per cent that a badly placed drawing may lose against the same drawn large."""


class Net(NamedTuple):
    title: str
    model: nn.Module
    """In evaluation mode."""


class Row(NamedTuple):
    what: str
    values: list[float | None]
    """One for each net."""
    goal: str = ""


class Sizes(NamedTuple):
    """How many images are looked at."""

    redrawn: int = 1000
    held_out: int = 5000
    papers: int = 300
    """With several digits, of each kind."""
    epochs: int = 0
    """0: as many as the recipe has."""
    per_class: int = 0


Section = Callable[[Sequence[Net], Sizes], Iterator[Row]]


# ---------------------------------------------------------------------- nets


def learned(preset: str, sizes: Sizes) -> tuple[Net, float]:
    """A net trained by the robust recipe, and the seconds that it took."""
    network = PRESETS[preset].network
    config = robust_config(network)
    if sizes.epochs:
        config = config.with_(epochs=sizes.epochs, per_class=sizes.per_class, data="mnist")
    DATASETS[config.data].ensure()
    torch.set_num_threads(cores() if network.convolves else 1)  # as trainings have
    begun = time.monotonic()
    trainer = trained(network, config)
    return Net(PRESETS[preset].title, trainer.model), time.monotonic() - begun


def recorded(run_id: str) -> Net:
    """The net of a run, also of one that came with nnviz, after its last step."""
    with closing(RunStore()) as store:
        pretrained.install(store)
        run = store.run(run_id)
        dataset = DATASETS[run.config.data]
        model = build_model(run.network, dataset.input_shape, len(dataset.classes), run.config.seed)
        model.load_state_dict(store.checkpoints.load(run.id).model)
    return Net(run.name, model.eval())


def accuracies(nets: Sequence[Net], digits: Split) -> list[float | None]:
    """Per cent of the digits that each net reads right."""
    found: list[float | None] = []
    for net in nets:
        with torch.inference_mode():
            answers = [net.model(to_input(part, DATASETS["mnist"])).argmax(1) for part in digits.images.split(500)]
        found.append(100 * float((torch.cat(answers) == digits.labels).double().mean()))
    return found


# ---------------------------------------------------------------------- what they are asked


def mnist(nets: Sequence[Net], sizes: Sizes) -> Iterator[Row]:
    what = "MNIST, test images"
    yield Row(what, accuracies(nets, DATASETS["mnist"].load().test), _goal(what))


def held_out_styles(nets: Sequence[Net], sizes: Sizes) -> Iterator[Row]:
    digits = styles.held_out(sizes.held_out)
    every = Split(torch.from_numpy(digits.images)[:, None], torch.from_numpy(digits.labels).long())
    yield Row("styles held out", accuracies(nets, every), _goal("styles held out"))
    for digit in range(10):
        of_it = every.labels == digit
        yield Row(f"· {digit}", accuracies(nets, Split(every.images[of_it], every.labels[of_it])))


def framing(nets: Sequence[Net], sizes: Sizes) -> Iterator[Row]:
    test = DATASETS["mnist"].load().test
    chosen = slice(None, None, max(1, len(test.labels) // sizes.redrawn))
    large = drawings_of(test.images[chosen], BRUSH, LARGE)
    best: list[float | None] = []
    for what, place in FRAMINGS.items():
        drawings = [place(drawing, number) for number, drawing in enumerate(large)]
        values = accuracies(nets, Split(brought_into_frame(drawings), test.labels[chosen]))
        best = best or values
        worst = " / ".join(f"{value - WORST_FRAMING:.1f}" for value in best if value is not None)
        yield Row(f"MNIST redrawn, {what}", values, _goal(f"MNIST redrawn, {what}") or worst)


def several(nets: Sequence[Net], sizes: Sizes) -> Iterator[Row]:
    """Per cent of the papers of which every digit is found and read, in their order."""
    test = DATASETS["mnist"].load().test
    for count, gap in SIDE_BY_SIDE:
        rng = np.random.default_rng(count)
        right = [0] * len(nets)
        for _ in range(sizes.papers):
            chosen = rng.integers(len(test.labels), size=count)
            found = reading.digits(row_of([test.images[one, 0].numpy() for one in chosen], gap, rng))
            for place, net in enumerate(nets):
                ask = partial(_say, net)
                read = ask(np.stack([one.prepared.pixels for one in reading.decide(found, ask)])).argmax(1)
                right[place] += np.array_equal(read, test.labels[chosen].numpy())
        values: list[float | None] = [100 * each / sizes.papers for each in right]
        yield Row(f"{count} digits, {'touching' if gap == 0 else f'{gap} pixels apart'}", values)


def row_of(images: Sequence[NDArray[np.uint8]], gap: int, rng: np.random.Generator) -> Floats:
    """MNIST's images (28, 28), enlarged and laid side by side onto one paper: ink in [0, 1]."""
    parts = []
    for image in images:
        side = round(28 / 20 * HEIGHT * rng.uniform(0.85, 1.15))
        large = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
        rows, columns = np.flatnonzero(large.max(1) > 0.5), np.flatnonzero(large.max(0) > 0.5)
        parts.append(large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    width = sum(part.shape[1] for part in parts) + gap * (len(parts) - 1)
    paper, left = np.zeros((max(len(part) for part in parts) + 60, width + 60), np.float32), 30
    for part in parts:
        top = rng.integers(20, len(paper) - len(part) - 19)
        paper[top : top + len(part), left : left + part.shape[1]] = part
        left += part.shape[1] + gap
    return paper


def _say(net: Net, pixels: NDArray[np.uint8]) -> Floats:
    """Probabilities of the classes for drawings (n, 28, 28), (n, 10)."""
    with torch.inference_mode():
        told: Floats = net.model(to_input(torch.from_numpy(pixels)[:, None], DATASETS["mnist"])).softmax(1).numpy()
    return told


SIDE_BY_SIDE = ((2, 10), (2, 0), (3, 0), (5, 10), (10, 10))
"""How many digits, and how many pixels apart, on one paper."""

HEIGHT = 120
"""Of these digits, pixels."""

SECTIONS: tuple[Section, ...] = (mnist, held_out_styles, framing, several)
"""What is asked, in the order of the table. Each is a generator of rows, whatever they measure."""


def brought_into_frame(drawings: Sequence[Drawing]) -> Tensor:
    """The images that nets get of drawings, uint8 (n, 1, 28, 28)."""
    return torch.cat([prepare(rasterise(drawing)).images for drawing in drawings])


def placed(
    drawing: Drawing, number: int, *, size: float = 1.0, narrow: float = 1.0, turn: float = 0.0, beyond: float = 0.0
) -> Drawing:
    """A drawing made smaller and narrower, turned by so many degrees, to the right and to the left in turn, and moved
    until so much of its length lies beyond each of the four edges in turn; the pen stays the same.
    """
    points = [np.array([point[:2] for point in stroke.points]) for stroke in drawing.strokes]
    angle = np.radians(turn * (1 if number % 2 else -1))
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * size
    matrix[0] *= narrow
    points = [(one - CANVAS / 2) @ matrix + CANVAS / 2 for one in points]
    if beyond and points:
        every = np.concatenate(points)
        low, high = every.min(0) - BRUSH / 2, every.max(0) + BRUSH / 2
        side, axis = number // 2 % 2, number % 2
        length = beyond * (high - low)[axis]
        shift = np.zeros(2)
        shift[axis] = CANVAS - high[axis] + length if side else -low[axis] - length
        points = [one + shift for one in points]
    strokes = [
        replace(stroke, points=tuple((x, y, 0.0) for x, y in one.tolist()))
        for stroke, one in zip(drawing.strokes, points, strict=True)
    ]
    return replace(drawing, strokes=tuple(strokes))


FRAMINGS: dict[str, Callable[[Drawing, int], Drawing]] = {
    "large": lambda drawing, number: drawing,
    "25 % of the canvas": partial(placed, size=0.25 * CANVAS / LARGE),
    "turned by 20°": partial(placed, turn=20),
    "three fifths as wide": partial(placed, narrow=0.6),
    "half as wide": partial(placed, narrow=0.5),
    "a tenth over the edge": partial(placed, beyond=0.1),
}


def _goal(what: str) -> str:
    return " / ".join(f"{goal:g}" for goal in GOALS.get(what, ()))


# ---------------------------------------------------------------------- the table


def measure(nets: Sequence[Net], sizes: Sizes) -> Table:
    table = Table("read right, per cent", ("asked", *(net.title for net in nets)))
    for section in SECTIONS:
        for row in section(nets, sizes):
            table.add(row.what, *row.values, goal=row.goal)
    return table


def main(arguments: list[str] | None = None) -> None:
    options_of = parser(__doc__)
    options_of.add_argument("--presets", nargs="+", default=["classic", "small_cnn"], choices=PRESETS, metavar="NAME")
    options_of.add_argument("--runs", nargs="+", metavar="ID", help="nets of the store, in place of trained ones")
    options = options_of.parse_args(arguments)
    need()
    sizes = Sizes(redrawn=20, held_out=50, papers=2, epochs=1, per_class=20) if options.tiny else Sizes()
    if options.runs:
        measure([recorded(run_id) for run_id in options.runs], sizes).show(options.json)
        return
    made = [learned(preset, sizes) for preset in options.presets]
    table = measure([net for net, _ in made], sizes)
    table.add("seconds of training", *(seconds for _, seconds in made), goal="60 / 120")
    table.show(options.json)


if __name__ == "__main__":
    main()
