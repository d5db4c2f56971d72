"""The command line: `python -m nnviz train|resume|evaluate|runs|code|export|import|data`, on the same store as the app.

Exit codes: 0 fine; 1 the training failed or diverged, or something that was asked for is not there; 2 a word of the
command line is not allowed; 130 stopped by Ctrl-C; 143 ended by SIGTERM; 141 nobody read the output.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import torch

from nnviz.analysis.calibration import Calibration, calibrate
from nnviz.analysis.checkpoint_view import CheckpointView
from nnviz.data.datasets import DATASETS, OFFLINE, DataError, Dataset
from nnviz.environment import SettingError, cores, data_root, runs_root
from nnviz.environment import check as check_environment
from nnviz.executor.recorder import train_run
from nnviz.export.archive import ArchiveError, file_name, import_runs, write_run
from nnviz.export.script import training_script
from nnviz.export.tensorboard import event_file, folder_name
from nnviz.fields import Bounds, Choice, Flag, SpecError, bounds_of
from nnviz.pretrained import PRETRAINED, install
from nnviz.process import this_process
from nnviz.spec.activations import ACTIVATIONS
from nnviz.spec.json_file import MAX_BYTES, from_json
from nnviz.spec.layers.dense import Dense
from nnviz.spec.network import LayerError, NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig, check
from nnviz.store.database import LONG_PATIENCE, PATIENCE, StoreError
from nnviz.store.run import PretrainedRun, Run, RunGone, Status
from nnviz.store.runs import RunStore
from nnviz.train.checkpoint import CheckpointError
from nnviz.train.commands import Action, Command, Mailbox
from nnviz.train.evaluation import Evaluation, evaluate
from nnviz.train.events import Batch, Epoch, Event
from nnviz.train.trainer import Trainer, pick_device

PROGRAM = "python -m nnviz"
REDRAW_EVERY = 0.2
"""Seconds between two drawings of the progress bar."""

LISTEN_EVERY = 0.25
"""Seconds between two looks for what the app asks of a training here."""

LAST = "last"
"""Stands for the newest run."""

_BROKEN_PIPE = 128 + 13
_FAILED, _USAGE = 1, 2


class _UsageError(Exception):
    """What was asked for is not allowed; the message states the rule and the value."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; messages go to standard error, never a traceback for what can be
    expected to go wrong."""
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A script or table put into a file is UTF-8 on Windows too; a terminal shows "?" for what it lacks.
            stream.reconfigure(encoding=stream.encoding if stream.isatty() else "utf-8", errors="replace")
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        check_environment()
        code: int = arguments.command(arguments)
        sys.stdout.flush()
    except SystemExit as end:  # argparse has said what is wrong, or helped
        return end.code if isinstance(end.code, int) else _USAGE
    except (_UsageError, SettingError) as error:
        return _say(f"error: {error}", _USAGE)
    except LayerError as error:
        return _say(f"error: layer {error.index + 1}: {error}", _USAGE)
    except SpecError as error:
        return _say(f"error: {error}", _USAGE)
    except (ArchiveError, DataError, RunGone, PretrainedRun, CheckpointError, StoreError) as error:
        return _say(f"error: {error}", _FAILED)
    except BrokenPipeError:
        _hush()
        return _BROKEN_PIPE
    except (OSError, sqlite3.Error) as error:  # a full disk, a locked store
        return _say(f"error: {error}", _FAILED)
    except KeyboardInterrupt:
        return _say("Interrupted.", 128 + signal.SIGINT)
    return code


# ---------------------------------------------------------------------- the commands


def _train(arguments: argparse.Namespace) -> int:
    network, config = _setup(arguments)
    check(network, config)
    pick_device(config.device)
    _get_data(config.data)
    with _store(arguments, create=True, patience=LONG_PATIENCE) as store:
        return _stay_with(store, store.create(network, config, arguments.name), arguments)


def _resume(arguments: argparse.Namespace) -> int:
    with _store(arguments, patience=LONG_PATIENCE) as store:
        run = _find(store, arguments.run)
        if not run.status.resumable:
            raise _UsageError(
                f"only a stopped, interrupted or failed run can be resumed; run {run.id} is {run.status.value}"
            )
        _get_data(run.config.data)
        return _stay_with(store, run, arguments, store.enqueue(run.id, this_process()))


def _evaluate(arguments: argparse.Namespace) -> int:
    with _store(arguments) as store:
        run = _find(store, arguments.run)
        dataset = DATASETS[run.config.data]
        _get_data(dataset.name)
        checkpoint = store.checkpoints.load(run.id)
    view = CheckpointView(run.network, run.config, checkpoint, dataset.load())
    result, calibration = evaluate(view.model, dataset, view.data.test), calibrate(view)
    if arguments.json:
        _print_json(_result_as_dict(run, checkpoint.position.step, dataset, result, calibration))
    else:
        print(f"run {run.id}: {run.name}, after step {checkpoint.position.step:,}")
        print(f"{len(result.labels):,} test images of {dataset.title} ({dataset.origin})")
        print(f"test accuracy {_percent(result.accuracy)}")
        if calibration is not None:
            before, after = (
                _percent(one.expected_calibration_error) for one in (calibration.before, calibration.after)
            )
            print(f"expected calibration error {before}; with temperature {calibration.temperature:.2f}, {after}")
        print()
        _print_table(_class_table(dataset, result), "lrrrl")
    return 0


def _runs(arguments: argparse.Namespace) -> int:
    root = arguments.runs or runs_root()
    if not (root / "runs.sqlite").is_file():  # only looking must not make a folder
        runs = []
    else:
        with _store(arguments) as store:
            runs = store.runs()
    if arguments.json:
        _print_json([_run_as_dict(run) for run in runs])
    elif not runs:
        print(f"There are no runs in {root} yet. Start one: {PROGRAM} train")
    else:
        head = ["run", "status", "step", "accuracy", "time", "data", "name"]
        lines = [
            [
                run.id,
                run.status.value,
                f"{run.step:,} / {run.steps:,}",
                "–" if run.test_accuracy is None else _percent(run.test_accuracy),
                _duration(run.seconds),
                run.config.data,
                run.name,
            ]
            for run in runs
        ]
        _print_table([head, *lines], "llrrrll")
    return 0


def _code(arguments: argparse.Namespace) -> int:
    with _store(arguments) as store:
        run = _find(store, arguments.run)
        if store.history.changes(run.id):
            _say("note: settings were changed while this run trained; the script has those it was started with", 0)
    print(training_script(run.network, run.config), end="")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    with _store(arguments) as store:
        run = _find(store, arguments.run)
        if arguments.tensorboard:
            folder: Path = arguments.out or Path("tensorboard")
            path = event_file(store, run.id, folder / folder_name(run))
            print(f"{path}\nLook at it with: tensorboard --logdir {folder}")
            return 0
        path = arguments.out or Path(file_name(run))
        # Beside it first, so that what it replaces stays whole if this one fails.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as partial:
            try:
                write_run(store, run.id, partial, last_only=arguments.last_weights)
                partial.close()
                os.chmod(partial.name, 0o644)
                os.replace(partial.name, path)
            except BaseException:
                partial.close()
                Path(partial.name).unlink(missing_ok=True)
                raise
    print(path)
    return 0


def _import(arguments: argparse.Namespace) -> int:
    path: Path = arguments.file
    if not path.is_file():
        raise ArchiveError(f"there is no file {path}")
    with _store(arguments, create=True) as store:
        try:
            runs = import_runs(store, path, path.name)
        except ArchiveError as error:
            raise ArchiveError(f"{path}: {error}") from None
    for run in runs:
        print(f"run {run.id}: {run.name}, {run.status.value} after step {run.step:,} of {run.steps:,}")
    return 0


def _data(arguments: argparse.Namespace) -> int:
    if arguments.dataset:
        _get_data(arguments.dataset)
        print(f"{DATASETS[arguments.dataset].title} is ready.")
        return 0
    print(f"in {data_root()}:")
    lines, problems = [["name", "there", "what"]], []
    for dataset in DATASETS.values():
        problem = dataset.problem()
        there = "damaged" if problem else "yes" if dataset.available() else "no"
        lines.append([dataset.name, there, f"{dataset.title}: {dataset.origin}"])
        problems += [problem] if problem else []
    _print_table(lines, "lll")
    for problem in problems:
        _say(problem, 0)
    return 0


# ---------------------------------------------------------------------- training


def _stay_with(store: RunStore, run: Run, arguments: argparse.Namespace, attempt: int | None = None) -> int:
    """Train `run` to its end in this process, as the `attempt` announced for it or a new one. Ctrl-C stops it and keeps
    what it learned.
    """
    # As in the app: one thread is fastest, except for convolutions; a resumed run keeps its count, for the same curve.
    threads = arguments.threads or run.threads or (cores() if run.network.convolves else 1)
    torch.set_num_threads(threads)
    mailbox, reporter = Mailbox(), _Reporter()
    dataset = DATASETS[run.config.data]
    reporter.line(f"run {run.id}: {run.name}")
    reporter.line(f"data: {dataset.title}, {dataset.origin}")
    with _signals_as_commands(mailbox) as got, _asked_through_the_store(store, run.id, mailbox):
        status = train_run(store, run.id, mailbox, reporter, threads, attempt)
    reporter.clear()
    run = store.run(run.id)
    accuracy = "" if run.test_accuracy is None else f", test accuracy {_percent(run.test_accuracy)}"
    reporter.line(f"{status.value} after step {run.step:,} of {run.steps:,}, {_duration(run.seconds)}{accuracy}")
    if status is Status.FINISHED:
        return 0
    where = f" --runs {arguments.runs}" if arguments.runs else ""
    hint = f"\nGo on with: {PROGRAM} resume {run.id}{where}" if status.resumable else ""
    return _say(run.reason + hint, 128 + got[0] if got else _FAILED)


@contextmanager
def _signals_as_commands(mailbox: Mailbox) -> Iterator[list[int]]:
    """The first SIGINT or SIGTERM becomes a command to the training, a second one acts at once; yields those got."""
    kinds = {signal.SIGINT: Action.STOP, signal.SIGTERM: Action.SHUTDOWN}
    got: list[int] = []

    def obey(number: int, frame: object) -> None:
        got.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)
        mailbox.post(Command(kinds[signal.Signals(number)]))

    before = {each: signal.signal(each, obey) for each in kinds}
    try:
        yield got
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _asked_through_the_store(store: RunStore, run_id: str, mailbox: Mailbox) -> Iterator[None]:
    """What is asked of the run in the app, say to pause, reaches the training in this process."""
    over = threading.Event()

    def listen() -> None:
        while not over.wait(LISTEN_EVERY):
            with suppress(sqlite3.Error):  # locked by another program, which the training itself waits for
                for command in store.commands.take([run_id]):
                    mailbox.post(command)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        yield
    finally:
        over.set()
        listener.join()


class _Reporter:
    """Says how a training goes: a line for each epoch on standard output, a bar on standard error if it is a
    terminal. That nobody reads any more, or what is said can't be kept, is no reason to stop training."""

    def __init__(self) -> None:
        self.bar = _Bar(sys.stderr)
        self._begun: float | None = None
        self._images = 0
        self._skipped = 0.0

    def __call__(self, event: Event, trainer: Trainer) -> None:
        if isinstance(event, Batch):
            self._batch(event, trainer)
        elif isinstance(event, Epoch):
            self.clear()
            accuracy = _percent(event.test_accuracy)
            self.line(f"epoch {event.epoch}: loss {event.train_loss:.4f}, test accuracy {accuracy}")

    def line(self, text: str) -> None:
        try:
            print(text, flush=True)
        except BrokenPipeError:
            _hush()
        except OSError as error:  # the disk that it goes to is full
            _hush()
            _say(f"note: standard output can't be written ({error.strerror}); the training goes on", 0)

    def clear(self) -> None:
        self.bar.clear()

    def _batch(self, batch: Batch, trainer: Trainer) -> None:
        position, epochs = trainer.position, trainer.config.epochs
        share = (position.epoch + position.cursor / trainer.loader.count) / epochs
        now = time.monotonic()
        if self._begun is None:
            self._begun, self._skipped = now, share
        self._images += batch.size
        spent, done = now - self._begun, share - self._skipped
        if self.bar.due(now) and spent and done:
            left = _duration(spent / done * (1 - share))
            speed = self._images / spent
            self.bar.draw(
                share,
                f"epoch {position.epoch + 1}/{epochs}",
                f"loss {batch.loss:.4f}  {speed:,.0f} images/s  {left} left",
            )


