"""Files that name classes: values and colours in any spelling, one class a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_olivine.errors import InputError
from napari_olivine.labelled.class_table import named_classes
from napari_olivine.labelled.label_keys import key_of_text

WRITTEN = {
    "a.csv": "name,colour\nquartz,#ffc0c0\npores,0\nclay,*\n,128 128 128\n",
    "b.csv": "name;colour\nquartz;255,192,192\npores;0\n;#808080\nclay;*\n",
    "c.csv": "name,red,green,blue,value\nquartz,255,192,192,\npores,,,,0\n,,,,128\nclay,,,,*\n",
    "d.json": '{"quartz": [255, 192, 192], "pores": 0, "clay": "*", "": 128}',
    "e.json": '[{"name": "quartz", "colour": "#FFC0C0"}, {"name": "pores", "value": 0},'
    ' {"name": "clay", "value": "*"}, {"name": "ignore", "value": 128}]',
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_spelling_gives_the_same_codes(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(WRITTEN[name])
    classes = named_classes(str(tmp_path / name))
    assert classes is not None
    codes = classes.with_target("Quartz").codes()
    keys = [key_of_text(text) for text in ("#ffc0c0", "0", "17", "1 2 3", "128")]
    assert codes[keys].tolist() == [1, 2, 3, 3, 255]


def test_values_of_one_name_are_one_class() -> None:
    classes = named_classes("qemscan")
    assert classes is not None
    assert [one.name for one in classes.named] == [
        "pores", "quartz", "albite", "clay and accessories",
    ]  # fmt: skip
    codes = classes.with_target("quartz").codes()
    keys = [key_of_text(text) for text in ("255 192 192", "255", "0", "0 255 255", "9 9 8")]
    assert codes[keys].tolist() == [1, 2, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,value\na,3\nb,3\n", "3 is there twice"),
        ("name,value\na,3\nb,red\n", "class 2: 'red' is neither a grey value nor a colour"),
        ("name,value\na,3\nb,70000\n", "class 2: '70000' is neither"),
        ("name,value,colour\na,3,#000000\nb,4,\n", "class 1: expected one value or colour"),
        ("value\n3\n", "lacks the column name"),
        ("name,value\na,3\n", "has 1 classes; expected 2 to 120"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "classes.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        named_classes(str(tmp_path / "classes.csv"))
