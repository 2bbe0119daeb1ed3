"""One mini-batch of training, and the removal of components that died."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import issrnn
from issrnn.lasso import GroupLasso, l1_subgradient_, threshold_
from training.config import TrainingConfig
from training.expansion import survivors
from training.network import detach_state, sequence_loss
from training.session import Session, by_layer

__all__ = ["remove_dead_", "train_step", "update_"]


def train_step(
    session: Session, inputs: Tensor, targets: Tensor, learning_rate: float
) -> tuple[float, float]:
    """Forward, backward, clip, update, group lasso; carries the state on.

    The loss is summed over the steps and averaged over the streams, as lambda and the learning
    rate of the published configurations assume.

    Args:
        session: Changed in place.
        inputs: (T, B) int64.
        targets: (T, B) int64.
        learning_rate: Of this step.

    Returns:
        Sum of negative log-likelihoods (nats), and the norm of the gradients before the clip.
    """
    config = session.config
    state = detach_state(session.state) if session.state is not None else None
    loss, session.state = sequence_loss(
        session.model, inputs, targets, state, config.product_precision
    )
    torch.autograd.backward(loss / inputs.shape[1])
    strength = config.lambda_in(session.position.epoch)
    if session.lasso is not None:
        _regularise_gradients_(session.lasso, config, strength)
    norm = update_(session.optimizer, list(session.model.parameters()), learning_rate, config.clip)
    if session.lasso is not None:
        _regularise_weights_(session.lasso, config, learning_rate * strength)
    return loss.item(), norm


def update_(
    optimizer: torch.optim.SGD,
    parameters: Sequence[nn.Parameter],
    learning_rate: float,
    clip: float,
) -> float:
    """SGD with the gradients' global norm clipped; frees the gradients.

    Without momentum, clipping the gradients and scaling the learning rate are the same: the second
    spares a pass over all of them.

    Returns:
        The norm before the clip.
    """
    gradients = [_values(p, p.grad) for p in parameters if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    factor = min(1.0, clip / (float(norm) + 1e-6))
    for group in optimizer.param_groups:
        group["lr"] = learning_rate if group["momentum"] else learning_rate * factor
    if factor < 1.0 and any(group["momentum"] for group in optimizer.param_groups):
        torch.nn.utils.clip_grads_with_norm_(parameters, clip, norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(norm)


def remove_dead_(session: Session) -> bool:
    """Make the model, optimiser and carried state smaller by what no longer matters.

    Returns:
        Whether anything was removed.
    """
    if session.groups is None:
        return False
    groups, sizes = session.groups, session.hidden_sizes
    result = issrnn.shrink_(
        session.model, groups, optimizer=session.optimizer, states=session.state
    )
    if not result.removed:
        return False
    session.kept = survivors(session.kept, by_layer(groups, result.dropped, sizes))
    session.groups, session.state = result.groups, result.states
    session.lasso = GroupLasso(session.groups)
    return True


def _regularise_gradients_(lasso: GroupLasso, config: TrainingConfig, strength: float) -> None:
    """What precedes the clip: the gradients of group lasso and l1, if asked for."""
    if strength and config.lasso == "gradient":
        lasso.add_gradient_(strength)
    if config.l1:
        l1_subgradient_(lasso.parameters, config.l1)


def _regularise_weights_(lasso: GroupLasso, config: TrainingConfig, cut: float) -> None:
    """What follows the update: the proximal step of group lasso, and thresholding by tau."""
    if cut and config.lasso == "proximal":
        lasso.proximal_step_(cut, config.tau)
    elif config.tau:
        threshold_(lasso.parameters, config.tau)


def _values(parameter: nn.Parameter, gradient: Tensor) -> Tensor:
    """The entries of a gradient that can be other than zero, each once."""
    if not gradient.is_sparse:
        return gradient
    parameter.grad = gradient.coalesce()
    return parameter.grad.values()