class _Bar:
    """A progress bar in the last line of a terminal; nothing elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shown = False
        self._on = stream.isatty()
        self._next = 0.0

    def due(self, now: float) -> bool:
        return self._on and now >= self._next

    def draw(self, share: float, before: str, after: str = "") -> None:
        """`share` in [0, 1]."""
        if not self._on:
            return
        columns = shutil.get_terminal_size().columns - 1
        width = max(5, min(40, columns - len(before) - len(after) - 14))
        filled = round(share * width)
        text = f"{before}  [{'#' * filled}{'-' * (width - filled)}] {share:4.0%}  {after}"
        self._write("\r" + text[:columns].ljust(columns))
        self.shown = True
        self._next = time.monotonic() + REDRAW_EVERY

    def clear(self) -> None:
        if self.shown:
            self._write("\r" + " " * (shutil.get_terminal_size().columns - 1) + "\r")
            self.shown = False

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:  # the terminal is gone
            self._on = False


def _get_data(name: str) -> None:
    """Make sure that the data set is there, with progress. Raises DataError with what else can be done."""
    dataset = DATASETS[name]
    problem = dataset.problem()
    if dataset.available() and not problem:
        return
    bar = _Bar(sys.stderr)
    _say(f"{problem or f'{dataset.title} is not there yet.'} Getting it into {data_root()} …", 0)
    try:
        dataset.prepare(lambda share, text: bar.draw(share, text))
    except DataError as error:
        other = "" if name == OFFLINE else f"\nOr train on digits that are made on this machine: --data {OFFLINE}"
        raise DataError(f"{error}{other}") from None
    finally:
        bar.clear()


# ---------------------------------------------------------------------- the set-up, from the command line


def _setup(arguments: argparse.Namespace) -> tuple[NetworkSpec, TrainConfig]:
    """What the options describe. Raises SpecError, LayerError, _UsageError."""
    given = vars(arguments)
    network, config = NetworkSpec(), TrainConfig()
    if arguments.json is not None:
        network, config = _read_setup(arguments.json)
    elif arguments.preset is not None:
        network = PRESETS[arguments.preset].network
    elif arguments.net is not None:
        network = NetworkSpec(NetworkSpec.layers_from_text(arguments.net))
    elif arguments.hidden is not None or arguments.activation:
        sizes = (Dense().units,) if arguments.hidden is None else arguments.hidden
        network = NetworkSpec(tuple(Dense(units, arguments.activation or Dense().activation) for units in sizes))
    if arguments.activation and (arguments.json, arguments.preset, arguments.net) != (None, None, None):
        raise _UsageError("--activation goes with --hidden; --net, --preset and --json have their own")
    network = network.with_(**{name: given[name] for name in bounds_of(NetworkSpec) if name in given})
    config = config.with_(**{name: given[name] for name in bounds_of(TrainConfig) if name in given})
    return network, config


def _read_setup(path: Path) -> tuple[NetworkSpec, TrainConfig]:
    try:
        with path.open("rb") as file:
            return from_json(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise _UsageError(f"the set-up {path} can't be read: {error.strerror}") from None
    except SpecError as error:
        raise _UsageError(f"{path}: {error}") from None


def _sizes(text: str) -> tuple[int, ...]:
    """ "128,64" → (128, 64); "none" → ()."""
    if text == "none":
        return ()
    units = bounds_of(Dense)["units"]
    return tuple(int(_checked(units)(word.strip())) for word in text.split(","))


def _checked(bounds: Bounds) -> Callable[[str], Any]:
    """A converter for argparse, which shows the rule and the value."""

    def convert(text: str) -> Any:
        try:
            return bounds.check(text)
        except SpecError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _add_fields(group: argparse._ArgumentGroup, cls: type[NetworkSpec] | type[TrainConfig]) -> None:
    """One option for each field of `cls`; options not given leave no trace, so that what they would hide stays."""
    defaults = cls()
    for name, bounds in bounds_of(cls).items():
        option = "--" + name.replace("_", "-")
        default = getattr(defaults, name)
        text = f"{bounds.label}. {bounds.help}".strip().replace("%", "%%")
        if isinstance(bounds, Flag):
            group.add_argument(
                option, dest=name, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
            )
            continue
        if isinstance(bounds, Choice):
            metavar, text = "NAME", f"{bounds.label}: {', '.join(bounds.options)}"
        else:
            metavar = "N" if bounds.whole else "X"
        group.add_argument(
            option,
            dest=name,
            type=_checked(bounds),
            default=argparse.SUPPRESS,
            metavar=metavar,
            help=f"{text} (default: {default})",
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        PROGRAM,
        description="Train neural networks without a browser, on the runs that the app shows.",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EPILOG,
    )
    parser.set_defaults(command=lambda arguments: _say(parser.format_help().rstrip(), _USAGE))
    parser.add_argument("--version", action="version", version=f"nnviz {_version()}", help="say which nnviz this is")
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(name: str, function: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=text, description=text, allow_abbrev=False, usage=f"{PROGRAM} {name} {_USES.get(name, '')}"
        )
        made.set_defaults(command=function)
        if name != "data":
            made.add_argument(
                "--runs", type=Path, metavar="FOLDER", help="the store (default: NNVIZ_RUNS, or runs where you are)"
            )
        return made

    train = command("train", _train, "Train a new network and record it.")
    train.add_argument("--name", default="", help="what to call the run")
    networks = train.add_argument_group("network (default: 784-128-10)")
    kind = networks.add_mutually_exclusive_group()
    kind.add_argument("--hidden", type=_sizes, metavar="SIZES", help="sizes of dense layers: 128 or 128,64 or none")
    kind.add_argument("--net", metavar="TEXT", help="layers as in the app's links: conv_16_3~maxpool~dense_64_tanh")
    kind.add_argument("--preset", choices=PRESETS, metavar="NAME", help=", ".join(PRESETS))
    kind.add_argument("--json", type=Path, metavar="FILE", help="a set-up exported by the app, with its training")
    networks.add_argument(
        "--activation",
        type=_checked(bounds_of(Dense)["activation"]),
        metavar="NAME",
        help=f"of the layers of --hidden: {', '.join(ACTIVATIONS)}",
    )
    _add_fields(networks, NetworkSpec)
    _add_fields(train.add_argument_group("training"), TrainConfig)
    resume = command("resume", _resume, "Go on with a run that was stopped, interrupted or failed.")
    for made in (train, resume):
        made.add_argument(
            "--threads",
            type=_threads,
            default=0,
            metavar="N",
            help="of torch (default: 1; all cores for convolutions; as before for a resumed run)",
        )

    evaluation = command("evaluate", _evaluate, "Test a run's latest weights on the test images.")
    listing = command("runs", _runs, "List all runs, newest first.")
    code = command("code", _code, "Print a run as a plain PyTorch script.")
    for made in (evaluation, listing):
        made.add_argument("--json", action="store_true", help="print JSON")
    export = command("export", _export, "Write a run into one file, which can be imported elsewhere.")
    export.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="the file (default: nnviz-<run>.zip), or TensorBoard's folder (default: tensorboard)",
    )
    kind = export.add_mutually_exclusive_group()
    kind.add_argument("--last-weights", action="store_true", help="of the checkpoints, only the last one")
    kind.add_argument("--tensorboard", action="store_true", help="write an event file for TensorBoard instead")
    entry = command("import", _import, "Take in a run, or several, exported elsewhere.")
    entry.add_argument("file", type=Path, metavar="FILE", help="a file that was exported")
    came = ", ".join(net.id for net in PRETRAINED)
    for made in (resume, evaluation, code, export):
        made.add_argument(
            "run", metavar="RUN", help=f"its id, the beginning of it, or `{LAST}`; {came} come with nnviz"
        )

    data = command("data", _data, "Get a data set, or list them.")
    data.add_argument("dataset", nargs="?", choices=DATASETS, metavar="NAME", help=", ".join(DATASETS))
    return parser


_EPILOG = f"""environment:
  NNVIZ_DATA  folder of the data sets (default: data)
  NNVIZ_RUNS  folder of the runs (default: runs)

