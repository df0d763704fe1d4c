"""States of the operator's console: people, one person, acts and their forms."""

import datetime as dt

from sqlalchemy.orm import Session

from tests.api.books import grant, spend
from tests.browser.stage import Buyer, Stage, View, long_email
from tests.browser.states import shows
from tests.support.keys import make_key
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.hosts import Wish, host_account
from webapp.people.keyring import MOST_KEYS
from webapp.web.pages.operator.purchases import DISPUTE_CHIPS, REFUND_CHIPS

PEOPLE = "/operator/people"
LONG_REASON = f"A reason as long as reasons are, and a word without an end: {'x' * 300}"


def operator(stage: Stage, role: str = "admin") -> Buyer:
    """Somebody with a role."""
    someone = stage.buyer(name="Olga Perator")
    someone.become(role=role)
    return someone


def path_of(buyer: Buyer, side: str = "") -> str:
    return f"{PEOPLE}/{buyer.user.account_id}{f'/{side}' if side else ''}"


def busy(stage: Stage, **facts: str) -> Buyer:
    """A customer with credits of every kind, work in progress and purchases."""
    customer = stage.buyer(**facts)
    grant(customer.user.account_id, 86, "allowance", expires_at=utc_now() + dt.timedelta(days=9))
    customer.granted()
    spend(customer.user.account_id, 36, meter="call_minute", quantity=12)
    customer.hold(12)
    return customer


def sent(by: Buyer, path: str, form: str = "do-form", **typed: str) -> View:
    """A form that was sent; what comes of it stays at its address."""
    answer = by.pages.submit(by.pages.open(path), form, **typed)
    if answer.status_code == 303:
        path = answer.headers["Location"]
        answer = by.pages.client.get(path)
    return View(path, by, answer)


@shows("operator.overview")
def operator_overview(stage):
    return View("/operator", operator(stage))


@shows("operator.people")
def operator_people_with_long_names(stage):
    stage.buyer(email=long_email(), name="A name without any space ".replace(" ", "-") * 4)
    host_account(Wish("u" * 200, long_email(), None), welcome_credits=0, now=utc_now())
    return View(PEOPLE, operator(stage))


@shows("operator.people")
def operator_people_nobody_found(stage):
    return View(f"{PEOPLE}?q=nobody-is-called-so", operator(stage))


@shows("operator.people")
def operator_people_found_while_typing(stage):
    found = stage.buyer()
    return View(
        PEOPLE,
        operator(stage),
        act=lambda page: (page.fill("#people-q", found.user.email), page.wait_for_url(f"**q={found.user.email}")),
    )


@shows("operator.person")
def operator_person_with_everything(stage):
    return View(path_of(busy(stage)), operator(stage))


@shows("operator.person")
def operator_person_with_long_names_in_debt_and_paused(stage):
    customer = stage.buyer(email=long_email(), name="x" * 100)
    spend(customer.user.account_id, 20)
    customer.ask_back("returned")
    by = operator(stage)
    sent(by, path_of(customer, "pause"), reason=LONG_REASON, step="do")
    return View(path_of(customer), by)


@shows("operator.person")
def operator_person_for_who_only_looks(stage):
    return View(path_of(busy(stage)), operator(stage, "support"))


@shows("operator.person")
def operator_person_that_nobody_signs_in_to(stage):
    account = host_account(Wish(f"{'v' * 190}-{id(stage) % 10**9}", None, None), welcome_credits=0, now=utc_now())
    return View(f"{PEOPLE}/{account.account_id}", operator(stage))


@shows("operator.ledger")
def operator_ledger_with_more_than_a_page(stage):
    customer = busy(stage)
    for _ in range(27):
        spend(customer.user.account_id, 1, meter="call_minute", quantity=1)
    return View(
        path_of(customer, "ledger"),
        operator(stage),
        act=lambda page: (page.click("#show-older"), page.wait_for_selector("#show-older", state="detached")),
    )


@shows("operator.ledger")
def operator_ledger_without_such_entries(stage):
    return View(path_of(stage.buyer(), "ledger?type=expired"), operator(stage))


@shows("operator.ledger")
def operator_ledger_at_an_address_that_is_none(stage):
    by, path = operator(stage), path_of(stage.buyer(), "ledger?after=x")
    return View(path, by, by.pages.client.get(path))


@shows("operator.purchases_of")
def operator_purchases_in_every_state_of_money_that_comes_back(stage):
    customer = stage.buyer()
    purchase, now = customer.granted(), utc_now()
    of = {"account_id": purchase.account_id, "purchase_id": purchase.id, "amount_minor": 100, "currency": "usd"}
    when = {"made_at": now, "changed_at": now, "reason": ""}

    def tell(session: Session) -> None:
        for number, state in enumerate([*REFUND_CHIPS, "a_state_that_is_new"]):
            session.add(PurchaseRefund(id=f"re_{'x' * 60}{number}", state=state, **of, **when))
        for number, state in enumerate([*DISPUTE_CHIPS, "a_state_that_is_new"]):
            facts = {"is_withdrawn": number % 2 == 0, "due_by": now if number % 3 == 0 else None}
            session.add(PurchaseDispute(id=f"du_{'x' * 60}{number}", state=state, **facts, **of, **when))

    transact(tell)
    customer.quarantined("small")
    customer.left("starter")
    return View(path_of(customer, "purchases"), operator(stage))


