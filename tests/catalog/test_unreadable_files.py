"""Files that are no catalogue at all: no TOML, no UTF-8, not there."""

from pathlib import Path

import pytest

from tests.support.catalogs import GOOD, changed, faults, load
from webapp.catalog import CatalogError, load_catalog


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("a = 1\nb = \n", 2, "Invalid value (column 5)"),
        ("a = 1\na = 2\n", 2, "Cannot overwrite a value"),
        ("[x]\n[y]\n[x]\n", 3, "Cannot declare ('x',) twice"),
        ("credits = 01\n", 1, "(column"),
        ('ok = 1\nname = "no end\n', 2, "Illegal character"),
        ('a = 1\n\nb = """\nno end\n', 3, "what begins here has no end (Unterminated string)"),
        ("a = 1\n# c\nb = [\n  1,\n  2\n", 3, "what begins here has no end (Unclosed array)"),
        ("a", 1, "what begins here has no end"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path, content: str, line: int, words: str) -> None:
    ((found_line, sentence),) = faults(tmp_path, content)
    assert found_line == line
    assert words in sentence


@pytest.mark.parametrize("content", ["a = " + "9" * 5000, "a = " + "[" * 100_000])
def test_absurd_files_are_refused_without_a_traceback(tmp_path: Path, content: str) -> None:
    assert faults(tmp_path, content) == [(1, "a number or a nesting in this file is far too long.")]


def test_a_file_that_is_no_utf_8_is_told_with_the_line_of_the_byte(tmp_path: Path) -> None:
    raw = GOOD.encode().replace(b"Plus extra", "Größer".encode("latin-1"))
    assert faults(tmp_path, raw) == [(14, "byte 0xF6 is not UTF-8. Save the file as UTF-8.")]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()).packs[0].slug == "starter"
    windows = changed("credits = 100\n", "credits = true\n").replace("\n", "\r\n")
    assert [line for line, _ in faults(tmp_path, windows)] == [9]


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(CatalogError) as caught:
            load_catalog(path)
        (fault,) = caught.value.faults
        assert fault.startswith(f"{path}: the catalogue can't be read: ")


def test_a_file_that_is_far_too_large_is_no_catalogue(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_bytes(b"#" * 300_000)
    with pytest.raises(CatalogError, match="300,000 bytes is no catalogue"):
        load_catalog(tmp_path / "catalog.toml")
