"""Many dense networks of one shape trained at once, as one stacked batch: an ensemble.

Nets of a few thousand weights keep a processor waiting more than computing. Stacked, they share every call: the first
layers are one wide product, since all members see the same images; the others are batched products. The formulas are
those of `training.Trainer`, one by one; sums are rounded in another order, so numbers agree within rounding, not bit
for bit.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nnviz.data.datasets import Loaded, to_input
from nnviz.fields import SpecError
from nnviz.spec.call import Call
from nnviz.spec.layers import WEIGHTED
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import BYTES_PER_NUMBER, NetworkSpec, build_model
from nnviz.spec.schedules import SCHEDULES
from nnviz.spec.train_config import TrainConfig, check, layer_plans, parameters
from nnviz.train.checkpoint import Checkpoint, CheckpointError, Position
from nnviz.train.evaluation import answers_are_finite
from nnviz.train.events import Diverged, Epoch
from nnviz.train.loader import Loader

OWN = ("lr", "momentum", "weight_decay", "nesterov", "checkpoints")
"""Settings in which the members of an ensemble may differ."""

LARGEST = 600_000
"""Weights of a net above which stacking gains nothing: its products fill the processor by themselves."""

ENSEMBLE_BYTES = 8_000_000
"""Weights and velocities of an ensemble: they are gone through at every step and should stay in the cache."""

GUARD_EVERY = 50
"""Steps between two copies of the weights, to fall back on when they cease to be finite."""

TEST_CHUNK = 250
"""Test images at once; every member has its own outputs for each."""


class EnsembleBatch(NamedTuple):
    """One step of every member, in the order of `members`; as `training.Batch`."""

    step: int
    members: tuple[int, ...]
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    lr: tuple[float, ...]
    size: int


class EnsembleTested(NamedTuple):
    """A part of the test pass is done."""

    done: int
    total: int


class EnsembleEpoch(NamedTuple):
    """A pass is complete, for these members."""

    members: tuple[int, ...]
    epochs: tuple[Epoch, ...]


class EnsembleDiverged(NamedTuple):
    """A member's loss is no longer a finite number; it is out of the ensemble."""

    member: int
    diverged: Diverged


EnsembleEvent = EnsembleBatch | EnsembleTested | EnsembleEpoch | EnsembleDiverged


class _Guard(NamedTuple):
    """The last state that is known to be good, of every member."""

    position: Position
    loss_sum: Tensor
    correct: Tensor
    weights: list[Tensor]

    def checkpoint(self, index: int, keys: Sequence[str]) -> Checkpoint:
        position = self.position._replace(loss_sum=float(self.loss_sum[index]), correct=int(self.correct[index]))
        return Checkpoint(position, {key: w[index].clone() for key, w in zip(keys, self.weights, strict=True)})


def why_not(network: NetworkSpec, config: TrainConfig) -> str:
    """Why such a training gains nothing from an ensemble or can't be in one, as a clause; empty if it can."""
    plans = layer_plans(network, config)
    if network.convolves:
        return "convolutions fill the processor by themselves"
    if not all(plan.layer.stacks for plan in plans):
        return "only dense layers can be stacked"
    if config.optimizer != "sgd":
        return "only SGD is done for many nets at once"
    if sum(plan.parameters for plan in plans) > LARGEST:
        return "layers this large fill the processor by themselves"
    if config.device not in ("auto", "cpu") or (config.device == "auto" and torch.cuda.is_available()):
        return "only the CPU trains ensembles"
    return ""


def ensemble_key(network: NetworkSpec, config: TrainConfig) -> Hashable:
    """Equal for those that may share an ensemble."""
    shared = tuple(value for name, value in config.to_dict().items() if name not in (*OWN, "device"))  # it is the CPU
    return network.layers, shared


