"""A small good catalogue, and the faults of changed ones with their lines."""

from pathlib import Path

import pytest

from webapp.catalog import Catalog, CatalogError, load_catalog

GOOD = """\
currency = "usd"
display = "credits"
main_meter = "call_minute"
[credit]
worth_minor = 5
[[packs]]
slug = "starter"
name = "Starter"
credits = 100
amount_minor = 500
featured = true
[[packs]]
slug = "plus-extra"
name = "Plus extra"
credits = 200
amount_minor = 599
audience = "plan:plus"
[[plans]]
slug = "free"
name = "Free"
amount_minor = 0
welcome_credits = 20
[[plans]]
slug = "plus"
name = "Plus"
amount_minor = 1900
allowance_credits = 500
[[meters]]
slug = "call_minute"
title = "Outbound call"
unit = "minute"
credits = 3
rounding = "started"
"""


def load(tmp_path: Path, content: str | bytes) -> Catalog:
    path = tmp_path / "catalog.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_catalog(path)


def faults(tmp_path: Path, content: str | bytes) -> list[tuple[int, str]]:
    """Line and sentence of each fault."""
    with pytest.raises(CatalogError) as caught:
        load(tmp_path, content)
    prefix = f"{tmp_path / 'catalog.toml'}:"
    found = []
    for fault in caught.value.faults:
        assert fault.startswith(prefix)
        line, _, sentence = fault.removeprefix(prefix).partition(": ")
        assert sentence.endswith("."), sentence
        assert "\n" not in fault
        found.append((int(line), sentence))
    assert str(caught.value) == "\n".join(caught.value.faults)
    return found


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times in the good catalogue"
    return GOOD.replace(old, new)
