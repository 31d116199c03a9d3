"""One row a step and a product: every door reads it, and a new step is a row."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npe2 import PluginManifest

import napari_olivine
from napari_olivine.cli import main
from napari_olivine.registry import (
    DOCKS,
    PRODUCTS,
    STEPS,
    chain,
    folders_of_several,
    layered,
    maker_of,
    product_type,
)
from napari_olivine.section import Section
from napari_olivine.settings import Settings
from tests.helpers import toy_step
from tests.helpers.sections import make_section

DOCS = Path(__file__).resolve().parents[1] / "docs"


class TestRows:
    def test_listing_them_imports_no_room(self) -> None:
        code = (
            "import sys, napari_olivine.registry\n"
            "heavy = {'numpy', 'pydantic', 'zarr', 'napari_olivine.section'} & set(sys.modules)\n"
            "assert not heavy, heavy"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    @pytest.mark.parametrize("name", sorted(STEPS))
    def test_what_a_row_names_is_there(self, name: str) -> None:
        step = STEPS[name]
        assert step.name == name
        assert issubclass(step.settings, Settings)
        assert callable(step.function)
        assert callable(step.command)
        assert step.title
        assert bool(step.verb) <= bool(step.dock), "a button stands in a dock"
        assert step.dock in ("", *DOCKS)
        assert set(step.needs + step.uses) <= set(PRODUCTS)
        assert step.leads_to in ("", *STEPS)

    @pytest.mark.parametrize("name", sorted(PRODUCTS))
    def test_every_product_has_a_step_and_a_title(self, name: str) -> None:
        row = PRODUCTS[name]
        assert row.title
        assert row.step in STEPS
        assert row.annotation == name.startswith("annotations/")
        if not row.annotation:
            assert name in STEPS[row.step].products

    def test_products_of_a_folder_of_several(self) -> None:
        assert folders_of_several() == ["models", "compare", "other_crystals"]
        assert maker_of("models/light") == "train"
        assert maker_of("annotations/review") == "review"
        assert maker_of("mask/olivine") == ""
        assert product_type("nothing") is None

    def test_chain_is_the_road_and_its_shares_are_whole(self) -> None:
        assert [step.name for step in chain()] == [
            "import", "level", "mask", "train", "segment", "calibrate", "crystals", "export",
        ]  # fmt: skip
        assert sum(step.share for step in chain()) == pytest.approx(1)

    def test_needs_are_made_by_steps_before(self) -> None:
        order = list(STEPS)
        for step in STEPS.values():
            for product in step.needs:
                assert order.index(maker_of(product)) < order.index(step.name), step.name

    def test_layers_lie_one_over_the_other(self) -> None:
        places = [PRODUCTS[name].layer for name in layered()]
        assert places == list(range(1, len(places) + 1))

    def test_rows_name_the_inputs_that_products_record(self) -> None:
        from tests.helpers.widget_sections import finished_section

        section = Section(finished_section())
        for product in section.products():
            step = STEPS[maker_of(product.name)]
            known = {*step.needs, *step.uses, *step.products}
            for source in product.recipe.inputs:
                if not source.startswith(("source", "annotations/")):
                    assert product_type(source).name in known, f"{product.name}: {source}"  # type: ignore[union-attr]


class TestDoors:
    def test_manifest_has_the_docks_in_their_order(self) -> None:
        manifest = PluginManifest.from_file(Path(napari_olivine.__file__).parent / "napari.yaml")
        commands = {command.id: command for command in manifest.contributions.commands or ()}
        widgets = manifest.contributions.widgets or []
        shown = {widget.display_name: commands[widget.command].python_name for widget in widgets}
        assert list(shown.items()) == [(dock.name, dock.path) for dock in DOCKS.values()]

    @pytest.mark.parametrize("name", sorted(STEPS))
    def test_every_command_has_its_page_and_a_line_in_the_readme(self, name: str) -> None:
        page = (DOCS / STEPS[name].docs).read_text(encoding="utf-8")
        assert f"napari-olivine {name}" in page or f"`{name}" in page
        if name in ("phantom", "demo"):
            return  # they make synthetic sections: the tutorial tells of them
        readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
        assert f"`{name} " in readme, f"the table of README.md lacks {name}"


class TestNewStep:
    """A new step is a function, a settings model, a row and a page."""

    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(STEPS, "polish", toy_step.STEP)
        monkeypatch.setitem(PRODUCTS, "polished", toy_step.PRODUCT)

    @pytest.fixture
    def section(self, tmp_path: Path) -> Section:
        rng = np.random.default_rng(0)
        maps = ("BSE", "Mg", "Fe", "Ca", "Al", "Si")
        images = {name: rng.poisson(30, (64, 64)).astype(np.uint8) for name in maps}
        return make_section(tmp_path / "section", images)

    def test_it_is_a_command_with_help_and_options(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            main(["--help"])
        assert "the surface without scratches" in capsys.readouterr().out
        with pytest.raises(SystemExit):
            main(["polish", "--help"])
        shown = " ".join(capsys.readouterr().out.split())
        assert "--grain-um INT Grain size of the paste; --rounds say how often. [um]" in shown
        assert "see also 'napari-olivine mask SECTION'" in shown

    def test_it_says_what_it_needs_and_makes_its_product(
        self, section: Section, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["polish", str(section.path), "--grain-um", "6"]
        assert main(command) == 1
        assert f"Run 'napari-olivine mask {section.path}' first." in capsys.readouterr().err
        main(["mask", str(section.path)])
        capsys.readouterr()
        assert main([*command, "--json-events"]) == 0
        warning, message, finished = (
            json.loads(line) for line in capsys.readouterr().out.splitlines()
        )
        assert warning["message"] == "Water is low. Lower --rounds."
        assert warning["remedy"] == "Lower {setting:rounds}."
        assert warning["setting"] == "rounds"
        assert message["message"] == (
            f"Polished; 'napari-olivine crystals {section.path}' comes next."
        )
        assert finished["products"] == ["polished"]
        assert section.state("polished") == "fresh"

    def test_its_errors_carry_facts(
        self, section: Section, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["polish", str(section.path), "--grain-um", "2", "--json-events"]) == 1
        event = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert event["message"] == (
            "A grain of 2 um is too fine. Use a larger --grain-um, or --rounds below 2."
        )
        assert event["text"] == "A grain of 2 um is too fine."
        assert event["remedy"] == "Use a larger {setting:grain_um}, or {setting:rounds} below 2."
        assert (event["setting"], event["expected"]) == ("grain_um", "at least 3 um")

    def test_its_product_has_a_title_and_is_made_anew_when_stale(self, section: Section) -> None:
        from napari_olivine.widgets.state import (
            dock_of,
            next_rerun,
            products_of,
            stale_steps,
            state_of,
            step_to_run_first,
            title_of,
        )

        main(["mask", str(section.path)])
        main(["polish", str(section.path), "--grain-um", "6"])
        assert title_of("polished") == "Polished surface"
        assert dock_of("polish") == "Section"
        assert "polished" in products_of(section)
        main(["mask", str(section.path), "--rule", "Mg > 20"])
        assert state_of(section, "polished").text == "out of date: phase mask changed since"
        assert stale_steps(section) == ["polish"]
        assert step_to_run_first(section, "polished") == "polish"
        rerun = next_rerun(section)
        assert rerun is not None
        assert rerun.settings.model_dump() == {"grain_um": 6, "rounds": 2}

    @pytest.mark.gui
    def test_its_dock_is_the_form_of_its_settings(
        self, make_napari_viewer: Any, section: Section
    ) -> None:
        from napari_olivine.widgets.dock_base.step_dock import StepDock

        class PolishDock(StepDock):
            step = "polish"

        dock = PolishDock(make_napari_viewer())
        assert list(dock.form.editors) == ["grain_um", "rounds"]
        assert dock.form.editors["grain_um"].native.toolTip() == (
            "<p>Grain size of the paste; “Rounds” say how often.</p>"
        )
        assert dock.run_button.text() == "Polish"
        dock.session.open(section.path)
        assert "<b>Polished surface</b>: not made yet" in dock.state.text()
