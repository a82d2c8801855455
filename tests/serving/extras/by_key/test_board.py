"""The departure board shows what is logged and stored, in a real Chromium: by keyboard, offline, and by itself."""

import json
import math
import shutil
from dataclasses import replace

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright
from sklearn.ensemble import HistGradientBoostingClassifier

from extras.feature_store.board_image import draw
from flights import portable, registry
from flights.dataset import INPUTS
from flights.extras.contributions import FILE, write
from flights.feature_set import plan
from flights.log_reader import engine, logged_prediction
from flights.registry import model_folder
from pipelines.extras.contributions import leaves_of
from serving.extras.by_key.details import contributions, words
from tests.browser import CHROMIUM, needs_chromium
from tests.serving.extras.by_key.test_routes import WEATHER, arrival, at, key, post, publish, timetable
from tests.serving.published import publish_champion
from tests.serving.running import running

pytestmark = [pytest.mark.exhibit, needs_chromium]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with a champion, and the file that its contributions are computed from."""
    made = tmp_path_factory.mktemp("board")
    export = portable.export

    def export_with_leaves(fitted, temporary):
        export(fitted, temporary)
        write(temporary, leaves_of(fitted.named_steps["trees"]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portable, "export", export_with_leaves)
        publish_champion(made / "3_models", 1, seed=1)
    return made


@pytest.fixture(scope="module")
def server(folder):
    """A service with five flights, three predictions and one arrival; the events' now is an hour after NOW."""
    with running(folder, PREDICT_BY_KEY="1") as started:
        started.wait()
        planned = [timetable(number, 180 + number) | origin(number) for number in range(1, 5)]
        with httpx.Client(base_url=started.url, timeout=30) as client:
            post(client, [WEATHER, *planned, timetable(9, 30)], at(0))
            publish(folder)
            post(client, [arrival(9, 55, 25.0)], at(62))
            publish(folder)
            body = {"keys": [key(1), key(2)]}
            assert client.post("/predict/by-key/batch", json=body).status_code == 200
        yield started


def origin(number):
    """The second flight is another carrier's, from another airport."""
    return {"origin": "JFK", "carrier": "DL"} if number == 2 else {}


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, server):
    """The board; at the end nothing came from elsewhere, and nothing was complained about."""
    opened = browser.new_page()
    complaints, asked = [], []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(server.url)
    yield opened
    opened.close()
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    assert complaints == []


def flights(page):
    """The flights in their order."""
    return page.locator("#rows tr td:nth-child(2)").all_inner_texts()


def test_flights_are_sorted_filtered_and_opened_by_keyboard(page, server):
    """Time, risk, airport and carrier; the arrow keys and Enter; Escape goes back to the flight."""
    expect(page.locator("#rows tr")).to_have_count(4)
    expect(page.locator("#clock")).to_have_text("Tue 09 Jul 2013, 09:02")
    assert flights(page) == ["UA 1", "DL 2", "UA 3", "UA 4"]
    risks = {row["flight"]: row["risk"] for row in httpx.get(f"{server.url}/board/flights").json()["flights"]}
    page.get_by_role("button", name="Risk").press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Risk")
    predicted = sorted((1, 2), key=lambda number: -risks[number])
    assert flights(page) == [{1: "UA 1", 2: "DL 2"}[number] for number in predicted] + ["UA 3", "UA 4"]
    page.select_option("#carrier", "UA")
    expect(page.locator("#rows tr")).to_have_count(3)
    page.select_option("#origin", "JFK")
    expect(page.locator("#rows tr")).to_have_count(0)
    page.select_option("#carrier", "DL")
    expect(page.locator("#count")).to_contain_text("1 flights")
    page.get_by_role("link", name="To the flights").press("Enter")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "DL 2"
    page.keyboard.press("Enter")
    expect(page.locator(".probability")).to_have_text(f"{100 * risks[2]:.1f} %")
    expect(page.locator("#details")).to_be_focused()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "DL 2"


