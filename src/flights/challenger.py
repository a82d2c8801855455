"""Who runs beside the champion: an append-only history of challenges, which every server follows.

A shadow is scored and logged but never answered; a canary answers a share of the flights. Like the champion's history
it is a folder of small files whose sequence numbers are claimed exclusively, so of two writers exactly one wins.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from flights.artifacts import write_new_json
from flights.config import NAME
from flights.files import GATE_FILE
from flights.registry import champion, history, load

SHADOW, CANARY, WITHDRAW, ABORT = "shadow", "canary", "withdraw", "abort"
PROMOTED = "it was promoted"


class ChallengeRefused(RuntimeError):
    """What runs beside the champion stays what it is."""


@dataclass(frozen=True)
class Challenge:
    """One line of the history: which version runs how from now on, or why it no longer does."""

    sequence: int
    at: str
    action: str  # shadow, canary, withdraw or abort
    version: int
    share: float  # of the flights, which a canary answers
    reason: str

    @property
    def runs(self) -> bool:
        """Whether the version runs beside the champion."""
        return self.action in {SHADOW, CANARY}


def challenges(models_dir: Path) -> list[Challenge]:
    """The whole history, oldest first.

    Raises
    ------
    ChallengeRefused
        An entry cannot be read.
    """
    return [_entry(file) for file in sorted((models_dir / NAME / "challenges").glob("[0-9]*.json"))]


def latest(models_dir: Path) -> Challenge | None:
    """How things stand, or None where nobody ever ran beside the champion.

    A version that became champion since is withdrawn by that, also when it is champion no longer. The promotions say
    so, which every server reads, while few may write.
    """
    entries = challenges(models_dir)
    if not entries:
        return None
    newest = entries[-1]
    since = {entry.champion for entry in history(models_dir) if entry.at > newest.at} if newest.runs else set()
    return replace(newest, action=WITHDRAW, share=0.0, reason=PROMOTED) if newest.version in since else newest


def challenge(models_dir: Path, version: int, share: float, reason: str = "") -> Challenge:
    """Let a version run as canary for a share of the flights; without a share as shadow.

    Raises
    ------
    ChallengeRefused
        It is the champion, no share, or the gate refused it and it is to answer.
    ModelRefused
        The version does not verify.
    """
    if not 0 <= share <= 1:
        raise ChallengeRefused(f"expected a share from 0 to 1, got {share:g}")
    if version == champion(models_dir):
        raise ChallengeRefused(f"version {version} is the champion already")
    folder = load(models_dir, version).folder
    if share and not _passed(folder / GATE_FILE):
        raise ChallengeRefused(f"the gate did not pass version {version}: run it as a shadow, without SHARE")
    before = latest(models_dir)
    return _append(models_dir, before, CANARY if share else SHADOW, version, share, reason)


def end(models_dir: Path, running: Challenge, action: str, reason: str) -> Challenge:
    """Withdraw or abort the challenge that runs.

    Raises
    ------
    ChallengeRefused
        It is no longer the one that runs.
    """
    return _append(models_dir, running, action, running.version, 0.0, reason)


def _passed(report: Path) -> bool:
    return report.is_file() and json.loads(report.read_text())["passed"] is True


def _entry(file: Path) -> Challenge:
    try:
        return Challenge(**json.loads(file.read_text()))
    except (TypeError, ValueError) as error:
        raise ChallengeRefused(f"{file}: expected a challenge, got {error}: restore it from a backup") from error


def _append(
    models_dir: Path, before: Challenge | None, action: str, version: int, share: float, reason: str
) -> Challenge:
    sequence = before.sequence + 1 if before else 1
    entry = Challenge(sequence, datetime.now(UTC).isoformat(), action, version, share, reason)
    try:
        write_new_json(models_dir / NAME / "challenges" / f"{sequence:06}.json", asdict(entry))
    except FileExistsError:
        raise ChallengeRefused("somebody else changed the challenge meanwhile: look at it again") from None
    return entry
