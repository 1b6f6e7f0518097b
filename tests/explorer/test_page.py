"""The page in headless Chromium: a person searches, hears, rates, collects, makes and shares."""

import json
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import uvicorn

from deepdx_core.exchange.inspection import inspect_files
from deepdx_core.generation import registry
from deepdx_core.generation.model import save_model
from deepdx_core.keeping.collections import read_collection
from deepdx_core.keeping.ratings import read_ratings
from deepdx_core.overrides import read_overrides
from deepdx_core.tables.storage import Tables
from deepdx_core.voice.parts import part_columns
from deepdx_explorer.app import create_app
from deepdx_explorer.export import export_page
from deepdx_explorer.voices import read_bank
from deepdx_pipeline.guard import LOOPBACK, SameOriginMiddleware
from tests.support.browser import CHROMIUM
from tests.support.demo_models import demo_model
from tests.support.paths import DEMO
from tests.support.runs import run_job

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"no {CHROMIUM}: install Debian's chromium"),
]

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
OPTIONS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
ROW = "table.sounds tbody tr"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as found:
        browser = found.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@contextmanager
def serve(home):
    app = SameOriginMiddleware(create_app(home), LOOPBACK)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def open_page(browser):
    """Open an address in a page of its own. At the end, fail for errors of its scripts."""
    errors, contexts = [], []

    def open_at(address, viewport=WIDE, **options):
        context = browser.new_context(viewport=viewport, accept_downloads=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def address(own, compiled_engine):
    with serve(own) as address:
        yield address


def rows(page):
    page.wait_for_selector(ROW)
    return page.locator(f"{ROW} button.name")


def search(page, text):
    rows(page)
    page.fill("#q", text)
    page.wait_for_function("text => new URLSearchParams(location.search).get('q') === text", arg=text)
    page.wait_for_function(
        f"text => [...document.querySelectorAll('{ROW} button.name')].every(one => one.innerText.includes(text))",
        arg=text,
    )


def choose(page, name):
    search(page, name)
    rows(page).first.click()
    page.wait_for_selector("#voice .ratings button")


def loudest(page, seconds=1.0):
    """Return the highest peak that the worklet puts out within some seconds."""
    return max(page.evaluate("deepdx.player.peak()") or time.sleep(0.05) or 0 for _ in range(int(seconds / 0.05)))


def test_search_hear_and_come_back_to_the_same_state(address, open_page):
    page = open_page(address)
    choose(page, "E.PIANO 3")
    assert loudest(page) > 0.005
    assert page.evaluate("deepdx.player.missing") == ""
    assert page.locator("#voice h2").inner_text() == "E.PIANO 3"
    assert page.locator("#voice svg.algorithm").count() == 1
    assert page.locator("#voice svg.envelope").count() == 8
    again = open_page(page.url)
    again.wait_for_selector("#voice .ratings button")
    assert again.locator("#voice h2").inner_text() == "E.PIANO 3"
    assert again.input_value("#q") == "E.PIANO 3"


def test_the_arrow_keys_choose_and_play(address, open_page):
    page = open_page(address)
    rows(page).first.click()
    first = page.evaluate("deepdx.player.voice?.sound_id")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("first => deepdx.player.voice && deepdx.player.voice.sound_id !== first", arg=first)
    assert page.evaluate("document.activeElement.dataset.sound") == page.evaluate("deepdx.player.voice.sound_id")
    page.focus(".piano")
    page.keyboard.down("a")
    assert loudest(page) > 0.001
    page.keyboard.up("a")


def test_without_an_audio_worklet_the_server_renders(address, open_page, browser):
    page = open_page("about:blank")
    page.add_init_script("delete window.AudioWorkletNode")
    page.goto(address)
    assert "AudioWorklet" in page.locator("#missing").inner_text()
    with page.expect_response("**/audio.wav") as found:
        rows(page).first.click()
    assert found.value.status in (200, 206)


FAKE_MIDI = """
window.sent = [];
const input = { name: "Keys", onmidimessage: null };
window.press = (...data) => input.onmidimessage({ data: Uint8Array.from(data) });
const output = { id: "synth", name: "DX7 <b>", send: (bytes) => window.sent.push([...bytes]) };
const access = { inputs: new Map([["keys", input]]), outputs: new Map([["synth", output]]) };
navigator.requestMIDIAccess = async () => access;
"""


def test_a_midi_keyboard_plays_and_a_synth_receives_dumps(address, open_page, client):
    page = open_page("about:blank")
    page.add_init_script(FAKE_MIDI)
    page.goto(address)
    choose(page, "E.PIANO 3")
    page.click("text=Connect MIDI")
    page.select_option("select[aria-label='MIDI output']", "synth")
    page.evaluate("deepdx.player.stop()")
    page.evaluate("press(0x90, 60, 100)")
    assert loudest(page) > 0.001
    page.evaluate("press(0x80, 60, 0)")
    page.click("#voice >> text=Send to synth")
    page.wait_for_function("() => window.sent.length")
    (sent,) = page.evaluate("window.sent")
    sound_id = page.evaluate("deepdx.player.voice.sound_id")
    assert bytes(sent) == client.get(f"/api/sounds/{sound_id}/voice.syx").content
    page.check("text=Send voices while browsing")
    rows(page).nth(0).focus()
    page.keyboard.press("End")
    page.wait_for_function("() => window.sent.length > 1")
    assert {len(message) for message in page.evaluate("window.sent")} == {163}


def test_rate_undo_and_note(address, open_page, own):
    page = open_page(address)
    choose(page, "E.PIANO 3")
    with page.expect_response("**/rating"):
        page.click("#voice [data-rating=keep]")
    page.wait_for_selector("#voice [data-rating=keep][aria-pressed=true]")
    assert read_ratings(own)["rating"].to_list() == ["keep"]
    page.wait_for_selector(f"{ROW} td.rating:text-is('keep')")
    page.click("#undo")
    page.wait_for_selector("#voice [data-rating=keep][aria-pressed=false]")
    assert read_ratings(own).is_empty()


def test_the_focus_stays_while_one_rates_and_goes_on(address, open_page, own):
    page = open_page(address)
    ids = [row.get_attribute("data-sound") for row in rows(page).all()[:3]]
    rows(page).first.click()
    for number, key in enumerate(("3", "1", "4")):
        page.wait_for_function("id => deepdx.player.voice?.sound_id === id", arg=ids[number])
        with page.expect_response("**/rating"):
            page.keyboard.press(key)
        page.keyboard.press("ArrowDown")
    assert dict(read_ratings(own).select("sound_id", "rating").rows()) == dict(
        zip(ids, ("keep", "skip", "star"), strict=True)
    )


def test_a_category_set_in_the_page_is_the_label_of_the_next_run(address, open_page, own):
    page = open_page(address)
    choose(page, "E.PIANO 3")
    with page.expect_response("**/category"):
        page.select_option("#voice select[aria-label=Category]", "mallet")
    page.wait_for_selector("#voice small")
    (sound_id,) = read_overrides(own.labels, "category", ["mallet"])["sound_id"]
    assert run_job(own, ops={}).success
    label = Tables(own).read("labeled_voices").filter(pl.col("sound_id") == sound_id)
    assert label["category"].to_list() == ["mallet"]


def test_collect_reorder_rename_and_download_a_bank(address, open_page, own, tmp_path):
    page = open_page(address)
    rows(page).first.click()
    for _ in range(3):
        page.keyboard.press("b")
        page.wait_for_function("() => document.querySelector('#notice').textContent.includes('added')")
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(300)
    page.click("nav >> text=Banks")
    page.wait_for_selector("ol.slots li")
    before = read_collection(own, "Bank").sound_ids()
    assert len(before) == 3
    with page.expect_response("**/collections/Bank"):
        page.click("[data-slot='0'] [aria-label$=down]")
    page.wait_for_function("() => document.activeElement.closest('[data-slot]')?.dataset.slot === '1'")
    moved = [before[1], before[0], before[2]]
    assert read_collection(own, "Bank").sound_ids() == moved
    with page.expect_response("**/collections/Bank"):
        page.fill("[data-slot='2'] input", "<b>LAST")
        page.keyboard.press("Enter")
    with page.expect_download() as download:
        page.click("text=Save .syx >> nth=0")
    download.value.save_as(tmp_path / "bank.syx")
    _, voices = inspect_files([tmp_path / "bank.syx"])
    assert voices["sound_id"].to_list()[:3] == moved
    assert voices["name"].to_list()[2] == "<b>LAST"


def fill_bank(client, count):
    """Write a collection `Bank`, as another program would. Return its sound ids."""
    found = client.get("/api/sounds", params={"verdict": "valid", "limit": count}).json()["sounds"]
    before = client.get("/api/collections/Bank")
    version = before.json()["version"] if before.status_code == 200 else None
    answer = client.put("/api/collections/Bank", json={"voices": found, "version": version})
    assert answer.status_code == 200, answer.text
    return [sound["sound_id"] for sound in found]


def test_an_undo_takes_back_nothing_that_others_wrote(address, open_page, own, writer):
    page = open_page(address)
    rows(page).first.click()
    page.keyboard.press("b")
    page.wait_for_function("() => document.querySelector('#notice').textContent.includes('added')")
    others = fill_bank(writer, 5)
    page.click("#undo")
    page.wait_for_selector("#notice.error")
    assert read_collection(own, "Bank").sound_ids() == others


def test_quick_edits_are_done_in_order_and_undone_one_by_one(address, open_page, own, writer):
    before = fill_bank(writer, 6)
    page = open_page(f"{address}/?view=collections&collection=Bank")
    page.wait_for_selector("[data-slot='5']")
    page.evaluate(
        "() => { for (const _ of [1, 2]) document.querySelector('[data-slot=\"0\"] [data-key$=remove]').click() }"
    )
    page.wait_for_function("() => !document.querySelector('#undo').disabled")
    page.wait_for_timeout(500)
    assert read_collection(own, "Bank").sound_ids() == before[2:]
    page.evaluate("() => { for (const _ of [1, 2]) document.querySelector('#undo').click() }")
    page.wait_for_selector("[data-slot='5']")
    assert read_collection(own, "Bank").sound_ids() == before


def test_the_best_of_the_corpus_become_a_bank(address, open_page, own):
    page = open_page(f"{address}/?view=collections")
    page.click("form[aria-label='Choose for me'] button")
    page.wait_for_selector("ol.slots li")
    chosen = read_collection(own, "Best")
    families = Tables(own).read("families").filter(pl.col("sound_id").is_in(chosen.sound_ids()))
    assert len(chosen) == 32
    assert families["family_id"].n_unique() == 32


def test_the_map_shows_every_sound_and_plays_the_one_under_the_keys(address, open_page, own):
    page = open_page(f"{address}/?view=map")
    page.wait_for_selector(".map canvas[data-frames]")
    places = len(Tables(own).read("sound_map"))
    page.wait_for_function("() => document.querySelector('.pages .count').textContent.includes(' of ')")
    shown = page.locator(".pages .count").inner_text().split(" of ")
    assert [int(part.split()[0].replace(",", "")) for part in shown] == [places + 2, places + 2]
    page.focus(".map canvas")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => deepdx.player.voice")
    first = page.evaluate("deepdx.player.voice.sound_id")
    assert loudest(page) > 0.001
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("first => deepdx.player.voice.sound_id !== first", arg=first)
    with page.expect_response("**/rating"):
        page.keyboard.press("4")
    assert read_ratings(own)["sound_id"].to_list() == [page.evaluate("deepdx.player.voice.sound_id")]


def test_a_lasso_selects_sounds_for_a_bank(address, open_page, own):
    page = open_page(f"{address}/?view=map&label=Pianos")
    page.wait_for_function("() => document.querySelector('.pages .count')?.textContent.includes(' of ')")
    box = page.locator(".map canvas").first.bounding_box()
    corners = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.03)]
    page.keyboard.down("Shift")
    for number, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if not number:
            page.mouse.down()
    page.mouse.up()
    page.keyboard.up("Shift")
    page.click(".selection button")
    page.wait_for_function("() => document.querySelector('#notice').textContent.includes('added')")
    labels = Tables(own).read("labeled_voices").filter(pl.col("label") == "Pianos")["sound_id"].to_list()
    chosen = read_collection(own, "Bank").sound_ids()
    assert 0 < len(chosen) <= 128
    assert set(chosen) <= set(labels)


