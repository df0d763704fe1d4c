"""What somebody without enough credits is told: how many are missing, and the smallest pack that brings them."""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.billing.offers import Offer, offers
from webapp.billing.subscriptions.standing import plan_standing
from webapp.catalog import Catalog, Pack
from webapp.errors import Refusal
from webapp.extensions import db, parts
from webapp.ledger.errors import InsufficientCredits
from webapp.ledger.queries import balance
from webapp.orm import utc_now
from webapp.web.display import LOCALE, amount, money, short_amount
from webapp.web.keys import has_key
from webapp.web.logs import log
from webapp.web.pages.reader import present_reader


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Credits that were `needed` of an account, and those `available`.

    `pack` covers what is missing, debts too; None if no pack on sale to the account does.
    """

    account_id: int
    needed: int
    available: int
    pack: Pack | None

    @property
    def buy_path(self) -> str:
        """Where the pack's card is, or all of them."""
        return f"{url_for('credits.credits')}#{f'pack-{self.pack.slug}' if self.pack else 'packs'}"

    @property
    def facts(self) -> dict[str, object]:
        """What a program is told."""
        return {
            "needed": self.needed,
            "available": self.available,
            "pack": self.pack.slug if self.pack else None,
            "buy_url": parts().settings.base_url + self.buy_path,
        }

    def text(self, catalog: Catalog, locale: str = LOCALE) -> str:
        """What a person is told: “This needs 36 credits and you have 12. Nothing was used.”."""
        needed, has = amount(self.needed, catalog, locale), short_amount(self.available, catalog, locale)
        return f"This needs {needed} and you have {has}. Nothing was used."


@dataclass(frozen=True, slots=True)
class Buying:
    """A form that buys one pack. `words` are its button's; `key` makes its first sending the only one."""

    pack: Pack
    words: str
    key: str


def shortfall_of(refusal: InsufficientCredits) -> Shortfall:
    """The refusal's numbers, and the pack that helps its account. Without a database there is no pack."""
    account_id, needed, available = refusal.account_id, refusal.needed, refusal.available
    pack = None
    try:
        pack = _smallest(db.session(), account_id, needed - available, now=utc_now())
    except (SQLAlchemyError, Refusal) as error:
        log.warning("shortfall without its pack", error=type(error).__name__)
    return Shortfall(account_id, needed, available, pack)


def shortfall_on_page(found: Shortfall) -> dict[str, Any]:
    """What `errors/_error.html` draws of it: the words as the reader writes numbers, and the way to more credits.

    One form buys the pack that helps; whose account it isn't, or who is helped by no pack, is led to all of them.
    """
    sold, locale = parts().catalog, LOCALE
    all_packs = f"{url_for('credits.credits')}#packs"
    form = None
    if not has_key(request) and current_user.is_authenticated:
        locale = present_reader().locale
        form = _buying(found, sold, locale) if current_user.account_id == found.account_id else None
    return {
        "text": found.text(sold, locale),
        "buying": form,
        "actions": [("See all packs" if form else "Buy credits", all_packs)],
    }


def _buying(found: Shortfall, sold: Catalog, locale: str) -> Buying | None:
    pack = found.pack
    if pack is None:
        return None
    price = money(pack.amount_minor, pack.currency, locale)
    return Buying(pack, f"Buy {amount(pack.credits, sold, locale)} for {price}", secrets.token_urlsafe(16))


def _smallest(session: Session, account_id: int, missing: int, *, now: dt.datetime) -> Pack | None:
    """The smallest pack on sale to the account with which the same work would go through: it pays debts first."""
    missing += balance(session, account_id, now=now).debt
    sold, mode = parts().catalog, parts().settings.payments
    plan = plan_standing(session, sold, account_id, stripe_mode=mode).plan
    found = offers(session, sold, account_id=account_id, plan=plan, stripe_mode=mode, now=now)
    covering = [offer.pack for offer in found if _covers(offer, missing)]
    return min(covering, key=lambda pack: (pack.credits, pack.amount_minor), default=None)


def _covers(offer: Offer, missing: int) -> bool:
    return offer.state == "open" and offer.pack.credits >= missing
