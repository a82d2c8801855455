"""Post a decision to act to WEBHOOK_URL, if it is set."""

import sys
from pathlib import Path

import httpx
from pydantic import Field

from flights.config import EnvironmentSettings
from monitoring.findings import Findings

SECONDS = 5.0  # that the receiver may take


class Settings(EnvironmentSettings):
    """Where decisions go."""

    webhook_url: str = Field("", description="URL that gets a decision to act as JSON; empty is none.")


def write(folder: Path, found: Findings) -> None:
    """Post the content of `decision.json`; a receiver that fails is reported on standard error."""
    url = Settings.read().webhook_url
    if not (url and found.decision.act):
        return
    try:
        httpx.post(url, json=found.for_machines(), timeout=SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        print(f"WEBHOOK_URL={url}: {error}; the decision was not delivered", file=sys.stderr)