@pytest.fixture
def with_model(own, monkeypatch, tmp_path):
    folder = own.models / "champion"
    own.models.mkdir(parents=True, exist_ok=True)
    save_model(folder, demo_model(tmp_path / "run"))
    monkeypatch.setattr(registry, "champion_folder", lambda home: folder)
    return own


def parameters(voices):
    return np.array([list(bytes.fromhex(voice["parameters"])) for voice in voices])


def test_make_variations_with_a_lock_and_breed_two_generations(with_model, address, open_page):
    page = open_page(address)
    choose(page, "E.PIANO 3")
    like = parameters([json.loads(page.evaluate("JSON.stringify(deepdx.player.voice)"))])
    page.click("nav >> text=Make")
    page.check("form.order input[value=op1]")
    page.check("form.order input[value=envelopes]")
    with page.expect_response("**/api/voices") as found:
        page.click("[data-make=like]")
    made = parameters(found.value.json()["voices"])
    kept = part_columns(["op1", "envelopes"])
    assert (made[:, kept] == like[:, kept]).all()
    assert (made != like).any(axis=1).all()
    page.wait_for_selector(".cards li")
    for generation in ("Generation 1", "Generation 2"):
        boxes = page.locator(".cards input[type=checkbox]")
        boxes.nth(0).check()
        boxes.nth(1).check()
        with page.expect_response("**/api/voices") as found:
            page.click("[data-make=breed]")
        assert found.value.status == 200, found.value.text()
        page.wait_for_selector(f".made h3:text-is('{generation}')")
    page.locator(".cards button.name").first.click()
    assert loudest(page) > 0


