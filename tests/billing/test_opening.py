"""Opening a purchase: who may buy what, what is frozen, and that one key opens one purchase."""

import datetime as dt
import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tests.billing.buying import Buying
from webapp.billing.checkout import REFERENCE_LETTERS, Buyer, Shop, open_purchase
from webapp.billing.errors import PackLocked, PackUnavailable, TermsChanged, UnknownPack
from webapp.billing.models import Purchase, StripeCustomer, StripePrice
from webapp.billing.opening import LIFE, attach_session
from webapp.catalog import Catalog
from webapp.extensions import db, parts, transact
from webapp.ledger.errors import IdempotencyConflict
from webapp.orm import utc_now
from webapp.web.checkout import start_purchase


@pytest.fixture
def catalog(app) -> Catalog:
    return parts().catalog


def opened(buying: Buying, *, catalog: Catalog | None = None, plan_slug: str = "free", **more) -> Purchase:
    """Open without asking Stripe."""
    catalog = catalog or parts().catalog
    user = buying.user
    buyer = Buyer(user.account_id, user.id, user.email, catalog.plan(plan_slug))
    shop = Shop(catalog, "simulated", "https://credits.example.com")
    facts = {"pack_slug": "popular", "terms": None, "open_key": "form:1", "now": utc_now(), **more}
    return transact(lambda session: open_purchase(session, shop, buyer, **facts))


def purchases_stored() -> int:
    with Session(db.engine) as session:
        return session.scalar(select(func.count()).select_from(Purchase))


def set_price(**changes: object) -> None:
    transact(
        lambda session: session.execute(
            update(StripePrice).where(StripePrice.lookup_key == "refill_pack_popular").values(**changes)
        )
    )


def test_every_parameter_of_the_session_is_frozen_before_stripe_hears_of_it(buying, now):
    purchase = opened(buying, now=now)
    metadata = {
        "type": "credit_purchase",
        "purchase_id": purchase.id,
        "account_id": str(buying.user.account_id),
        "user_id": str(buying.user.id),
        "pack": "popular",
        "credits": "1000",
    }
    assert purchase.params == {
        "mode": "payment",
        "line_items": [{"price": purchase.price_id, "quantity": 1}],
        "client_reference_id": purchase.id,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
        "success_url": "https://credits.example.com/dashboard/credits/success?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": f"https://credits.example.com/dashboard/credits?checkout=cancelled&purchase={purchase.id}",
        "expires_at": int((now + LIFE).timestamp()),
        "customer_creation": "always",
        "customer_email": "someone@example.com",
    }
    assert (purchase.credits, purchase.amount_minor, purchase.currency) == (1000, 3500, "usd")
    assert (purchase.state, purchase.takeback, purchase.stripe_mode) == ("open", "debt", "simulated")


def test_what_stripe_is_sent_is_what_was_frozen(buying):
    purchase = buying.start()
    session = buying.gateway.checkout(purchase.session_id)
    assert session.client_reference_id == purchase.id
    assert dict(session.metadata) == purchase.params["metadata"]
    assert session.expires_at == purchase.params["expires_at"]
    assert session.url == purchase.session_url
    assert (session.subtotal_minor, session.currency, session.mode) == (3500, "usd", "payment")


def test_a_reference_can_be_read_aloud(buying):
    for number in range(30):
        reference = opened(buying, open_key=f"form:{number}").reference
        assert reference.startswith("P-")
        assert len(reference) == 8
        assert set(reference[2:]) <= set(REFERENCE_LETTERS)


def test_a_known_customer_is_named_and_nothing_of_a_new_one_is_asked(buying):
    customer = {"account_id": buying.user.account_id, "customer_id": "cus_sim_1", "created_at": utc_now()}
    transact(lambda session: session.add(StripeCustomer(stripe_mode="simulated", **customer)))
    params = opened(buying).params
    assert params["customer"] == "cus_sim_1"
    assert not {"customer_creation", "customer_email"} & set(params)


def test_a_customer_of_another_mode_is_not_named(buying):
    customer = {"account_id": buying.user.account_id, "customer_id": "cus_1", "created_at": utc_now()}
    transact(lambda session: session.add(StripeCustomer(stripe_mode="live", **customer)))
    assert "customer" not in opened(buying).params


def test_the_same_key_gives_the_same_purchase_and_the_same_session(buying):
    first, second = buying.start(key="form:1"), buying.start(key="form:1")
    assert (first.id, first.session_id) == (second.id, second.session_id)
    assert purchases_stored() == 1


def test_another_key_opens_another_purchase(buying):
    assert buying.start(key="form:1").session_id != buying.start(key="form:2").session_id


def test_the_same_key_for_another_pack_is_a_conflict(buying):
    buying.start("popular", key="form:1")
    with pytest.raises(IdempotencyConflict):
        buying.start("small", key="form:1")
    assert purchases_stored() == 1


