"""API_KEYS is read the same way by the server and by our own clients."""

import pytest

from flights.extras.api_keys import Settings, keys_of, request_headers
from monitoring import client

KEY, OTHER = "a-key-that-is-long-enough", "b0" * 32


def test_keys_are_separated_by_commas():
    """Blanks and line ends around a key do not count; no keys are none."""
    assert keys_of(f" {KEY} ,{OTHER}\n") == [KEY, OTHER]
    assert keys_of("") == []


@pytest.mark.parametrize(
    "text",
    [
        " ",
        ",",
        f"{KEY},",
        f",{KEY}",
        f"{KEY},,{OTHER}",
        "short",
        f"{KEY} with-blanks",
        f"{KEY}ü",
        f"{KEY}\t{OTHER}",
        "=" * 20,
    ],
)
def test_a_malformed_key_is_refused_without_being_repeated(text: str):
    """Planted: empty entries, keys that can be guessed, and characters that no header may hold."""
    with pytest.raises(SystemExit, match=r"^API_KEYS, entry \d of \d: expected at least 16 characters") as refused:
        keys_of(text)
    assert not any(part in str(refused.value) for part in (KEY, OTHER, "short", "ü"))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", ["basic", "Proxy", "proxy,"])
def test_another_kind_of_authentication_is_refused(value: str, monkeypatch: pytest.MonkeyPatch):
    """Only `proxy` is known; a misspelt one must not open the server."""
    monkeypatch.setenv("AUTH", value)
    with pytest.raises(SystemExit, match=f"^AUTH={value}: Input should be '' or 'proxy'$"):
        Settings.read()


def test_our_clients_send_the_first_key(monkeypatch: pytest.MonkeyPatch):
    """As a Bearer token; without keys nothing is sent, and the key is in no representation of the settings."""
    monkeypatch.delenv("API_KEYS", raising=False)
    assert request_headers() == client.request_headers() == {}
    monkeypatch.setenv("API_KEYS", f"{KEY},{OTHER}")
    assert client.request_headers() == {"Authorization": f"Bearer {KEY}"}
    assert KEY not in repr(Settings())
