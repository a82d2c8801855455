"""The picture of the departure board in the documentation: the demo, at one moment, in the system's Chromium."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import Field

from flights.config import EnvironmentSettings

# So slow that the clock does not move; three days of events are enough for a picture.
MOMENT = {"DAY": "2013-12-17", "BEGIN": "16:00", "SPEED": "0.001", "HISTORY_DAYS": "3"}


class Settings(EnvironmentSettings):
    """Where the picture goes."""

    output: Path = Field(Path("docs/images/board.png"), description="File of the picture of the board.")


def main() -> None:
    """Start the demo, draw the board, and end the demo."""
    from playwright.sync_api import sync_playwright

    output = Settings.read().output
    with demo() as address, sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        draw(browser, address, output)
        browser.close()
    print(f"board     {output}: {output.stat().st_size / 1000:.0f} kB")


@contextmanager
def demo() -> Iterator[str]:
    """The address of the board of a demo."""
    command = [sys.executable, "-m", "extras.feature_store.demo"]
    with subprocess.Popen(command, env=os.environ | MOMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = next((line.split("open ")[1].split()[0] for line in process.stdout or () if "open " in line), "")
            if not address:
                sys.exit("board     the demo did not start")
            yield address
        finally:
            process.send_signal(signal.SIGINT)


def draw(browser: Any, address: str, output: Path) -> None:
    """Sort by risk, open the first flight, and keep what is to be seen."""
    output.parent.mkdir(parents=True, exist_ok=True)
    page = browser.new_page(viewport={"width": 1200, "height": 720})
    page.goto(address)
    page.wait_for_selector("#rows tr")
    page.get_by_role("button", name="Risk").click()
    page.locator("#rows button").first.click()
    page.wait_for_selector(".probability")
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=output)
    page.close()


if __name__ == "__main__":
    main()
