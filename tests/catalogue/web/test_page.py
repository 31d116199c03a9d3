"""The web map in a real browser: opened from a disk, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_olivine.catalogue import ExportSettings, export_catalogue
from napari_olivine.crystals.edits import CrystalStore, GiveKind
from tests.helpers.exportable_section import make_section

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
KIND = "<img src=x onerror='window.executed=1'> \"kind\""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    section = make_section(tmp_path_factory.mktemp("page") / "section", f"<b>{KIND}</b>")
    store = CrystalStore(section)
    store.do(GiveKind(crystals=(int(store.table.index[0]),), kind=KIND))
    store.close()
    place = tmp_path_factory.mktemp("page") / "out of 'it' #1"
    return export_catalogue(section, place, ExportSettings(web=True, cutouts=False))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, site: Path) -> Iterator[Page]:
    """The open page; at the end nothing went wrong in it, and nothing was asked of elsewhere."""
    opened = browser.new_page(viewport={"width": 1600, "height": 900})
    wrong: list[str] = []
    opened.on("console", lambda told: wrong.append(told.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("requestfailed", lambda request: wrong.append(request.url))
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((site / "index.html").as_uri())
    opened.wait_for_function("OLIVINE.viewer && OLIVINE.viewer.world.getItemCount() > 2")
    yield opened
    assert not wrong
    assert all(url.startswith(("file://", "data:")) for url in asked)
    assert not opened.evaluate("window.executed")
    opened.close()


def chosen(page: Page) -> int:
    return int(page.evaluate("OLIVINE.state.selected"))


def place_of(page: Page, row: int) -> dict[str, float]:
    """Where the middle of a crystal lies on the screen."""
    found: dict[str, float] = page.evaluate(
        """(row) => {
            const [x0, y0, x1, y1] = OLIVINE.crystals.boxes.slice(4 * row, 4 * row + 4);
            const columns = OLIVINE.section.columns;
            const point = OLIVINE.viewer.viewport.viewportToWindowCoordinates(
                new OpenSeadragon.Point((x0 + x1) / 2 / columns, (y0 + y1) / 2 / columns));
            return {x: point.x, y: point.y};
        }""",
        row,
    )
    return found


def test_a_click_on_a_crystal_opens_its_card(page: Page) -> None:
    for row in (0, 1):
        at = place_of(page, row)
        page.mouse.click(at["x"], at["y"])
        page.wait_for_selector("#card[data-milliseconds]")
        page.wait_for_function("(row) => OLIVINE.state.selected === row", arg=row)
        crystal = page.evaluate("(row) => OLIVINE.crystals.ids[row]", row)
        page.wait_for_selector(f"#card h2:has-text('Crystal {crystal}')")
        assert f"crystal={crystal}" in page.url
        page.wait_for_timeout(500)  # two clicks at once are one on the map
    page.keyboard.press("Escape")
    assert page.is_hidden("#card")


def test_the_address_leads_back_to_a_crystal(page: Page, browser: Any) -> None:
    crystal = page.evaluate("OLIVINE.crystals.ids[2]")
    page.fill("#search-id", str(crystal))
    page.press("#search-id", "Enter")
    page.wait_for_selector("#card[data-milliseconds]")
    page.select_option("#colour-by", "mg_mean")
    page.wait_for_function("location.hash.includes('colour=mg_mean')")
    page.wait_for_timeout(800)  # the map moves there
    address, place = page.url, page.evaluate("OLIVINE.place()")
    again = browser.new_page(viewport={"width": 1600, "height": 900})
    again.goto(address)
    again.wait_for_selector(f"#card h2:has-text('Crystal {crystal}')")
    assert again.evaluate("OLIVINE.state.colourBy") == "mg_mean"
    found = again.evaluate("OLIVINE.place()")
    assert all(abs(found[name] - place[name]) <= 0.02 * place["width"] + 2 for name in place)
    again.close()
    page.fill("#search-id", "999999")
    page.press("#search-id", "Enter")
    assert "no crystal 999999" in page.inner_text("#search-answer")


def test_legend_and_ranges_filter_the_crystals(page: Page) -> None:
    everything = page.evaluate("OLIVINE.shownCount()")
    page.click("#legend label:has-text('no zoning') input")
    assert page.evaluate("OLIVINE.shownCount()") < everything
    page.click("#reset")
    assert page.evaluate("OLIVINE.shownCount()") == everything
    page.fill("#ranges input[data-name=area_um2][data-end='0']", "10000")
    page.press("#ranges input[data-name=area_um2][data-end='0']", "Enter")
    page.wait_for_function("(all) => OLIVINE.shownCount() < all", arg=everything)
    hidden = page.evaluate("OLIVINE.visible.indexOf(0)")
    page.wait_for_timeout(300)
    at = place_of(page, hidden)
    page.mouse.click(at["x"], at["y"])
    page.wait_for_timeout(600)
    assert chosen(page) == -1  # what is not shown cannot be hit
    page.click("#show-gallery")
    assert page.locator("#gallery button").count() == page.evaluate("OLIVINE.shownCount()")


def test_names_that_people_gave_are_shown_as_text(page: Page) -> None:
    assert page.inner_text("#title").startswith("<b>")
    page.select_option("#colour-by", "kind")
    assert KIND in page.inner_text("#legend")


def test_the_map_moves_by_keys_and_shows_its_scale(page: Page) -> None:
    assert page.inner_text("#scale-bar").endswith(("µm", "mm"))
    before = page.evaluate("OLIVINE.place()")
    page.click("#zoom-in")
    page.wait_for_function("(w) => OLIVINE.place().width < 0.8 * w", arg=before["width"])
    page.focus("#map .openseadragon-canvas")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("(x) => OLIVINE.place().x > x", arg=before["x"])


@pytest.mark.parametrize("width", [390, 1600])
def test_nothing_reaches_beyond_the_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for view in ("gallery", "about", "map"):
        page.click(f"#show-{view}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
