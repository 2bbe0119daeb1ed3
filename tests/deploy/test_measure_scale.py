"""What more processes bring: how it is counted and summarised. `test_ray` and the workers' tests
run them."""

from typing import Any

import pytest

from deploy.measure_scale import (
    machine,
    main,
    ray_config,
    ready_processes,
    recorded_settings,
    summarise,
    table,
)


def row(count: int, throughput: float, **more: Any) -> dict[str, Any]:
    common = {
        "scenario": "score", "task": "score", "variant": "tiny-iss", "loop": "closed", "load": 4.0,
        "p50_ms": 10.0, "p99_ms": 20.0, "failed": 0.0, "refused": 0.0, "service_cores": 1.5,
        "repeat": 0,
    }  # fmt: skip
    return common | {"count": count, "throughput": throughput} | more


def test_ratios_are_of_neighbours_in_time() -> None:
    measured = [(1, 90.0), (2, 180.0), (1, 110.0), (2, 209.0), (1, 100.0), (2, 150.0)]
    rows = [
        row(count, throughput, repeat=place // 2)
        for place, (count, throughput) in enumerate(measured)
    ]
    one, two = summarise(rows)
    assert (one["count"], one["throughput"], one["ratios"]) == (1, 100.0, [1.0, 1.0, 1.0])
    assert (two["count"], two["throughput"], two["ratios"]) == (2, 180.0, [1.5, 1.9, 2.0])
    text = table([one, two], "workers")
    assert "| tiny-iss | closed | 4 | 1 | 100 | 1.00x | 10.0 | 20.0 | 0.0% | 1.5 |" in text
    assert "| 2 | 180 | 1.90x (1.50 to 2.00) | 10.0 |" in text


def test_a_load_at_which_nothing_was_answered_has_no_ratio() -> None:
    rows = [row(1, 0.0, p50_ms=None, p99_ms=None, failed=1.0), row(2, 10.0)]
    one, two = summarise(rows)
    assert one["ratios"] == two["ratios"] == []
    assert "| 2 | 10 | - | 10.0 |" in table([one, two], "workers")


def test_the_record_tells_the_machine_but_not_where_a_load_test_ran() -> None:
    own = dict.fromkeys(("command", "placement", "date", "load_average_before"), "...")
    conditions = {"cores": 2, "commit": "abc", **own}
    assert machine(conditions) == {"cores": 2, "commit": "abc"}


def test_replicas_are_told_apart_by_their_start_and_workers_count_themselves() -> None:
    starts = iter([1.5, 2.5] * 10)
    assert ready_processes(lambda: f"process_start_time_seconds {next(starts)}\n") == 2
    assert ready_processes(lambda: "process_start_time_seconds 1\nissrnn_workers 3.0\n") == 3


def test_a_measurement_fixes_the_number_of_replicas() -> None:
    config = ray_config(replicas=2, port=8123)
    (application,) = config["applications"]
    (deployment,) = application["deployments"]
    assert deployment["num_replicas"] == 2
    assert "autoscaling_config" not in deployment
    assert config["http_options"]["port"] == 8123


def test_ray_is_asked_for_where_it_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["replicas", "1", "2", "--serve", ""])
    assert "ray[serve]" in capsys.readouterr().err


def test_secrets_are_not_recorded() -> None:
    environment = {
        "ISSRNN_ADMIN_TOKEN": "s3cret",
        "ISSRNN_API_KEYS": '{"a": "b"}',
        "HOME": "/root",
        "ISSRNN_MAX_QUEUED_TOKENS": "900",
    }
    assert recorded_settings(environment) == {
        "ISSRNN_ADMIN_TOKEN": "(set)",
        "ISSRNN_API_KEYS": "(set)",
        "ISSRNN_MAX_QUEUED_TOKENS": "900",
    }
