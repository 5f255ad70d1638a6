"""What can be wrong with scans: each is refused with the file's name and a cure, and nothing is written."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gvae.data import open_data
from gvae.data.files import zips
from gvae.data.options import ReadOptions
from gvae.data.sources.ct import open_ct
from gvae.errors import GvaeError
from tests.data.ct.ct_files import affine, body, pack, write_nifti, write_series, write_slice

pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")

Call = Callable[[], object]
Build = Callable[[Path], Call]


def series(odd: int = 3, keep: bool = True, **tags: Any) -> Build:
    """A series with one slice that has other tags; keep: beside the rest."""

    def build(root: Path) -> Call:
        paths = write_series(root, body())
        image = pydicom.dcmread(paths[odd])
        for name, value in tags.items():
            if value is None:
                delattr(image, name)
            else:
                setattr(image, name, value)
        image.save_as(root / "odd.dcm")
        if keep:
            paths[odd].unlink()
        return partial(open_ct, root)

    return build


def scan(
    values: np.ndarray | None = None, grid: np.ndarray | None = None, name: str = "scan.nii.gz", **options: Any
) -> Build:
    """One NIfTI file."""

    def build(root: Path) -> Call:
        write_nifti(root / name, body() if values is None else values, grid)
        return partial(open_ct, root, ReadOptions(**options))

    return build


def asked(**options: Any) -> Build:
    """One NIfTI file, opened by its name on the command line."""

    def build(root: Path) -> Call:
        write_nifti(root / "scan.nii.gz", body())
        return partial(open_data, f"ct:{root}", **options)

    return build


def labelled(mask: np.ndarray, place: str = "segmentations/liver.nii.gz", organ: str = "liver") -> Build:
    """A scan with labels."""

    def build(root: Path) -> Call:
        write_nifti(root / "ct.nii.gz", body())
        write_nifti(root / place, mask)
        return partial(open_ct, root, ReadOptions(organ=organ, size=8))

    return build


def huge(root: Path) -> Call:
    """A file whose header claims 32000^3 voxels."""
    write_nifti(root / "scan.nii", body())
    data = bytearray((root / "scan.nii").read_bytes())
    data[40:48] = struct.pack("<4h", 3, 32000, 32000, 32000)
    (root / "scan.nii").write_bytes(data)
    return partial(open_ct, root)


def holding(name: str, content: bytes) -> Build:
    """A folder of one file."""

    def build(root: Path) -> Call:
        (root / name).write_bytes(content)
        return partial(open_ct, root)

    return build


def tilted(root: Path) -> Call:
    """Slices shifted to the back one after the other."""
    for k, image in enumerate(body()):
        write_slice(root / f"{k}.dcm", image, (0, 0.5 * k, 2.5 * k))
    return partial(open_ct, root)


def gap(root: Path) -> Call:
    """A slice is missing."""
    write_series(root, body())[5].unlink()
    return partial(open_ct, root)


def mixed(root: Path) -> Call:
    """Two series in one folder."""
    write_series(root, body())
    for k in range(3):
        write_slice(root / f"other{k}.dcm", body()[k], (0, 0, k), SeriesInstanceUID="1.2.4")
    return partial(open_ct, root)


def cut_dicom(root: Path) -> Call:
    """A slice without its end."""
    path = write_series(root, body())[2].rename(root / "odd.dcm")
    path.write_bytes(path.read_bytes()[:-100])
    return partial(open_ct, root)


def no_codec(root: Path) -> Call:
    """A slice in lossless JPEG, of which the pixels are nonsense: with or without a decoder it cannot be read."""
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEGLosslessSV1

    write_slice(root / "odd.dcm", body()[0])
    image = pydicom.dcmread(root / "odd.dcm")
    image.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    image.PixelData = encapsulate([b"\xff\xd8 nonsense"])
    image.save_as(root / "odd.dcm")
    return partial(open_ct, root)


def cut_nifti(root: Path) -> Call:
    """A compressed file without its end."""
    path = write_nifti(root / "scan.nii.gz", body())
    path.write_bytes(path.read_bytes()[:-200])
    return partial(open_ct, root)


def header(**fields: Any) -> Build:
    """A NIfTI file with other fields in the header."""

    def build(root: Path) -> Call:
        data = bytearray(nibabel.Nifti1Image(body(), affine()).to_bytes())
        about = nibabel.Nifti1Header(bytes(data[:348]))
        for name, value in fields.items():
            about[name] = value
        data[:348] = about.binaryblock
        (root / "scan.nii").write_bytes(data)
        return partial(open_ct, root)

    return build


def colour(root: Path) -> Call:
    """A NIfTI file of red, green and blue."""
    values = np.zeros((4, 4, 4), np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]))
    nibabel.save(nibabel.Nifti1Image(values, affine()), root / "scan.nii")
    return partial(open_ct, root)


def leading_out(name: str) -> Build:
    """An archive with a member that would land elsewhere."""

    def build(root: Path) -> Call:
        with zipfile.ZipFile(root / "scans.zip", "w") as archive:
            archive.writestr(name, b"x" * 200)
        return partial(open_ct, root)

    return build


def locked(root: Path) -> Call:
    """An archive that says it has a password."""
    write_series(root / "a", body()[:1])
    path = pack(root / "a", root / "scans.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return partial(open_ct, root)


def sizes(root: Path) -> Call:
    """Two scans of different sizes."""
    write_nifti(root / "a.nii", body())
    write_nifti(root / "b.nii", body((12, 16, 24)))
    return partial(open_ct, root)


def nameless(root: Path) -> Call:
    """Labels without a table of names."""
    return labelled(np.ones((12, 16, 20), np.uint8), "seg.nii.gz")(root)


def bad_table(root: Path) -> Call:
    """Labels with a table that is none."""
    (root / "dataset.json").write_text('{"labels": ["liver"]}')
    return nameless(root)


MASK = np.ones((12, 16, 20), np.uint8)
HOLE = body().astype(np.float32)
HOLE[2, 3, 4] = np.nan

CASES: list[tuple[str, Build, str, str]] = [
    ("no rescale", series(RescaleSlope=None), r"odd\.dcm has no rescale slope", "export the series again"),
    ("rescaled to no HU", series(RescaleType="OD"), r"odd\.dcm is rescaled to OD", "choose a series of CT images"),
    ("gantry tilt", tilted, r"0\.dcm was taken with a tilted gantry.* 11\.3 degrees", "straighten it first"),
    ("missing slice", gap, r"a slice is missing between .*\.dcm and .*\.dcm: .*5\.00 mm", "copy the series again"),
    ("slice twice", series(keep=False), r"(image_\d+|odd)\.dcm and .*\.dcm lie at one place", "remove the copy"),
    ("two series", mixed, r"2 series .*12 slices such as .*\.dcm, 3 slices such as .*other", "a folder of its own"),
    ("other pixel size", series(PixelSpacing=[0.9, 0.9]), r"has PixelSpacing \[0\.9, 0\.9\]", "move the odd files"),
    ("other rows", series(Rows=15), r"dcm has Rows \[15\], but", "move the odd files away"),
    ("other direction", series(ImageOrientationPatient=[0, 1, 0, 1, 0, 0]), r"has ImageOrient", "move the odd files"),
    ("no CT", series(Modality="MR"), r"odd\.dcm is of modality MR", "move it out"),
    ("no orientation", series(ImageOrientationPatient=None), r"odd\.dcm lacks ImageOrient", "export the series"),
    ("no position", series(ImagePositionPatient=None), r"odd\.dcm lacks ImagePosition", "export the series"),
    ("many frames", series(NumberOfFrames=12), r"odd\.dcm holds many frames", "NIfTI file of it with dcm2niix"),
    ("colour DICOM", series(SamplesPerPixel=3), r"odd\.dcm is a colour picture", "move it out"),
    ("cut DICOM", cut_dicom, r"odd\.dcm is damaged", "copy or download it again"),
    ("text as DICOM", holding("notes.dcm", b"hello"), r"notes\.dcm is no DICOM file", "move it away"),
    ("empty DICOM", holding("notes.dcm", b""), r"notes\.dcm is (no DICOM file|damaged)", "move it away"),
    ("no codec", no_codec, r"odd\.dcm is compressed \(JPEG Lossless", "pip install pylibjpeg pylibjpeg-libjpeg"),
    ("NaN", scan(HOLE), r"scan\.nii\.gz holds 1 voxels that are NaN", "replace them, with -1024"),
    ("beyond 16 bits", scan(body().astype(np.int32) * 99), r"scan\.nii\.gz holds values from", "convert it to HU"),
    ("four axes", scan(np.stack([body()] * 2, -1)), r"scan\.nii\.gz has shape \(12, 16, 20, 2\)", "single files"),
    ("two axes", scan(body()[0]), r"scan\.nii\.gz has shape \(16, 20\)", "single"),
    ("zero spacing", header(pixdim=[1, 0, 1, 1, 1, 1, 1, 1], srow_z=0), r"scan\.nii has no usable", "convert it again"),
    ("two axes alike", scan(grid=affine()[:, [1, 1, 2, 3]]), r"scan\.nii\.gz has no usable grid", "convert it again"),
    ("sheared grid", scan(grid=affine() + np.eye(4)[[1, 2, 0, 3]] * 0.3), r"scan\.nii\.gz was taken", "straighten it"),
    ("no direction", header(sform_code=0, qform_code=0), r"scan\.nii does not say how it is", "dcm2niix"),
    ("metres", header(xyzt_units=1), r"scan\.nii gives its spacing in meter", "convert the header to mm"),
    ("colour NIfTI", colour, r"scan\.nii holds \[\('R'.*picture in colour", "give the CT scan"),
    ("cut NIfTI", cut_nifti, r"scan\.nii\.gz is cut or damaged", "download it again"),
    ("text as NIfTI", holding("scan.nii", b"hello" * 99), r"scan\.nii is no NIfTI file", "again"),
    ("text as .gz", holding("scan.nii.gz", b"hello"), r"scan\.nii\.gz is cut or damaged", "download it again"),
    ("mask of another grid", labelled(MASK[1:]), r"liver\.nii\.gz has 11 x 16 x 20 voxels", "resample one of the two"),
    ("unknown organ", labelled(MASK, organ="livre"), r"no organ 'livre'; did you mean 'liver'", "Known: liver"),
    ("no labels", scan(organ="liver"), r"no labels beside .*scan\.nii\.gz", "put masks into a folder seg"),
    ("label without a name", nameless, r"seg\.nii\.gz does not say what its labels are", "write a dataset.json"),
    ("table of labels", bad_table, r"dataset\.json has no table of labels", '{"labels": {"1": "liver"}}'),
    ("empty mask", labelled(MASK * 0), r"the liver is empty in all labels below", "choose another --organ"),
    ("window of no width", asked(window=(40, 0)), r"--window 40,0: value 2 is 0\.0", "above 0"),
    ("spacing of zero", asked(spacing=0.0), r"--spacing is 0\.0", "above 0"),
    ("negative spacing", asked(spacing=-1.0), r"--spacing is -1\.0", "above 0"),
    ("spacing that is no number", asked(spacing=float("nan")), r"--spacing is nan", "a finite number"),
    ("large block", scan(form="volumes"), r"scan\.nii\.gz has 12 x 16 x 20 voxels", "smaller --block"),
    ("block of slices", scan(block=8), r"a block of 8 voxels is for volumes", "--form volumes"),
    ("size and block", scan(form="volumes", block=8, size=4), r"--size 4 and --block 8 differ", "give --block alone"),
    ("small size", asked(size=2), r"--size is 2", "from 4 to 65,535"),
    ("unknown form", scan(form="slabs"), r"no form of CT data 'slabs'; did you mean 'slices'", "volumes"),
    ("all air", scan(body() * 0 - 900, form="volumes", block=8), r"all blocks of 8 voxels .*air", "smaller --block"),
    ("slices of two sizes", sizes, r"[ab]\.nii has slices of \d+ x \d+ pixels", "--size 128"),
    ("member above", leading_out("../../evil.dcm"), r"scans\.zip holds '\.\./\.\./evil\.dcm'", "from its source"),
    ("member at the root", leading_out("/etc/evil.dcm"), r"scans\.zip holds '/etc/evil\.dcm'", "from its source"),
    ("member by backslash", leading_out("a\\..\\..\\evil.dcm"), r"scans\.zip holds ", "from its source"),
    ("archive with password", locked, r"scans\.zip is encrypted", "unpack it with its password"),
    ("cut archive", holding("scans.zip", b"PK\x03\x04 no more"), r"scans\.zip is no whole zip", "download it again"),
    (
        "no scan",
        holding("notes.txt", b"hello"),
        r"holds no CT scan \(files of other kinds: 1 \.txt",
        "--data ct:FOLDER",
    ),
    ("empty folder", lambda root: partial(open_ct, root), r"holds no CT scan \(.*nothing\)", "--data ct:FOLDER"),
    ("a header of too much", huge, r"scan\.nii is cut or damaged \(its header claims", "download it again"),
    (
        "a folder with a word of labels",
        scan(name="label_study/a.nii"),
        r"1 files or folders of slices were taken as labels, as label_study/a\.nii, since a word of label_study says so",
        "if these are scans, give ct:",
    ),
    (
        "a file with a word of labels",
        scan(name="study/ct_seg.nii"),
        r"were taken as labels, as study/ct_seg\.nii, since a word of ct_seg\.nii says so",
        "if these are scans, rename ct_seg.nii",
    ),
    ("no folder", lambda root: partial(open_ct, root / "scans"), r"there is no folder .*scans", "no folder"),
    ("nothing given", lambda _: partial(open_ct, None), r"which scans\?", "--data ct:FOLDER"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_bad_scans_are_named_with_a_cure(case: tuple[str, Build, str, str], tmp_path: Path):
    _, build, named, cure = case
    call = build(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(GvaeError) as caught:
        call()
    message = str(caught.value)
    assert re.search(named, message), message
    assert re.search(re.escape(cure), message), message
    assert "\n" not in message
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_an_archive_of_too_much_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(zips, "LARGEST", 1000)
    leading_out("large.dcm")(tmp_path)
    with zipfile.ZipFile(tmp_path / "scans.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.dcm", b"\0" * 2000)
    with pytest.raises(GvaeError, match=r"scans\.zip holds 'large\.dcm' .*unpack it and give the folder"):
        open_ct(tmp_path)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from gvae.data.ct.stack import Stack

    class Full:
        def seek(self, place: int) -> None:
            pass

        def write(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    stack = Stack(tmp_path / "images.raw")
    monkeypatch.setattr(stack, "_file", Full())
    with pytest.raises(GvaeError, match=r"images of a\.nii to .*images\.raw .*No space left.*free some space"):
        stack.add(body(), "a.nii")