`{PROGRAM} COMMAND --help` tells the options of a command. For example:
  {PROGRAM} train --hidden 128,64 --lr 0.05 --epochs 3
  {PROGRAM} evaluate {LAST}
"""

_USES = {
    "train": "[options]",
    "resume": "[options] RUN",
    "evaluate": "[--json] [--runs FOLDER] RUN",
    "runs": "[--json] [--runs FOLDER]",
    "code": "[--runs FOLDER] RUN",
    "export": "[options] RUN",
    "import": "[--runs FOLDER] FILE",
    "data": "[NAME]",
}


def _version() -> str:
    """As pyproject.toml beside the package says: it is run from where it lies, not installed."""
    try:
        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return str(project["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "of an unknown version"


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"threads must be a whole number from 1 to 1024, not {text!r}")
    return int(text)


# ---------------------------------------------------------------------- the store


@contextmanager
def _store(arguments: argparse.Namespace, create: bool = False, patience: float = PATIENCE) -> Iterator[RunStore]:
    """The store named by the options, closed at the end. Raises StoreError, RunGone if there is none to look into."""
    root: Path = arguments.runs or runs_root()
    create = create or getattr(arguments, "run", "") in {net.id for net in PRETRAINED}
    if not create and not (root / "runs.sqlite").is_file():
        raise RunGone(f"there are no runs in {root}")
    store = RunStore(root, patience, look_only=not create)
    try:
        install(store)
        yield store
    finally:
        store.close()


def _find(store: RunStore, word: str) -> Run:
    """The run with this id, or the only one whose id begins so, or the last. Raises RunGone, _UsageError."""
    runs = store.runs()
    if word == LAST and runs:
        return runs[0]
    found = [run for run in runs if run.id == word] or [run for run in runs if word and run.id.startswith(word)]
    if not found:
        raise RunGone(f"there is no run {word!r} in {store.root}; `{PROGRAM} runs` lists them")
    if len(found) > 1:
        raise _UsageError(f"{len(found)} runs begin with {word!r}: {', '.join(run.id for run in found[:5])}")
    return found[0]


# ---------------------------------------------------------------------- output


def _run_as_dict(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "note": run.note,
        "status": run.status.value,
        "reason": run.reason,
        "created": datetime.fromtimestamp(run.created, UTC).isoformat(timespec="seconds"),
        "seconds": round(run.seconds, 3),
        "step": run.step,
        "steps": run.steps,
        "device": run.device,
        "threads": run.threads,
        "attempt": run.attempt,
        "test_accuracy": run.test_accuracy,
        "network": run.network.to_dict(),
        "training": run.config.to_dict(),
    }


def _result_as_dict(
    run: Run, step: int, dataset: Dataset, result: Evaluation, calibration: Calibration | None
) -> dict[str, Any]:
    confusion = result.confusion()
    return {
        "run": run.id,
        "name": run.name,
        "step": step,
        "data": dataset.name,
        "origin": dataset.origin,
        "test_images": len(result.labels),
        "test_accuracy": result.accuracy,
        "calibration": calibration
        and {
            "temperature": calibration.temperature,
            "error_before": calibration.before.expected_calibration_error,
            "error_after": calibration.after.expected_calibration_error,
        },
        "classes": [
            {"class": name, "images": int(row.sum()), "right": int(row[index])}
            for index, (name, row) in enumerate(zip(dataset.classes, confusion, strict=True))
        ],
        "confusion": confusion.tolist(),
    }


def _class_table(dataset: Dataset, result: Evaluation) -> list[list[str]]:
    lines = [["class", "images", "right", "accuracy", "most often taken for"]]
    for index, (name, row) in enumerate(zip(dataset.classes, result.confusion(), strict=True)):
        images, right = int(row.sum()), int(row[index])
        others = row.clone()
        others[index] = 0
        worst = int(others.argmax())
        lines.append(
            [
                name,
                f"{images:,}",
                f"{right:,}",
                _percent(right / images) if images else "–",
                f"{dataset.classes[worst]} ({int(others[worst]):,}×)" if others[worst] else "–",
            ]
        )
    return lines


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _print_table(lines: list[list[str]], sides: str) -> None:
    """Columns side by side; `sides` has l or r for each, where its words stand."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        words = [
            word.rjust(width) if side == "r" else word.ljust(width)
            for word, width, side in zip(line, widths, sides, strict=True)
        ]
        print("  ".join(words).rstrip())


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _duration(seconds: float) -> str:
    """ "7.3 s", "4:05" or "1:02:03"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _say(text: str, code: int) -> int:
    """Tell people, and return the exit code given."""
    print(text, file=sys.stderr, flush=True)
    return code


def _nowhere() -> TextIO:
    """In place of a stream that was closed before the program began (`>&-`)."""
    return open(os.devnull, "w", encoding="utf-8")


def _hush() -> None:
    """Nobody reads standard output any more: let what is still written, also at the exit, go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
