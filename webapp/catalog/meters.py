"""Reading a meter: its words, its price alone or in tiers, and what must hold between the tiers."""

from collections.abc import Sequence
from itertools import pairwise

from webapp.catalog.shapes import Meter, Rounding, Tier
from webapp.catalog.table import LONGEST_NAME, LONGEST_WORD, Table

MOST_TIERS = 20
TIERS_LIKE = "as a list of tables, like [{up_to = 100, credits = 3}, {credits = 2}]"


def read_meter(table: Table) -> Meter:
    """The meter of one `[[meters]]` table; what is wrong with it becomes faults."""
    unit = table.text("unit", longest=LONGEST_WORD)
    rounding: Rounding = table.choice("rounding", "started", "total")
    meter = Meter(
        slug=table.slug(),
        title=table.text("title", longest=LONGEST_NAME),
        unit=unit,
        unit_plural=table.text("unit_plural", longest=LONGEST_WORD, default=f"{unit}s"),
        unit_short=table.text("unit_short", longest=LONGEST_WORD, default=""),
        activity=table.text("activity", longest=LONGEST_WORD, default=""),
        tiers=_prices(table, rounding),
        rounding=rounding,
        minimum_credits=table.count("minimum_credits", least=0, default=0),
        overrun=table.choice("overrun", "refuse", "balance", default="refuse"),
    )
    table.refuse_unknown()
    return meter


def _prices(table: Table, rounding: Rounding) -> tuple[Tier, ...]:
    """The tiers; one that goes on for ever where the meter has a single price."""
    per = table.count("per", default=1)
    if "tiers" not in table.values:
        return (Tier(up_to=None, credits=table.count("credits"), per=per),)
    if "credits" in table.values:
        table.fault("credits", "credits stand in each tier; a meter with tiers has none of its own.")
        table.count("credits")
    inner = table.tables("tiers", f"{table.name}, tier", like=TIERS_LIKE)
    if not 1 <= len(inner) <= MOST_TIERS and table.is_sound("tiers"):
        table.fault("tiers", f"there must be from 1 to {MOST_TIERS} tiers, not {len(inner)}.")
    tiers = [_tier(one, per, is_last=one is inner[-1]) for one in inner]
    _refuse_disorder(inner, tiers)
    if rounding == "started" and table.is_sound("per") and table.is_sound("rounding"):
        _refuse_cut_steps(inner, tiers)
    return tuple(tiers) or (Tier(up_to=None, credits=1, per=1),)


def _tier(table: Table, per: int, *, is_last: bool) -> Tier:
    up_to = None
    if not is_last:
        up_to = table.count("up_to")
    elif "up_to" in table.values:
        table.fault("up_to", "the last tier goes on for ever; it has no up_to.")
        table.count("up_to")
    tier = Tier(up_to=up_to, credits=table.count("credits"), per=table.count("per", default=per))
    table.refuse_unknown()
    return tier


def _refuse_disorder(tables: Sequence[Table], tiers: Sequence[Tier]) -> None:
    for (above, before), (table, tier) in pairwise(zip(tables, tiers, strict=True)):
        if before.up_to is None or tier.up_to is None or not (above.is_sound("up_to") and table.is_sound("up_to")):
            continue
        if tier.up_to <= before.up_to:
            sentence = f"up_to must be above the {before.up_to:,} of the tier before, not {tier.up_to:,}."
            table.fault("up_to", sentence)


def _refuse_cut_steps(tables: Sequence[Table], tiers: Sequence[Tier]) -> None:
    """A started step is paid whole, so none may lie in two tiers."""
    begins_at = 0
    for table, tier in zip(tables, tiers, strict=True):
        if tier.up_to is None or not (table.is_sound("up_to") and table.is_sound("per")):
            return
        width = tier.up_to - begins_at
        if width % tier.per:
            table.fault(
                "up_to",
                f'with rounding "started" a tier is made of whole steps of {tier.per:,}, and from {begins_at:,} to '
                f"{tier.up_to:,} there are {width:,} units.",
            )
        begins_at = tier.up_to
