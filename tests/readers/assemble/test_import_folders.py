"""Folders as instruments and people leave them: what is taken, what is left out and told."""

from __future__ import annotations

import os
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy.ndimage import gaussian_filter

from napari_olivine.errors import Cancelled, InputError, OlivineError
from napari_olivine.job import Job
from napari_olivine.readers import ImportSettings, Source, import_section, read_source
from napari_olivine.readers.discover.contents import find_signal, read_contents
from tests.helpers.sources import PROFILE, tile_file

UM2 = {"resolution": (5000, 5000), "resolutionunit": "CENTIMETER"}
TILE = (24, 30)
WHOLE = (72, 120)

Build = Callable[[Path], None]


def field(shape: tuple[int, int] = WHOLE, dtype: str = "uint8") -> NDArray[Any]:
    """Grey that goes on smoothly, so that tiles in wrong places do not fit."""
    random = np.random.default_rng(0)
    smooth = gaussian_filter(random.standard_normal(shape), 2.5)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return (20 + 200 * smooth + random.normal(0, 1, shape)).clip(1, 250).astype(dtype)


GREY = field()


def image(file: Path, pixels: NDArray[Any] = GREY, times: int = 1) -> None:
    """Write an image with pixels of 2 um, or so many times larger."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix.lower() in (".bmp", ".png", ".jpg"):
        Picture.fromarray(pixels).save(file)
    elif file.suffix.lower() in (".txt", ".csv"):
        np.savetxt(file, pixels, fmt="%d", delimiter="\t" if file.suffix == ".txt" else ",")
    else:
        tifffile.imwrite(file, pixels, **UM2 | {"resolution": (5000 / times, 5000 / times)})


def images(folder: Path, *names: str, pixels: NDArray[Any] = GREY) -> None:
    for name in names:
        image(folder / name, pixels)


def text(file: Path, content: str | bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


def tiles(folder: Path, name: str, coarser: int = 1) -> None:
    """Write 3 x 4 tiles; the name has r, c from 0, y, x and n from 1."""
    for number in range(12):
        row, column = divmod(number, 4)
        grey = GREY[row * 24 : (row + 1) * 24, column * 30 : (column + 1) * 30]
        file = name.format(r=row, c=column, y=row + 1, x=column + 1, n=number + 1)
        image(folder / file, grey[::coarser, ::coarser], coarser)


def fei(folder: Path, name: str, detector: str) -> None:
    for number in range(12):
        row, column = divmod(number, 4)
        said = (
            f"[System]\r\nType=SEM\r\n[Scan]\r\nPixelWidth=2e-06\r\nPixelHeight=2e-06\r\n[Stage]\r\n"
            f"StageX={column * 60e-6}\r\nStageY={-row * 48e-6}\r\n[Image]\r\nResolutionX=30\r\n"
            f"ResolutionY=24\r\n[Detectors]\r\nNumber=1\r\nName={detector}\r\n[{detector}]\r\n"
        )
        file = folder / name.format(y=row + 1, x=column + 1)
        file.parent.mkdir(parents=True, exist_ok=True)
        grey = GREY[row * 24 : (row + 1) * 24, column * 30 : (column + 1) * 30]
        tifffile.imwrite(file, grey, metadata=None, extratags=[(34682, 2, 0, said, True)])


def aztec_site(source: Path) -> None:
    site = source / "Project 1" / "Specimen 1" / "Site 1"
    for line in ("Mg K series", "Fe K\u03b11", "Si K series"):
        image(site / "Map Data 1" / f"Map Data 1 - {line}.tif")
    image(site / "Electron Image 1.tiff")
    image(site / "Map Data 1" / "EDS Layered Image 1.tiff")


def aztec_fields(source: Path) -> None:
    for site in range(1, 13):
        row, column = divmod(site - 1, 4)
        grey = GREY[row * 24 : (row + 1) * 24, column * 30 : (column + 1) * 30]
        image(source / f"Site {site}" / f"Electron Image {site + 4}.tif", grey)
        image(source / f"Site {site}" / f"Map Data {site} - Mg K series.tif", grey)


def esprit(source: Path) -> None:
    images(source, "Map 12-Mg-K.tif", "Map 12-Fe-K.tif", "Map 12 BSE.bmp")
    image(source / "Map 12.bmp", np.dstack([GREY, GREY[::-1], GREY[:, ::-1]]))
    text(source / "Map 12.spx", "<?xml version='1.0'?>")


def thermo_maps(source: Path) -> None:
    layer = source / "LayersData" / "Layer" / "Mosaic"
    fei(layer, "Tile_{y:03d}-{x:03d}-000000_0-000.tif", "ETD")
    fei(layer, "Tile_{y:03d}-{x:03d}-000000_1-000.tif", "CBS")
    text(source / "MapsProject.xml", "<MapsProject/>")


def viewers_pyramid(source: Path) -> None:
    tiles(source / "BSE mosaic", "Tile_{y:03d}-{x:03d}.tif")
    for level in range(3):
        for number in range(9):
            image(source / "BSE mosaic" / f"l_{level}" / f"tile_{number}.png", GREY[:20, :20])


def fiji(source: Path) -> None:
    tiles(source, "tile_x{x:03d}_y{y:03d}.tif")
    image(source / "Fused.tif")
    text(source / "TileConfiguration.txt", "dim = 2\ntile_x001_y001.tif; ; (0.0, 0.0)\n")


def atlas(source: Path) -> None:
    tiles(source, "Tile_r{y}-c{x}_KLV7_sec001.tif")
    image(source / "StageStitched_KLV7_sec001.tif")


def tescan(source: Path) -> None:
    for detector in ("BSE", "SE"):
        tiles(source / "Mosaic_01", detector + "_x{x:03d}_y{y:03d}.tif")
    image(source / "Snapshot.tif", GREY[:50, :50])


def fields_apart(source: Path) -> None:
    tiles(source / "BSE tiles", "tile_{n:03d}.tif")
    tiles(source / "EDS maps", "Field{n:03d} - Mg K series.tif", coarser=2)


def one_montage(source: Path) -> None:
    tiles(source / "BSE", "r{r}_c{c}.tif")
    image(source / "Montaged Map Data 1-Mg K series-Ser.tif", GREY[::2, ::2], 2)


def clutter(source: Path) -> None:
    for signal in ("BSE", "Mg"):
        tiles(source / signal, "r{r}_c{c}.tif")
    for name in ("report.pdf", "notes.xlsx", "Thumbs.db", ".DS_Store", "~$notes.xlsx", "._BSE.tif"):
        text(source / name, b"%PDF\0" + bytes(range(256)))
    text(source / "desktop.ini", "[.ShellClassInfo]")
    text(source / "readme.txt", "Thin section KLV-7, 15 kV, 2024.\n1 2 3\n")
    image(source / "overview.tif", GREY[:50, :70])
    image(source / "BSE" / "thumbnail.png", GREY[:9, :9])


def xmaptools(source: Path) -> None:
    images(source, "Cp.txt", "Mg.txt", "Fe.txt")
    image(source / "Exported" / "Mg_exported.txt")
    text(
        source / "Standards.txt", ">1\n0 0.238 0.142 0\n>2\nSiO2 MgO FeO X Y\n>3\n40 45 14 .1 .1\n"
    )
    text(source / "project.mat", b"MATLAB 5.0")


def colour_beside_grey(source: Path) -> None:
    for signal in ("Mg", "Fe"):
        image(source / "grey" / f"{signal} K series.tif")
        colours = np.dstack([GREY, GREY * 0, GREY * 0])
        image(source / "colour" / f"{signal} K series.tif", colours)
    image(source / "BSE.tif")


def counts_beside_percent(source: Path) -> None:
    image(source / "BSE.tif")
    image(source / "counts" / "Mg K series.tif", GREY.astype("uint16"))
    image(source / "percent" / "Mg Wt%.tif", GREY.astype("float32"))


def linked(source: Path) -> None:
    there = source.parent / "server"
    tiles(there / "BSE", "r{r}_c{c}.tif")
    source.mkdir()
    os.symlink(there / "BSE", source / "BSE")
    os.symlink(source, source / "again")
    os.symlink(source.parent, source / "up")


def imported_inside(source: Path) -> None:
    images(source, "BSE.tif", "Mg.tif")
    other = source.parent / "other section"
    import_section(source, other)
    other.rename(source / "section")


def session_folders(source: Path) -> None:
    for number in range(12):
        row, column = divmod(number, 4)
        grey = GREY[row * 24 : (row + 1) * 24, column * 30 : (column + 1) * 30]
        image(source / f"Session {1 + row // 2}" / "BSE" / f"r{row:02d}_c{column:02d}.tif", grey)


FOLDERS: dict[str, tuple[Build, str, tuple[str, ...]]] = {
    # what is built, the signals that come out, what is told
    "AZtec, five folders deep": (aztec_site, "BSE Fe Mg Si", ("Electron Image 1.tiff",)),
    "AZtec, a site for each field": (aztec_fields, "BSE Mg", ("by their folders",)),
    "AZtec, a montage over tiles": (one_montage, "BSE Mg", ("pixels are repeated",)),
    "Esprit": (esprit, "BSE Fe Mg", ("colour image",)),
    "Thermo Maps, two detectors": (thermo_maps, "BSE ETD", ("by the numbers",)),
    "a viewer's pyramid": (viewers_pyramid, "BSE", ("and 26 more are left out",)),
    "Fiji, stitched beside tiles": (fiji, "BSE", ("Fused.tif is left out",)),
    "Atlas": (atlas, "BSE", ("StageStitched_KLV7_sec001.tif is left out",)),
    "TESCAN": (tescan, "BSE SE", ("Snapshot.tif is left out",)),
    "maps of other names, half as fine": (fields_apart, "BSE Mg", ("by the numbers", "repeated")),
    "clutter": (clutter, "BSE Mg", ("overview.tif is left out",)),
    "XMapTools": (xmaptools, "BSE Fe Mg", ("not Exported/Mg_exported.txt",)),
    "colours beside grey": (colour_beside_grey, "BSE Fe Mg", ("not colour/",)),
    "counts beside percent": (counts_beside_percent, "BSE Mg", ("not percent/",)),
    "connections, also in circles": (linked, "BSE", ()),
    "an imported section": (imported_inside, "BSE Mg", ("section is an imported section",)),
    "sessions in folders": (session_folders, "BSE", ()),
}

NAMES: dict[str, tuple[list[str], str, tuple[str, ...]]] = {
    "AZtec, text maps": (
        ["Mg K series.csv", "Fe K series.csv", "Electron Image 1.tif"],
        "BSE Fe Mg",
        ("Electron Image 1.tif does not say",),
    ),
    "AZtec, Montaged": (
        ["Site 1 Montaged Electron Image 1.tif", "Montaged Map Data 1-Mg K series-Ser.tif"],
        "BSE Mg",
        (),
    ),
    "EDAX": (
        ["Area 1_Live Map 1_MgK_ROI.tif", "Area 1_Live Map 1_BSED.tif", "SEI.bmp"],
        "BSE Mg SE",
        (),
    ),
    "Cameca pictures": (
        ["Grt1_BSE Z map1.tif", "Grt1_Mg Ka map1.tif", "Grt1_Ca Ka.tif"],
        "BSE Ca Mg",
        (),
    ),
    "large and small letters": (
        ["bse.TIF", "MG.TIFF", "fe.Tif", "SI k Series.TIF"],
        "BSE Fe Mg Si",
        (),
    ),
    "German": (
        ["D\u00fcnnschliff \u00c4tna/R\u00fcckstreuelektronen 1.tif", "Magnesium.tif", "Eisen.tif"],
        "BSE Fe Mg",
        (),
    ),
    "French": (
        ["\u00c9lectrons r\u00e9trodiffus\u00e9s.tif", "carte magn\u00e9sium.tif", "carte fer.tif"],
        "BSE Fe Mg",
        (),
    ),
    "a sample with an element in its name": (
        ["Mg-rich 3 BSE.tif", "Mg-rich 3 Fe.tif", "Mg-rich 3 Mg.tif"],
        "BSE Fe Mg",
        (),
    ),
    "braces, percents, lines, dots": (
        ["BSE {0}.tif", "Mg %d %s.tif", "Fe\nline.tif", "Ca {signal}.tif", "Si..tif"],
        "BSE Ca Fe Mg Si",
        (),
    ),
    "pictures beside TIFFs": (
        ["BSE.tif", "BSE.png", "Mg.tif", "Mg.png"],
        "BSE Mg",
        ("BSE.png is left out",),
    ),
    "one tile": (["BSE/r0_c0.tif"], "BSE", ()),
}


def check(source: Path, signals: str, told: tuple[str, ...]) -> Source:
    found = read_source(source)
    assert sorted(found.signals) == sorted(signals.split())
    assert found.shape == WHOLE
    assert not found.findings()
    remarks = "\n".join(found.problems)
    assert all(one in remarks for one in told), remarks
    assert len(found.problems) <= 6, "few remarks are read, many are not"
    for name, reader in found.signals.items():
        pixels = reader.read(0, WHOLE[0], Job())
        if len(reader.files) == 1 and reader.files[0].suffix == ".csv":
            continue
        if "repeated" not in remarks or name == "BSE":
            np.testing.assert_array_equal(pixels, GREY)
        else:
            np.testing.assert_array_equal(pixels[::2, ::2], GREY[::2, ::2])
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_folders_of_instruments(tmp_path: Path, name: str) -> None:
    build, signals, told = FOLDERS[name]
    build(tmp_path / "source")
    before = sorted(path.as_posix() for path in (tmp_path / "source").rglob("*"))
    check(tmp_path / "source", signals, told)
    after = sorted(path.as_posix() for path in (tmp_path / "source").rglob("*"))
    assert before == after, "nothing is written into the source"


@pytest.mark.parametrize("name", NAMES)
def test_names_of_people_and_programs(tmp_path: Path, name: str) -> None:
    files, signals, told = NAMES[name]
    images(tmp_path / "source", *files)
    check(tmp_path / "source", signals, told)


def two_sections(source: Path) -> None:
    for sample in ("KLV-7", "KLV-9"):
        images(source / sample, "BSE.tif", "Mg.tif")


def two_mosaics(source: Path) -> None:
    for sample in ("KLV-7", "KLV-9"):
        tiles(source / sample / "BSE", "r{r}_c{c}.tif")


def archive(source: Path) -> None:
    source.mkdir()
    with zipfile.ZipFile(source / "tiles.zip", "w") as packed:
        packed.writestr("BSE.tif", b"")


def edited(source: Path) -> None:
    images(source, "ol3_BSE.tif", "ol3_BSE_edited.TIF")


REFUSED: dict[str, tuple[Build, str]] = {
    "two sections": (two_sections, "KLV-7, KLV-9.*import each by itself"),
    "two mosaics": (two_mosaics, "places are taken by others.*KLV-7, KLV-9"),
    "an archive": (archive, "1 .zip. Unpack the archive"),
    "an edited copy": (edited, "leave one of them in the folder"),
    "quadrants of a detector": (
        lambda source: images(source, "BSE1.tif", "BSE2.tif", "BSE3.tif"),
        "3 images of BSE .*Leave one of them",
    ),
    "no backscatter image": (
        lambda source: images(source, "Mg.tif", "SEI.tif"),
        "which signal is the backscatter image",
    ),
    "a link to nothing": (
        lambda source: (images(source, "BSE.tif"), os.symlink("gone.tif", source / "Mg.tif")),  # type: ignore[dict-item, return-value]
        "Mg.tif is missing",
    ),
    "an empty map": (
        lambda source: (images(source, "BSE.tif"), text(source / "Mg.tif", b"")),  # type: ignore[dict-item, return-value]
        "Mg.tif is truncated",
    ),
    "tables alone": (
        lambda source: text(source / "line.csv", PROFILE),
        "line.csv looks like an EPMA table.*folder called epma",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_unclear_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    build, told = REFUSED[name]
    build(tmp_path / "source")
    with pytest.raises(InputError, match=f"(?s){told}"):
        import_section(tmp_path / "source", tmp_path / "section")
    assert not (tmp_path / "section").exists()


def test_empty_texts_called_like_maps_are_told(tmp_path: Path) -> None:
    images(tmp_path, "BSE.tif")
    text(tmp_path / "Mg.csv", b"")
    assert "Mg.csv is empty: export it again" in "\n".join(read_source(tmp_path).problems)


def test_tables_beside_the_images_are_told_and_those_in_a_folder_read(tmp_path: Path) -> None:
    images(tmp_path, "BSE.tif", "Mg.tif")
    text(tmp_path / "line 1.csv", PROFILE)
    text(tmp_path / "line 2.csv", PROFILE)
    found = read_source(tmp_path)
    assert found.problems == [
        "line 1.csv and 1 more look like EPMA tables and are not read: put them into a folder "
        f"called epma in {tmp_path.name}"
    ]
    (tmp_path / "Mikrosonde").mkdir()
    for name in ("line 1.csv", "line 2.csv"):
        (tmp_path / name).rename(tmp_path / "Mikrosonde" / name)
    found = read_source(tmp_path)
    assert found.problems[0] == "the EPMA tables are those in Mikrosonde"
    assert len(found.analyses) == 4
    text(tmp_path / "Mikrosonde" / "line 3.csv", "MgO,FeO\n1,2\n3,4\n")  # no places
    found = read_source(tmp_path)
    assert "Mikrosonde are left out: " in found.problems[0]
    assert found.analyses.empty


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    images(tmp_path, "BSE.tif", "closed/Mg.tif")
    listed = os.scandir

    def scandir(path: Path) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr("napari_olivine.readers.discover.scan.os.scandir", scandir)
    assert "closed cannot be read (Permission denied)" in read_source(tmp_path).problems[0]
    with pytest.raises(InputError, match="cannot be read"):
        read_source(tmp_path / "closed")


def test_a_tile_that_cannot_be_opened_is_missed(tmp_path: Path, monkeypatch: Any) -> None:
    tiles(tmp_path / "source" / "BSE", "r{r}_c{c}.tif")
    corner = tmp_path / "source" / "BSE" / "r2_c3.tif"
    corner.unlink()
    os.symlink("gone.tif", corner)
    with pytest.raises(InputError, match=r"r2_c3.tif"):
        import_section(tmp_path / "source", tmp_path / "section")
    assert not (tmp_path / "section").exists()


def test_remarks_that_differ_in_a_file_alone_are_told_once(tmp_path: Path) -> None:
    images(tmp_path, "BSE.tif")
    for signal in ("Mg", "Fe", "Si", "Ca"):
        image(tmp_path / f"false {signal} x.bmp", np.dstack([GREY, GREY * 0, GREY * 0]))
    for number in range(5):
        image(tmp_path / f"photo{number}.bmp", np.dstack([GREY, GREY * 0, GREY * 0]))
    settings = ImportSettings(signals=("BSE",))
    assert [one for one in read_source(tmp_path, settings).problems if "more like this" in one]


def test_words_that_all_names_share_are_those_of_the_sample() -> None:
    assert find_signal("Mg-rich BSE") is None
    assert find_signal("Mg-rich BSE", frozenset({"Mg", "rich"})) == ("BSE", "Mg-rich")


def test_many_files_are_looked_through_with_progress_and_stopped_at_once(tmp_path: Path) -> None:
    tile_file(tmp_path, "BSE", 0, 0).parent.mkdir(parents=True)
    image(tile_file(tmp_path, "BSE", 0, 0), GREY[:8, :8])
    content = tile_file(tmp_path, "BSE", 0, 0).read_bytes()
    for signal in ("BSE", "Mg", "Fe"):
        for tile in range(1000):
            text(tile_file(tmp_path, signal, *divmod(tile, 40)), content)
    told: list[float] = []  # in processor time: other processes hold up the clock on the wall
    read_source(tmp_path, job=Job(listen=lambda _: told.append(time.process_time())))
    assert max(np.diff(told)) < 1
    job = Job()
    stopped: list[float] = []
    threading.Timer(0.3, lambda: (stopped.append(time.process_time()), job.cancel.set())).start()
    with pytest.raises(Cancelled):
        while True:
            read_source(tmp_path, job=job)
    assert time.process_time() - stopped[0] < 1


def damaged(content: bytes, cut: int, at: int) -> bytes:
    """Cut a file short and spoil a byte."""
    short = bytearray(content[: max(0, len(content) - cut)])
    if short and at:
        short[at % len(short)] ^= 0xFF
    return bytes(short)


def contents() -> dict[str, bytes]:
    """Small valid files of several formats, by suffix."""
    import io

    made: dict[str, bytes] = {}
    tiny = GREY[:12, :16]
    stream = io.BytesIO()
    tifffile.imwrite(stream, tiny, **UM2)
    made[".tif"] = stream.getvalue()
    for kind in ("png", "bmp", "jpeg"):
        stream = io.BytesIO()
        Picture.fromarray(tiny).save(stream, kind)
        made[f".{kind}"] = stream.getvalue()
    rows = "\n".join("\t".join(map(str, row)) for row in tiny.tolist())
    made[".txt"] = rows.encode()
    made[".csv"] = ("Mg K series\nwidth 16\n" + rows.replace("\t", ",")).encode()
    made[".xlsx"] = b"PK\x03\x04" + bytes(40)
    made[".cnd"] = b"$XM_AP_SA_PIXEL_SIZE%0 2 2\n$XM_ELEM_NAME%0 Mg\n"
    made[".hdr"] = b"[MAIN]\nPixelSizeX=2e-6\n[SEM]\nDetector=BSE\nStageX=1\nStageY=1\n"
    made[".h5oina"] = b"\x89HDF\r\n\x1a\n" + bytes(60)
    made[".bcf"] = b"AAMVHFSS" + bytes(60)
    made[".json"] = b'{"tile_pattern": "{signal}"}'
    made[""] = PROFILE.encode()
    return made


MADE = contents()

WORDS = st.sampled_from(
    ["BSE", "BSE", "BSE", "Mg", "Mg", "Fe K series", "tile_1", "tile_2", "r0_c0", "r0_c1",
     "x1_y1", "Electron Image 1", "epma", "data001", "Standards", "sessions", "section",
     "mask", "{signal}", "%s", "..x",
     "\u00c4", "a\nb", "Field_000123", "preview", "1", "K", "\udce4"]
)  # fmt: skip
NAMED = st.lists(WORDS, min_size=1, max_size=2).map(" ".join)
FILES = st.tuples(
    st.lists(NAMED, max_size=2),
    NAMED,
    st.sampled_from([*sorted(MADE), *[".tif"] * 8, *[".txt"] * 3, *[".png"] * 3]),
    st.sampled_from([0, 0, 0, 1, 50, 5000]),
    st.sampled_from([0, 0, 0, 5, 100]),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.lists(FILES, min_size=1, max_size=8))
def test_any_folder_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[list[str], str, str, int, int]]
) -> None:
    place = tmp_path_factory.mktemp("any")
    source = place / "source"
    source.mkdir()
    for folders, name, suffix, cut, at in files:
        file = source.joinpath(*folders, name + suffix)
        try:
            text(file, damaged(MADE[suffix], cut, at))
        except OSError:  # a file stands where the folder should be
            continue
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    try:
        import_section(source, place / "section", ImportSettings(pixel_size_um=1))
    except OlivineError as error:
        assert str(error).strip()
        assert not (place / "section" / "images").exists()
    after = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    assert before == after


def test_names_of_no_text_are_told_and_left_out(tmp_path: Path) -> None:
    images(tmp_path, "BSE.tif")
    (tmp_path / "K\udce4rner.tif").write_bytes(b"")
    (remark,) = read_source(tmp_path).problems
    assert remark.startswith("K?rner.tif in") and "rename it" in remark


def test_pipes_are_no_files(tmp_path: Path) -> None:
    images(tmp_path, "BSE.tif")
    os.mkfifo(tmp_path / "Mg.tif")
    assert [one.file.name for one in read_contents(tmp_path, Job()).images] == ["BSE.tif"]
