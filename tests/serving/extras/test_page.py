"""The page for people works offline and by keyboard, shows refusals where they belong, and runs nobody's strings."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from flights.dataset import INPUTS, QUESTION
from flights.registry import model_folder
from tests.browser import CHROMIUM, needs_chromium
from tests.serving.published import publish_champion
from tests.serving.running import Server, running

HOSTILE = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a champion, a report, and a secret next to the report."""
    folder = tmp_path_factory.mktemp("page")
    publish_champion(folder / "3_models", 1, seed=1)
    reports = folder / "5_reports"
    (reports / "weeks").mkdir(parents=True)
    (reports / "index.html").write_text(f"<!doctype html><title>fine</title><p>the report</p>{HOSTILE}")
    (reports / "weeks" / "one.html").write_text("<p>a week</p>")
    (reports / "server.log").write_text("secret")
    (reports / "decision.json").write_text(
        json.dumps({"action": "watch", "act": False, "why": HOSTILE, "reasons": [HOSTILE]})
    )
    (folder / "secret.html").write_text("secret")
    (reports / "out.html").symlink_to(folder / "secret.html")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """A server of that folder."""
    with running(folder) as started:
        started.wait()
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, without a screen and without a sandbox, which containers do not allow."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """The page as a person opens it; at the end nothing came from elsewhere, and nothing was complained about."""
    opened = browser.new_page()
    complaints: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(server.url)
    yield opened
    title = opened.title()
    opened.close()
    assert title == QUESTION  # what the hostile strings would change
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    # Chromium itself notes every answer that is a refusal.
    assert [text for text in complaints if "status of 422" not in text and "status of 503" not in text] == []


@pytest.mark.exhibit
def test_the_example_is_predicted_by_keyboard_alone(page: Page):
    """Tab to the first field, change it, press Enter: the probability, and what the service calls it."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the form"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "carrier"
    page.keyboard.press("D")  # a list jumps to what begins so
    page.keyboard.press("Tab")
    page.keyboard.press("Control+a")
    page.keyboard.type("77")
    page.keyboard.press("Enter")
    page.wait_for_selector(".probability")
    assert page.input_value("#carrier") == "DL"
    answer = page.inner_text("#answer")
    assert "%" in page.inner_text(".probability")
    assert "champion, version 1" in answer


def test_the_shown_probability_is_the_served_one(page: Page, server: Server):
    """The form as it comes is the contract's example, and what is shown is what the service answers to that."""
    from serving.request import example

    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector(".probability")
    served = httpx.post(f"{server.url}/predict", json=example()).json()["probability"]
    assert page.inner_text(".probability") == f"{100 * served:.1f} %"


@pytest.mark.exhibit
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("distance", "999999", "Expected a finite number, 10 to 6000"),
        ("flight", "5.5", "Expected an integer, 1 to 9999"),
        ("wind_speed", "fast", "Expected a finite number, 0 to 150, or missing"),
        ("wind_speed", "1e999", "Expected a finite number"),
        ("dest", "", "Expected text"),
        ("tailnum", HOSTILE, "Expected text"),
        ("scheduled_departure", "", "Expected ISO 8601"),
    ],
)
def test_a_value_that_the_contract_refuses_is_marked_where_it_stands(page: Page, name: str, value: str, words: str):
    """The service's own words next to the field, which gets the focus; put right, it is predicted."""
    before = page.input_value(f"#{name}")
    page.fill(f"#{name}", value)
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector(f"#{name}[aria-invalid=true]")
    assert words in page.inner_text(f"#error-{name}")
    assert page.evaluate("document.activeElement.name") == name
    assert page.locator("[aria-invalid=true]").count() == 1
    page.fill(f"#{name}", before)
    page.keyboard.press("Enter")
    page.wait_for_selector(".probability")
    assert page.locator("[aria-invalid=true]").count() == 0


