"""Surgery on copies: exactly what was asked changes, and nothing else."""

from __future__ import annotations

import pytest
import torch

from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.analysis.editing import Action, Edit, edited
from nnviz.data.datasets import Loaded
from nnviz.fields import SpecError
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.conv_transpose import ConvTranspose
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer

NETWORK = NetworkSpec((Conv(3), Dense(8)))


@pytest.fixture
def checkpoint(blobs: Loaded) -> CheckpointView:
    return CheckpointView(NETWORK, TrainConfig(), Trainer(NETWORK, TrainConfig(), blobs).checkpoint(), blobs)


def changed(before: CheckpointView, after: CheckpointView) -> dict[str, torch.Tensor]:
    """Where each parameter differs, by name; those that don't are left out."""
    found = {name: after.state.model[name] != value for name, value in before.state.model.items()}
    return {name: differs for name, differs in found.items() if differs.any()}


@pytest.mark.parametrize("action", Action)
def test_one_weight(checkpoint: CheckpointView, action: Action) -> None:
    after = edited(checkpoint, [Edit("conv1", action, unit=1, source=5, amount=0.25)])
    differs = changed(checkpoint, after)
    assert list(differs) == ["conv1.weight"]
    assert differs["conv1.weight"].nonzero().tolist() == [[1, 0, 1, 2]]
    value = float(after.state.model["conv1.weight"][1, 0, 1, 2])
    if action is Action.ZERO:
        assert value == 0
    if action is Action.NUDGE:
        assert value == pytest.approx(float(checkpoint.state.model["conv1.weight"][1, 0, 1, 2]) + 0.25)
    assert after.layers[0].weight is not None
    assert torch.equal(after.layers[0].weight, after.state.model["conv1.weight"])


@pytest.mark.parametrize("action", Action)
def test_one_neuron_with_its_bias(checkpoint: CheckpointView, action: Action) -> None:
    differs = changed(checkpoint, edited(checkpoint, [Edit("dense1", action, unit=6)]))
    assert set(differs) == {"dense1.weight", "dense1.bias"}
    assert differs["dense1.weight"].any(1).nonzero().tolist() == [[6]]
    assert differs["dense1.bias"].nonzero().tolist() == [[6]]


def test_a_whole_layer_set_to_zero(checkpoint: CheckpointView) -> None:
    after = edited(checkpoint, [Edit("output", Action.ZERO)])
    assert set(changed(checkpoint, after)) == {"output.weight", "output.bias"}
    assert not after.state.model["output.weight"].any()


def test_drawing_again_is_the_initialisation_from_another_seed(checkpoint: CheckpointView) -> None:
    after = edited(checkpoint, [Edit("dense1", Action.REDRAW, seed=4)])
    fresh = build_model(NETWORK, (1, 28, 28), 10, 5).state_dict()
    assert torch.equal(after.state.model["dense1.weight"], fresh["dense1.weight"])


@pytest.mark.parametrize("kind", [Conv, ConvTranspose])
@pytest.mark.parametrize("source", [None, 0, 5, 17])
def test_a_channel_or_a_weight_of_it_is_drawn_again(
    blobs: Loaded, kind: type[Conv] | type[ConvTranspose], source: int | None
) -> None:
    """Of a channel that sees two: its kernels lie otherwise in memory where the convolution is a transposed one."""
    network = NetworkSpec((Conv(2, stride=8), kind(4, 3)))
    before = CheckpointView(network, TrainConfig(), Trainer(network, TrainConfig(), blobs).checkpoint(), blobs)
    name = before.layers[1].name
    after = edited(before, [Edit(name, Action.REDRAW, unit=3, source=source, seed=4)])
    fresh = build_model(network, (1, 28, 28), 10, 5).state_dict()
    old, new, drawn = (
        before.units_first(f"{name}.weight", model[f"{name}.weight"]).flatten(1)
        for model in (before.state.model, after.state.model, fresh)
    )
    expected, places = old.clone(), slice(None) if source is None else source
    expected[3, places] = drawn[3, places]
    assert torch.equal(new, expected)
    assert (f"{name}.bias" in changed(before, after)) == (source is None)


def test_the_last_seed_is_followed_by_the_first(blobs: Loaded) -> None:
    config = TrainConfig(seed=2**31 - 1)
    view = CheckpointView(NETWORK, config, Trainer(NETWORK, config, blobs).checkpoint(), blobs)
    after = edited(view, [Edit("dense1", Action.REDRAW, seed=2)])
    fresh = build_model(NETWORK, (1, 28, 28), 10, 2).state_dict()
    assert torch.equal(after.state.model["dense1.weight"], fresh["dense1.weight"])


