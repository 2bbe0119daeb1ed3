"""The table of a search, and which of its trials are worth having."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from training.experiment import Quality
from training.search.results import Result, pareto_front, plot_results, results_table, write_results

PERPLEXITY = Quality("valid_perplexity")
F1 = Quality("valid_f1", higher_is_better=True)


def result(
    name: str,
    quality: float,
    multiply_adds: int,
    lambda_: float = 0.0,
    *,
    finished: bool = True,
    weights: int = 1234,
) -> Result:
    return Result(
        name=name,
        settings={"preset": "small", "lambda": lambda_, "hidden_sizes": [20, 20], "epochs": 9},
        epochs=9 if finished else 3,
        finished=finished,
        quality=quality,
        sizes=(7, 8),
        multiply_adds=multiply_adds,
        weights=weights,
    )


results = st.lists(
    st.builds(
        result,
        st.text("ab", max_size=2),
        st.floats(1, 9),
        st.integers(1, 9),
        finished=st.booleans(),
        weights=st.integers(1, 9),
    )
)


@given(trials=results, quality=st.sampled_from([PERPLEXITY, F1]))
def test_none_is_better_and_smaller_than_one_on_the_front(
    trials: list[Result], quality: Quality
) -> None:
    def is_as_good(one: Result, other: Result) -> bool:
        worse = quality.improves(other.quality, one.quality)
        smaller = one.multiply_adds <= other.multiply_adds and one.weights <= other.weights
        return not worse and smaller

    def figures(one: Result) -> tuple[float, int, int]:
        return one.quality, one.multiply_adds, one.weights

    finished = [trial for trial in trials if trial.finished]
    front = pareto_front(trials, quality)
    for trial in front:
        assert not any(
            is_as_good(other, trial) and figures(other) != figures(trial) for other in finished
        )
    for trial in finished:
        assert any(is_as_good(chosen, trial) for chosen in front)


def test_the_table_shows_what_differs_and_what_came_of_it() -> None:
    table = results_table(
        [result("a", 80.0, 5000, 0.001), result("b", 90.0, 6000, 0.002, finished=False)], PERPLEXITY
    )
    titles, _, a, b = ([cell.strip() for cell in row.split("|")] for row in table.splitlines())
    assert titles[1:-1] == [
        *("trial", "lambda", "epochs", "valid perplexity", "sizes"),
        *("multiply-adds a token", "weights", "on front"),
    ]
    assert a[1:-1] == ["a", "0.001", "9/9", "80.00", "7/8", "5,000", "1,234", "yes"]
    assert b[1:-1] == ["b", "0.002", "3/9", "90.00", "7/8", "6,000", "1,234", ""]


def test_a_diverged_trial_is_named_and_not_drawn(tmp_path: Path) -> None:
    trials = [result("a", 80.0, 5000), result("b", float("inf"), 9, finished=False)]
    assert " diverged |" in results_table(trials, PERPLEXITY)
    plot_results(tmp_path / "picture.png", "search", trials, PERPLEXITY)
    assert (tmp_path / "picture.png").exists()


def test_the_picture_is_drawn_with_and_without_finished_trials(tmp_path: Path) -> None:
    trials = [
        result("a", 80.0, 5000),
        result("b", 90.0, 4000),
        result("c", 95.0, 9, finished=False),
    ]
    for name, shown in (("all", trials), ("early", trials[2:])):
        plot_results(tmp_path / f"{name}.png", "search", shown, PERPLEXITY)
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_before_the_first_epoch_there_is_nothing_to_write(tmp_path: Path) -> None:
    assert write_results(tmp_path / "nothing") == ""
    assert not list(tmp_path.iterdir())
