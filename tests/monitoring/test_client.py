import httpx
import pytest

from monitoring import client


def answering(*statuses: int) -> tuple[httpx.Client, list[str]]:
    """A client of a server that answers with these statuses in turn, and the paths that it was asked for."""
    asked: list[str] = []
    left = list(statuses)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(left.pop(0), text="busy")

    return httpx.Client(transport=httpx.MockTransport(answer), base_url="http://service"), asked


def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch):
    """Twice "come back later", then an answer; a server that stays busy is named."""
    monkeypatch.setattr(client, "PAUSE_SECONDS", 0)
    service, asked = answering(429, 503, 200)
    assert client.post(service, "/predict", {}) == "200"
    assert len(asked) == 3
    with pytest.raises(SystemExit, match="is not ready"):
        client.post(answering(*[503] * client.ATTEMPTS)[0], "/predict", {})


def test_a_rejected_batch_is_posted_again_one_by_one():
    """Of two flights in a batch, one is wrong."""
    service, asked = answering(422, 200, 422)
    statuses = client.post_batches(service, "/predict", "/predict/batch", "flights", [{"a": 1}, {"a": 2}])
    assert dict(statuses) == {"200": 1, "422": 1}
    assert asked == ["/predict/batch", "/predict", "/predict"]
