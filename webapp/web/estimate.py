"""How many credits a month's work needs, what the allowance covers of it, and which pack suits the rest. Pure."""

from dataclasses import dataclass
from typing import ClassVar

from webapp.catalog import Catalog, Meter, Pack, Plan
from webapp.errors import Refusal
from webapp.ledger.errors import InvalidCredits
from webapp.metering import cost_credits
from webapp.web.display import LOCALE, amount, number, short_amount
from webapp.web.regions import region_of
from webapp.web.typed import PLAIN, tidy, without_groups

LARGEST_QUANTITY = 1_000_000

# The featured pack is named when it lasts about as long as people plan for.
FEATURED_MONTHS = range(1, 7)


class UnreadableQuantity(Refusal):
    """What was typed is no number of units that can be estimated. `sentence` says what to type."""

    code: ClassVar[str] = "unreadable_quantity"


@dataclass(frozen=True, slots=True)
class Estimate:
    """The answer in facts and in sentences; drawn as `lead cover before <a href>pack_words</a> after`.

    `pack` is None if the allowance covers all of it, or if there is none this person may buy.
    """

    quantity: int
    needed_credits: int
    covered_credits: int
    pack: Pack | None
    lead: str
    cover: str
    before: str
    pack_words: str
    after: str

    @property
    def rest_credits(self) -> int:
        """What packs have to cover each month."""
        return self.needed_credits - self.covered_credits

    @property
    def href(self) -> str:
        """Where the pack's card is on the page."""
        return f"#pack-{self.pack.slug}" if self.pack else "#packs"

    @property
    def text(self) -> str:
        """The whole answer without its link."""
        return " ".join(part for part in (self.lead, self.cover, self.before + self.pack_words + self.after) if part)


def estimate(typed: str, catalog: Catalog, plan: Plan | None, locale: str = LOCALE) -> Estimate | None:
    """What `typed` units of the main meter a month take; None if the catalogue has no main meter.

    Worked out as one spend: "about" so many credits, "at least" where several spends would cost more. Only packs that
    someone on `plan` may buy are named. Raises UnreadableQuantity, whose sentence is for people.
    """
    meter = catalog.main_meter
    if meter is None:
        return None
    quantity = read_quantity(typed, meter, locale)
    needed = _cost_credits(meter, quantity)
    roughly = "At least" if meter.is_cheaper_at_once else "About"
    covered = min(needed, _monthly_allowance(plan) if plan else 0)
    pack = _suited(catalog, plan, needed - covered)
    before, after = _pack_sentence(catalog, pack, needed - covered, is_rest=covered > 0, locale=locale)
    return Estimate(
        quantity=quantity,
        needed_credits=needed,
        covered_credits=covered,
        pack=pack,
        lead=f"{roughly} {amount(needed, catalog, locale)} a month.",
        cover=_cover_sentence(catalog, plan, covered, is_all=covered == needed, locale=locale),
        before=before,
        pack_words=_pack_words(pack, needed - covered) if pack else "",
        after=after,
    )


def estimate_label(meter: Meter) -> str:
    """What to type: `Minutes of calls a month`."""
    units = meter.unit_plural[:1].upper() + meter.unit_plural[1:]
    return f"{units} of {meter.activity} a month" if meter.activity else f"{units} a month"


def read_quantity(typed: str, meter: Meter, locale: str = LOCALE) -> int:
    """The whole number of units in what was typed: `300`, `1,000` (`1.000` where that is a thousand), `300 min`.

    Raises UnreadableQuantity for words, signs, decimals, nothing, zero and more than a million.
    """
    text = tidy(typed).lower()
    for unit in (meter.unit_plural, meter.unit, meter.unit_short):
        text = text.removesuffix(unit.lower()).rstrip() if unit else text
    text = without_groups(text, region_of(locale))
    if not PLAIN.fullmatch(text):
        raise UnreadableQuantity(f"Enter {meter.unit_plural} as a whole number, like 300.")
    quantity = int(text)
    if not 1 <= quantity <= LARGEST_QUANTITY:
        most = number(LARGEST_QUANTITY, locale)
        raise UnreadableQuantity(f"Enter a number of {meter.unit_plural} from 1 to {most}.")
    return quantity


def _cost_credits(meter: Meter, quantity: int) -> int:
    try:
        return cost_credits(meter, quantity)
    except InvalidCredits:
        raise UnreadableQuantity(f"That is more than we can estimate. Enter fewer {meter.unit_plural}.") from None


def months_text(credits: int, credits_a_month: int) -> str:
    """How long credits last, rounded down to half months: `about 2½ months`, `about 1 month`, `more than a year`."""
    halves = 2 * credits // credits_a_month
    if halves > 24:
        return "more than a year"
    whole, half = divmod(halves, 2)
    if whole == 0:
        return "about half a month" if half else "less than half a month"
    return f"about {whole}{'½' if half else ''} {'month' if halves == 2 else 'months'}"


def _suited(catalog: Catalog, plan: Plan | None, rest: int) -> Pack | None:
    """The pack to name: the featured one if it lasts one to six months, else the smallest that lasts one.

    If even the largest does not last a month, that one.
    """
    packs = sorted(
        (pack for pack in catalog.packs if pack.is_active and pack.is_open_to(plan)), key=lambda pack: pack.credits
    )
    if not packs or rest == 0:
        return None
    featured = (pack for pack in packs if pack.is_featured and pack.credits // rest in FEATURED_MONTHS)
    lasting = (pack for pack in packs if pack.credits >= rest)
    return next(featured, None) or next(lasting, packs[-1])


def _monthly_allowance(plan: Plan) -> int:
    return plan.allowance_credits // (12 if plan.allowance_every == "year" else 1)


def _cover_sentence(catalog: Catalog, plan: Plan | None, covered: int, *, is_all: bool, locale: str) -> str:
    if plan is None or covered == 0:
        return ""
    share = "all of it" if is_all else short_amount(covered, catalog, locale)
    return f"Your {plan.name} allowance covers {share}."


def _pack_words(pack: Pack, rest: int) -> str:
    return f"{pack.name} packs" if pack.credits < rest else f"{pack.name} pack"


def _pack_sentence(catalog: Catalog, pack: Pack | None, rest: int, *, is_rest: bool, locale: str) -> tuple[str, str]:
    """The words before and after the pack's link."""
    if pack is None:
        return "", ""
    what = f"the other {short_amount(rest, catalog, locale)}" if is_rest else "that"
    if pack.credits < rest:
        packs_a_month = -(-rest // pack.credits)
        return f"For {what} you need about {number(packs_a_month, locale)} ", " a month."
    article = "An" if pack.name[:1].upper() in "AEIO" else "A"
    return f"{article} ", f" covers {what} for {months_text(pack.credits, rest)}."
