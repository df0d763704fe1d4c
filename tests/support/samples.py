"""The catalogues that come with Refill, and small packs and meters for tests of single rules."""

import dataclasses
from functools import cache
from pathlib import Path

from webapp.catalog import Catalog, Pack, load_catalog

ROOT = Path(__file__).parents[2]


@cache
def sample_catalog() -> Catalog:
    """The catalogue of credits: six packs, 1 credit = 5 cents, 3 credits a minute."""
    return load_catalog(ROOT / "catalog.toml")


@cache
def money_catalog() -> Catalog:
    """The catalogue of money: four packs, 1 credit = 1 cent, 15 cents a minute."""
    return load_catalog(ROOT / "examples" / "voice-minutes.toml")


def in_currency(catalog: Catalog, currency: str) -> Catalog:
    """The same catalogue in another currency."""
    return dataclasses.replace(
        catalog,
        unit=dataclasses.replace(catalog.unit, currency=currency),
        packs=tuple(dataclasses.replace(pack, currency=currency) for pack in catalog.packs),
    )


def pack(credits: int, amount_minor: int, currency: str = "usd", **other: object) -> Pack:
    """A pack that anyone may buy."""
    made = dataclasses.replace(
        sample_catalog().packs[0], slug=f"p{credits}-{amount_minor}", name=f"P{credits}", credits=credits,
        amount_minor=amount_minor, currency=currency,
    )  # fmt: skip
    return dataclasses.replace(made, **other)  # type: ignore[arg-type]  # fields by name
