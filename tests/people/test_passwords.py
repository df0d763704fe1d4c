import importlib.util
import time
import unicodedata

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.cheap import at_true_costs
from webapp.people import passwords
from webapp.people.errors import WeakPassword
from webapp.people.passwords import checked_password, hash_password, matches, rehashed

EMAIL = "sam@example.com"
OUTDATED = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


@pytest.fixture
def true_passwords():
    """The module as a server loads it: the tests' own hashes cheaply."""
    spec = importlib.util.find_spec(passwords.__name__)
    module = importlib.util.module_from_spec(spec)
    with at_true_costs():
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "password",
    [
        "twelve chars",
        "            x",
        "日本語のパスワードです。よ",
        "🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧",
        "with\x00zero\x00bytes",
        "x" * 127 + "y",
        "e\u0301" * 6 + "a\u0300" * 6,
    ],
)
def test_twelve_to_a_hundred_and_twenty_eight_characters_of_any_kind_are_a_password(password):
    password_hash = hash_password(password, email=EMAIL)
    assert password_hash.startswith("$argon2id$")
    assert len(password_hash) <= 255
    assert matches(password_hash, password)
    assert not matches(password_hash, password + "x")


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "12 characters or more"),
        ("eleven char", "12 characters or more"),
        ("e\u0301" * 5 + "a\u0300" * 6, "12 characters or more"),
        ("x" * 128 + "y", "128 characters or fewer"),
        ("\u0301\u0323" * 120_000, "128 characters or fewer"),
        ("SAM@example.com", "can't be your email"),
        (" sam@example.com ", "can't be your email"),
        ("Password1234", "first to be guessed"),
        ("aaaaaaaaaaaaaaaa", "first to be guessed"),
        ("broken \ud800 text", "can't read"),
    ],
)
def test_a_password_outside_the_rule_is_refused_in_words(password, words):
    began = time.perf_counter()
    with pytest.raises(WeakPassword, match=words):
        hash_password(password, email=EMAIL)
    assert time.perf_counter() - began < 2


@given(st.text(min_size=12, max_size=128).filter(lambda text: len(set(text)) > 2))
def test_no_rule_asks_for_kinds_of_characters(password):
    composed = unicodedata.normalize("NFC", password)
    assume(len(composed) >= 12 and composed.casefold() not in passwords.COMMON)
    assert checked_password(password, email=EMAIL) == composed
    assert len(composed.encode()) <= 512


def test_one_letter_typed_in_two_ways_is_one_letter():
    password_hash = hash_password("café au lait, s'il vous plaît", email=EMAIL)
    assert matches(password_hash, "cafe\u0301 au lait, s'il vous plai\u0302t")
    assert not matches(password_hash, "cafe au lait, s'il vous plait")


def test_spaces_and_case_count():
    password_hash = hash_password(" a password with edges ", email=EMAIL)
    assert not matches(password_hash, "a password with edges")
    assert not matches(password_hash, " A password with edges ")


def test_two_hashes_of_one_password_differ():
    assert hash_password("twelve chars", email=EMAIL) != hash_password("twelve chars", email=EMAIL)


@pytest.mark.parametrize("password", ["", "x", "broken \ud800 text", "\u0301\u0323" * 120_000])
def test_nothing_matches_the_hash_of_nobody(password):
    assert not matches(None, password)
    assert not matches(hash_password("twelve chars", email=EMAIL), password)


def test_an_empty_password_does_not_match_even_where_broken_text_stands_for_it():
    assert not matches(OUTDATED.hash(""), "\ud800")


def test_a_password_costs_what_rfc_9106_asks_where_memory_is_small(true_passwords):
    password_hash = true_passwords.hash_password("twelve chars", email=EMAIL)
    assert extract_parameters(password_hash) == RFC_9106_LOW_MEMORY
    assert rehashed(hash_password("twelve chars", email=EMAIL), "twelve chars") is None
    assert true_passwords.rehashed(hash_password("twelve chars", email=EMAIL), "twelve chars") is not None


def test_checking_for_nobody_takes_as_long_as_for_somebody(true_passwords):
    password_hash = true_passwords.hash_password("twelve chars", email=EMAIL)
    somebody = min(_seconds(true_passwords, password_hash) for _ in range(4))
    nobody = min(_seconds(true_passwords, None) for _ in range(4))
    assert 0.5 < nobody / somebody < 2


def test_the_hash_of_nobody_has_the_parameters_of_new_hashes(true_passwords):
    assert not true_passwords.hasher.check_needs_rehash(true_passwords.UNKNOWN_PERSON)
    assert extract_parameters(true_passwords.UNKNOWN_PERSON) == RFC_9106_LOW_MEMORY


def test_a_hash_with_outdated_parameters_is_renewed_and_a_new_one_is_not():
    outdated = OUTDATED.hash("café au lait, s'il vous plaît")
    renewed = rehashed(outdated, "cafe\u0301 au lait, s'il vous plai\u0302t")
    assert renewed is not None
    assert not passwords.hasher.check_needs_rehash(renewed)
    assert matches(renewed, "café au lait, s'il vous plaît")
    assert rehashed(renewed, "café au lait, s'il vous plaît") is None


def test_the_common_passwords_are_long_enough_to_be_asked_about():
    assert all(12 <= len(password) <= 128 and password == password.casefold() for password in passwords.COMMON)


def _seconds(module, password_hash):
    began = time.perf_counter()
    assert not module.matches(password_hash, "not the password")
    return time.perf_counter() - began
