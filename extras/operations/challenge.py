"""Challenge: run a version beside the champion, as shadow or as canary, or end that; servers follow by themselves."""

import argparse
import sys

from flights.challenger import WITHDRAW, Challenge, ChallengeRefused, challenge, end, latest
from flights.config import Settings
from flights.registry import ModelRefused


def main() -> None:
    """Start or end a challenge, or say how things stand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", nargs="?", help="a published version, or none; default: only say how things stand")
    parser.add_argument("--share", type=float, default=0.0, help="share of the flights that it answers; 0 is a shadow")
    args = parser.parse_args()
    settings = Settings.read()
    try:
        if args.version == "none":
            withdraw(settings)
        elif args.version:
            challenge(settings.models_dir, int(args.version), args.share)
    except (ChallengeRefused, ModelRefused, ValueError) as refusal:
        sys.exit(f"refused: {refusal}")
    print(f"challenge {spoken(latest(settings.models_dir))}")


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


def spoken(entry: Challenge | None) -> str:
    """The newest entry in one line."""
    if entry is None:
        return "none yet: `make challenge VERSION=2` starts one as shadow"
    share = f" for {entry.share:.1%} of the flights" if entry.share else ""
    because = f", because {entry.reason}" if entry.reason else ""
    return f"{entry.action} version {entry.version}{share}{because}; entry {entry.sequence}"


if __name__ == "__main__":
    main()
