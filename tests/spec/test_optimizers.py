"""Optimizers against torch's constructors, schedules against torch's schedulers."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import pytest
import torch
from torch import nn

from nnviz.data.datasets import Loaded
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import NetworkSpec
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.schedules import SCHEDULES
from nnviz.spec.train_config import TrainConfig
from nnviz.train.events import Batch
from nnviz.train.trainer import Trainer

SETTINGS: list[dict[str, Any]] = [
    dict(momentum=m, nesterov=n, weight_decay=w) for m, n, w in itertools.product((0.0, 0.9), (False, True), (0.0, 0.1))
]


def model() -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Linear(3, 2)


def step(net: nn.Linear, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    net(torch.ones(4, 3)).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_what_a_person_set_is_what_torch_gets(name: str, settings: dict[str, Any]) -> None:
    """Every setting that the torch class knows by that name has the value set, all others torch's default."""
    config = TrainConfig(optimizer=name, lr=0.02, **settings)
    net = model()
    optimizer = OPTIMIZERS[name].build(net.parameters(), config)
    cls = OPTIMIZERS[name].cls
    assert type(optimizer) is cls
    expected = {n: p.default for n, p in inspect.signature(cls).parameters.items() if p.default is not p.empty}
    expected |= {n: getattr(config, n) for n in ("lr", "momentum", "nesterov", "weight_decay") if n in expected}
    if not config.momentum and "nesterov" in expected:
        expected["nesterov"] = False  # torch refuses Nesterov without a momentum
    assert optimizer.defaults == cls(net.parameters(), **expected).defaults
    step(net, optimizer)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_arguments_leave_torch_s_defaults_out_and_are_what_the_code_says(name: str, settings: dict[str, Any]) -> None:
    config, kind = TrainConfig(optimizer=name, **settings), OPTIMIZERS[name]
    arguments = kind.arguments(config)
    defaults = inspect.signature(kind.cls).parameters
    assert all(value != defaults[n].default for n, value in arguments.items() if n != "lr")
    net = model()
    names: dict[str, Any] = {"torch": torch, "model": net}
    exec("from __future__ import annotations\n" + "\n".join(kind.class_code()), names)
    written = eval(kind.code(config), names)
    assert written.defaults == kind.build(net.parameters(), config).defaults


