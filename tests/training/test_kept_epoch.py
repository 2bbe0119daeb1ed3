"""Which epoch's weights a run keeps, and shows as its best."""

from training.config import RunConfig, override
from training.experiment import Quality, kept_epoch
from training.presets import find_preset

F1 = Quality("valid_f1", higher_is_better=True)


def config(*settings: str) -> RunConfig:
    return override(find_preset("squad-bidaf-iss-finetune"), settings)


def kept(run: RunConfig, *figures: float) -> float:
    found: float = kept_epoch(run, F1, [{"valid_f1": figure} for figure in figures])["valid_f1"]
    return found


def test_the_best_is_kept() -> None:
    run = config("lambda_epochs=none")
    assert kept(run, 70.0, 73.0, 72.0, 73.0) == 73.0
    assert kept_epoch(run, Quality("x"), [{"x": 9.0}, {"x": 7.0}, {"x": 8.0}]) == {"x": 7.0}


def test_epochs_of_a_larger_network_are_not() -> None:
    run = config("lambda_epochs=3")
    assert kept(run, 73.8, 72.8, 71.3) == 71.3
    assert kept(run, 73.8, 72.8, 71.3, 73.7) == 73.7
    assert kept(run, 73.8, 72.8, 71.3, 71.0) == 71.3