def test_one_flight_has_its_inputs_its_views_and_its_outcome(page, server):
    """As logged, with the command that explains it; a flight that was not asked for says when it is due."""
    page.get_by_role("button", name="UA 1").click()
    details = page.locator("#details")
    expect(details).to_contain_text("make explain ID=2013-07-09-UA-1-EWR:20130709T1300Z")
    expect(details).to_contain_text("Not known yet")
    expect(details.locator("tr", has_text="Air temperature").last).to_contain_text("66.02 F")
    expect(details).not_to_contain_text("N14228")  # personal
    expect(details).to_contain_text("All 9 found, 0 min old")
    page.get_by_role("button", name="UA 4").click()
    expect(details).to_contain_text("No prediction was asked for yet. It is due at 09:04.")
    page.select_option("#period", "past")
    page.get_by_role("button", name="UA 9").click()
    expect(details).to_contain_text("Arrived: 25 min late")


def logged(folder, number=1):
    """The logged prediction of a flight."""
    log = engine(f"sqlite:///{folder / '4_predictions' / 'predictions.db'}")
    row = logged_prediction(log, f"{key(number)}:20130709T1300Z")
    log.dispose()
    assert row is not None
    return row


def test_the_ten_strongest_contributions_are_shown(page, server, folder):
    """As bars and as text, in words of the data dictionary, and with the rest they add up to the answer's log-odds."""
    risk = logged(folder).probability
    page.get_by_role("button", name="UA 1").click()
    table = page.locator("#contributions")
    expect(table.locator("tbody tr")).to_have_count(13)
    names, texts = (table.locator(f"tbody td:nth-child({place})").all_inner_texts() for place in (1, 2))
    added = [float(text.replace("\u2212", "-")) for text in texts]
    assert (names[0], names[-2], names[-1]) == ("No feature known", "29 others together", "Log-odds of the answer")
    assert sum(added[:-1]) == pytest.approx(added[-1], abs=0.01)
    assert added[-1] == pytest.approx(math.log(risk / (1 - risk)), abs=0.001)
    sizes = [abs(each) for each in added[1:11]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.01
    meanings = [column.description for column in INPUTS] + [words(step.name)["meaning"] for step in plan()]
    assert [name for name in names[1:11] if not name.startswith(tuple(meanings))] == []
    bars = table.locator(".bar")
    expect(bars).to_have_count(10)
    boxes = [bars.nth(place).bounding_box() for place in range(10)]
    zeros = [box["x"] + (box["width"] if share < 0 else 0) for box, share in zip(boxes, added[1:11], strict=True)]
    assert zeros == pytest.approx([zeros[0]] * 10, abs=1)  # one zero line, negative to its left
    for place, share in enumerate(added[1:11]):
        assert bars.nth(place).get_attribute("aria-hidden") == "true"
        assert ("lower" in bars.nth(place).get_attribute("class")) == (share < 0)
        assert boxes[place]["width"] == pytest.approx(boxes[0]["width"] * abs(share) / sizes[0], abs=2)


def other_models_file(folder, copied):
    """The file of another model in this folder."""
    other = publish_champion(folder / "other", 1, seed=2).folder
    fitted = HistGradientBoostingClassifier(max_iter=3).fit([[0.0], [1.0]] * 30, [0, 1] * 30)
    write(other, leaves_of(fitted))
    (copied / FILE).write_bytes((other / FILE).read_bytes())


WITHOUT = {
    "another model's file": (other_models_file, "1/contributions.npz is not the file that was published"),
    "no manifest": (lambda _folder, copied: (copied / "manifest.json").unlink(), "cannot be read"),
    "no file": (lambda _folder, copied: (copied / FILE).unlink(), None),
}


@pytest.mark.parametrize("planted", WITHOUT)
def test_without_its_own_file_contributions_are_not_shown(page, server, folder, tmp_path, planted):
    """Planted: another model's file, an unreadable folder, no file; the reason is named, the command is there."""
    plant, reason = WITHOUT[planted]
    champion = registry.load(folder / "3_models", 1)
    copied = tmp_path / "1"
    shutil.copytree(champion.folder, copied)
    plant(tmp_path, copied)
    found = contributions(replace(champion, folder=copied), logged(folder))
    assert found == {} if reason is None else reason in found["problem"]
    page.route(
        "**/board/flight?*",
        lambda route: route.fulfill(json=route.fetch().json() | {"contributions": found}),
    )
    page.get_by_role("button", name="UA 1").click()
    details = page.locator("#details")
    expect(details).to_contain_text("make explain ID=2013-07-09-UA-1-EWR:20130709T1300Z")
    expect(page.locator("#contributions")).to_have_count(0)
    if reason:
        expect(details).to_contain_text(f"Contributions are not shown: {found['problem']}")


@pytest.mark.parametrize(
    ("name", "value", "unusual"), [("low", -99.0, True), ("high", 999.0, True), ("in", 1.0, False)]
)
def test_a_value_outside_the_usual_range_is_marked(name, value, unusual, folder):
    """Planted: a number below, above and within nine in ten of the golden predictions'."""
    from flights.dataset import INPUTS
    from serving.extras.by_key.details import shown

    column = next(column for column in INPUTS if column.kind == "number")
    assert shown(column, value, {column.name: (0.0, 2.0)})["unusual"] is unusual


def test_usual_ranges_are_of_the_golden_predictions(folder):
    """The middle of the sorted values; none without a file."""
    from serving.extras.by_key.details import usual_ranges

    golden = model_folder(folder / "3_models", 1)
    rows = json.loads((golden / "golden.json").read_text())["inputs"]
    values = sorted(row["distance"] for row in rows)
    assert usual_ranges(golden, "1")["distance"] == (values[2], values[-3])
    assert usual_ranges(folder, "2") == {}


def test_the_board_refreshes_itself_and_keeps_the_focus(page, server, folder):
    """A prediction and a minute later: without a reload, and who is at a flight stays there."""
    row = page.locator("#rows tr", has_text="UA 3")
    expect(row).to_contain_text("asked at 09:03")
    page.get_by_role("button", name="UA 3").focus()
    with httpx.Client(base_url=server.url, timeout=30) as client:
        post(client, [], at(63))
        publish(folder)
        assert client.post("/predict/by-key", json={"flight_id": key(3)}).status_code == 200
    expect(row).to_contain_text("%", timeout=15_000)
    expect(page.locator("#clock")).to_have_text("Tue 09 Jul 2013, 09:03")
    assert page.evaluate("document.activeElement.textContent") == "UA 3"


def test_a_picture_is_drawn(browser, server, tmp_path):
    """As for the documentation: the riskiest flight is open, and the file is small."""
    draw(browser, server.url, tmp_path / "images" / "board.png")
    picture = (tmp_path / "images" / "board.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) <= 200_000


def test_a_stopped_job_is_shown(page, server):
    """Planted: events are complete for an hour more, and nobody computes the views."""
    expect(page.locator("#feeds li").first).to_contain_text("views: 3 min old")
    with httpx.Client(base_url=server.url, timeout=30) as client:
        post(client, [], at(63 + 60))
    expect(page.locator("#feeds .stale")).to_have_text("views: 63 min old, too old to predict with", timeout=15_000)


@pytest.mark.parametrize("name", ["Calm morning", "Snowstorm", "Late inbound aircraft"])
def test_a_preset_fills_the_form_which_predicts(page, server, name):
    """The form is behind a link; its presets keep the contract."""
    page.get_by_role("link", name="Form with all inputs").click()
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Predict").click()
    page.wait_for_selector(".probability")
    asked = form_presets()[name]
    assert page.input_value("#flight") == str(asked["flight"])
    assert page.input_value("#wind_direction") == str(asked["wind_direction"] or "")
    served = httpx.post(f"{server.url}/predict", json=asked).json()["probability"]
    assert page.inner_text(".probability") == f"{100 * served:.1f} %"


def form_presets():
    """The presets as they are kept."""
    from serving.extras.by_key import FOLDER

    return json.loads((FOLDER / "presets.json").read_text())


def test_the_board_runs_only_what_is_its_own(server):
    """A strict policy, and a 404 for a key that no event names."""
    policy = httpx.get(server.url).headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'" in policy
    assert "unsafe" not in policy
    assert httpx.get(f"{server.url}/board/flight?key=none").status_code == 404
    assert httpx.get(f"{server.url}/board/flights?period=all").status_code == 422


def test_the_board_can_be_switched_off(folder, tmp_path):
    """Then the form is at `/`, as without predictions by key."""
    settings = {"PREDICT_BY_KEY": "1", "BOARD": "0", "FEATURES_URL": f"sqlite:///{tmp_path}/features.db"}
    with running(folder, **settings) as server:
        assert 'id="form"' in httpx.get(server.url).text
        assert httpx.get(f"{server.url}/board/flights").status_code == 404
