"""A run's config: validated whole, overridden by name."""

import json
import math
import shlex

import pytest

from tests.artifacts import PROVENANCE
from training.config import override
from training.errors import ConfigError
from training.language_modelling.config import (
    HighwayConfig,
    LanguageModelConfig,
    StackedConfig,
)
from training.presets import PRESETS, find_preset
from training.reproduction import run_command, word_vectors_option
from training.tasks import parse_config


def test_a_config_survives_json() -> None:
    for config in PRESETS.values():
        assert parse_config(config.to_document(), "here") == config


def test_a_run_without_a_clip_survives_json_and_the_card_of_its_artifact() -> None:
    config = override(find_preset("ptb-lstm-small-dense"), ["clip=inf"])
    document = json.loads(json.dumps(config.to_document(), allow_nan=False))
    provenance = PROVENANCE.model_copy(update={"training": document})
    card = json.loads(provenance.model_dump_json())
    assert parse_config(document, "here") == parse_config(card["training"], "here") == config
    assert config.clip == math.inf
    assert run_command("mine", config).endswith("--as mine --set clip=Infinity")


def test_the_command_that_makes_a_run_again_is_for_a_shell() -> None:
    config = find_preset("ptb-lstm-small-dense")
    command = run_command("my run; it's", config)
    assert shlex.split(command)[-2:] == ["--as", "my run; it's"]


def test_only_a_file_of_word_vectors_is_named() -> None:
    reader, squad = find_preset("squad-bidaf-dense"), ("train-v1.1.json", "dev-v1.1.json")
    assert word_vectors_option(reader, (*squad, "my file")) == " --word-vectors 'my file'"
    package = ("glove_6B_index.parquet", "glove_6B_50d_emb.npy")
    assert word_vectors_option(reader, (*squad, *package)) == ""
    assert word_vectors_option(find_preset("ptb-lstm-small-dense"), ("ptb.train.txt",)) == ""


def test_fields_are_overridden_by_their_names() -> None:
    config = override(
        find_preset("ptb-lstm-large-iss"),
        ["lambda=0.003", "hidden_sizes=373,315", "start_from=none", "lasso=gradient"],
    )
    assert config.lambda_ == 0.003
    assert config.hidden_sizes == (373, 315)
    assert config.start_from is None
    assert config.lasso == "gradient"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("lambd=1", "did you mean 'lambda'"),
        ("zzz=1", "one of variant, start_from"),
        ("preset=mine", "no field 'preset'; one of variant"),
        ("lambda=0.003", "remove components, which variant 'dense' keeps: take an -iss"),
        ("tau=0.1", "remove components, which variant 'dense' keeps"),
        ("lambda_epochs=3", "lambda_epochs needs lambda above 0"),
        ("seed=18446744073709551616", "seed: Input should be less than 18446744073709551616"),
        ("epochs", "write it as field=value"),
        ("epochs=0", "epochs: Input should be greater than 0"),
        ("keep=1.5", "keep: Input should be less than or equal to 1"),
        ("hidden_sizes=200,x", "hidden_sizes.1"),
        ("leave_out=contextual,", "leave_out.1: String should have at least 1 character"),
        ("cell=gruu", "cell: Input should be 'lstm', 'gru' or 'rnn'"),
        ("corpus=../etc", "corpus: String should match"),
        ("variant=iss", "variant 'iss' needs lambda above 0"),
        ("lambda=inf", "lambda: Input should be a finite number"),
        ("clip=nan", "clip: Input should be greater than 0"),
        ("vocabulary_limit=1", "vocabulary_limit: Input should be greater than or equal to 2"),
    ],
)
def test_a_wrong_override_is_named(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"^--set ") as caught:
        override(find_preset("ptb-lstm-small-dense"), [assignment])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_fast_layer_is_an_lstm_only() -> None:
    with pytest.raises(ConfigError, match="use 'torch'"):
        override(find_preset("ptb-lstm-small-dense"), ["cell=gru", "recurrent=fast"])


@pytest.mark.parametrize("other", ["cell=gru", "recurrent=torch"])
def test_only_the_fast_layer_drops_weights(other: str) -> None:
    with pytest.raises(ConfigError, match="weight_drop is of cell 'lstm' and recurrent 'fast'"):
        override(find_preset("ptb-lstm-small-dense"), ["weight_drop=0.5", other])


def test_plain_l1_keeps_the_last_epoch() -> None:
    config = find_preset("ptb-lstm-small-l1")
    assert all(config.removes_components_in(epoch) for epoch in range(config.epochs))


