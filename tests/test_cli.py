"""The command line, as somebody meets it who knows command lines."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from nnviz.cli import main
from nnviz.data.datasets import DATASETS
from nnviz.fields import bounds_of
from nnviz.spec.json_file import to_json
from nnviz.spec.layers.conv import Conv
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.pool import MaxPool
from nnviz.spec.network import NetworkSpec
from nnviz.spec.presets import PRESETS
from nnviz.spec.train_config import TrainConfig
from nnviz.store.run import Run, Status
from nnviz.store.runs import RunStore
from tests.data.mirror import Mirror, closed_port, use_proxy
from tests.waiting import LIMIT_S, wait_until

COMMANDS = ("train", "resume", "evaluate", "runs", "code", "export", "import", "data")
QUICK = ("--hidden", "16", "--per-class", "50", "--epochs", "2", "--lr", "0.05")
LONG = ("--hidden", "16", "--per-class", "1000", "--epochs", "1000")

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, mnist_root: Path) -> Iterator[Path]:
    """The runs folder of the whole module, in which one run was trained; named in the environment, as MNIST is."""
    folder = tmp_path_factory.mktemp("cli") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNVIZ_RUNS", str(folder))
        patch.setenv("NNVIZ_DATA", str(mnist_root))
        assert main(["train", *QUICK, "--name", "the first"]) == 0
        yield folder


@pytest.fixture
def first(folder: Path) -> str:
    """The id of the run called "the first"."""
    return next(run.id for run in runs_in(folder) if run.name == "the first")


def runs_in(folder: Path) -> list[Run]:
    store = RunStore(folder)
    try:
        return store.runs()
    finally:
        store.close()


def refused(capsys: Capture, *words: str, code: int = 2) -> str:
    """What a command that must not work says: all of it on standard error, without a traceback."""
    assert main(list(words)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


def started(*words: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nnviz", *words],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8", **options},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # in a shell's background it is ignored
    )


# ---------------------------------------------------------------------- help and usage


@pytest.mark.parametrize("words", [(), *((command,) for command in COMMANDS)])
def test_help_goes_to_standard_output(words: tuple[str, ...], capsys: Capture) -> None:
    assert main([*words, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"usage: python -m nnviz {' '.join(words)}".strip())
    assert "None" not in out
    if not words:
        assert all(f"  {command} " in out for command in COMMANDS)
        assert "NNVIZ_DATA" in out
        assert "NNVIZ_RUNS" in out


def test_help_has_every_option_of_a_set_up(capsys: Capture) -> None:
    main(["train", "--help"])
    out = capsys.readouterr().out
    for name in (*bounds_of(NetworkSpec), *bounds_of(TrainConfig)):
        assert f"--{name.replace('_', '-')}" in out


def test_no_command_shows_the_help_and_is_a_usage_error(capsys: Capture) -> None:
    err = refused(capsys)
    assert all(command in err for command in COMMANDS)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("tain",), "invalid choice: 'tain'"),
        (("train", "--lr", "fast"), "learning rate must be a number from 0 to 100, not 'fast'"),
        (("train", "--lr", "nan"), "learning rate must be a number from 0 to 100, not 'nan'"),
        (("train", "--epochs", "-1"), "epochs must be a whole number from 1 to 1000, not '-1'"),
        (("train", "--epochs", "1.5"), "epochs must be a whole number from 1 to 1000, not '1.5'"),
        (("train", "--optimizer", "sdg"), "optimizer must be one of sgd, adam"),
        (("train", "--data", "cifar"), "data set must be one of mnist"),
        (("train", "--hidden", "128,x"), "units must be a whole number from 1 to 8192, not 'x'"),
        (("train", "--hidden", ""), "units must be a whole number from 1 to 8192, not ''"),
        (("train", "--net", "bla"), "layer 1: layer kind must be one of dense, conv"),
        (("train", "--net", "conv_5_3~" + "~".join(["maxpool"] * 5)), "layer 6: kernel 2 is larger than its input"),
        (("train", "--net", "dense_8", "--hidden", "8"), "not allowed with argument"),
        (("train", "--preset", "classic", "--activation", "tanh"), "--activation goes with --hidden"),
        (("train", "--net", "batchnorm", "--batch-size", "1", "--hidden", "8"), "not allowed with argument"),
        (("train", "--net", "dense_8~batchnorm", "--batch-size", "1"), "batch size must be at least 2"),
        (("train", "--threads", "0"), "threads must be a whole number from 1 to 1024, not '0'"),
        (("train", "--json", "no such file"), "the set-up no such file can't be read: No such file"),
        (("train", "--epoch", "1"), "unrecognized arguments: --epoch"),
        (("evaluate",), "the following arguments are required: RUN"),
        (("data", "cifar"), "invalid choice: 'cifar'"),
        (("train", "--device", "mps" if not torch.backends.mps.is_available() else "cuda"), "is not on this machine"),
    ],
)
def test_a_bad_word_shows_the_rule_and_the_value(
    words: tuple[str, ...], rule: str, folder: Path, capsys: Capture
) -> None:
    before = len(runs_in(folder))
    assert rule in refused(capsys, *words)
    assert len(runs_in(folder)) == before


def test_a_bad_set_up_file_is_named(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "setup.json"
    path.write_text("{")
    assert f"error: {path}: this is not JSON" in refused(capsys, "train", "--json", str(path))


# ---------------------------------------------------------------------- finding runs


@pytest.mark.parametrize("command", ["resume", "evaluate", "code", "export"])
def test_an_unknown_run_is_said(command: str, folder: Path, capsys: Capture) -> None:
    for word in ("nope", "", "../..", "\udcff"):
        assert "there is no run" in refused(capsys, command, word, code=1)


@pytest.mark.parametrize("command", ["resume", "evaluate", "code", "export"])
def test_a_store_that_is_not_there_is_said_and_not_made(command: str, tmp_path: Path, capsys: Capture) -> None:
    empty = tmp_path / "empty"
    err = refused(capsys, command, "last", "--runs", str(empty), code=1)
    assert f"there are no runs in {empty}" in err
    assert main(["runs", "--runs", str(empty)]) == 0
    assert "Start one: python -m nnviz train" in capsys.readouterr().out
    assert main(["runs", "--json", "--runs", str(empty)]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert not empty.exists()


def test_a_store_that_cannot_be_used_is_named(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "runs.sqlite").write_text("this is not a database at all")
    assert f"the runs folder {tmp_path} can't be used" in refused(capsys, "runs", "--runs", str(tmp_path), code=1)
    file = tmp_path / "file"
    file.touch()
    assert f"the runs folder {file} can't be used" in refused(capsys, "train", "--runs", str(file), code=1)


def test_last_an_id_and_its_beginning_name_a_run(folder: Path, first: str, tmp_path: Path, capsys: Capture) -> None:
    store = RunStore(tmp_path)
    ids = [store.create(NetworkSpec(), TrainConfig(epochs=epochs)).id for epochs in (3, 4)]
    newest = store.runs()[0]
    store.close()
    main(["code", "last", "--runs", str(tmp_path)])
    assert f"epochs = {newest.config.epochs}\n" in capsys.readouterr().out.lower()
    assert main(["code", ids[0], "--runs", str(tmp_path)]) == 0
    main(["evaluate", first[:-1]])
    assert f"run {first}: the first" in capsys.readouterr().out
    assert "2 runs begin with '20'" in refused(capsys, "code", "20", "--runs", str(tmp_path))


def test_a_run_without_weights_cannot_be_tested(tmp_path: Path, folder: Path, capsys: Capture) -> None:
    store = RunStore(tmp_path)
    run = store.create(NetworkSpec(), TrainConfig())
    store.close()
    assert f"run {run.id} has no checkpoint yet" in refused(capsys, "evaluate", "last", "--runs", str(tmp_path), code=1)


# ---------------------------------------------------------------------- training and testing


def test_train_and_evaluate_agree(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    where = ("--runs", str(tmp_path))
    assert main(["train", *QUICK, *where]) == 0
    out, err = capsys.readouterr()
    assert err == ""  # not a terminal: no bar, nothing to clear
    lines = out.splitlines()
    assert re.fullmatch(r"run \S+: 784-16-10 · SGD 0\.05 · 50 per class · 2 epochs", lines[0])
    assert lines[1] == f"data: MNIST, {DATASETS['mnist'].origin}"
    assert [line.split(":")[0] for line in lines[2:4]] == ["epoch 1", "epoch 2"]
    accuracy = re.search(r"test accuracy (\S+) %$", lines[-1])
    assert accuracy is not None
    assert lines[-1].startswith("finished after step 16 of 16, ")

    assert main(["evaluate", "last", *where]) == 0
    said = capsys.readouterr().out
    assert f"\n10,000 test images of MNIST ({DATASETS['mnist'].origin})\n" in said
    assert f"\ntest accuracy {accuracy[1]} %\n" in said
    assert main(["evaluate", "last", "--json", *where]) == 0
    result = json.loads(capsys.readouterr().out)
    before, after = (f"{100 * result['calibration'][f'error_{when}']:.2f} %" for when in ("before", "after"))
    temperature = f"{result['calibration']['temperature']:.2f}"
    assert f"\nexpected calibration error {before}; with temperature {temperature}, {after}\n" in said
    [run] = runs_in(tmp_path)
    assert result["test_accuracy"] == run.test_accuracy
    assert f"{100 * result['test_accuracy']:.2f}" == accuracy[1]
    assert result["origin"] == DATASETS["mnist"].origin
    confusion = torch.tensor(result["confusion"])
    assert int(confusion.sum()) == result["test_images"] == 10_000
    assert confusion.diagonal().tolist() == [each["right"] for each in result["classes"]]

    assert main(["runs", *where]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "status", "step", "accuracy", "time", "data", "name"]
    assert line.startswith(f"{run.id}  finished  16 / 16   {accuracy[1]} %")


def test_the_classic_recipe_is_the_default_and_learns_as_it_should(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert main(["train", "--epochs", "1", "--runs", str(tmp_path)]) == 0
    [run] = runs_in(tmp_path)
    assert (run.network, run.config) == (NetworkSpec(), TrainConfig(epochs=1))
    assert run.steps == run.step == 938
    assert run.test_accuracy is not None
    assert 0.87 < run.test_accuracy < 0.92  # seeds 0 to 6: 0.887 to 0.895


@pytest.mark.parametrize(
    ("words", "network"),
    [
        (("--hidden", "none"), NetworkSpec(())),
        (("--hidden", "8,4", "--activation", "tanh"), NetworkSpec((Dense(8, "tanh"), Dense(4, "tanh")))),
        (("--net", "conv_2_3~maxpool"), NetworkSpec((Conv(2, kernel=3), MaxPool()))),
        (("--preset", "softmax"), PRESETS["softmax"].network),
        (("--hidden", "8", "--init", "xavier"), NetworkSpec((Dense(8),), init="xavier")),
    ],
)
def test_the_options_describe_the_network(
    words: tuple[str, ...], network: NetworkSpec, folder: Path, tmp_path: Path
) -> None:
    assert main(["train", *words, "--per-class", "1", "--epochs", "1", "--runs", str(tmp_path)]) == 0
    [run] = runs_in(tmp_path)
    assert run.network == network


def test_a_set_up_file_is_taken_and_options_change_it(folder: Path, tmp_path: Path) -> None:
    setup = tmp_path / "setup.json"
    config = TrainConfig(per_class=2, epochs=3, optimizer="adam")
    setup.write_text(to_json(PRESETS["softmax"].network, config))
    assert main(["train", "--json", str(setup), "--epochs", "1", "--runs", str(tmp_path)]) == 0
    [run] = runs_in(tmp_path)
    assert (run.network, run.config) == (PRESETS["softmax"].network, config.with_(epochs=1))


def test_a_diverged_training_says_why_and_fails(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    words = ("--lr", "100", "--hidden", "64,64", "--activation", "identity", "--per-class", "500")
    assert main(["train", *words, "--runs", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("diverged after step ")
    assert "Try a learning rate of 0.1 or less" in err
    assert "resume" not in err


def test_a_finished_run_is_not_resumed(first: str, capsys: Capture) -> None:
    assert f"run {first} is finished" in refused(capsys, "resume", first)


def test_the_printed_script_compiles(first: str, capsys: Capture) -> None:
    assert main(["code", first]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    compile(out, "script", "exec")
    assert "nn.Linear(784, 16)" in out
    assert out.endswith("\n")
    assert not out.endswith("\n\n")


def test_a_name_of_bytes_that_are_no_text_does_no_harm(folder: Path, tmp_path: Path) -> None:
    """An argument in another encoding than the terminal's comes as lone surrogates."""
    words = [b"--name", b"caf\xe9", b"--per-class", b"1", b"--epochs", b"1", b"--runs", os.fsencode(tmp_path)]
    done = subprocess.run([os.fsencode(sys.executable), b"-m", b"nnviz", b"train", *words], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert [run.name for run in runs_in(tmp_path)] == ["caf?"]


# ---------------------------------------------------------------------- runs that travel


def test_a_run_is_exported_and_imported(
    folder: Path, first: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", first]) == 0
    name = f"nnviz-{first}.zip"
    assert capsys.readouterr() == (f"{name}\n", "")
    assert main(["export", first, "--out", "small.zip", "--last-weights"]) == 0
    capsys.readouterr()
    assert (tmp_path / "small.zip").stat().st_size < (tmp_path / name).stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "small.zip"])
    for file in (name, "small.zip"):
        assert main(["import", file, "--runs", "other"]) == 0
        assert re.fullmatch(r"run \S+: the first, finished after step 16 of 16\n", capsys.readouterr().out)
        assert main(["evaluate", first, "--json"]) == 0
        mine = json.loads(capsys.readouterr().out)
        assert main(["evaluate", "last", "--json", "--runs", "other"]) == 0
        theirs = json.loads(capsys.readouterr().out)
        assert mine.pop("run") != theirs.pop("run")
        assert mine == theirs
    assert len(runs_in(tmp_path / "other")) == 2