def test_a_missing_value_may_stay_empty(page: Page):
    """What the contract lets be missing is sent as missing."""
    for column in INPUTS:
        if column.nullable:
            page.fill(f"#{column.name}", "")
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector(".probability")


def test_every_input_of_the_contract_has_a_labelled_field(page: Page):
    """Found by its label, as a screen reader does; categories as a list."""
    for column in INPUTS:
        field = page.get_by_label(column.description, exact=True)
        assert field.get_attribute("name") == column.name
        assert field.evaluate("element => element.tagName") == ("SELECT" if column.categories else "INPUT")
    assert page.locator("#form [data-kind]").count() == len(INPUTS)


def test_the_latest_monitoring_is_shown_and_its_strings_are_text(page: Page):
    """The decision as words, whatever is in them, and the way to the report."""
    assert HOSTILE in page.inner_text("section[aria-labelledby=monitoring]")
    assert page.get_by_role("link", name="The whole report").get_attribute("href") == "reports/index.html"


def test_a_report_cannot_ask_the_service_for_anything(browser: Browser, server: Server):
    """Its strings came from clients: whatever gets through there runs without an origin and without a connection."""
    opened = browser.new_page()
    opened.goto(f"{server.url}/reports/")
    opened.wait_for_selector("text=the report")
    assert opened.evaluate("window.origin") == "null"
    ask = "address => fetch(address).then(() => 'answered', () => 'blocked')"
    assert opened.evaluate(ask, f"{server.url}/model") == "blocked"
    opened.goto(server.url)
    assert opened.evaluate(ask, f"{server.url}/model") == "answered"
    opened.close()


def test_without_a_model_the_page_says_what_to_run(browser: Browser, tmp_path: Path):
    """It is there before a model is, and a prediction is refused in words."""
    with running(tmp_path) as server:
        opened = browser.new_page()
        opened.goto(server.url)
        assert "make train" in opened.inner_text("section[aria-labelledby=model]")
        assert "make monitor" in opened.inner_text("section[aria-labelledby=monitoring]")
        opened.get_by_role("button", name="Predict").click()
        opened.wait_for_selector(".refused")
        expect(opened.locator("#answer")).to_contain_text("make train")
        opened.close()


@pytest.mark.parametrize(
    "path",
    [
        "../secret.html",
        "..%2fsecret.html",
        "%2e%2e/secret.html",
        "weeks/../../secret.html",
        "weeks/..%2f..%2fsecret.html",
        "/etc/hostname",
        "%2fetc%2fhostname",
        "..%5csecret.html",
        "out.html",
        "server.log",
        "weeks",
        "none.html",
        "a%00.html",
        "a" * 3000 + ".html",
    ],
)
def test_only_reports_are_served(server: Server, path: str):
    """No way out of their folder: by dots, encoded dots, absolute paths, links; no other kind of file."""
    address = httpx.URL(server.url).copy_with(raw_path=f"/reports/{path}".encode())  # as it is, not put in order first
    answer = httpx.get(address)
    assert answer.status_code == 404
    assert "secret" not in answer.text
    assert httpx.get(f"{server.url}/reports/weeks/one.html").text == "<p>a week</p>"


def test_a_card_is_shown_as_it_was_published(folder: Path, server: Server):
    """Where the model's folder has one; scripts in it do not reach the service."""
    card = model_folder(folder / "3_models", 1) / "card.md"
    assert httpx.get(f"{server.url}/model/card").status_code == 404
    card.write_text(f"# A card {HOSTILE}")
    answer = httpx.get(f"{server.url}/model/card")
    assert "# A card &lt;img" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    card.unlink()


def test_the_page_can_be_switched_off(tmp_path: Path):
    """Then nothing of it is there."""
    with running(tmp_path, PAGE="false") as server:
        assert [httpx.get(server.url + path).status_code for path in ("/", "/page.js", "/reports/")] == [404] * 3
