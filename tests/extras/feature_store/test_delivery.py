"""A source of events waits for a busy server, and says what was not answered."""

import httpx
import pytest

from extras.feature_store import delivery

pytestmark = pytest.mark.exhibit


def client_of(statuses):
    """A client of a server that answers with these statuses, one after the other."""
    left = iter(statuses)
    return httpx.Client(
        base_url="http://x", transport=httpx.MockTransport(lambda _: httpx.Response(next(left), json={"accepted": 1}))
    )


@pytest.mark.parametrize("statuses", [[200], [503, 200], [503, 429, 503, 200]])
def test_a_busy_server_is_asked_again(monkeypatch, statuses):
    """The log did not answer in time, or too many ask: nothing was taken, or the same again changes nothing."""
    monkeypatch.setattr(delivery, "PAUSE_SECONDS", 0)
    assert delivery.posted(client_of(statuses), "/events", {}) == {"accepted": 1}


@pytest.mark.parametrize("statuses", [[422], [503, 409], [503] * delivery.ATTEMPTS])
def test_what_is_not_answered_ends_the_delivery(monkeypatch, statuses):
    """Rejected at once, after a pause, or busy for too long."""
    monkeypatch.setattr(delivery, "PAUSE_SECONDS", 0)
    with pytest.raises(RuntimeError, match=f"/events answered {statuses[-1]}"):
        delivery.posted(client_of(statuses), "/events", {})


@pytest.mark.parametrize("status", [405, 401, 503])
def test_a_service_with_the_route_is_asked(status):
    """It takes events by POST, wants a key first, or is not ready yet."""
    delivery.require_server(client_of([status]))


def test_a_service_without_predictions_by_key_is_named():
    """404: the extra is off."""
    with pytest.raises(SystemExit, match="does not predict by key: run `PREDICT_BY_KEY=1 make serve`"):
        delivery.require_server(client_of([404]))


@pytest.mark.parametrize("port", [9, 1])
def test_no_server_is_one_sentence(port):
    """Nothing listens there."""
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
        pytest.raises(SystemExit, match=f"no server at http://127.0.0.1:{port}.*run `PREDICT_BY_KEY=1 make serve`"),
    ):
        delivery.require_server(client)
