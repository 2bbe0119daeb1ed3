from pathlib import Path

from loadtests.service_process import _tail


def test_the_end_of_the_log_is_shown_without_the_probes(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    probe = '{"method": "GET", "path": "/health/ready", "status": 503}'
    log.write_text("\n".join(["early", *[probe] * 3, "reason one", *[probe] * 30, "reason two"]))
    assert _tail(log, lines=2) == "reason one\nreason two"
    assert "/health/ready" not in _tail(log)
