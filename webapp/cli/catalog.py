"""`flask catalog check`: tells whether a catalogue can be used. It must work where the application refuses to start."""

import os
from collections.abc import Sequence
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from webapp.catalog import Catalog, CatalogError, load_catalog
from webapp.settings import Settings

group = AppGroup("catalog", help="What is for sale.")


@group.command("check", with_appcontext=False)
@click.argument("path", required=False, type=click.Path(path_type=Path))
def check(path: Path | None) -> None:
    """Tell every fault of the catalogue with its line.

    Checks the file at PATH, or the one that CATALOG names. The exit status is 1 if there are faults.
    """
    try:
        catalog = load_catalog(path or _configured_path())
    except CatalogError as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from None
    click.echo(_summary(catalog))


def is_asked_for(arguments: Sequence[str]) -> bool:
    """Whether a command line (`sys.argv`) asks for this group, which needs no application behind it."""
    return list(arguments[1:2]) == [group.name]


def bare_app() -> Flask:
    """An application of this group only: `flask` wants one, and a broken catalogue makes no other."""
    app = Flask("refill")
    app.cli.add_command(group)
    return app


def _configured_path() -> Path:
    default: Path = Settings.model_fields["catalog"].default
    return Path(os.environ.get("CATALOG") or default)


def _summary(catalog: Catalog) -> str:
    kinds = {"pack": catalog.packs, "plan": catalog.plans, "meter": catalog.meters}
    counts = (f"{len(items)} {one}{'' if len(items) == 1 else 's'}" for one, items in kinds.items())
    return f"{catalog.path} is fine: {', '.join(counts)}."