def changes() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each setting put on and off, beside the others off and beside the others on; and all of them at once."""
    none, all_ = SETTINGS[0], SETTINGS[-1]
    one = [(base, {**base, name: other[name]}) for base, other in ((none, all_), (all_, none)) for name in base]
    return [*one, *((after, before) for before, after in one), (none, all_), (all_, none)]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("before", "after"), changes(), ids=str)
def test_an_adjusted_optimizer_has_the_options_of_a_new_one(
    name: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    first, second = (TrainConfig(optimizer=name, lr=lr, **s) for lr, s in ((0.1, before), (0.01, after)))
    net = model()
    optimizer = OPTIMIZERS[name].build(net.parameters(), first)
    step(net, optimizer)
    OPTIMIZERS[name].adjust(optimizer, second)
    fresh = OPTIMIZERS[name].build(net.parameters(), second)
    options = [{k: v for k, v in o.param_groups[0].items() if k != "params"} for o in (optimizer, fresh)]
    assert options[0] == options[1]
    step(net, optimizer)
    assert all(bool(p.isfinite().all()) for p in net.parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_is_as_many_numbers_a_weight_as_torch_keeps(name: str) -> None:
    net = model()
    optimizer = OPTIMIZERS[name].build(net.parameters(), TrainConfig(optimizer=name, momentum=0.9))
    step(net, optimizer)
    kept = sum(t.numel() for entries in optimizer.state.values() for t in entries.values() if t.dim())
    assert kept == OPTIMIZERS[name].state * sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(
    "gradients", [(0.3, -0.2, 0.1, 0.4), (0.0, 0.0, 0.5, 0.1), (1e-8, 3e-8, -2e-8, 1e-10), (1.0, -0.05, 0.02)], ids=str
)
def test_the_formula_of_one_weight_leads_where_torch_goes(
    name: str, settings: dict[str, Any], gradients: tuple[float, ...]
) -> None:
    """From an optimizer that remembers nothing yet, and small enough that what is added against 0 / 0 counts."""
    config = TrainConfig(optimizer=name, lr=0.02, **settings)
    weight = nn.Parameter(torch.tensor([0.5], dtype=torch.float64))
    optimizer = OPTIMIZERS[name].build([weight], config)
    state: dict[str, float] = {}
    for gradient in gradients:
        before = float(weight.detach())
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        lines = OPTIMIZERS[name].formula(before, gradient, config, state)
        assert lines[-1].value - before == pytest.approx(float(weight.detach()) - before, rel=1e-5, abs=1e-15)
        state = {key: float(value) for key, value in optimizer.state[weight].items() if value is not None}


def torch_rates(code: str | None, per_epoch: bool, lr: float, epochs: int, batches: int) -> list[float]:
    """The rate of every step by torch's own scheduler, made by the line of the generated script."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)
    names = {"torch": torch, "optimizer": optimizer, "epochs": epochs, "train_loader": range(batches)}
    scheduler = eval(code, names) if code else None
    rates = []
    for _ in range(epochs):
        for _ in range(batches):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if scheduler and not per_epoch:
                scheduler.step()
        if scheduler and per_epoch:
            scheduler.step()
    return rates


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(
    ("epochs", "batches"), [(1, 1), (1, 2), (1, 3), (1, 4), (2, 5), (3, 7), (10, 4), (11, 10), (1, 300)]
)
def test_rates_are_those_of_torch_s_scheduler_step_by_step(name: str, epochs: int, batches: int) -> None:
    schedule, lr, total = SCHEDULES[name], 0.04, epochs * batches
    ours = [lr * schedule.factor(i, total, i // batches, epochs) for i in range(total)]
    theirs = torch_rates(schedule.code(lr, epochs), schedule.per_epoch, lr, epochs, batches)
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    assert min(ours) >= 0
    assert max(ours) <= lr * (1 + 1e-12)


@pytest.mark.parametrize(("name", "end"), [("cosine", 0.0), ("onecycle", 1 / 250_000)])
def test_after_the_last_step_a_rate_stays_where_it_ended(name: str, end: float) -> None:
    """For the step that would come next if training went on."""
    for epochs, batches in ((1, 1), (2, 5), (10, 4)):
        total = epochs * batches
        for step in (total, total + 1, 2 * total):
            assert SCHEDULES[name].factor(step, total, epochs, epochs) == pytest.approx(end, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "kind", "arguments"),
    [
        ("step", "StepLR", {"step_size": 3, "gamma": 0.1}),
        ("cosine", "CosineAnnealingLR", {"T_max": 40}),
        ("onecycle", "OneCycleLR", {"max_lr": 0.04, "total_steps": 40}),
    ],
)
def test_the_code_names_the_scheduler_meant(name: str, kind: str, arguments: dict[str, Any]) -> None:
    lines = [f"{key}={value}" for key, value in arguments.items()]
    written = torch_rates(SCHEDULES[name].code(0.04, 10), SCHEDULES[name].per_epoch, 0.04, 10, 4)
    plain = (
        f"torch.optim.lr_scheduler.{kind}(optimizer, {', '.join(lines)}{', cycle_momentum=False' * (kind[0] == 'O')})"
    )
    assert written == torch_rates(plain, SCHEDULES[name].per_epoch, 0.04, 10, 4)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_trainer_takes_its_steps_at_these_rates(name: str, blobs: Loaded) -> None:
    config = TrainConfig(schedule=name, lr=0.01, epochs=4, batch_size=90, per_class=20)  # 90 + 90 + 20 images
    rates = [e.lr for e in Trainer(NetworkSpec((Dense(4),)), config, blobs).run() if isinstance(e, Batch)]
    schedule = SCHEDULES[name]
    assert rates == pytest.approx(torch_rates(schedule.code(0.01, 4), schedule.per_epoch, 0.01, 4, 3), abs=1e-12)
