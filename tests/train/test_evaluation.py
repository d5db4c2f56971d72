"""Figures of the test pass, checked against scikit-learn."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from nnviz.data.datasets import Loaded, to_input
from nnviz.spec.layers.batch_norm import BatchNorm
from nnviz.spec.layers.dense import Dense
from nnviz.spec.layers.dropout import Dropout
from nnviz.spec.network import NetworkSpec, build_model
from nnviz.train.evaluation import CHUNK, Evaluation, evaluate, logits_in_chunks


@pytest.fixture
def evaluation() -> Evaluation:
    source = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 10, (500,), generator=source)
    logits = torch.randn(500, 10, generator=source)
    logits[torch.arange(500), labels] += 1.5
    return Evaluation(logits.softmax(1), labels)


def test_figures_are_those_of_scikit_learn(evaluation: Evaluation) -> None:
    true, answer = evaluation.labels.numpy(), evaluation.predictions.numpy()
    assert evaluation.accuracy == pytest.approx(accuracy_score(true, answer))
    assert evaluation.confusion().tolist() == confusion_matrix(true, answer, labels=range(10)).tolist()
    assert evaluation.class_accuracy().tolist() == pytest.approx(recall_score(true, answer, average=None))


def test_worst_are_wrong_and_most_confident_first(evaluation: Evaluation) -> None:
    worst = evaluation.worst(20)
    assert len(worst) == 20
    assert bool((evaluation.predictions[worst] != evaluation.labels[worst]).all())
    confidence = evaluation.probabilities.max(1).values
    assert confidence[worst].tolist() == sorted(confidence[worst].tolist(), reverse=True)
    wrong = evaluation.predictions != evaluation.labels
    assert confidence[worst[0]] == confidence[wrong].max()


def test_a_cell_of_the_matrix_has_its_images(evaluation: Evaluation) -> None:
    counts = evaluation.confusion()
    for true, answer in ((3, 3), (2, 7)):
        hits = evaluation.answered(true, answer)
        assert len(hits) == counts[true, answer]
        assert set(evaluation.labels[hits].tolist()) <= {true}


def test_evaluating_changes_nothing_and_equals_one_plain_pass(blobs: Loaded) -> None:
    model = build_model(NetworkSpec((Dense(12), BatchNorm(), Dropout(0.5))), (1, 28, 28), 10, seed=3)
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found = evaluate(model, blobs.dataset, blobs.test)
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    model.eval()
    with torch.no_grad():
        plain = model(to_input(blobs.test.images, blobs.dataset)).softmax(1)
    torch.testing.assert_close(found.probabilities, plain)


def test_the_mode_is_put_back_when_nobody_reads_on(blobs: Loaded) -> None:
    model = build_model(NetworkSpec(), (1, 28, 28), 10, seed=0).train()
    images = blobs.test.images.repeat(CHUNK // len(blobs.test.images) + 1, 1, 1, 1)
    chunks = logits_in_chunks(model, blobs.dataset, images, torch.device("cpu"))
    assert len(next(chunks)) == CHUNK
    chunks.close()  # type: ignore[attr-defined]  # a generator
    assert model.training
