"""Which second version runs: an append-only history of challenges, which every server follows.

A shadow is scored and logged but never answers; a canary answers a share of the flights. Like the champion's history
it is a folder of small files whose sequence numbers are claimed exclusively, so of two writers exactly one wins.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from flights import history as histories
from flights.config import NAME
from flights.dataset import INPUTS
from flights.files import GATE_FILE
from flights.registry import champion, history, load
from serving.request import Flight

SHADOW, CANARY, WITHDRAW, ABORT = "shadow", "canary", "withdraw", "abort"
PROMOTED = "it was promoted"
SUBJECT = tuple(c.name for c in INPUTS if c.known_at == "timetable" and c.kind != "number" and not c.personal)


class ChallengeRefused(RuntimeError):
    """The running challenge stays as it is."""


@dataclass(frozen=True)
class Challenge(histories.Entry):
    """One entry of the history: which version runs from now on and how, or why it no longer does."""

    action: str  # shadow, canary, withdraw or abort
    version: int
    share: float  # of the flights, which a canary answers
    reason: str

    @property
    def runs(self) -> bool:
        """Whether the version runs."""
        return self.action in {SHADOW, CANARY}


def challenges(models_dir: Path) -> list[Challenge]:
    """The whole history, oldest first.

    Raises
    ------
    ChallengeRefused
        An entry cannot be read.
    """
    try:
        return histories.entries(models_dir / NAME / "challenges", Challenge)
    except histories.UnreadableEntryError as error:
        raise ChallengeRefused(str(error)) from error


def latest(models_dir: Path) -> Challenge | None:
    """The current challenge, or None if there never was one.

    A version that became champion since is withdrawn by that, also when it is champion no longer. The promotions say
    so, and every server can read them.
    """
    entries = challenges(models_dir)
    if not entries:
        return None
    newest = entries[-1]
    since = {entry.champion for entry in history(models_dir) if entry.at > newest.at} if newest.runs else set()
    return replace(newest, action=WITHDRAW, share=0.0, reason=PROMOTED) if newest.version in since else newest


def challenge(models_dir: Path, version: int, share: float, reason: str = "") -> Challenge:
    """Run a version as canary for a share of the flights; without a share as shadow.

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


def is_chosen(flight: Flight, challenge: Challenge) -> bool:
    """Whether a canary answers for a flight: always the same for the same flight, whatever else changes about it."""
    subject = "|".join(str(getattr(flight, name)) for name in SUBJECT)
    number = hashlib.blake2b(f"{challenge.version}|{subject}".encode(), digest_size=8).digest()
    return int.from_bytes(number) < challenge.share * 2**64


def _passed(report: Path) -> bool:
    return report.is_file() and json.loads(report.read_text())["passed"] is True


def _append(
    models_dir: Path, before: Challenge | None, action: str, version: int, share: float, reason: str
) -> Challenge:
    fields = {"action": action, "version": version, "share": share, "reason": reason}
    try:
        return histories.append(models_dir / NAME / "challenges", before.sequence if before else 0, Challenge, **fields)
    except histories.SequenceTakenError:
        raise ChallengeRefused("another process changed the challenge meanwhile: look at it again") from None
