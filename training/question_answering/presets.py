"""Named training runs of BiDAF (Seo et al., 2017, https://arxiv.org/abs/1611.01603), ISS on top.

Settings follow Wen et al. (ICLR 2018) section 4.2 and the configuration published with it: Adam,
mini-batches of 60 questions, drop-out on a fifth of the activations (on a tenth while ISS is
learned), contextual layer left as it is. The schedule is shorter: the learning rate falls
before the last epoch, of four to six.

Published, group lasso is a term of the gradient (``-published``). Adam divides each gradient by its
running size, so that the term's strength there is not lambda, and nothing becomes exactly zero
without thresholds. The other ISS runs cut each group's length by learning rate x lambda after
Adam's update (a proximal step, like AdamW's decay); their lambda is on another scale. tau is the
published one: without it groups that do nothing hover at a length of 0.02 to 0.07, to which Adam,
whose steps do not get smaller with the gradient, keeps lifting them.
"""

from __future__ import annotations

from typing import Any

from training.question_answering.config import QuestionAnsweringConfig

__all__ = ["QUESTION_ANSWERING_PRESETS"]

_DENSE: dict[str, Any] = {
    "variant": "dense",
    "keep": 0.8,
    "epochs": 5,
    "flat_epochs": 4,
    "decay": 0.3,
    "clip": 5.0,
}

_ISS: dict[str, Any] = {
    **_DENSE,
    "variant": "iss",
    "keep": 0.9,
    "lambda": 2.0,
    "lambda_epochs": 4,
    "tau": 4e-4,
    "epochs": 6,
    "flat_epochs": 5,
    "leave_out": ("contextual",),
}

_SETTINGS: dict[str, dict[str, Any]] = {
    "squad-bidaf-dense": _DENSE,
    "squad-bidaf-iss": _ISS,
    "squad-bidaf-iss-finetune": {
        **_ISS,
        "start_from": "squad-bidaf-dense",
        "lambda": 3.0,
        "lambda_epochs": 3,
        "epochs": 4,
        "flat_epochs": 3,
    },
    "squad-bidaf-iss-published": {
        **_ISS,
        "lambda": 0.001,
        "lambda_epochs": None,
        "lasso": "gradient",
        "final_tau": 0.02,
    },
}

QUESTION_ANSWERING_PRESETS: dict[str, QuestionAnsweringConfig] = {
    name: QuestionAnsweringConfig.model_validate({"preset": name, **settings})
    for name, settings in _SETTINGS.items()
}
"""Every preset by its name."""