def test_an_export_for_tensorboard(first: str, tmp_path: Path, capsys: Capture) -> None:
    logs = tmp_path / "logs"
    assert main(["export", first, "--tensorboard", "--out", str(logs)]) == 0
    out = capsys.readouterr().out
    [file] = logs.glob(f"the_first-{first}/events.out.tfevents.*")
    assert out == f"{file}\nLook at it with: tensorboard --logdir {logs}\n"


def test_a_file_that_is_no_run_is_said(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "x.zip"
    assert f"error: there is no file {path}" in refused(capsys, "import", str(path), code=1)
    path.write_text("nonsense")
    before = len(runs_in(folder))
    assert f"error: {path}: this is not a run of nnviz" in refused(capsys, "import", str(path), code=1)
    assert len(runs_in(folder)) == before


def test_an_export_that_cannot_be_kept_leaves_nothing(first: str, tmp_path: Path, capsys: Capture) -> None:
    there = tmp_path / "there"
    there.mkdir()
    assert "Is a directory" in refused(capsys, "export", first, "--out", str(there), code=1)
    assert "No such file" in refused(capsys, "export", first, "--out", str(tmp_path / "no" / "x.zip"), code=1)
    assert list(tmp_path.iterdir()) == [there]


def test_the_version_is_that_of_the_project(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{capsys.readouterr().out.removeprefix("nnviz ").strip()}"' in text


# ---------------------------------------------------------------------- data


def test_data_lists_every_set_and_whether_it_is_there(folder: Path, mnist_root: Path, capsys: Capture) -> None:
    assert main(["data"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"in {mnist_root}:\n")
    for dataset in DATASETS.values():
        assert f"{dataset.title}: {dataset.origin}" in out
    assert re.search(r"^mnist +yes ", out, re.MULTILINE)
    assert main(["data", "mnist"]) == 0
    assert capsys.readouterr() == ("MNIST is ready.\n", "")


def test_damaged_data_is_named(folder: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    monkeypatch.setenv("NNVIZ_DATA", str(tmp_path))
    assert main(["data"]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"^mnist +damaged ", out, re.MULTILINE)
    assert err == f"{path} has 4 bytes instead of 10,008; get it again.\n"


@pytest.mark.parametrize("words", [("data", "mnist"), ("train",)])
def test_without_network_and_data_the_way_out_is_said(
    words: tuple[str, ...], folder: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(runs_in(folder))
    use_proxy(monkeypatch, closed_port())
    monkeypatch.setenv("NNVIZ_DATA", str(tmp_path))
    err = refused(capsys, *words, code=1)
    assert f"MNIST is not there yet. Getting it into {tmp_path} …" in err
    assert "check the network and try again" in err
    assert err.endswith("--data offline\n")
    assert len(runs_in(folder)) == before


# ---------------------------------------------------------------------- signals, pipes, terminals


@pytest.mark.parametrize(
    ("number", "code", "status"), [(signal.SIGINT, 130, Status.STOPPED), (signal.SIGTERM, 143, Status.INTERRUPTED)]
)
def test_a_signal_ends_training_and_leaves_a_run_to_resume(
    number: signal.Signals, code: int, status: Status, folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    process = started("train", *LONG, "--runs", str(tmp_path))
    try:
        assert process.stdout is not None
        run_id = process.stdout.readline().split()[1].rstrip(":")
        wait_until(lambda: runs_in(tmp_path)[0].step > 0)
        process.send_signal(number)
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code
    assert "Traceback" not in err
    assert f"Go on with: python -m nnviz resume {run_id} --runs {tmp_path}" in err
    assert f"{status.value} after step " in out.splitlines()[-1]
    [run] = runs_in(tmp_path)
    assert run.status is status

    again = started("resume", "last", "--runs", str(tmp_path))
    try:
        wait_until(lambda: runs_in(tmp_path)[0].step > run.step)
        again.send_signal(signal.SIGINT)
        assert "Traceback" not in again.communicate(timeout=LIMIT_S)[1]
    finally:
        again.kill()
        again.wait()
    assert runs_in(tmp_path)[0].attempt == 2


def test_ctrl_c_while_downloading_leaves_nothing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNVIZ_DATA", str(tmp_path))
    mirror = Mirror({"train-images-idx3-ubyte.gz": bytes(100_000)})
    mirror.stall |= set(mirror.files)
    with mirror.serving() as address:
        use_proxy(monkeypatch, address)
        process = started("data", "mnist")
        try:
            assert mirror.stalled.wait(LIMIT_S)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
            process.wait()
    assert (process.returncode, out) == (130, "")
    assert err.endswith("\nInterrupted.\n")
    assert "Traceback" not in err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() or "partial" in path.name]


def test_a_resumed_run_goes_to_its_end(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    store = RunStore(tmp_path)
    run = store.create(NetworkSpec(()), TrainConfig(per_class=10, epochs=2))
    store.writer.set_status(run.id, store.run(run.id).attempt, Status.STOPPED)
    store.close()
    assert main(["resume", run.id, "--runs", str(tmp_path)]) == 0
    assert "finished after step 4 of 4" in capsys.readouterr().out


def test_nobody_reading_is_no_reason_to_stop_training(folder: Path, tmp_path: Path) -> None:
    process = started("train", *QUICK, "--runs", str(tmp_path))
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(LIMIT_S) == 0
    assert err == ""
    assert runs_in(tmp_path)[0].status is Status.FINISHED


def test_a_closed_pipe_ends_a_listing_in_silence(first: str) -> None:
    process = started("code", first, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(LIMIT_S) == 141
    assert err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_output_that_cannot_be_kept(first: str, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        listing = started("code", first, stdout=full)
        assert listing.communicate()[1] == "error: [Errno 28] No space left on device\n"
        assert listing.returncode == 1
        training = started("train", *QUICK, "--runs", str(tmp_path), stdout=full)
        assert training.communicate()[1].count("note: standard output can't be written") == 1
    assert training.returncode == 0
    assert runs_in(tmp_path)[0].status is Status.FINISHED


def on_a_terminal(*words: str, **environment: str) -> tuple[int, str]:
    """Exit code and all that the terminal got."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "nnviz", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "100", **environment},
    )
    os.close(theirs)
    got = b""
    try:
        while part := os.read(ours, 4096):
            got += part
    except OSError:  # Linux's way to say that the other end is closed
        pass
    finally:
        os.close(ours)
    return process.wait(LIMIT_S), got.decode(errors="replace")


def test_a_terminal_gets_a_bar_that_goes_away(folder: Path, tmp_path: Path) -> None:
    words = ("train", "--hidden", "256", "--epochs", "1", "--runs", str(tmp_path))
    code, got = on_a_terminal(*words)
    assert code == 0
    bars = re.findall(r"\r(epoch 1/1  \[#*-*\] +\d+%  loss \d\.\d{4}  [\d,]+ images/s  \S+ s left) *", got)
    assert bars
    assert all(len(bar) < 100 for bar in bars)
    assert re.search(r"\r +\repoch 1: loss ", got)


def test_a_terminal_that_lacks_letters_gets_question_marks(first: str) -> None:
    code, got = on_a_terminal("evaluate", first, PYTHONIOENCODING="ascii")
    assert code == 0
    assert "Traceback" not in got
    assert "?)" in got  # for 12×)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_streams_that_were_closed_before_are_no_reason_to_fail(tmp_path: Path, closed: str) -> None:
    command = f'"{sys.executable}" -m nnviz runs --runs "{tmp_path}" {closed}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert (done.returncode, done.stderr) == (0, "")
