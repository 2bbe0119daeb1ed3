"""One mini-batch of training, and the removal of components that died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

import issrnn
from issrnn.lasso import GroupLasso
from training.config import RunConfig
from training.distributed import copy_first_, seed_step, sum_gradients_, total
from training.experiment import Loss
from training.session import Session, by_layer, regularised, survivors

__all__ = ["remove_dead_", "train_step", "update_"]


def train_step(session: Session, step: int, learning_rate: float) -> tuple[Loss, float]:
    """Forward, backward, clip, update, group lasso.

    Args:
        session: Changed in place.
        step: Number of the mini-batch in its epoch.
        learning_rate: Of this step.

    Returns:
        The loss of the whole mini-batch, and the norm of the gradients before the clip.
    """
    experiment = session.experiment
    config = experiment.config
    parameters = list(session.model.parameters())
    seed_step(config.seed, session.position.total_steps)
    loss = experiment.loss(session, step)
    torch.autograd.backward(loss.objective)
    sum_gradients_(parameters)
    nats, count = total(loss.nats, loss.count)
    strength = config.lambda_in(session.position.epoch)
    if session.lasso is not None:
        _regularise_gradients_(session.lasso, config, strength)
    if session.evolution is not None:
        session.evolution.mask_gradients_()
    norm = update_(session.optimizer, parameters, learning_rate, config.clip)
    if session.lasso is not None:
        _regularise_weights_(session.lasso, config, strength, learning_rate)
    if session.evolution is not None:
        session.evolution.mask_weights_()
    experiment.after_update_(session)
    return replace(loss, nats=nats, count=int(count)), norm


def update_(
    optimizer: torch.optim.Optimizer,
    parameters: Sequence[nn.Parameter],
    learning_rate: float,
    clip: float,
) -> float:
    """The optimiser's step with the gradients' global norm clipped; frees the gradients.

    For SGD without momentum or weight decay, clipping the gradients and scaling the learning rate
    are the same: the second spares a pass over all of them.

    Returns:
        The norm before the clip.
    """
    gradients = [_values(p, p.grad) for p in parameters if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    factor = min(1.0, clip / (float(norm) + 1e-6))
    plain = isinstance(optimizer, torch.optim.SGD) and not (
        optimizer.defaults["momentum"] or optimizer.defaults["weight_decay"]
    )
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * factor if plain else learning_rate
    if factor < 1.0 and not plain:
        torch.nn.utils.clip_grads_with_norm_(parameters, clip, norm)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(norm)


def remove_dead_(session: Session) -> bool:
    """Make the model, optimiser and carried state smaller by what no longer matters.

    Every process of the run has to call it after the same step: they all remove the same. What
    only removed components had read goes too, so that a second call finds nothing.

    Returns:
        Whether anything was removed.
    """
    removed = False
    while _remove_once(session):
        removed = True
    return removed


def _remove_once(session: Session) -> bool:
    if session.groups is None:
        return False
    copy_first_(session.model.parameters())
    groups, names, sizes = session.groups, session.layer_names, session.hidden_sizes
    result = issrnn.shrink_(
        session.model, groups, optimizer=session.optimizer, states=session.state
    )
    if not result.removed:
        return False
    session.kept = survivors(session.kept, by_layer(groups, result.dropped, names, sizes))
    session.groups, session.state = result.groups, result.states
    leave_out = session.experiment.config.leave_out
    session.lasso = GroupLasso(regularised(session.groups, leave_out))
    return True


def _regularise_gradients_(lasso: GroupLasso, config: RunConfig, strength: float) -> None:
    """What precedes the clip: the gradients of group lasso and l1, if asked for."""
    if strength and config.lasso == "gradient":
        lasso.add_gradient_(strength)
    if config.l1:
        lasso.l1_subgradient_(config.l1)


def _regularise_weights_(
    lasso: GroupLasso, config: RunConfig, strength: float, learning_rate: float
) -> None:
    """What follows the update: the proximal step of group lasso, and thresholding by tau."""
    if strength and config.lasso == "proximal":
        lasso.proximal_step_(learning_rate * strength, config.tau)
    elif config.tau:
        lasso.threshold_(config.tau)


def _values(parameter: nn.Parameter, gradient: Tensor) -> Tensor:
    """The entries of a gradient that can be other than zero, each once."""
    if not gradient.is_sparse:
        return gradient
    parameter.grad = gradient.coalesce()
    return parameter.grad.values()
