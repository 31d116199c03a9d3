"""The web map of 22,000 crystals: how long it takes to write, and how fluid it is in a browser.

    python benchmarks/bench_web_map.py FOLDER [--cell 256] [--browser /usr/bin/chromium] [--keep]

A section of noisy BSE, mg# and 22,000 round crystals is made in FOLDER: 1.44 gigapixels with cells
of 256 px. Told are time and peak memory of writing the site, and beside it, in the same run, the
time of the bare work: the same pictures read, compressed and written once more, and nothing else.

Then headless Chromium (drawing by the processor) opens it from the disk in a window of 1600 x 900:
time to the first picture of the section and to all outlines, frames a second while the map pans at
the overview and zooms in 40 times within 6 seconds, time from a click to the card.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from bench_crystal_window import make_section

from napari_olivine.catalogue import Exported
from napari_olivine.catalogue.web import PAGE, write_site
from napari_olivine.catalogue.web.map_layers import map_layers
from napari_olivine.catalogue.web.tiles import write_tiles
from napari_olivine.job import Job
from napari_olivine.section import Section

MG_RANGE = (0.75, 0.9)

MOVE = """() => new Promise((resolve) => {
    const port = OLIVINE.viewer.viewport, frames = [], start = performance.now();
    let last = start;
    function next(now) {
        frames.push(now - last);
        last = now;
        const part = (now - start) / 6000;
        if (part >= 1) return resolve(frames.slice(2));
        if (part < 0.33) port.panTo(new OpenSeadragon.Point(0.3 + 1.2 * part, 0.3), true);
        else port.zoomTo(40 ** ((part - 0.33) / 0.67), new OpenSeadragon.Point(0.6, 0.3), true);
        requestAnimationFrame(next);
    }
    requestAnimationFrame(next);
})"""

CLICK = """() => new Promise((resolve) => {
    const seen = [];
    let row = 100;
    function next() {
        const start = performance.now();
        OLIVINE.byId("card").replaceChildren();
        delete OLIVINE.byId("card").dataset.milliseconds;
        OLIVINE.select((row += 997) % OLIVINE.count);
        function look() {
            if (!OLIVINE.byId("card").querySelector("table")) return setTimeout(look, 1);
            const numbers = performance.now() - start;
            (function pictures() {
                if (!OLIVINE.byId("card").dataset.milliseconds) return setTimeout(pictures, 1);
                seen.push([numbers, performance.now() - start]);
                if (seen.length < 20) setTimeout(next, 100); else resolve(seen);
            })();
        }
        look();
    }
    next();
})"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cell", type=int, default=256, help="pixels for each crystal")
    parser.add_argument("--browser", default=shutil.which("chromium"))
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    place, site = given.folder / "section", given.folder / "site"
    if not place.exists():
        make_section(place, given.cell)
    section = Section(place)
    print(f"{section.shape[0] * section.shape[1] / 1e6:.0f} megapixels")
    write(section, site)
    if given.browser:
        look(site, given.browser)
    if not given.keep:
        shutil.rmtree(given.folder)


def write(section: Section, site: Path) -> None:
    """Write the site, and its pictures once more by themselves."""
    shutil.rmtree(site, ignore_errors=True)
    exported = Exported("olivine", "crystals", "segmentation", frozenset({"mg"}))
    table = section.table("crystals", "crystals")
    took = clock(lambda: write_site(section, exported, table, site, MG_RANGE, {}, Job()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    again = site.with_name("pictures")
    shutil.rmtree(again, ignore_errors=True)
    layers = map_layers(section, exported, MG_RANGE)
    bare = clock(lambda: [write_tiles(o.tiles, again / o.tiles.name, Job()) for o in layers])
    shutil.rmtree(again)
    files = [file.stat().st_size for file in site.rglob("*") if file.is_file()]
    print(f"site: {took:.0f} s; its pictures alone: {bare:.0f} s ({bare / took:.2f} of the speed)")
    print(f"peak memory {peak:.2f} GB; {len(files)} files, {sum(files) / 1e6:.0f} MB", flush=True)


def clock(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def look(site: Path, browser: str) -> None:
    """Open the page and move about."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1600, "height": 900})
        page.on("pageerror", lambda error: print("error:", error, file=sys.stderr))
        page.goto((site / PAGE).as_uri(), wait_until="commit")
        since = "() => performance.now()"
        page.wait_for_function("window.OLIVINE && OLIVINE.viewer && OLIVINE.viewer.isOpen()")
        page.wait_for_function("OLIVINE.viewer.world.getItemAt(0).getFullyLoaded()")
        first = page.evaluate(since)
        page.wait_for_function(
            "OLIVINE.viewer.world.getItemCount() > OLIVINE.section.layers.length"
        )
        page.wait_for_function(
            "OLIVINE.viewer.world.getItemAt(OLIVINE.section.layers.length).getFullyLoaded()"
        )
        print(f"section after {first:.0f} ms, outlines after {page.evaluate(since):.0f} ms")
        for run in ("first", "second"):
            frames = sorted(page.evaluate(MOVE))
            late = frames[int(0.95 * len(frames))]
            print(
                f"{run} move: {1000 / statistics.mean(frames):.0f} frames/s, median "
                f"{statistics.median(frames):.0f} ms, 95 % {late:.0f}, longest {frames[-1]:.0f}"
            )
            page.evaluate("OLIVINE.viewer.viewport.goHome(true)")
            page.wait_for_timeout(500)
        numbers, pictures = zip(*page.evaluate(CLICK), strict=True)
        print(
            f"card: numbers after {statistics.median(numbers):.0f} ms (longest "
            f"{max(numbers):.0f}), with cut-outs {statistics.median(pictures):.0f} ms"
        )
        chromium.close()


if __name__ == "__main__":
    main()
