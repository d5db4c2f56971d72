"""What tells trainings apart: their settings, in a table and in words; runs that differ in the seed alone; twins that
start with the same weights, get the same batches and differ in one thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import humanize

from nnviz.fields import Choice, SpecError, bounds_of, to_dict
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers import LAYERS
from nnviz.spec.network import NetworkSpec, with_all
from nnviz.spec.train_config import TrainConfig, parameters, unused
from nnviz.store.run import Run, RunGone
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import CheckpointError
from nnviz.train.events import Change

INCIDENTAL = ("device", "checkpoints")
"""Fields of a configuration that leave the curve alone, but for rounding."""

TWIN_FIELDS = ("lr", "momentum", "nesterov", "weight_decay", "optimizer", "schedule", "loss")
"""What may differ between twins, beside the activation: initial weights and batches don't depend on it."""

ACTIVATION = "activation"
"""Of all hidden layers that have one, as a thing that a twin may change."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


CHANGES = "changes"
"""What was changed while a run went on, as a thing in which runs differ."""

NO_CHANGES: Mapping[str, Sequence[Change]] = {}


class Setting(NamedTuple):
    """One thing that was chosen, as far as it matters to the training."""

    label: str
    """As the head of a column: "learning rate", "Dense 1 units"."""
    value: Any
    shown: str
    """For people: "0.001", "SGD", "yes"."""


class Difference(NamedTuple):
    """A setting that is not the same in all of several runs."""

    key: str
    label: str
    values: tuple[Any, ...]
    """One for each run; None where it doesn't matter there."""
    shown: tuple[str, ...]
    """For people, "–" for None."""


def settings(run: Run) -> Mapping[str, Setting]:
    """Everything that was chosen and matters, by "lr", "dense1.units", …: no momentum of an optimizer without one."""
    return _settings(run.network, run.config, run.parent, run.parent_step)


@lru_cache(maxsize=4096)
def _settings(network: NetworkSpec, config: TrainConfig, parent: str, parent_step: int) -> Mapping[str, Setting]:
    """Kept, for a page asks this of every run of the store several times a second."""
    found: dict[str, Setting] = {}
    for name, bounds in bounds_of(TrainConfig).items():
        if name not in INCIDENTAL and not unused(name, config):
            value = getattr(config, name)
            found[name] = Setting(bounds.label, value, _shown(bounds, value))
    init = bounds_of(NetworkSpec)["init"]
    found["init"] = Setting(init.label, network.init, _shown(init, network.init))
    for name in INITIALISATIONS[network.init].uses:
        value, bounds = getattr(network, name), bounds_of(NetworkSpec)[name]
        found[name] = Setting(bounds.label, value, _shown(bounds, value))
    found["layers"] = Setting("layers", tuple(layer.kind for layer in network.layers), layers_in_words(network))
    counts: dict[str, int] = {}
    for layer in network.layers:
        counts[layer.kind] = number = counts.get(layer.kind, 0) + 1
        for name, bounds_here in bounds_of(layer).items():
            value = getattr(layer, name)
            label = f"{LAYERS[layer.kind].title} {number} {bounds_here.label}"
            found[f"{layer.kind}{number}.{name}"] = Setting(label, value, _shown(bounds_here, value))
    if parent:
        found["start"] = Setting("start", (parent, parent_step), f"step {parent_step:,} of #{parent[-4:]}")
    return found