def test_without_a_model_the_page_says_what_to_do(address, open_page):
    page = open_page(f"{address}/?view=make")
    page.wait_for_selector("#view .empty")
    assert "deepdx run" in page.locator("#view .empty").inner_text()


def test_hostile_names_are_text(address, open_page):
    page = open_page(f"{address}/?q=%3Cb%3E%26")
    page.wait_for_function("() => document.querySelectorAll('table.sounds tbody tr').length > 0")
    assert page.locator("table.sounds b, #voice b").count() == 0
    names = rows(page).all_inner_texts()
    assert any(name.startswith("<b>&") for name in names)


@pytest.mark.parametrize("viewport", [WIDE, NARROW])
@pytest.mark.parametrize("view", ["browse", "map", "collections"])
def test_no_serious_barrier_and_nothing_wider_than_the_screen(address, open_page, own, viewport, view):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = open_page(f"{address}/?view={view}", viewport)
    page.wait_for_selector({"browse": ROW, "map": ".map canvas", "collections": ".lists"}[view])
    if view == "browse":
        choose(page, "E.PIANO 3")
    page.wait_for_timeout(500)
    found = axe.Axe().run(page)
    serious = [one["id"] for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    assert serious == [], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_an_export_plays_from_a_disk(open_page, tmp_path):
    export_page(tmp_path / "page", "E <b>pianos", read_bank(DEMO / "Keys" / "EPIANOS1.syx"))
    page = open_page(Path(tmp_path / "page" / "index.html").as_uri())
    assert page.locator("h1").inner_text() == "E <b>pianos"
    page.click("#list li:nth-child(3) button")
    page.wait_for_function("() => document.querySelector('#voice h2').textContent === 'EL PIANO'")
    assert page.locator("#voice svg.envelope").count() == 8
    page.wait_for_timeout(500)
    assert page.locator("#notice").inner_text() == ""
    _, voices = inspect_files([tmp_path / "page" / "bank.syx"])
    assert len(voices) == 32
    assert len(list((tmp_path / "page" / "clips").iterdir())) == 32
