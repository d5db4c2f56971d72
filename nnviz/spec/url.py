"""A set-up as the query of a link, in words a person can read: `?net=dense_128&lr=0.001&momentum=0.9&batch_size=64`.

Reading is for links from strangers: every part is validated, a bad part is reported and its default kept. What mail and
chat programs do to a link on its way (a comma at its end, `&amp;`, capitals, `%25` for `%`) is undone.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import NamedTuple, TypeVar
from urllib.parse import unquote

from nnviz.fields import SpecError, bounds_of, changed_fields, former_names, renamed, show
from nnviz.spec.network import NetworkSpec
from nnviz.spec.train_config import TrainConfig

ALWAYS_SHOWN = ("optimizer", "lr", "momentum", "batch_size", "epochs")
MAX_LENGTH = 4000
"""Characters of the `net` part; forty layers need far fewer."""

PARAMETERS = ("net", *bounds_of(NetworkSpec), *bounds_of(TrainConfig), *former_names(TrainConfig))

IDS = ("run", "runs", "sweep")
"""What a link may name beside a set-up: small letters, digits and hyphens; several with commas between them."""

_NAMES = frozenset((*PARAMETERS, *IDS))

_TRAILING = ".,;:!?()[]{}<>\"'`´*_/\\|…«»‹›“”„‘’"
"""What programs and people put right behind a link. None of our values ends with one."""

_LEADING = "([{<\"'`´*_«‹“„‘"
"""And right before it, or before a value."""

_ENCODED_AT_MOST = 5
"""Times that a link is taken to have been percent-encoded."""

T = TypeVar("T")
S = TypeVar("S", NetworkSpec, TrainConfig)


def to_query(network: NetworkSpec, config: TrainConfig) -> dict[str, str]:
    """Query parameters of the set-up: the network, the main hyperparameters, and whatever is not at its default."""
    shown = {f.name: getattr(config, f.name) for f in fields(config) if f.name in ALWAYS_SHOWN}
    values = {**changed_fields(network), **shown, **changed_fields(config)}
    return {"net": network.to_text(), **{name: _text(value) for name, value in values.items()}}


def from_query(query: Mapping[str, str]) -> tuple[NetworkSpec, TrainConfig, list[str]]:
    """The set-up of a link, and a sentence for each part that could not be used."""
    problems = [*_said_twice(query), *_misspelt(query)]
    network, config = NetworkSpec(), TrainConfig()
    query = renamed(TrainConfig, cleaned(query))
    if net := query.get("net"):
        try:
            if len(net) > MAX_LENGTH:
                raise SpecError(f"net must be at most {MAX_LENGTH} characters long, not {len(net)}")
            network = _first_legal(net, _network)
        except SpecError as error:
            where = f"Layer {error.index + 1}: " if hasattr(error, "index") else ""
            problems.append(f"The network of the link was not used. {where}{error}.")
    network, config = _with(network, query, problems), _with(config, query, problems)
    return network, config, problems


def cleaned(query: Mapping[str, str]) -> dict[str, str]:
    """The query as this app would have written it: our parameters by their names, each once; others as they are."""
    ours: dict[str, str] = {}
    taken = set()
    for part in _parts(query):
        if part.name in _NAMES:
            taken.add(part.key)
            if part.name not in ours or part.key == part.name:  # a name as it should be comes before another spelling
                ours[part.name] = _ids(part.value) if part.name in IDS else part.value
    return {**{key: value for key, value in query.items() if key not in taken}, **ours}


class _Part(NamedTuple):
    key: str
    """As the query has it."""
    name: str
    """That is meant by it: one of ours, if it can be."""
    value: str


def _parts(query: Mapping[str, str]) -> Iterator[_Part]:
    """What the link says of each name; one key of ours may hold several, if `&` and `=` were encoded as well."""
    for key, value in query.items():
        whole = _decoded(f"{key}={value}" if value or key in _NAMES else key)
        parts = re.split("&(?:amp;)*", whole.lstrip("?&"), flags=re.IGNORECASE)
        if _name(parts[0].partition("=")[0]) not in _NAMES:
            parts = [f"{_decoded(key)}={value}"]
        for name, _, worth in (part.partition("=") for part in parts):
            yield _Part(key, _name(name), worth)


def _name(key: str) -> str:
    """A key without capitals and without what is left of `&amp;`."""
    return re.sub("^(?:amp;)+", "", key.strip().lstrip("?&" + _LEADING).lower())


def _decoded(text: str) -> str:
    """Without percent signs, of which our values have none, and without letters that take no room."""
    for _ in range(_ENCODED_AT_MOST):
        if (once := unquote(text)) == text:
            break
        text = once
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def _bare(value: str) -> str:
    """A value without what stands around a link."""
    return value.strip().lstrip(_LEADING).rstrip(_TRAILING).strip()


def _ids(value: str) -> str:
    bare = _bare(value).lower()
    return bare if re.fullmatch("[0-9a-z,-]+", bare) else value


def _with(spec: S, query: Mapping[str, str], problems: list[str]) -> S:
    """`spec` with the fields that the query gives; a sentence for each that can't be goes to `problems`."""
    for name in bounds_of(spec):
        if name in query:
            try:
                spec = _with_field(spec, name, query[name])
            except SpecError as error:
                problems.append(f"{error}.")
    return spec


def _with_field(spec: S, name: str, text: str) -> S:
    return _first_legal(text, lambda value: spec.with_(**{name: value}))


def _first_legal(value: str, read: Callable[[str], T]) -> T:
    """What `read` makes of `value`: as it is, else without what stands around it, else without capitals.

    Raises SpecError, of `value` as it is.
    """
    refusal: SpecError | None = None
    for reading in dict.fromkeys((value, _bare(value), value.lower(), _bare(value).lower())):
        try:
            return read(reading)
        except SpecError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _network(text: str) -> NetworkSpec:
    network = NetworkSpec(NetworkSpec.layers_from_text(text))
    network.plan((1, 28, 28), 10)
    return network


def _said_twice(query: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each of our parameters that the link gives two values."""
    used, said = cleaned(query), set()
    for part in _parts(query):
        if part.name in PARAMETERS and part.value != used[part.name] and part.name not in said:
            said.add(part.name)
            yield f"The link says {part.name} twice: {show(used[part.name])} was used, {show(part.value)} was not."


def _misspelt(query: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each parameter that is none of ours but looks like one; others may be there for other programs."""
    bounds = {**bounds_of(NetworkSpec), **bounds_of(TrainConfig)}
    names = {"network": "net", "layers": "net"}
    for name in PARAMETERS:
        names[_letters(name)] = name
    names |= {_letters(one.label): name for name, one in bounds.items()}
    for name in dict.fromkeys(part.name for part in _parts(query) if part.name not in _NAMES):
        letters = _letters(name)[:40]
        # Short words are like one another by chance.
        if close := difflib.get_close_matches(letters, names, 1, 0.8 if len(letters) > 4 else 1):
            yield f"{show(name)} of the link is not known, so it was not used; {names[close[0]]} may be meant."


def _letters(text: str) -> str:
    return re.sub("[^a-z]", "", text.lower())


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
