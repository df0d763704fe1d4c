"""kill -9 at moments nobody chose, while the server and spending processes are at work: what was acknowledged stays."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.reliability import work
from tests.reliability.shop import KIND

SEED = 20261120
PURCHASES = 12
TELLERS = 4
SPENDERS = 4


class Load:
    """Tells every payment four times, by events and by the return page, on four connections at once."""

    def __init__(self, shop, chance):
        self.shop = shop
        self.purchases = [shop.paid() for _ in range(PURCHASES)]
        events = {purchase.id: shop.event_ids(purchase) for purchase in self.purchases}
        kinds = (KIND, "payment_intent.succeeded", KIND, "return")
        self.tellings = [(purchase, events[purchase.id].get(kind)) for purchase in self.purchases for kind in kinds]
        chance.shuffle(self.tellings)
        self.acknowledged = Counter()
        self.unanswered = []
        self.answers = 0

    def run(self):
        with ThreadPoolExecutor(TELLERS) as tellers:
            list(tellers.map(self.tell, self.tellings))

    def tell(self, telling):
        purchase, event_id = telling
        answer = self.shop.tell(event_id) if event_id else self.shop.come_back(purchase)
        self.answers += 1
        if answer is None:
            self.unanswered.append(telling)
            return
        assert answer.status == 200, answer
        self.acknowledged[purchase.id] += event_id is not None  # the return page may say "not yet"

    def wait_for(self, answers):
        deadline = time.monotonic() + 60
        while self.answers < answers:
            assert time.monotonic() < deadline, f"{self.answers} answers"
            time.sleep(0.001)


@pytest.mark.parametrize("victim", ["one worker", "the whole group"])
def test_a_server_killed_under_load_loses_and_doubles_no_payment(served, shop, victim, rounds):
    deaths = max(1, rounds // 5)  # each with moments of its own
    for number in range(deaths):
        kill_under_load(served, shop, victim, random.Random(f"{SEED} {victim} {number}"))
    shop.assert_sound(deaths * PURCHASES)


def kill_under_load(served, shop, victim, chance):
    load = Load(shop, chance)
    moments = sorted(chance.sample(range(2, 30), 3)) if victim == "one worker" else [chance.randint(5, 25)]
    running = threading.Thread(target=load.run)
    running.start()
    for moment in moments:
        load.wait_for(moment)
        time.sleep(chance.uniform(0, 0.02))
        if victim == "one worker":
            served.kill_one_worker()
        else:
            served.kill_all()
    running.join(60)
    assert load.answers == len(load.tellings)
    assert load.acknowledged.total() >= moments[0] // 2, "killed before anything was acknowledged"
    for purchase in load.purchases:
        assert shop.granted(purchase) <= 1
        assert shop.granted(purchase) == 1 or not load.acknowledged[purchase.id], "acknowledged and lost"
    if victim == "the whole group":
        assert load.unanswered, "nobody was waiting when the server died"
        served.start()
    for purchase, event_id in load.unanswered:
        assert (shop.tell(event_id) if event_id else shop.come_back(purchase)).status == 200


def test_spending_processes_killed_at_any_moment_lose_and_double_no_spend(given, ledger, tmp_path):
    chance = random.Random(SEED)
    account_id = ledger.account(10_000)
    keys = [[f"{spender}:{number}" for number in range(1000)] for spender in range(SPENDERS)]
    files = [tmp_path / f"told-{spender}" for spender in range(SPENDERS)]
    facts = [(given, account_id, *pair) for pair in zip(keys, files, strict=True)]
    processes = [work.start(work.spend_on, *one) for one in facts]
    for process, file in zip(processes, files, strict=True):
        wait_for_lines(file, chance.randint(1, 15))
        time.sleep(chance.uniform(0, 0.01))
        process.kill()
        assert work.end(process) == work.KILLED
    told = [file.read_text().split() for file in files]
    stored = ledger.keys(account_id)
    for spender in range(SPENDERS):
        assert told[spender] == keys[spender][: len(told[spender])]
        mine = {key for key in stored if key.startswith(f"{spender}:")}
        in_flight = keys[spender][len(told[spender])]
        assert mine - {in_flight} == set(told[spender]), "acknowledged and lost, or written and never asked for"
    for (_, _, mine, file), before in zip(facts, told, strict=True):
        assert work.run(work.spend_on, given, account_id, mine[: len(before) + 1], file) == 0
    assert len(ledger.keys(account_id)) == sum(len(one) + 1 for one in told)
    ledger.assert_sound(account_id, available=10_000 - sum(len(one) + 1 for one in told))


def wait_for_lines(file, number):
    deadline = time.monotonic() + 60
    while not file.exists() or file.read_text().count("\n") < number:
        assert time.monotonic() < deadline, f"{file} has no {number} lines"
        time.sleep(0.001)
