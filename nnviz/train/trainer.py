"""The training loop. `Trainer.run()` is a generator of events: to pause is not to pull, to stop is to stop pulling.

W_new = W_old − α · ∂L/∂W, for each mini-batch, by PyTorch's autograd and optimizers; nothing else is in between.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from nnviz.data.datasets import DATASETS, Loaded
from nnviz.fields import SpecError
from nnviz.spec.call import SeededDropout
from nnviz.spec.layers import weight_of, weighted_modules
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import NetworkSpec, build_model, empty_model, smallest_batch
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.schedules import SCHEDULES
from nnviz.spec.train_config import LIVE_FIELDS, TrainConfig, check, layer_plans
from nnviz.train import checkpoint
from nnviz.train.checkpoint import Checkpoint, Position
from nnviz.train.evaluation import answers_are_finite, logits_in_chunks
from nnviz.train.events import Batch, Change, Diverged, Epoch, Event, Norms, Tested
from nnviz.train.loader import DROPOUT, Loader, generator

NORM_ROWS = 400
"""About how often over a whole training the sizes of weights, gradients and updates are measured; 0: never."""

NORM_APART = 20
"""Steps between two measurements at least: each costs about half a step."""

NORM_FIRST = 20
"""Steps at the start that are all measured: most happens there."""

GUARD_EVERY = 20
"""Steps between two copies of the weights in memory, to fall back on when they or their answers cease to be finite."""


class Trainer:
    """Trains one network. A function of (network, config, changes): the same inputs give the same losses, bit for bit
    on one machine with the same number of threads, also when it was stopped in between and resumed from a checkpoint.

    Raises SpecError if network and config don't go together.
    """

    def __init__(
        self,
        network: NetworkSpec,
        config: TrainConfig,
        data: Loaded,
        *,
        start: Checkpoint | None = None,
        changes: Iterable[Change] = (),
    ) -> None:
        check(network, config)
        self.network, self.config, self.data = network, config, data
        self.device = pick_device(config.device)
        dataset = data.dataset
        shapes = network, dataset.input_shape, len(dataset.classes)
        if start is None:
            self.model = build_model(*shapes, config.seed).to(self.device)
        else:
            self.model = empty_model(*shapes).to(self.device)  # the weights are those of `start`
        self.optimizer = OPTIMIZERS[config.optimizer].build(self.model.parameters(), config)
        self.loss_function = LOSSES[config.loss].function
        self.loader = Loader(dataset, data.train, config, self.device)
        self.test_labels = data.test.labels.to(self.device)
        self.position = Position()
        if start is not None:
            checkpoint.restore(start, self.model, self.optimizer)
            OPTIMIZERS[config.optimizer].adjust(self.optimizer, config)  # it may go on with other settings
            self.position = start.position
        self._replay = deque(sorted(changes))
        self._asked: deque[tuple[str, float]] = deque()
        self._dropout = generator(config.seed)
        for module in self.model.modules():
            if isinstance(module, SeededDropout):
                module.generator = self._dropout
        self._has_dropout = any(isinstance(m, SeededDropout) for m in self.model.modules())
        self._smallest_batch = smallest_batch(layer_plans(network, config))
        self._guards: deque[tuple[Position, list[Tensor]]] = deque(maxlen=2)
        self._take_up_changes()  # so that what is still to come can be told before the first step
        self._weights = [weight_of(module) for _, module in weighted_modules(self.model)]

    def change(self, name: str, value: float) -> None:
        """Ask for another learning rate, momentum or batch size from the next step on. Raises SpecError."""
        if name not in LIVE_FIELDS:
            raise SpecError(f"only {', '.join(LIVE_FIELDS)} can be changed while training, not {name}")
        check(self.network, self.config.with_(**{name: value}))
        self._asked.append((name, value))

    def checkpoint(self) -> Checkpoint:
        """A copy of the present state, to look at or to resume from."""
        return checkpoint.take(self.model, self.optimizer, self.position)

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole training, at the present batch size from here on."""
        left = self.config.epochs - self.position.epoch
        if not left:
            return self.position.step
        in_this_one = self._batches_in(self.loader.count - self.position.cursor)
        return self.position.step + in_this_one + (left - 1) * self._batches_in(self.loader.count)

    @property
    def batches_per_epoch(self) -> int:
        """How many the current epoch has at the present batch size, those already done included."""
        left = max(0, self.loader.count - self.position.cursor)
        return self.position.batches + self._batches_in(left)

    def run(self) -> Iterator[Event]:
        """Train from the present position to the last epoch, one event after each thing done."""
        self.model.train()
        while self.position.epoch < self.config.epochs:
            while self._batches_in(self.loader.count - self.position.cursor):
                yield from self._apply_changes()
                event = self._step()
                yield event
                if isinstance(event, Diverged):
                    return
            yield from self._test()

    def _step(self) -> Batch | Diverged:
        position, config = self.position, self.config
        images, labels = self.loader.take(position.epoch, position.cursor, config.batch_size)
        lr = self._set_rate()
        if self._has_dropout:
            self._dropout.manual_seed(generator(config.seed, position.step, DROPOUT).initial_seed())
        logits: Tensor = self.model(images)
        loss = self.loss_function(logits, labels)
        value = loss.item()
        if not math.isfinite(value):
            return self._diverged(value, lr)
        if position.step % GUARD_EVERY == 0 or not self._guards:
            self._guards.append((position, [p.detach().clone() for p in self._state()]))
        before = [w.detach().clone() for w in self._weights] if self._measures(position.step + 1) else None
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        norms = self._measure(position.step + 1, before) if before is not None else None
        size = len(labels)
        correct = int((logits.detach().argmax(1) == labels).sum().item())
        self.position = Position(
            position.step + 1,
            position.epoch,
            position.cursor + size,
            position.batches + 1,
            position.loss_sum + value * size,
            position.correct + correct,
        )
        return Batch(position.step + 1, value, correct / size, lr, size, norms)

    def _measures(self, step: int) -> bool:
        """Whether the norms of this step are taken; a function of the step and the settings alone."""
        return NORM_ROWS > 0 and (step <= NORM_FIRST or step % max(NORM_APART, self.total_steps // NORM_ROWS) == 0)

    def _measure(self, step: int, before: list[Tensor]) -> Norms:
        with torch.no_grad():
            gradients = [w.grad if w.grad is not None else torch.zeros_like(w) for w in self._weights]
            updates = [w - old for w, old in zip(self._weights, before, strict=True)]
            norms = torch.stack([t.norm() for t in (*before, *gradients, *updates)]).view(3, -1).tolist()
        return Norms(step, *map(tuple, norms))

    def _test(self) -> Iterator[Event]:
        """The test pass that ends an epoch."""
        total, done, loss_sum, correct = len(self.test_labels), 0, 0.0, 0
        for logits in logits_in_chunks(self.model, self.data.dataset, self.data.test.images, self.device):
            labels = self.test_labels[done : done + len(logits)]
            loss_sum += self.loss_function(logits, labels).item() * len(logits)
            correct += int((logits.argmax(1) == labels).sum().item())
            done += len(logits)
            yield Tested(done, total)
        position = self.position
        self.position = Position(position.step, position.epoch + 1)
        trained = max(1, position.cursor)
        yield Epoch(
            position.epoch + 1,
            position.step,
            position.loss_sum / trained,
            position.correct / trained,
            loss_sum / total,
            correct / total,
        )

    def _batches_in(self, images: int) -> int:
        """How many batches `images` make. With batch normalisation of vectors a last batch of one image is left out:
        it has no deviation.
        """
        whole, rest = divmod(max(0, images), self.config.batch_size)
        return whole + (rest >= self._smallest_batch)

    def _set_rate(self) -> float:
        """The learning rate of the coming step, by the schedule."""
        config, position = self.config, self.position
        if config.schedule != "constant":
            per_epoch = self.batches_per_epoch
            step, total = position.epoch * per_epoch + position.batches, config.epochs * per_epoch
            factor = SCHEDULES[config.schedule].factor(step, total, position.epoch, config.epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = config.lr * factor
        rate: float = self.optimizer.param_groups[0]["lr"]
        return rate

    def _apply_changes(self) -> Iterator[Change]:
        """Changes asked for take hold and are told; those of an earlier attempt take hold at their step again."""
        self._take_up_changes()
        while self._asked:
            name, value = self._asked.popleft()
            before = getattr(self.config, name)
            if self._apply(name, value):
                yield Change(self.position.step, name, before, getattr(self.config, name))

    def _take_up_changes(self) -> None:
        while self._replay and self._replay[0].step <= self.position.step:
            change = self._replay.popleft()
            self._apply(change.name, change.after)

    def _apply(self, name: str, value: float) -> bool:
        changed = self.config.with_(**{name: value})
        if changed == self.config:
            return False
        self.config = changed
        OPTIMIZERS[changed.optimizer].adjust(self.optimizer, changed)
        return True

    def _state(self) -> Iterator[Tensor]:
        yield from self.model.parameters()
        yield from self.model.buffers()

    def _diverged(self, loss: float, lr: float) -> Diverged:
        """The weights go back to the last copy that gives finite answers, unless they do so themselves."""
        at = self.position
        while self._guards and not self._is_usable():
            self.position, kept = self._guards.pop()
            with torch.no_grad():
                for tensor, copy in zip(self._state(), kept, strict=True):
                    tensor.copy_(copy)
        return Diverged(at.step, loss, lr, self.position.step)

    def _is_usable(self) -> bool:
        finite = all(bool(t.isfinite().all()) for t in self._state())
        return finite and answers_are_finite(self.model, self.data, self.device)


def pick_device(name: str) -> torch.device:
    """The device asked for, or the best there is for "auto". Raises SpecError if it is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(n for n in ("cuda", "mps", "cpu") if there[n])
    if not there[name]:
        raise SpecError(f"device {name} is not on this machine; it has {', '.join(n for n, ok in there.items() if ok)}")
    return torch.device(name)


def trained(network: NetworkSpec, config: TrainConfig, told: Callable[[Epoch], object] = lambda epoch: None) -> Trainer:
    """A training at its end, done here and now with as many threads as torch has; `told` hears of each epoch.

    The data set is got if need be. Raises DataError, and SpecError if network and config don't go together.
    """
    dataset = DATASETS[config.data]
    dataset.ensure()
    trainer = Trainer(network, config, dataset.load())
    for event in trainer.run():
        if isinstance(event, Epoch):
            told(event)
    trainer.model.eval()
    return trainer