def differences(runs: Sequence[Run], changes: Mapping[str, Sequence[Change]] = NO_CHANGES) -> list[Difference]:
    """The settings that are not the same in all `runs`, in the order of their declaration; with `changes`, what was
    changed in each (by its id) while it ran, too.

    Nets of other kinds of layers differ in "layers" as a whole, not in each layer's fields.
    """
    each = [{**settings(run), **_changed(changes.get(run.id, ()))} for run in runs]
    alike = len({one["layers"].value for one in each}) <= 1
    labels = {key: setting.label for one in each for key, setting in one.items()}
    order = sorted(labels, key=lambda key: _place(key, each))
    found = []
    for key in order:
        if ("." in key and not alike) or (key == "layers" and alike):
            continue
        values = tuple(one[key].value if key in one else None for one in each)
        off = all(
            value in (None, False) for value in values
        )  # switched off, and not there to be switched on, are alike
        if not off and any(value != values[0] for value in values[1:]):
            shown = tuple(one[key].shown if key in one else "–" for one in each)
            found.append(Difference(key, labels[key], values, shown))
    return found


def _changed(changes: Sequence[Change]) -> dict[str, Setting]:
    """What was changed while a run went on, as one setting; none if nothing was."""
    if not changes:
        return {}
    bounds = bounds_of(TrainConfig)
    shown = ", ".join(f"{bounds[one.name].label} {one.after:g} after step {one.step:,}" for one in changes)
    return {CHANGES: Setting("changed while it ran", tuple(changes), shown)}


def layers_in_words(network: NetworkSpec) -> str:
    """The hidden layers in a line: "128 ReLU – 64 tanh", "no hidden layer"."""
    return " – ".join(_layer_in_words(layer) for layer in network.layers) or "no hidden layer"


def in_words(
    first: Run, second: Run, names: tuple[str, str] = ("A", "B"), changes: Mapping[str, Sequence[Change]] = NO_CHANGES
) -> str:
    """How the second run was set up differently from the first, as a sentence; `changes` as in `differences`."""
    found = differences((first, second), changes)
    a, b = names
    if not found:
        return f"{a} and {b} are set up alike, with the same seed: their curves should be the same."
    if [one.key for one in found] == ["seed"]:
        one = found[0]
        return (
            f"{a} and {b} differ in nothing but the seed ({one.shown[0]} and {one.shown[1]}): other initial weights and"
            " another order of the images."
        )
    dense = all(layer.kind == "dense" for layer in second.network.layers)
    phrases = [_phrase(one, a, dense) for one in found]
    return f"{b} trains with {_listed(phrases)}; all else is equal."


def _phrase(one: Difference, other: str, dense: bool) -> str:
    """ "a learning rate of 0.01 instead of 0.001". `dense`: the hidden layers are all of that kind, which is then left
    out; among others the first dense layer is not the first hidden one.
    """
    before, after = one.shown
    if one.key == CHANGES:
        if one.values[1] is None:
            return f"no settings changed while it ran, as they were in {other} ({before})"
        return f"settings changed while it ran ({after})" + (f" instead of ({before})" if one.values[0] else "")
    if one.key == "start":
        if None in one.values:
            return f"a start {'at the beginning' if after == '–' else f'from {after}'} instead of" + (
                " the beginning" if before == "–" else f" from {before}"
            )
        return f"a start from {after} instead of {before}"
    if one.values[1] is None:
        return f"no {one.label}, which was {before} in {other}"
    if one.values[0] is None:
        return f"{_article(one.label)} of {after}, which {other} has not"
    if one.key == "layers":
        return f"the hidden layers {after} instead of {before}"
    if "." in one.key:
        layer, name = one.key.split(".")
        kind = layer.rstrip("0123456789")
        number = int(layer.removeprefix(kind))
        ordinal = _ORDINALS[number - 1] if number <= len(_ORDINALS) else humanize.ordinal(number)
        where = f"in the {ordinal} {'hidden' if dense else LAYERS[kind].title.lower()} layer"
        noun = {"units": "neurons", "channels": "channels"}.get(name)
        if noun:
            return f"{after} instead of {before} {noun} {where}"
        if name == ACTIVATION:
            return f"{after} instead of {before} {where}"
        return f"{_article(_own_label(kind, name))} of {after} instead of {before} {where}"
    bounds = bounds_of(TrainConfig).get(one.key) or bounds_of(NetworkSpec).get(one.key)
    if isinstance(one.values[0], bool):
        return f"{one.label} switched {'on' if one.values[1] else 'off'}"
    if one.key == "epochs":
        return f"{after} instead of {before} epochs"
    if one.key == "per_class":
        return f"{_examples(one.values[1])} instead of {_examples(one.values[0])}"
    if isinstance(bounds, Choice):
        return f"{after} instead of {before} as {one.label}"
    return f"{_article(one.label)} of {after} instead of {before}"


