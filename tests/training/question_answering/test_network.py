"""The fast layer reads both ways as the plain one does, whatever the lengths."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from issrnn.networks.bidaf import BidirectionalLSTM
from training.question_answering.network import FastBidirectionalLSTM


def output_and_gradients(layer: BidirectionalLSTM, inputs: Tensor, lengths: Tensor) -> list[Tensor]:
    """At words; at padding the output means nothing."""
    words = (torch.arange(len(inputs)).unsqueeze(1) < lengths).unsqueeze(-1)
    output = layer(inputs, lengths) * words
    slope = torch.linspace(0.5, 1.5, output.numel(), dtype=inputs.dtype).view_as(output)
    gradients = torch.autograd.grad((output * slope).sum(), [inputs, *layer.parameters()])
    return [output, *gradients]


@settings(max_examples=20)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    inputs=st.integers(1, 5),
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_outputs_and_gradients_match_the_plain_layer(
    lengths: list[int], inputs: int, sizes: tuple[int, int]
) -> None:
    torch.manual_seed(sum(lengths))
    plain = BidirectionalLSTM(inputs, *sizes).double()
    fast = FastBidirectionalLSTM(inputs, *sizes, precision="fp32").double()
    fast.load_state_dict(plain.state_dict())
    shape = (max(lengths), len(lengths), inputs)
    texts = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    expected = output_and_gradients(plain, texts, torch.tensor(lengths))
    actual = output_and_gradients(fast, texts, torch.tensor(lengths))
    for ours, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_bf16_products_stay_near() -> None:
    torch.manual_seed(0)
    plain = BidirectionalLSTM(32, 24, 20)
    fast = FastBidirectionalLSTM(32, 24, 20, precision="bf16")
    fast.load_state_dict(plain.state_dict())
    texts, lengths = torch.randn(9, 4, 32, requires_grad=True), torch.tensor([9, 2, 5, 7])
    expected = output_and_gradients(plain, texts, lengths)
    for ours, theirs in zip(output_and_gradients(fast, texts, lengths), expected, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - theirs).norm() <= 0.02 * theirs.norm()
