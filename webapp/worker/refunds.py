"""Send again the refunds that were ordered and never confirmed: Stripe was out of reach, or we ended between steps."""

import datetime as dt

from webapp.billing.errors import RefundRefused, RefundUnconfirmed
from webapp.billing.money_back.orders import all_unfinished
from webapp.extensions import db, end_reading, parts
from webapp.web.logs import log
from webapp.web.money_back import carry_out
from webapp.web.sending import no_earlier_than
from webapp.worker.sweeps import Swept

ORDERS_PER_RUN = 100
UNREACHABLE_UNTIL_REST = 3

# A younger one may be on its way.
SENDING = dt.timedelta(seconds=60)


def sweep_refund_orders(now: dt.datetime) -> Swept:
    """Carry out each unconfirmed refund once, with its own key. What Stripe refuses is settled too: nothing moved.

    One that breaks is logged and the others go on; when Stripe can't be reached the rest waits for the next run.
    """
    gateway = parts().gateway
    if gateway is None:
        return Swept()
    orders = all_unfinished(db.session(), gateway.mode, before=now - SENDING, limit=ORDERS_PER_RUN)
    end_reading()
    settled = failed = unreachable = 0
    for order in orders:
        try:
            carry_out(gateway, order, is_new=False, now=no_earlier_than(now))
            settled, unreachable = settled + 1, 0
        except RefundRefused:
            settled += 1
        except Exception as error:  # noqa: BLE001  # one refund must not keep the others back
            failed += 1
            unreachable = unreachable + 1 if isinstance(error, RefundUnconfirmed) else 0
            log.error("refund not confirmed", purchase=order.purchase_id, number=order.number, exc_info=error)
        if unreachable == UNREACHABLE_UNTIL_REST:
            break
    return Swept(settled=settled, failed=failed)