# ---------------------------------------------------------------------- seeds


def seed_group(run: Run, others: Iterable[Run], changed: frozenset[str] = frozenset()) -> list[Run]:
    """The run and those of `others` that differ from it in the seed alone, by seed; one for each seed.

    `changed` holds ids of runs that somebody steered while they trained: they repeat no other, nor do others them.
    """
    found = {run.config.seed: run}
    for other in others:
        if kin(run, other, changed):
            found.setdefault(other.config.seed, other)
    return [found[seed] for seed in sorted(found)]


def kin(run: Run, other: Run, changed: frozenset[str] = frozenset()) -> bool:
    """Whether they differ in the seed at most; see `seed_group` for `changed`."""
    if run.id == other.id:
        return True
    return run.id not in changed and other.id not in changed and _all_but_seed(run) == _all_but_seed(other)


def repeats(run: Run, group: Iterable[Run], count: int) -> list[TrainConfig]:
    """Its settings with `count` seeds that the group has not yet: the next ones."""
    used = {one.config.seed for one in group}
    high = int(bounds_of(TrainConfig)["seed"].high)  # type: ignore[union-attr]  # a seed is a number
    found: list[TrainConfig] = []
    seed = run.config.seed
    while len(found) < count:
        seed = (seed + 1) % (high + 1)
        if seed not in used:
            found.append(run.config.with_(seed=seed))
    return found


def repeat(store: RunStore, run: Run, config: TrainConfig) -> Run:
    """A new run, waiting to be started, as `run` was but with the seed of `config`. Raises as `begin_like`."""
    base = run.name.split(" · seed ")[0]
    return begin_like(store, run, run.network, config, f"{base} · seed {config.seed}")


# ---------------------------------------------------------------------- twins


def in_lock_step(first: Run, second: Run) -> bool:
    """Whether both start with the same weights, as many of each layer, and get the same batches in the same order."""
    one, other = settings(first), settings(second)
    free = {*TWIN_FIELDS, "epochs"}
    for key in one.keys() | other.keys():
        if key in free or key.endswith(f".{ACTIVATION}"):
            continue
        if key not in one or key not in other or one[key].value != other[key].value:
            return False
    # Neither weights nor batches depend on it, but a twin that is the run itself over again shows nothing.
    return first.id != second.id


def twins(run: Run, others: Iterable[Run], changed: frozenset[str] = frozenset()) -> list[Run]:
    """Those of `others` that go in lock step with the run and differ from it in one thing, in their order; how long
    they train does not count. `changed` as in `seed_group`: one that was steered is nobody's twin.
    """
    return [
        other
        for other in others
        if in_lock_step(run, other) and not changed & {run.id, other.id} and len(_apart(run, other)) == 1
    ]


def _apart(run: Run, other: Run) -> set[str]:
    """In what they differ, beside the number of epochs; the activation of all layers counts as one thing."""
    keys = {one.key for one in differences((run, other))} - {"epochs"}
    return {ACTIVATION if key.endswith(f".{ACTIVATION}") else key for key in keys}


def activation_of(network: NetworkSpec) -> str:
    """The activation of the hidden layers, of the first of them where they differ; "" where none has one."""
    return next((str(layer.activation) for layer in network.layers if hasattr(layer, "activation")), "")


