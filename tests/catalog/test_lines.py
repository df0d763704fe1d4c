"""Where a key stands in a TOML text, whatever the writing."""

import textwrap
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from webapp.catalog.lines import KeyPath, key_lines, nearest_line, unfinished_line


def lines_of(text: str) -> dict[KeyPath, int]:
    return key_lines(textwrap.dedent(text).lstrip("\n"))


def test_tables_arrays_of_tables_and_dotted_names_are_found() -> None:
    lines = lines_of("""
        currency = "usd"   # line 1

        [credit]
        worth_minor = 5
        deep.er.key = 1
        [[packs]]
        slug = "a"
        [packs.extra]
        note = "of the first"
        [[packs]]
        slug = "b"
        [packs.extra]
        note = "of the second"
        [[packs.parts]]
        [[packs.parts]]
        n = 1
        ["quoted key".'x.y']
        z = 1
    """)
    assert lines["currency",] == 1
    assert lines["credit",] == 3
    assert lines["credit", "worth_minor"] == 4
    assert lines["credit", "deep", "er", "key"] == 5
    assert lines["packs", 0] == lines["packs",] == 6
    assert lines["packs", 0, "slug"] == 7
    assert lines["packs", 0, "extra", "note"] == 9
    assert lines["packs", 1] == 10
    assert lines["packs", 1, "slug"] == 11
    assert lines["packs", 1, "extra"] == 12
    assert lines["packs", 1, "extra", "note"] == 13
    assert lines["packs", 1, "parts", 0] == 14
    assert lines["packs", 1, "parts", 1, "n"] == 16
    assert lines["quoted key", "x.y", "z"] == 18


def test_text_that_looks_like_tables_inside_strings_is_no_table() -> None:
    lines = lines_of('''
        note = """
        [[packs]]
        slug = "not a pack"
        """
        other = \'\'\'
        [credit]
        \'\'\'
        # [plans]
        [real]
        key = "]"
    ''')
    assert lines == {("note",): 1, ("other",): 5, ("real",): 9, ("real", "key"): 10}


def test_the_elements_of_an_array_over_several_lines_are_found() -> None:
    lines = lines_of("""
        packs = [
          { slug = "a", credits = 1 },

          # the second
          { slug = "b", parts = [
              1,
              2,
          ] },
        ]
        after = 1
    """)
    assert lines["packs",] == 1
    assert lines["packs", 0] == lines["packs", 0, "credits"] == 2
    assert lines["packs", 1] == 5
    assert lines["after",] == 10


def test_a_line_separator_inside_a_string_is_no_new_line_and_windows_line_ends_are() -> None:
    assert key_lines('a = "x\u2028y\x0cz"\nb = 1'.replace("\x0c", "\u0085")) == {("a",): 1, ("b",): 2}
    assert key_lines("a = 1\r\n\r\nb = 2\r\n") == {("a",): 1, ("b",): 3}


def test_a_missing_key_is_missing_in_the_table_around_it() -> None:
    lines = lines_of("""
        x = 1
        [[packs]]
        slug = "a"
    """)
    assert nearest_line(lines, ("packs", 0, "credits")) == 2
    assert nearest_line(lines, ("currency",)) == 1


def test_what_has_no_end_is_named_by_its_beginning() -> None:
    assert unfinished_line("a = 1\n\nb = [\n1,\n2") == 3
    assert unfinished_line('a = 1\nb = """\ntext\n[x]\n') == 2
    assert unfinished_line("a = ") == 1


# A writer of TOML that knows on which line it writes what: the independent witness.
Written = tuple[list[str], list[tuple[KeyPath, int]]]
KEYS = st.sampled_from(["slug", "name", "credits", "x", "1", "a-b", '"q k"', "'l.t'"])


def plain(key: str) -> str:
    return key[1:-1] if key[0] in "\"'" else key


# Each way to write a key: the lines (`K` is the key), and what stands on which of them.
WRITINGS: list[tuple[list[str], list[tuple[KeyPath, int]]]] = [
    (["K = 12 # [no] x = 1"], [((), 0)]),
    (['K = "# [[packs]]"'], [((), 0)]),
    (['K = """', "[packs]", "slug = 1", '"""'], [((), 0)]),
    (["K = '''x", "]", "'''"], [((), 0)]),
    (["K.inner.most = true"], [((), 0), (("inner",), 0), (("inner", "most"), 0)]),
    (["K = { a = 1, b.c = [2, 3] }"], [(("a",), 0), (("b", "c", 1), 0)]),
    (["K = [", " 1, # one", "", " 2", "]"], [((), 0), ((0,), 1), ((1,), 3)]),
    (["K = [ { s = 0 },", " # note", ' { s = """', '[x]""" },', "]"], [((0, "s"), 0), ((1,), 2), ((1, "s"), 2)]),
]


@st.composite
def statements(draw: st.DrawFn, key: str) -> Written:
    out, places = draw(st.sampled_from(WRITINGS))
    return [line.replace("K", key) for line in out], [((plain(key), *path), line) for path, line in places]


@st.composite
def tables(draw: st.DrawFn, header: str, at: KeyPath) -> Written:
    out = [header] if header else []
    found: list[tuple[KeyPath, int]] = [(at, 0)] if header else []
    for key in draw(st.lists(KEYS, unique_by=plain, max_size=4)):
        out += draw(st.lists(st.sampled_from(["", "  # comment = [", "\t"]), max_size=2))
        body, places = draw(statements(key))
        found += [((*at, *path), len(out) + line) for path, line in places]
        out += body
    return out, found


@st.composite
def documents(draw: st.DrawFn) -> Written:
    out, found = draw(tables("", ()))
    seen: dict[str, int] = {}
    for number in range(draw(st.integers(0, 5))):
        array = draw(st.sampled_from(["", "packs", "plans"]))
        if array:
            place = seen[array] = seen.get(array, -1) + 1
            part = draw(tables(f"[[ {array} ]]", (array, place)))
        else:
            part = draw(tables(f"[t{number}.sub]", (f"t{number}", "sub")))
        found += [(path, len(out) + line) for path, line in part[1]]
        out += part[0]
    return out, found


@given(documents())
def test_every_key_is_found_where_it_was_written(document: Written) -> None:
    out, found = document
    text = "\n".join(out)
    tomllib.loads(text)
    lines = key_lines(text)
    assert {path: lines.get(path) for path, _ in found} == {path: line + 1 for path, line in found}


@given(documents())
def test_every_key_that_toml_reads_has_a_line(document: Written) -> None:
    text = "\n".join(document[0])
    lines = key_lines(text)

    def check(value: Any, path: KeyPath) -> None:
        assert not path or path in lines
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in inside:
            check(inner, (*path, key))

    check(tomllib.loads(text), ())
