"""Many at once: metered views of one account take what there is, and run as often as they were paid for."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.api.calling import Api
from tests.support.browsing import sign_in

CALLS = 64


def all_at_once(app, user, *, keys, pages=1):
    """The answers to one call for each key, each from a browser and a thread of its own."""
    clients = [Api(app, sign_in(app, user), user) for _ in keys]
    together = threading.Barrier(len(keys))

    def call(client, key):
        together.wait(30)
        return client.post("/api/product/transcripts", {"pages": pages}, key=key)

    with ThreadPoolExecutor(len(keys)) as threads:
        return list(threads.map(call, clients, keys))


def test_sixty_four_calls_on_ten_credits_run_the_view_ten_times(app, product, payer, books):
    told = all_at_once(app, payer, keys=[f"k-{number}" for number in range(CALLS)])
    codes = [response.status_code for response in told]
    assert (codes.count(200), codes.count(402)) == (10, 54)
    assert len(product.runs) == 10
    assert (books().available, books().held) == (0, 0)


def test_sixteen_calls_with_one_key_run_the_view_once(app, product, payer, books):
    told = all_at_once(app, payer, keys=["same"] * 16)
    codes = [response.status_code for response in told]
    assert (codes.count(200), codes.count(409)) == (1, 15)
    assert len(product.runs) == 1
    assert books().available == 9