def ensemble_count(network: NetworkSpec, config: TrainConfig, count: int, cores: int, busy: int = 0) -> int:
    """Into how many ensembles to divide `count` such nets, evenly: the state of each fits the cache, and together with
    the `busy` ensembles that train already they go round on all cores, so that none idles while the last ones train.
    """
    fit = max(1, ENSEMBLE_BYTES // (2 * BYTES_PER_NUMBER * parameters(network, config)))
    needed = busy + math.ceil(count / fit)
    return min(count, math.ceil(needed / cores) * cores - busy)


class EnsembleTrainer:
    """Trains the members in step. Each result is that of a `Trainer` with the same network and configuration, within
    rounding. Raises SpecError if the members don't go together, CheckpointError if their starts don't.
    """

    def __init__(
        self,
        members: Sequence[tuple[NetworkSpec, TrainConfig]],
        data: Loaded,
        *,
        starts: Sequence[Checkpoint] | None = None,
    ) -> None:
        self.configs = [config for _, config in members]
        for network, config in members:
            check(network, config)
            if reason := why_not(network, config):
                raise SpecError(f"this training can't be stacked: {reason}")
            if ensemble_key(network, config) != ensemble_key(*members[0]):
                raise SpecError(
                    "the trainings of an ensemble must agree in their layers and in everything but"
                    f" {', '.join(OWN[:-1])} and initialisation"
                )
        self.data, self.config = data, self.configs[0]
        dataset = data.dataset
        plans = layer_plans(*members[0])
        # By name, weights (out, in) and bias (out,) of each layer.
        self._shapes: dict[str, tuple[int, ...]] = {}
        for plan in plans:
            self._shapes[f"{plan.name}.weight"] = (plan.out_shape[0], math.prod(plan.in_shape))
            self._shapes[f"{plan.name}.bias"] = plan.out_shape
        self._activations = [_activation(plan.calls) for plan in plans]
        self.loader = Loader(dataset, data.train, self.config, torch.device("cpu"))
        self.test_labels = data.test.labels
        self.members = list(range(len(members)))
        self._ended: dict[int, Checkpoint] = {}
        if starts is None:
            models = [build_model(n, dataset.input_shape, len(dataset.classes), c.seed) for n, c in members]
            starts = [Checkpoint(Position(), model.state_dict()) for model in models]
        self._restore(starts)
        self._networks = [network for network, _ in members]
        self._guards: deque[_Guard] = deque(maxlen=2)

    # ------------------------------------------------------------------ state

    def _restore(self, starts: Sequence[Checkpoint]) -> None:
        """Stack the members' weights and velocities, each (members, out, in) or (members, out)."""
        first = starts[0].position
        if any(start.position[:4] != first[:4] for start in starts):
            raise CheckpointError("the checkpoints that an ensemble starts from are of different steps")
        self.position = first._replace(loss_sum=0.0, correct=0)
        keys = list(self._shapes)
        for start in starts:
            shapes = {key: tuple(value.shape) for key, value in start.model.items()}
            if shapes != self._shapes:
                raise CheckpointError(
                    f"a checkpoint is of another network: its shapes are {shapes}, not {self._shapes}"
                )
        stacked = [torch.stack([start.model[key] for start in starts]) for key in keys]
        try:
            velocity = [
                torch.stack([start.optimizer.get(f"{index}.momentum_buffer", still) for start in starts])
                for index, still in enumerate(torch.zeros_like(weight[0]) for weight in stacked)
            ]
        except RuntimeError as error:
            raise CheckpointError(f"a checkpoint's momentum is of another network: {error}") from None
        self._keys = keys
        self._weights, self._velocity = stacked, velocity
        self._loss_sum = torch.tensor([start.position.loss_sum for start in starts], dtype=torch.float64)
        self._correct = torch.tensor([start.position.correct for start in starts])
        self._take_settings()

    def _take_settings(self) -> None:
        """Rates and the like of those who are still in, one per member."""
        configs = [self.configs[member] for member in self.members]
        self._lr = torch.tensor([config.lr for config in configs])
        self._momentum = torch.tensor([config.momentum for config in configs])
        self._decay = torch.tensor([config.weight_decay for config in configs])
        nesterov = [config.nesterov and config.momentum > 0 for config in configs]
        self._nesterov = torch.tensor(nesterov) if any(nesterov) else None
        self._decays = any(config.weight_decay for config in configs)

    def checkpoint(self, member: int) -> Checkpoint:
        """As `Trainer.checkpoint`; of a member that is out, its last state."""
        if member in self._ended:
            return self._ended[member]
        index = self.members.index(member)
        position = self.position._replace(loss_sum=float(self._loss_sum[index]), correct=int(self._correct[index]))
        moves = self.configs[member].momentum > 0 and position.step > 0
        velocity = {f"{i}.momentum_buffer": v[index].clone() for i, v in enumerate(self._velocity)} if moves else {}
        weights = {key: weight[index].clone() for key, weight in zip(self._keys, self._weights, strict=True)}
        return Checkpoint(position, weights, velocity)

    def drop(self, member: int) -> None:
        """Let a member end here, if it has not yet; the others go on."""
        if member in self._ended:
            return
        self._ended[member] = self.checkpoint(member)
        index = self.members.index(member)
        self.members.remove(member)
        rest = torch.tensor([i for i in range(len(self.members) + 1) if i != index], dtype=torch.int64)
        self._weights = [weight[rest] for weight in self._weights]
        self._velocity = [velocity[rest] for velocity in self._velocity]
        self._loss_sum, self._correct = self._loss_sum[rest], self._correct[rest]
        for place, (position, loss_sum, correct, weights) in enumerate(self._guards):
            self._guards[place] = _Guard(position, loss_sum[rest], correct[rest], [weight[rest] for weight in weights])
        self._take_settings()

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole training."""
        return self.config.epochs * self._steps_per_epoch

    @property
    def _steps_per_epoch(self) -> int:
        return math.ceil(self.loader.count / self.config.batch_size)

    # ------------------------------------------------------------------ training

    def run(self) -> Iterator[EnsembleEvent]:
        """Train from the present position to the last epoch, one event after each thing done."""
        while self.position.epoch < self.config.epochs and self.members:
            while self.position.cursor < self.loader.count and self.members:
                yield from self._step()
            if self.members:
                yield from self._test()

    def _step(self) -> Iterator[EnsembleEvent]:
        position, size = self.position, self.config.batch_size
        images, labels = self.loader.take(position.epoch, position.cursor, size)
        inputs = images.flatten(1)
        outputs, seen = self._forward(inputs)
        count = len(self.members)
        logits = outputs[-1].reshape(-1, outputs[-1].shape[2])
        each = LOSSES[self.config.loss].each(logits, labels.repeat(count)).view(count, -1)
        losses = each.detach().mean(1)
        values = losses.tolist()
        if not all(map(math.isfinite, values)):
            yield from self._diverged(values)
            return  # the step is taken again, by those who are left
        if not self._guards or position.step % GUARD_EVERY == 0:
            weights = [weight.clone() for weight in self._weights]
            self._guards.append(_Guard(position, self._loss_sum.clone(), self._correct.clone(), weights))
        # Gradients of the outputs before the activations only: those of the weights are never laid out in memory,
        # their products are added to the velocities at once.
        deltas = torch.autograd.grad(each.mean(1).sum(), outputs)
        rates = self._lr * self._schedule_factor()
        self._update(deltas, seen, rates)
        hits = (outputs[-1].detach().argmax(2) == labels).sum(1)
        taken = len(labels)
        self._loss_sum += losses.double() * taken
        self._correct += hits
        self.position = position._replace(
            step=position.step + 1, cursor=position.cursor + taken, batches=position.batches + 1
        )
        yield EnsembleBatch(
            position.step + 1,
            tuple(self.members),
            tuple(values),
            tuple((hits / taken).tolist()),
            tuple(rates.tolist()),
            taken,
        )

    def _forward(self, inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Outputs of each layer before its activation, (members, batch, out), and what each layer saw: the images
        (batch, in), then (members, batch, in).
        """
        outputs, seen = [], [inputs]
        for layer, activation in enumerate(self._activations):
            weight, bias = self._weights[2 * layer], self._weights[2 * layer + 1]
            if layer == 0:
                wide = inputs @ weight.view(-1, weight.shape[2]).t()
                output = wide.view(len(inputs), *weight.shape[:2]).transpose(0, 1) + bias.unsqueeze(1)
                output.requires_grad_(torch.is_grad_enabled())
            else:
                output = torch.baddbmm(bias.unsqueeze(1), seen[-1], weight.transpose(1, 2))
            outputs.append(output)
            if layer < len(self._activations) - 1:
                seen.append(activation(output))
        return outputs, seen

    @torch.no_grad()
    def _update(self, deltas: Sequence[Tensor], seen: Sequence[Tensor], rates: Tensor) -> None:
        """v = μ·v + ∂L/∂W + λ·W; W = W − α·v, or with Nesterov's momentum W − α·(∂L/∂W + λ·W + μ·v): torch.optim.SGD.

        ∂L/∂W = δᵀx for each member.
        """
        for index, (weight, velocity) in enumerate(zip(self._weights, self._velocity, strict=True)):
            delta, x = deltas[index // 2], seen[index // 2].detach()
            column = (-1, 1, 1) if weight.dim() == 3 else (-1, 1)
            momentum, rate = self._momentum.view(column), rates.view(column)
            gradient = torch.zeros_like(velocity) if self._nesterov is not None else velocity.mul_(momentum)
            if self._decays:
                gradient.addcmul_(weight, self._decay.view(column))
            if weight.dim() == 2:
                gradient.add_(delta.sum(1))
            elif index == 0:
                rows = delta.transpose(0, 1).reshape(len(x), -1)
                gradient.view(-1, weight.shape[2]).addmm_(rows.t(), x)
            else:
                gradient.baddbmm_(delta.transpose(1, 2), x)
            if self._nesterov is not None:
                velocity.mul_(momentum).add_(gradient)
                ahead = gradient.addcmul_(velocity, momentum)
                weight.addcmul_(torch.where(self._nesterov.view(column), ahead, velocity), rate, value=-1)
            else:
                weight.addcmul_(velocity, rate, value=-1)

    def _schedule_factor(self) -> float:
        config, position = self.config, self.position
        per_epoch = self._steps_per_epoch
        step, total = position.epoch * per_epoch + position.batches, config.epochs * per_epoch
        return SCHEDULES[config.schedule].factor(step, total, position.epoch, config.epochs)

    def _diverged(self, losses: Sequence[float]) -> Iterator[EnsembleDiverged]:
        """Take those out whose loss is not finite, their weights put back to the last copy that is."""
        factor = self._schedule_factor()
        for member, loss in [(m, v) for m, v in zip(self.members, losses, strict=True) if not math.isfinite(v)]:
            if member not in self.members:  # dropped by whoever was told of the one before
                continue
            index, last = self.members.index(member), self.checkpoint(member)
            copies = list(self._guards)
            while copies and not self._is_usable(member, last):
                last = copies.pop().checkpoint(index, self._keys)
            step = self.position.step
            self.drop(member)
            self._ended[member] = last
            lr = self.configs[member].lr * factor
            yield EnsembleDiverged(member, Diverged(step, loss, lr, last.position.step))

    def _is_usable(self, member: int, last: Checkpoint) -> bool:
        if not all(bool(tensor.isfinite().all()) for tensor in last.model.values()):
            return False
        dataset, cpu = self.data.dataset, torch.device("cpu")
        model = build_model(self._networks[member], dataset.input_shape, len(dataset.classes), 0)
        model.load_state_dict(last.model)
        return answers_are_finite(model, self.data, cpu)

    def _test(self) -> Iterator[EnsembleEvent]:
        """The test pass that ends an epoch."""
        total, done, count = len(self.test_labels), 0, len(self.members)
        loss_sum, correct = torch.zeros(count, dtype=torch.float64), torch.zeros(count, dtype=torch.int64)
        members = list(self.members)
        for chunk, labels in zip(
            self.data.test.images.split(TEST_CHUNK), self.test_labels.split(TEST_CHUNK), strict=True
        ):
            with torch.no_grad():
                logits = self._forward(to_input(chunk, self.data.dataset).flatten(1))[0][-1]
                each = LOSSES[self.config.loss].each(logits.reshape(-1, logits.shape[2]), labels.repeat(len(logits)))
            loss_sum += each.view(count, -1).sum(1).double()
            correct += (logits.argmax(2) == labels).sum(1)
            done += len(labels)
            yield EnsembleTested(done, total)
            if members != self.members:  # one was dropped in between
                rest = torch.tensor([members.index(member) for member in self.members], dtype=torch.int64)
                loss_sum, correct, members, count = loss_sum[rest], correct[rest], list(self.members), len(rest)
                if not members:
                    return
        position = self.position
        trained = max(1, position.cursor)
        self.position = Position(position.step, position.epoch + 1)
        numbers = zip(
            (self._loss_sum / trained).tolist(),
            (self._correct / trained).tolist(),
            (loss_sum / total).tolist(),
            (correct / total).tolist(),
            strict=True,
        )
        self._loss_sum.zero_()
        self._correct.zero_()
        yield EnsembleEpoch(tuple(members), tuple(Epoch(position.epoch + 1, position.step, *four) for four in numbers))


def _activation(calls: Sequence[Call]) -> nn.Module:
    """What a dense layer does to its sums."""
    modules = [call.build() for call in calls]
    return nn.Sequential(*(module for module in modules if not isinstance(module, (*WEIGHTED, nn.Flatten))))
