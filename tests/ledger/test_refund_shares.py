"""Which credits belong to a part of the money: against exact fractions, over every pack and every number of cents."""

import os
import random
from fractions import Fraction
from itertools import accumulate

import pytest

from tests.support.databases import ROOT
from webapp.catalog.reading import load_catalog
from webapp.ledger.takebacks import share

TOTALS = range(1, 10_001)  # in cents
SPLITS = int(os.environ.get("REFILL_SPLITS", "1"))  # of each total of each pack
PACKS = {pack.slug: pack.credits for pack in load_catalog(ROOT / "catalog.toml").packs}


def random_parts(chance, total_minor):
    """The total in 1 to 5 parts, each at least a cent, in any order."""
    cuts = sorted(chance.sample(range(1, total_minor), min(total_minor - 1, chance.randint(0, 4))))
    parts = [end - start for start, end in zip([0, *cuts], [*cuts, total_minor], strict=True)]
    chance.shuffle(parts)
    return parts


@pytest.mark.parametrize("credits", PACKS.values(), ids=PACKS)
def test_parts_never_take_a_credit_too_many_and_all_together_take_what_one_refund_takes(credits):
    chance = random.Random(credits)
    seen = 0
    for total_minor in TOTALS:
        for _ in range(SPLITS):
            taken = [
                share(minor, total_minor=total_minor, granted=credits)
                for minor in accumulate(random_parts(chance, total_minor))
            ]
            assert taken == sorted(taken)
            assert taken[-1] == credits
            seen += len(taken)
    assert seen > 2 * len(TOTALS)


@pytest.mark.parametrize("credits", PACKS.values(), ids=PACKS)
def test_a_share_is_the_exact_fraction_rounded_down(credits):
    chance = random.Random(-credits)
    for total_minor in TOTALS:
        for _ in range(SPLITS):
            minor = chance.randint(0, total_minor)
            exact = Fraction(credits * minor, total_minor)
            assert 0 <= exact - share(minor, total_minor=total_minor, granted=credits) < 1


def test_nothing_belongs_to_a_payment_of_nothing_and_never_more_than_everything():
    assert share(0, total_minor=0, granted=100) == 0
    assert share(5, total_minor=0, granted=100) == 0
    assert share(101, total_minor=100, granted=7) == 7
    assert share(99, total_minor=100, granted=7) == 6