@shows("operator.purchases_of")
def operator_purchases_none(stage):
    return View(path_of(stage.buyer(), "purchases"), operator(stage))


@shows("operator.access")
def operator_access_with_as_many_keys_as_there_may_be(stage):
    customer = stage.buyer()
    for number in range(MOST_KEYS):
        make_key(customer.user.account_id, name=f"{number:02d}{'x' * 58}")
    return View(path_of(customer, "access"), operator(stage))


@shows("operator.access")
def operator_access_of_somebody_who_is_nowhere_signed_in(stage):
    account = host_account(Wish(f"w-{id(stage) % 10**9}", None, None), welcome_credits=0, now=utc_now())
    return View(f"{PEOPLE}/{account.account_id}/access", operator(stage))


@shows("operator.acts")
def operator_acts_with_long_reasons(stage):
    by, customer = operator(stage), stage.buyer(email=long_email())
    for act in ("pause", "resume", "sign-out"):
        sent(by, path_of(customer, act), reason=LONG_REASON, step="do")
    return View("/operator/acts", by)


@shows("operator.acts_on")
def operator_acts_on_somebody_none(stage):
    return View(path_of(stage.buyer(), "acts"), operator(stage))


@shows("operator.act")
def operator_act_that_was_just_done(stage):
    customer, words = stage.buyer(email=long_email()), "y" * 200
    typed = {"kind": "gift", "credits": "100", "ends": "2090-01-31", "words": words, "reason": LONG_REASON}
    return sent(operator(stage), path_of(customer, "grant"), step="do", **typed)


@shows("operator.act")
def operator_act_that_stripe_did_not_confirm(stage):
    customer, by = stage.buyer(), operator(stage)
    path = path_of(customer, f"refund?purchase={customer.granted().id}")
    customer.stripe.faults.refuse_connection("POST", "/v1/refunds", times=10)
    view = sent(by, path, reason=LONG_REASON, amount="1", step="do")
    customer.stripe.faults.clear()
    return view


@shows("operator.grant")
def operator_grant(stage):
    return View(path_of(stage.buyer(email=long_email()), "grant"), operator(stage))


@shows("operator.grant")
def operator_grant_with_a_fault(stage):
    typed = {"kind": "gift", "credits": "9" * 16, "ends": "", "words": "z" * 200, "reason": LONG_REASON}
    return sent(operator(stage), path_of(stage.buyer(), "grant"), step="check", **typed)


@shows("operator.grant")
def operator_grant_about_to_be_done(stage):
    typed = {"kind": "gift", "credits": "1000000000", "ends": "2090-01-31", "words": "z" * 200, "reason": LONG_REASON}
    return sent(operator(stage), path_of(stage.buyer(email=long_email()), "grant"), step="check", **typed)


@shows("operator.take")
def operator_take_with_a_fault(stage):
    return sent(operator(stage), path_of(stage.buyer(), "take"), step="check", credits="21", reason="Too many")


@shows("operator.end_lot")
def operator_end_lot(stage):
    return View(path_of(busy(stage), "end-lot?lot=1"), operator(stage))


@shows("operator.pause")
def operator_pause_without_a_reason(stage):
    return sent(operator(stage), path_of(stage.buyer(), "pause"), step="do", reason=" ")


@shows("operator.resume")
def operator_resume(stage):
    by, customer = operator(stage), stage.buyer()
    sent(by, path_of(customer, "pause"), reason="x", step="do")
    return View(path_of(customer, "resume"), by)


@shows("operator.sign_out")
def operator_sign_out(stage):
    return View(path_of(stage.buyer(email=long_email()), "sign-out"), operator(stage))


@shows("operator.role")
def operator_role(stage):
    return View(path_of(stage.buyer(), "role"), operator(stage))


@shows("operator.refund")
def operator_refund(stage):
    customer = stage.buyer()
    return View(path_of(customer, f"refund?purchase={customer.granted().id}"), operator(stage))


@shows("operator.refund")
def operator_refund_about_to_be_done(stage):
    customer = busy(stage)
    spend(customer.user.account_id, 600)
    path = path_of(customer, f"refund?purchase={customer.newest().id}")
    return sent(operator(stage), path, reason="They asked", amount="", step="check")


@shows("error 403")
def operator_act_that_another_role_may_do(stage):
    by, path = operator(stage, "support"), path_of(stage.buyer(), "grant")
    return View(path, by, by.pages.client.get(path))


@shows("error 409")
def operator_act_with_nothing_to_do(stage):
    by, path = operator(stage), path_of(stage.buyer(), "resume")
    return View(path, by, by.pages.client.get(path))
