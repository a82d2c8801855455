"""Challenge: run a second version as shadow or canary, or end that; running servers follow within a second."""

import argparse
import sys
from pathlib import Path

from flights.config import Settings
from flights.registry import ModelRefused, model_folder
from serving.extras.shadow.history import WITHDRAW, Challenge, ChallengeRefused, challenge, end, latest


def main() -> None:
    """Start or end a challenge, or print the current one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", nargs="?", help="a published version, or `none` to end; default: print")
    parser.add_argument("--share", type=float, default=0.0, help="share of the flights that it answers; 0 is a shadow")
    args = parser.parse_args()
    settings = Settings.read()
    try:
        if args.version == "none":
            withdraw(settings)
        elif args.version:
            challenge(settings.models_dir, published(settings.models_dir, args.version), args.share)
    except (ChallengeRefused, ModelRefused, ValueError) as refusal:
        sys.exit(f"refused: {refusal}")
    sys.stdout.write(f"challenge {described(latest(settings.models_dir))}\n")


def published(models_dir: Path, text: str) -> int:
    """The number of a published version.

    Raises
    ------
    ChallengeRefused
        There is no such version; the message names those that exist.
    """
    folders = model_folder(models_dir, 0).parent.glob("[0-9]*")
    versions = sorted(int(folder.name) for folder in folders if folder.name.isdecimal())
    if text.isdecimal() and int(text) in versions:
        return int(text)
    exist = ", ".join(map(str, versions)) or "nothing: run `make train`"
    raise ChallengeRefused(f"VERSION={text}: expected a published version or `none`; published is {exist}")


def withdraw(settings: Settings) -> None:
    """End the challenge that runs.

    Raises
    ------
    ChallengeRefused
        There is none.
    """
    running = latest(settings.models_dir)
    if running is None or not running.runs:
        raise ChallengeRefused("expected a challenge that runs, there is none: `make challenge VERSION=2` starts one")
    end(settings.models_dir, running, WITHDRAW, "")


def described(entry: Challenge | None) -> str:
    """An entry in one line."""
    if entry is None:
        return "none yet: `make challenge VERSION=2` starts one as shadow"
    share = f" for {entry.share:.1%} of the flights" if entry.share else ""
    because = f", because {entry.reason}" if entry.reason else ""
    return f"{entry.action} version {entry.version}{share}{because}; entry {entry.sequence}"


if __name__ == "__main__":
    main()