def test_noise_has_the_deviation_asked_for(checkpoint: CheckpointView) -> None:
    after = edited(checkpoint, [Edit("dense1", Action.NUDGE, amount=0.3)])
    noise = after.state.model["dense1.weight"] - checkpoint.state.model["dense1.weight"]
    assert float(noise.std()) == pytest.approx(0.3, rel=0.05)
    assert float(noise.mean()) == pytest.approx(0, abs=0.03)
    other = edited(checkpoint, [Edit("dense1", Action.NUDGE, amount=-0.3, seed=1)])
    more = other.state.model["dense1.weight"] - checkpoint.state.model["dense1.weight"]
    noises = torch.stack([noise.flatten(), more.flatten()])
    assert float(noises[1].std()) == pytest.approx(0.3, rel=0.05)
    assert abs(float(noises.corrcoef()[0, 1])) < 0.2  # another seed, other noise


def test_edits_add_up_and_leaving_one_out_undoes_it(checkpoint: CheckpointView) -> None:
    edits = [Edit("dense1", Action.ZERO, unit=1), Edit("dense1", Action.NUDGE, unit=1, source=0, amount=2.0)]
    assert float(edited(checkpoint, edits).state.model["dense1.weight"][1].sum()) == 2.0
    assert not edited(checkpoint, edits[:1]).state.model["dense1.weight"][1].any()
    assert changed(checkpoint, edited(checkpoint, [])) == {}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit("dense9", Action.ZERO), "layer must be one of conv1, dense1, output, not 'dense9'"),
        (Edit("dense1", Action.ZERO, unit=8), "neuron must be a whole number from 0 to 7, not 8"),
        (Edit("conv1", Action.ZERO, unit=0, source=9), "input must be a whole number from 0 to 8, not 9"),
        (Edit("dense1", Action.ZERO, source=1), "needs a neuron"),
        (Edit("dense1", Action.NUDGE, amount=float("nan")), "nudge must be a number"),
        (Edit("dense1", Action.NUDGE, amount=100.1), "nudge must be a number from -100 to 100, not 100.1"),
        (Edit("dense1", Action.NUDGE, amount=-100.1), "nudge must be a number from -100 to 100, not -100.1"),
        (Edit("dense1", Action.ZERO, unit=-1), "neuron must be a whole number from 0 to 7, not -1"),
        (Edit("conv1", Action.ZERO, unit=0, source=-1), "input must be a whole number from 0 to 8, not -1"),
    ],
)
def test_what_fits_nothing_is_refused(checkpoint: CheckpointView, edit: Edit, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        edited(checkpoint, [edit])


def test_an_edit_in_words() -> None:
    assert Edit("dense1", Action.ZERO, 3).in_words("Dense 1") == "Neuron 3 of Dense 1 set to zero"
    words = Edit("dense1", Action.NUDGE, 3, 7, 0.5).in_words("Dense 1")
    assert words == "The weight from input 7 to neuron 3 of Dense 1 nudged by +0.5"
    assert Edit("dense1", Action.NUDGE, 3, 7, -0.5).in_words("Dense 1").endswith("nudged by -0.5")
    assert Edit("dense1", Action.NUDGE, 3).in_words("Dense 1") == (
        "Neuron 3 of Dense 1 nudged by noise of standard deviation 0.1"
    )
    assert Edit("dense1", Action.REDRAW).in_words("Dense 1") == "Dense 1 drawn again"


def test_a_layer_of_one_neuron_can_be_edited(blobs: Loaded) -> None:
    network = NetworkSpec((Dense(1),))
    view = CheckpointView(network, TrainConfig(), Trainer(network, TrainConfig(), blobs).checkpoint(), blobs)
    after = edited(view, [Edit("dense1", Action.ZERO, unit=0, source=783)])
    assert changed(view, after)["dense1.weight"].nonzero().tolist() == [[0, 783]]


def test_a_nudge_may_be_as_large_as_allowed(checkpoint: CheckpointView) -> None:
    for amount in (100, -100):
        after = edited(checkpoint, [Edit("dense1", Action.NUDGE, 0, 0, amount)]).state.model["dense1.weight"]
        assert float((after - checkpoint.state.model["dense1.weight"])[0, 0]) == pytest.approx(amount)
