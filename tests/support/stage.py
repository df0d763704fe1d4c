"""A site whose clock tests move, and whose road to Stripe they close."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.site import Site, running_site


@dataclass
class Stage:
    """Told to the server by a file, which it reads before each request."""

    site: Site
    path: Path
    seconds: int = 0
    is_cut_off: bool = False

    @property
    def url(self) -> str:
        return self.site.url

    def let_pass(self, seconds: int) -> None:
        """Let time pass on the server: for sign-ins, limits, the simulated Stripe and its deliveries too."""
        self.seconds += seconds
        self._tell()

    def cut_off(self) -> None:
        """Let no question about a checkout reach Stripe."""
        self.is_cut_off = True
        self._tell()

    def connect(self) -> None:
        """Let all of them reach it again."""
        self.is_cut_off = False
        self._tell()

    def _tell(self) -> None:
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps([self.seconds, self.is_cut_off]))
        draft.replace(self.path)  # whole or not at all


@contextmanager
def running_stage(folder: Path, template: Path) -> Iterator[Stage]:
    """Serve a copy of the migrated SQLite file; at the end its ledger must be clean."""
    shutil.copy(template, folder / "refill.sqlite3")
    told = folder / "stage.json"
    more = {"TRUSTED_PROXIES": "1", "STAGE": str(told), "app": "tests.support.staged:app"}
    with running_site(f"sqlite:///{folder}/refill.sqlite3", folder, **more) as site:
        yield Stage(site, told)
        site.flask("credits", "verify")
