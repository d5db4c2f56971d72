"""A network at one checkpoint of its training: what each layer holds, and the very step that the training takes next.

Nothing is captured while training but the checkpoint itself: order, augmentation and dropout follow from its position
and the seed, so the next mini-batch, its gradients and the optimizer's update are computed again, to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from torch import Tensor, nn

from nnviz.data.datasets import Loaded
from nnviz.spec.layers import LAYERS, WEIGHTED, unit_weights
from nnviz.spec.network import LayerPlan, NetworkSpec, empty_model
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.train_config import TrainConfig
from nnviz.train.checkpoint import Checkpoint, CheckpointError
from nnviz.train.events import Batch, Change, Diverged
from nnviz.train.trainer import Trainer


class LayerView(NamedTuple):
    """One layer in its place, with the modules that compute it in order."""

    place: int
    """Counted from 0 among all layers."""
    name: str
    """As in the model's parameters: "dense1", "conv2", "output"."""
    title: str
    plan: LayerPlan
    modules: tuple[nn.Module, ...]
    weight: Tensor | None
    """(units, inputs) of a dense layer, (channels, in channels, h, w) of a convolution; None where nothing is learned
    or, as in batch normalisation, there is no matrix."""
    bias: Tensor | None
    """(units,)."""

    @property
    def units(self) -> int:
        """Neurons of a dense layer, channels of anything that gives images."""
        return self.plan.out_shape[0]

    @property
    def activation(self) -> str:
        """Its name in ACTIVATIONS; "identity" where there is none."""
        return str(getattr(self.plan.layer, "activation", "identity"))


class Step(NamedTuple):
    """One optimizer step, from the weights before it to those after: `after` = `before` + `update`.

    The dictionaries go by parameter name ("dense1.weight").
    """

    step: int
    """Its number; the first of a training is 1."""
    lr: float
    loss: float
    """Of the mini-batch, before the step, mean per example."""
    images: Tensor
    """The mini-batch as the network gets it, float32 (n, 1, 28, 28)."""
    labels: Tensor
    before: dict[str, Tensor]
    gradient: dict[str, Tensor]
    """∂L/∂W, of the mean loss over the mini-batch."""
    after: dict[str, Tensor]
    state: dict[str, dict[str, Tensor]]
    """What the optimizer remembers after the step, by parameter and key ("momentum_buffer")."""

    def update(self, name: str) -> Tensor:
        """W_new − W_old of one parameter."""
        return self.after[name] - self.before[name]


class CheckpointView:
    """A run's network at one checkpoint. Its tensors are on the CPU and are the checkpoint's own: a large network is
    not held twice. Treat them as read-only.

    `config` is that of the checkpoint's step: changes made earlier are in it, later ones in `changes`.
    Raises CheckpointError if the checkpoint is of another network.
    """

    def __init__(
        self,
        network: NetworkSpec,
        config: TrainConfig,
        checkpoint: Checkpoint,
        data: Loaded,
        changes: Iterable[Change] = (),
    ) -> None:
        self.network, self.state, self.data = network, checkpoint, data
        self.config = config.with_(device="cpu")
        self.changes = tuple(changes)
        dataset = data.dataset
        self.model = empty_model(network, dataset.input_shape, len(dataset.classes))
        try:
            self.model.load_state_dict(checkpoint.model, assign=True)
        except RuntimeError as error:
            raise CheckpointError(f"the checkpoint is of another network ({error})") from None
        self.model.eval()
        self.layers = layer_views(network, self.model, dataset.input_shape, len(dataset.classes))

    @property
    def step_number(self) -> int:
        """Optimizer steps done."""
        return self.state.position.step

    @property
    def learning_layers(self) -> tuple[LayerView, ...]:
        """Those with a weight matrix, in order."""
        return tuple(layer for layer in self.layers if layer.weight is not None)

    def layer(self, name: str) -> LayerView:
        """The layer called `name`, or the first with a weight matrix where there is none of that name."""
        return next((layer for layer in self.layers if layer.name == name), self.learning_layers[0])

    @cached_property
    def next_step(self) -> Step | None:
        """The step that the training takes from here, on its true mini-batch; None if its loss is not finite.

        After the last epoch it is the one that would come next if training went on.
        """
        taken = self.one_step()
        return None if taken is None else taken[0]

    def one_step(self) -> tuple[Step, Trainer] | None:
        """`next_step`, and a trainer that has just done it."""
        config, position = self.config, self.state.position
        if position.epoch >= config.epochs:
            config = config.with_(epochs=min(position.epoch + 1, 1000))
        trainer = Trainer(self.network, config, self.data, start=self.state, changes=self.changes)
        names = dict(trainer.model.named_parameters())
        before = {name: parameter.detach() for name, parameter in self.model.named_parameters()}  # no second copy
        seen = trainer.loader
        for event in trainer.run():
            if isinstance(event, Diverged):
                return None
            if isinstance(event, Batch):
                images, labels = seen.take(seen.epoch, trainer.position.cursor - event.size, event.size)
                state = trainer.optimizer.state
                step = Step(
                    event.step,
                    event.lr,
                    event.loss,
                    images.clone(),
                    labels.clone(),
                    {n: self.units_first(n, p) for n, p in before.items()},
                    {n: self.units_first(n, p.grad) for n, p in names.items() if p.grad is not None},
                    {n: self.units_first(n, p.detach()) for n, p in names.items()},
                    {n: {k: v for k, v in state[p].items() if isinstance(v, Tensor)} for n, p in names.items()},
                )
                return step, trainer
        return None

    def units_first(self, name: str, tensor: Tensor) -> Tensor:
        """A view of what has the shape of the parameter `name`, with one row for each unit where it is a matrix."""
        layer, _, kind = name.rpartition(".")
        return self.layer(layer).plan.layer.units_first(tensor) if kind == "weight" and tensor.dim() > 1 else tensor

    @property
    def optimizer_title(self) -> str:
        return OPTIMIZERS[self.config.optimizer].title


def layer_views(
    network: NetworkSpec, model: nn.Sequential, input_shape: tuple[int, ...], classes: int
) -> tuple[LayerView, ...]:
    """The layers of `model`, which must be `network` built for the same input and classes."""
    modules = iter(model.children())
    views = []
    for index, plan in enumerate(network.plan(input_shape, classes)):
        own = tuple(next(modules) for _ in plan.calls)
        weighted = next((m for m in own if isinstance(m, WEIGHTED)), None)
        bias = weighted.bias if weighted is not None else None
        views.append(
            LayerView(
                index,
                plan.name,
                title_of(plan),
                plan,
                own,
                None if weighted is None else unit_weights(weighted),
                bias.detach() if isinstance(bias, Tensor) else None,
            )
        )
    return tuple(views)


def title_of(plan: LayerPlan) -> str:
    """The layer's name for people: "Dense 1", "Convolution 2", "Output"."""
    if plan.name == "output":
        return "Output"
    return f"{LAYERS[plan.layer.kind].title} {plan.name.removeprefix(plan.layer.kind)}"
