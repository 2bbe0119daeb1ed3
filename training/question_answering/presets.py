"""Named training runs of BiDAF (Seo et al., 2017, https://arxiv.org/abs/1611.01603), ISS on top.

Settings follow Wen et al. (ICLR 2018) section 4.2 and the configuration published with it: Adam,
mini-batches of 60 questions, drop-out on a fifth of the activations (on a tenth while ISS is
learned), group lasso in the gradient, tau 4e-4 while training and 0.02 once at the end, contextual
layer left as it is.
"""

from __future__ import annotations

from typing import Any

from training.question_answering.config import QuestionAnsweringConfig

__all__ = ["QUESTION_ANSWERING_PRESETS"]

_DENSE: dict[str, Any] = {
    "variant": "dense",
    "keep": 0.8,
    "epochs": 6,
    "flat_epochs": 4,
    "decay": 0.3,
    "clip": 5.0,
}

_ISS: dict[str, Any] = {
    **_DENSE,
    "variant": "iss",
    "keep": 0.9,
    "lambda": 0.001,
    "lasso": "gradient",
    "leave_out": ("contextual",),
    "tau": 4e-4,
    "final_tau": 0.02,
}

_SETTINGS: dict[str, dict[str, Any]] = {
    "squad-bidaf-dense": _DENSE,
    "squad-bidaf-iss": _ISS,
    "squad-bidaf-iss-finetune": {
        **_ISS,
        "start_from": "squad-bidaf-dense",
        "epochs": 8,
        "flat_epochs": 4,
    },
}

QUESTION_ANSWERING_PRESETS: dict[str, QuestionAnsweringConfig] = {
    name: QuestionAnsweringConfig.model_validate({"preset": name, **settings})
    for name, settings in _SETTINGS.items()
}
"""Every preset by its name."""
