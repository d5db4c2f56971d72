"""A set-up as the query of a link, in words a person can read: `?net=dense_128&lr=0.001&momentum=0.9&batch_size=64`.

Reading is for links from strangers: every part is validated, a bad part is reported and its default kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from nnviz.fields import SpecError, bounds_of, changed_fields, former_names, renamed
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig

ALWAYS_SHOWN = ("optimizer", "lr", "momentum", "batch_size", "epochs")
MAX_LENGTH = 4000
"""Characters of the `net` part; forty layers need far fewer."""

PARAMETERS = ("net", *bounds_of(NetworkSpec), *bounds_of(TrainConfig), *former_names(TrainConfig))


def to_query(network: NetworkSpec, config: TrainConfig) -> dict[str, str]:
    """Query parameters of the set-up: the network, the main hyperparameters, and whatever is not at its default."""
    shown = {f.name: getattr(config, f.name) for f in fields(config) if f.name in ALWAYS_SHOWN}
    values = {**changed_fields(network), **shown, **changed_fields(config)}
    return {"net": network.to_text(), **{name: _text(value) for name, value in values.items()}}


def from_query(query: Mapping[str, str]) -> tuple[NetworkSpec, TrainConfig, list[str]]:
    """The set-up of a link, and a sentence for each part that could not be used."""
    problems: list[str] = []
    network, config = NetworkSpec(), TrainConfig()
    query = renamed(TrainConfig, query)
    if net := query.get("net"):
        try:
            if len(net) > MAX_LENGTH:
                raise SpecError(f"net must be at most {MAX_LENGTH} characters long, not {len(net)}")
            network = NetworkSpec(NetworkSpec.layers_from_text(net))
            network.plan((1, 28, 28), 10)
        except SpecError as error:
            where = f"Layer {error.index + 1}: " if hasattr(error, "index") else ""
            problems.append(f"The network of the link was not used. {where}{error}.")
            network = NetworkSpec()
    for name in bounds_of(NetworkSpec):
        if name in query:
            try:
                network = network.with_(**{name: query[name]})
            except SpecError as error:
                problems.append(f"{error}.")
    for name in bounds_of(TrainConfig):
        if name in query:
            try:
                config = config.with_(**{name: query[name]})
            except SpecError as error:
                problems.append(f"{error}.")
    return network, config, problems


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
