"""Text files of Windows, Mac and everything since: what was written is read."""

from __future__ import annotations

import pytest

from napari_olivine.tabular import read_text

HEADS = "Abstand (µm);MgO ± 2 s;Größe;Température (25 °C);Kommentar\n"
COMMENTS = (
    "0;47,2;groß;25 °C;Öffnung am Rand\n4;46,1;schön;20 °C;fêlure près de la face \u2013 cœur\n"
)


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "mac_roman",
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", [HEADS, HEADS + COMMENTS, "Distance (µm);Note\n0;Écaille\n"])
def test_texts_come_back(tmp_path, encoding, text):
    file = tmp_path / "a.txt"
    file.write_bytes(text.encode(encoding))
    assert read_text(file) == text


@pytest.mark.parametrize(
    "word",
    [
        "25 °C", "é", "ü", "ß", "4 µm", "47 ± 1", "crête", "mañana", "Ångström", "rim \u2013 core",
        "KN\u2019s", "Größe", "ÉCAILLE", "½", "“rim”",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_one_foreign_character_is_enough_for_windows(tmp_path, word, encoding):
    file = tmp_path / "a.txt"
    file.write_bytes(word.encode(encoding, errors="replace"))
    assert read_text(file) == word.encode(encoding, errors="replace").decode(encoding)


@pytest.mark.parametrize("word", ["25 °C", "été", "für", "groß", "4 µm", "47 ± 1", "crête", "ΣFeO"])
def test_one_foreign_character_is_enough_for_mac(tmp_path, word):
    file = tmp_path / "a.txt"
    file.write_bytes(word.replace("Σ", "∑").encode("mac_roman"))
    assert read_text(file) == word.replace("Σ", "∑")
