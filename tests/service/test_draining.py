"""Before a process ends, its clients are told to connect anew, elsewhere if they can."""

from pathlib import Path

from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings


def test_connections_are_closed_after_their_answers_while_draining(models_dir: Path) -> None:
    app = create_app(Settings(models_dir=models_dir, pin_threads=False))
    with TestClient(app) as client:
        assert "connection" not in client.get("/health/live").headers
        app.state.draining = True
        answer = client.post("/score", json={"texts": ["The stock rose."]})
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"
        assert client.get("/health/ready").status_code == 503
