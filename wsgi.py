"""The application, for gunicorn and for the `flask` command."""

import sys

from webapp import create_app
from webapp.catalog import CatalogError
from webapp.cli import catalog
from webapp.settings import SettingsError

try:
    # `flask catalog check` must tell what is wrong with a catalogue that the application refuses.
    app = catalog.bare_app() if catalog.is_asked_for(sys.argv) else create_app()
except (SettingsError, CatalogError) as error:
    print(error, file=sys.stderr)  # noqa: T201  # nothing is configured yet; this is for whoever starts us
    sys.exit(3)  # gunicorn takes 3 as "can't boot" and ends, instead of starting workers for ever
