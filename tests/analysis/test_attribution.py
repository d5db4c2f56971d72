"""Saliency mattered: against plain autograd, the completeness axiom, and a naive loop of covered patches."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from nnviz.analysis.attribution import METHODS, PATCH, STRIDE, attribute
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.train.trainer import Trainer

NETWORKS = {
    "softmax": NetworkSpec(()),
    "classic": NetworkSpec(),
    "tanh": NetworkSpec((Dense(16, "tanh"),)),
    "small_cnn": PRESETS["small_cnn"].network,
}


@pytest.fixture(scope="module", params=NETWORKS)
def checkpoint(request: pytest.FixtureRequest, blobs: Loaded) -> CheckpointView:
    network, config = NETWORKS[request.param], TrainConfig(lr=0.01, epochs=1)
    trainer = Trainer(network, config, blobs)
    for _ in trainer.run():
        pass
    return CheckpointView(network, config, trainer.checkpoint(), blobs)


@pytest.fixture
def image(blobs: Loaded) -> Tensor:
    return to_input(blobs.test.images[3:4], blobs.dataset)


def autograd(model: nn.Module, image: Tensor, target: int) -> Tensor:
    x = image.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x)[0, target], x)
    return gradient[0, 0]


@pytest.mark.parametrize("target", [3, 7])
def test_the_gradient_is_autograds(checkpoint: CheckpointView, image: Tensor, target: int) -> None:
    expected = autograd(checkpoint.model, image, target)
    told = attribute(checkpoint.model, image, target, "gradient", checkpoint.data.dataset)
    assert torch.equal(told.values, expected)
    with torch.inference_mode():
        assert told.logit == pytest.approx(float(checkpoint.model(image)[0, target]), abs=1e-5)
        assert told.paper_logit == pytest.approx(
            float(checkpoint.model(torch.full_like(image, -1))[0, target]), abs=1e-5
        )


def test_gradient_times_input_takes_the_ink_as_input(checkpoint: CheckpointView, image: Tensor) -> None:
    """The same as gradient × input of a net whose input is ink from 0 to 1."""
    ink = ((image + 1) / 2).requires_grad_()
    (gradient,) = torch.autograd.grad(checkpoint.model(2 * ink - 1)[0, 3], ink)
    told = attribute(checkpoint.model, image, 3, "gradient_input", checkpoint.data.dataset)
    torch.testing.assert_close(told.values, (gradient * ink)[0, 0].detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("target", [3, 7])
def test_integrated_gradients_add_up_to_the_change_of_the_logit(
    checkpoint: CheckpointView, image: Tensor, target: int
) -> None:
    told = attribute(checkpoint.model, image, target, "integrated", checkpoint.data.dataset)
    change = told.logit - told.paper_logit
    assert told.total == pytest.approx(change, abs=0.02 * max(1.0, float(told.values.abs().sum())))
    assert abs(change) > 0.01


def test_integrated_gradients_are_the_mean_gradient_on_the_way(checkpoint: CheckpointView, image: Tensor) -> None:
    paper = torch.full_like(image, -1)
    points = [paper + (k + 0.5) / 400 * (image - paper) for k in range(400)]
    mean = torch.stack([autograd(checkpoint.model, point, 3) for point in points]).mean(0)
    told = attribute(checkpoint.model, image, 3, "integrated", checkpoint.data.dataset)
    expected = mean * (image - paper)[0, 0]
    torch.testing.assert_close(told.values, expected, rtol=0, atol=0.05 * float(expected.abs().max()))


def test_of_a_linear_net_integrated_gradients_and_gradient_times_input_are_one(blobs: Loaded, image: Tensor) -> None:
    checkpoint = Trainer(NetworkSpec(()), TrainConfig(), blobs).checkpoint()
    model = CheckpointView(NetworkSpec(()), TrainConfig(), checkpoint, blobs).model
    one, other = (attribute(model, image, 3, name, blobs.dataset) for name in ("integrated", "gradient_input"))
    torch.testing.assert_close(one.values, other.values)
    assert one.total == pytest.approx(one.logit - one.paper_logit, abs=1e-4)


def test_occlusion_is_what_a_naive_loop_loses(checkpoint: CheckpointView, image: Tensor) -> None:
    lost, covered = torch.zeros(28, 28), torch.zeros(28, 28)
    with torch.inference_mode():
        whole = float(checkpoint.model(image)[0, 3])
        for row in range(0, 28 - PATCH + 1, STRIDE):
            for column in range(0, 28 - PATCH + 1, STRIDE):
                patched = image.clone()
                patched[:, :, row : row + PATCH, column : column + PATCH] = -1
                place = (slice(row, row + PATCH), slice(column, column + PATCH))
                lost[place] += whole - float(checkpoint.model(patched)[0, 3])
                covered[place] += 1
    told = attribute(checkpoint.model, image, 3, "occlusion", checkpoint.data.dataset)
    assert int(covered.min()) == 1
    torch.testing.assert_close(told.values, lost / covered, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_left_on_the_model(checkpoint: CheckpointView, image: Tensor, method: str) -> None:
    state = torch.random.get_rng_state()
    kept = {name: value.clone() for name, value in checkpoint.model.state_dict().items()}
    shown = image.clone()
    told = attribute(checkpoint.model, image, 3, method, checkpoint.data.dataset)
    assert told.values.shape == (28, 28)
    assert told.finite
    assert not told.values.requires_grad
    assert float(told.values.abs().max()) > 0
    assert torch.equal(image, shown)
    assert image.grad is None
    assert not image.requires_grad
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not checkpoint.model.training
    assert all(torch.equal(value, kept[name]) for name, value in checkpoint.model.state_dict().items())
    for parameter in checkpoint.model.parameters():
        assert parameter.grad is None
        assert parameter.requires_grad
    for module in checkpoint.model.modules():
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
        assert not any(hooks)


@pytest.mark.parametrize("method", METHODS)
def test_it_works_where_nothing_else_is_differentiated(checkpoint: CheckpointView, image: Tensor, method: str) -> None:
    alone = attribute(checkpoint.model, image, 3, method, checkpoint.data.dataset)
    with torch.no_grad():
        again = attribute(checkpoint.model, image, 3, method, checkpoint.data.dataset)
    assert torch.equal(alone.values, again.values)


def test_weights_that_are_not_finite_are_told(blobs: Loaded, image: Tensor) -> None:
    checkpoint = Trainer(NetworkSpec(()), TrainConfig(), blobs).checkpoint()
    checkpoint.model["output.weight"].fill_(float("nan"))
    model = CheckpointView(NetworkSpec(()), TrainConfig(), checkpoint, blobs).model
    assert not attribute(model, image, 3, "integrated", blobs.dataset).finite


def test_one_image_at_a_time(checkpoint: CheckpointView, blobs: Loaded) -> None:
    with pytest.raises(ValueError, match=r"one image of one channel .* not \(2, 1, 28, 28\)"):
        attribute(checkpoint.model, to_input(blobs.test.images[:2], blobs.dataset), 3, "gradient", blobs.dataset)


def test_captum_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, nnviz.analysis.attribution; assert not {'captum', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
