"""The step with sparse kernels computes what masks compute, and the benchmark prints both."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from issrnn.architecture import ClassifierArchitecture
from issrnn.networks import Classifier
from issrnn.set_masks import SparseEvolution
from training.classification.benchmark import WAYS
from training.classification.sparse_step import CSRMatrix, SparseClassifier
from training.cli import main


@pytest.fixture
def both() -> tuple[Classifier, SparseEvolution, SparseClassifier]:
    torch.manual_seed(0)
    architecture = ClassifierArchitecture(
        vocabulary_size=30, embedding_size=6, hidden_sizes=(5,), pooling="max", label_count=3
    )
    model = Classifier(architecture).double()
    evolution = SparseEvolution(model, epsilon=1.0)
    return model, evolution, SparseClassifier(model, evolution.masks)


def test_outputs_and_gradients_are_those_of_masked_dense_weights(
    both: tuple[Classifier, SparseEvolution, SparseClassifier],
) -> None:
    dense, evolution, sparse = both
    texts = torch.randint(30, (7, 4)), torch.tensor([7, 2, 5, 1])
    labels = torch.tensor([0, 1, 2, 0])
    expected, found = dense(*texts), sparse(*texts)
    torch.testing.assert_close(found, expected)
    torch.autograd.backward(cross_entropy(expected, labels))
    output_gradient = dense.output.weight.grad
    assert output_gradient is not None
    output_gradient = output_gradient.clone()
    dense.output.zero_grad()
    torch.autograd.backward(cross_entropy(found, labels))
    torch.testing.assert_close(sparse.output.weight.grad, output_gradient)
    for name, mask in evolution.masks.items():
        gradient = dense.get_parameter(name).grad
        assert gradient is not None
        torch.testing.assert_close(sparse.matrices[name].values.grad, gradient[mask])
    torch.testing.assert_close(sparse.bias.grad, dense.get_parameter("layers.0.bias_ih_l0").grad)


def make_matrix() -> tuple[CSRMatrix, Tensor]:
    torch.manual_seed(0)
    weight = torch.randn(6, 4)
    mask = torch.rand(6, 4) < 0.4
    mask[2] = False
    return CSRMatrix.of(weight, mask), weight * mask


def test_a_matrix_and_its_transpose_hold_the_same_weights() -> None:
    matrix, dense = make_matrix()
    torch.testing.assert_close(matrix.csr().to_dense(), dense)
    torch.testing.assert_close(matrix.csr_transposed().to_dense(), dense.t())
    chosen = torch.tensor([5, 2, 0])
    torch.testing.assert_close(matrix.rows(chosen), dense[chosen])


def test_the_command_prints_and_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "steps.json"
    sizes = ["--hidden", "8", "--epsilon", "0.5", "2", "--vocabulary", "50", "--batch", "3"]
    more = ["--words", "6", "--rounds", "1", "--threads", "1", "--record", str(record)]
    assert main(["benchmark-sparse-step", *sizes, *more]) == 0
    lines = capsys.readouterr().out.splitlines()
    steps = json.loads(record.read_text())["steps"]
    assert [step["way"] for step in steps] == list(WAYS) * 2
    for line, step in zip(lines[2:], steps, strict=False):
        assert step["way"] in line
    by_way = {step["way"]: step["megabytes"] for step in steps[: len(WAYS)]}
    assert by_way["CSR, fp32"] < by_way["dense, FastLSTM, bf16"] < by_way["masks, FastLSTM, bf16"]
    few, more_weights = (steps[: len(WAYS)], steps[len(WAYS) :])
    assert few[0]["density"] == more_weights[0]["density"] == 1.0  # dense
    assert few[1]["density"] == few[-1]["density"] < more_weights[1]["density"] < 1.0