def start_twin(store: RunStore, run: Run, field: str, value: Any) -> Run:
    """A new run, waiting to be started: as `run` was at its beginning, but for one thing, which is a field of
    TWIN_FIELDS or ACTIVATION. Raises SpecError where it would not be a twin, and as `begin_like`.
    """
    if field == ACTIVATION:
        if run.parent:
            raise SpecError("a fork goes on with the weights of its run, and so with its activations")
        network, config = with_all(run.network, ACTIVATION, value), run.config
        label, shown = ACTIVATION, ACTIVATIONS[value].title
    elif field in TWIN_FIELDS:
        network, config = run.network, run.config.with_(**{field: value})
        bounds = bounds_of(TrainConfig)[field]
        label, shown = bounds.label, _shown(bounds, getattr(config, field))
    else:
        raise SpecError(f"a twin can differ in {', '.join((*TWIN_FIELDS, ACTIVATION))}, not in {field}")
    if (network, config) == (run.network, run.config):
        raise SpecError(f"the {label} of a twin must be another than {shown}, which the run has already")
    return begin_like(store, run, network, config, f"Twin of #{run.id[-4:]}: {label} {shown}")


def begin_like(store: RunStore, run: Run, network: NetworkSpec, config: TrainConfig, name: str) -> Run:
    """A new run, waiting to be started, that begins where `run` began: at the beginning, or at the checkpoint it was
    forked from. Raises SpecError, CheckpointError, RunGone, OSError.
    """
    if not run.parent:
        return store.create(network, config, name)
    try:
        return store.fork(run.parent, run.parent_step, config, name)
    except (RunGone, CheckpointError):  # its parent was deleted; it keeps the checkpoint it began with
        return store.fork(run.id, run.parent_step, config, name)


# ---------------------------------------------------------------------- figures of a run


class Figures(NamedTuple):
    """What became of a run so far."""

    final_accuracy: float | None
    """On the test images after the last whole epoch, in [0, 1]; None before the first."""
    best_accuracy: float | None
    best_epoch: int
    final_loss: float | None
    """On the test images, in the loss function's unit."""
    epochs: int
    """Whole ones done."""
    parameters: int


def figures(store: RunStore, run: Run) -> Figures:
    """Raises RunGone."""
    epochs = store.history.epochs(run.id)
    best = max(epochs, key=lambda epoch: epoch.test_accuracy, default=None)
    last = epochs[-1] if epochs else None
    return Figures(
        last.test_accuracy if last else None,
        best.test_accuracy if best else None,
        best.epoch if best else 0,
        last.test_loss if last else None,
        last.epoch if last else 0,
        parameters(run.network, run.config),
    )


# ---------------------------------------------------------------------- words


def _all_but_seed(run: Run) -> dict[str, Any]:
    return {key: one.value for key, one in settings(run).items() if key != "seed"}


def _place(key: str, each: Sequence[Mapping[str, Setting]]) -> int:
    """Configuration, network and layers in their own order."""
    return max(list(one).index(key) for one in each if key in one)


def _shown(bounds: Any, value: Any) -> str:
    if isinstance(bounds, Choice):
        return bounds.options[value].lower() if value == "none" else bounds.options[value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if bounds.label != "seed" else str(value)


def _own_label(kind: str, name: str) -> str:
    return bounds_of(LAYERS[kind])[name].label


def _layer_in_words(layer: Any) -> str:
    if layer.counted:
        size = f"{'' if layer.stacks else f'{layer.kind} '}{getattr(layer, layer.counted)}"
        activation = getattr(layer, "activation", "identity")
        return f"{size} {ACTIVATIONS[activation].title}" if activation != "identity" else size
    values = " ".join(f"{value:g}" for value in to_dict(layer).values() if isinstance(value, int | float))
    return f"{layer.title.lower()} {values}".strip()


def _examples(count: int) -> str:
    return f"{count:,} examples of each class" if count else "all examples"


def _article(noun: str) -> str:
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def _listed(phrases: Sequence[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"