def test_the_same_key_with_another_fingerprint_is_a_conflict(buying):
    buying.start(key="api:1", fingerprint="a" * 64)
    assert buying.start(key="api:1", fingerprint="a" * 64).state == "open"
    with pytest.raises(IdempotencyConflict):
        buying.start(key="api:1", fingerprint="b" * 64)


def test_two_accounts_may_use_the_same_key(buying, app):
    from webapp.people.users import register

    other = transact(
        lambda session: register(
            session,
            email="other@example.com",
            password="a long enough password",
            name="",
            welcome_credits=0,
            now=utc_now(),
        )
    )
    mine = buying.start(key="form:1")
    theirs = start_purchase(user=other, pack_slug="small", terms=None, open_key="form:1", now=utc_now())
    assert mine.id != theirs.id


def test_the_same_key_gives_the_frozen_purchase_after_the_catalogue_has_changed(buying, catalog):
    first = opened(buying, terms=catalog.pack("popular").terms)
    dearer = tuple(replace(pack, amount_minor=pack.amount_minor + 300) for pack in catalog.packs)
    second = opened(buying, catalog=replace(catalog, packs=dearer), terms=catalog.pack("popular").terms)
    assert (second.id, second.amount_minor) == (first.id, 3500)


def test_twenty_clicks_at_once_with_one_key_open_one_purchase_and_one_session(buying, app):
    found: list[tuple[str, str]] = []
    start = threading.Barrier(20)

    def click() -> None:
        with app.app_context():
            start.wait()
            purchase = buying.start(key="form:1")
            found.append((purchase.id, purchase.session_id))

    threads = [threading.Thread(target=click) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(found) == 20
    assert len(set(found)) == 1
    assert purchases_stored() == 1


def test_an_unknown_pack_is_refused(buying):
    with pytest.raises(UnknownPack):
        opened(buying, pack_slug="nothing")
    assert purchases_stored() == 0


def test_a_pack_that_is_off_sale_is_as_unknown(buying, catalog):
    off = tuple(replace(pack, is_active=False) for pack in catalog.packs)
    with pytest.raises(UnknownPack):
        opened(buying, catalog=replace(catalog, packs=off))


def test_a_pack_of_a_plan_is_locked_for_others_and_open_on_the_plan(buying):
    with pytest.raises(PackLocked) as caught:
        opened(buying, pack_slug="plus-extra", plan_slug="free")
    assert caught.value.facts == {"pack": "plus-extra", "plan": "plus"}
    assert "part of Plus" in caught.value.sentence
    assert purchases_stored() == 0
    assert opened(buying, pack_slug="plus-extra", plan_slug="plus").amount_minor == 599


def test_a_pack_for_subscribers_is_locked_without_a_subscription(buying, catalog):
    packs = tuple(replace(pack, audience="subscribers") for pack in catalog.packs)
    with pytest.raises(PackLocked):
        opened(buying, catalog=replace(catalog, packs=packs), plan_slug="free")
    assert opened(buying, catalog=replace(catalog, packs=packs), plan_slug="pro").state == "open"


def test_other_terms_than_the_page_showed_ask_again_with_the_present_ones(buying):
    with pytest.raises(TermsChanged) as caught:
        opened(buying, terms="0123456789abcdef")
    assert caught.value.facts == {"pack": "popular", "credits": 1000, "amount_minor": 3500, "currency": "usd"}
    assert purchases_stored() == 0


def test_the_terms_the_page_showed_are_compared_and_agree(buying, catalog):
    assert opened(buying, terms=catalog.pack("popular").terms).state == "open"


@pytest.mark.parametrize(
    "changes", [{"amount_minor": 3501}, {"currency": "eur"}, {"is_active": False}, {"stripe_mode": "test"}]
)
def test_a_pack_whose_price_differs_in_stripe_can_not_be_bought(buying, changes):
    set_price(**changes)
    with pytest.raises(PackUnavailable):
        opened(buying)
    assert purchases_stored() == 0


def test_attaching_the_session_twice_changes_nothing_and_another_one_is_refused(buying):
    purchase = buying.start()
    session = buying.gateway.checkout(purchase.session_id)
    assert transact(lambda db_session: attach_session(db_session, purchase, session)).session_id == session.id
    with pytest.raises(RuntimeError, match=purchase.id):
        transact(lambda db_session: attach_session(db_session, purchase, replace(session, id="cs_test_sim_other")))
    assert buying.purchase(purchase).session_id == session.id


def test_an_opened_purchase_ends_within_what_stripe_allows(buying):
    purchase = buying.start()
    left = dt.datetime.fromtimestamp(purchase.params["expires_at"], dt.UTC) - utc_now()
    assert dt.timedelta(minutes=30) < left < dt.timedelta(hours=24)
    assert purchase.expires_at - purchase.opened_at == LIFE
