"""Names of phases as names of folders."""

from __future__ import annotations

import string

from hypothesis import given, strategies as st

from napari_olivine.section import image_name, phase_of_image

SAFE = set(string.ascii_letters + string.digits + " ()+,-_.~%")


@given(st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable()))
def test_each_name_is_a_folder_of_its_own_and_comes_back(name: str) -> None:
    folder = image_name(name)
    assert phase_of_image(folder) == name
    assert set(folder) <= SAFE
    assert not folder.startswith(".")


def test_names_of_letters_stay() -> None:
    assert image_name("olivine") == "olivine"
    assert image_name("Fe-Ti oxide") == "Fe-Ti oxide"
    assert image_name("glass/groundmass") == "glass%2Fgroundmass"