def test_learning_rate_follows_the_published_schedule() -> None:
    config = override(
        find_preset("ptb-lstm-small-dense"), ["flat_epochs=4", "decay=0.5", "epochs=13"]
    )
    rates = [config.learning_rate_in(epoch) for epoch in range(7)]
    assert rates == [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.125]


def test_lambda_may_fall_after_some_epochs() -> None:
    config = override(find_preset("ptb-lstm-small-dense"), ["variant=iss", "lambda=0.003"])
    assert [config.lambda_in(epoch) for epoch in (0, 50)] == [0.003, 0.003]
    falling = override(config, ["lambda_epochs=2", "lambda_after=0.001"])
    assert [falling.lambda_in(epoch) for epoch in range(4)] == [0.003, 0.003, 0.001, 0.001]
    assert [falling.removes_components_in(epoch) for epoch in range(3)] == [True, True, False]
    assert not config.removes_components_in(0)
    with pytest.raises(ConfigError, match="lambda_after needs lambda_epochs"):
        override(config, ["lambda_after=0.001"])
    with pytest.raises(ConfigError, match="lambda_after needs lambda above 0"):
        override(find_preset("ptb-lstm-small-dense"), ["lambda_epochs=2", "lambda_after=0.001"])


def test_a_run_goes_on_if_its_schedule_was_the_same_so_far() -> None:
    former = override(
        find_preset("ptb-lstm-small-iss"), ["epochs=6", "flat_epochs=3", "lambda_epochs=4"]
    )

    def goes_on(*assignments: str, epochs: int = 3) -> bool:
        return override(former, assignments).goes_on_from(former, epochs)

    assert goes_on("epochs=9")
    assert goes_on("flat_epochs=5")
    assert not goes_on("flat_epochs=5", epochs=4)
    assert goes_on("lambda_after=0.001")
    assert not goes_on("lambda_after=0.001", epochs=5)
    assert not goes_on("lambda_epochs=2")
    assert not goes_on("epochs=2")
    assert not goes_on("epochs=9", "seed=7")


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'ptb-lstm-medium-iss'"):
        find_preset("ptb-lstm-medum-iss")
    with pytest.raises(ConfigError, match="`python -m training list`"):
        find_preset("%")


def test_fine_tuning_starts_from_the_dense_run_of_the_same_sizes() -> None:
    for name, config in PRESETS.items():
        if name.endswith("-finetune"):
            assert config.start_from is not None
            assert PRESETS[config.start_from].hidden_sizes == config.hidden_sizes
            if config.task == "score":
                assert config.learning_rate == 0.1


@pytest.mark.parametrize(
    "name", [name for name, config in PRESETS.items() if config.task == "score"]
)
def test_what_a_preset_is_to_remove_it_has_the_strength_to(name: str) -> None:
    config = PRESETS[name]
    assert isinstance(config, LanguageModelConfig)
    steps = 929_589 // (config.batch_size * config.bptt_steps)  # of the Penn Treebank
    rates = [config.learning_rate_in(epoch) for epoch in range(config.epochs)]
    # Euclidean length of a group of the last layer's at the start: also read by the soft-max layer
    last = config.hidden_sizes[-1]
    if isinstance(config, HighwayConfig):
        weights = 4 * (1 + config.depth) * last + 10_000
    else:
        assert isinstance(config, StackedConfig)
        gates = {"lstm": 4, "gru": 3, "rnn": 1}[config.cell]
        weights = gates * (config.embedding_size + 2 * last) + 10_000
    length = config.init_bound * math.sqrt(weights / 3)
    if config.variant == "iss":
        cut = sum(rate * config.lambda_in(epoch) for epoch, rate in enumerate(rates)) * steps
        # groups grow while they learn; trained ones are several times as long
        assert cut > (6 if config.start_from else 1.4) * length
    if config.variant == "l1":
        assert sum(rates) * steps * config.l1 > 1.4  # the paper's: 2.7


def test_an_empty_list_leaves_nothing_out() -> None:
    config = override(find_preset("squad-bidaf-iss"), ["leave_out="])
    assert config.leave_out == ()


def test_a_filter_is_no_wider_than_a_word() -> None:
    with pytest.raises(ConfigError, match="word_length 4 is below filter_width 5"):
        override(find_preset("squad-bidaf-dense"), ["word_length=4"])
    override(find_preset("squad-bidaf-dense"), ["word_length=5"])
