"""The settings page: the balance by source, look and region, and the account. One function for each section."""

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import get_global

from webapp.extensions import db
from webapp.orm import machine_now
from webapp.people.browsers import other_browsers
from webapp.people.keyring import keys_of_account
from webapp.people.looks import zone_names
from webapp.people.passwords import LEAST_CHARACTERS, RULE
from webapp.web.dates import clock, day
from webapp.web.display import money, percent
from webapp.web.gate import carried_secret
from webapp.web.pages.alert_choices import alerts
from webapp.web.pages.forms import AS_STORED, Form
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell
from webapp.web.pages.spend_limits import limits, spending
from webapp.web.regions import STYLES, region_of

THEMES = (
    ("device", "Device", "Light or dark, as this device is set"),
    ("light", "Light", "Always light"),
    ("dark", "Dark", "Always dark"),
)

# Babel knows a thousand locales, many of which write alike: these are offered, and whichever is in use beside them.
OFFERED = (
    "af_ZA", "ar_AE", "ar_EG", "ar_MA", "az_Latn_AZ", "be_BY", "bg_BG", "bn_BD", "bn_IN", "bs_Latn_BA", "ca_ES",
    "cs_CZ", "cy_GB", "da_DK", "de_AT", "de_CH", "de_DE", "el_GR", "en_001", "en_150", "en_AU", "en_CA", "en_CH",
    "en_GB", "en_HK", "en_IE", "en_IL", "en_IN", "en_NZ", "en_PH", "en_SG", "en_US", "en_ZA", "es_AR", "es_CL",
    "es_CO", "es_ES", "es_MX", "es_PE", "es_US", "et_EE", "eu_ES", "fa_IR", "fi_FI", "fil_PH", "fr_BE", "fr_CA",
    "fr_CH", "fr_FR", "ga_IE", "gl_ES", "gu_IN", "he_IL", "hi_IN", "hr_HR", "hu_HU", "hy_AM", "id_ID", "is_IS",
    "it_CH", "it_IT", "ja_JP", "ka_GE", "kk_Cyrl_KZ", "km_KH", "kn_IN", "ko_KR", "lo_LA", "lt_LT", "lv_LV", "mk_MK",
    "ml_IN", "mn_MN", "mr_IN", "ms_MY", "my_MM", "nb_NO", "ne_NP", "nl_BE", "nl_NL", "pl_PL", "pt_BR", "pt_PT",
    "ro_RO", "ru_RU", "si_LK", "sk_SK", "sl_SI", "sq_AL", "sr_Latn_RS", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH",
    "tr_TR", "uk_UA", "ur_PK", "uz_Latn_UZ", "vi_VN", "zh_Hans_CN", "zh_Hant_HK", "zh_Hant_TW", "zu_ZA",
)  # fmt: skip


def settings(reader: Reader, forms: Mapping[str, Form]) -> dict[str, Any]:
    """The whole page. `forms` holds those that are not as stored, by section."""
    page = shell(reader) | {"form_states": list(forms.values())}
    for name, section in SECTIONS.items():
        page |= section(reader, forms.get(name, AS_STORED))
    return page


def balance(reader: Reader, _form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_balance.html`: the monthly credits with their reset, and apart from them all others."""
    kinds = reader.balance.kinds
    monthly = [lot.expires_at for lot in reader.balance.lots if lot.kind == "allowance"]
    ends_at = next(iter(monthly), reader.allowance.ends_at if reader.allowance else None)
    beside = kinds["bonus"] + kinds["purchased"]
    return {"reader": reader, "kinds": kinds, "beside_monthly": beside, "ends_at": ends_at}


def keys(reader: Reader, _form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_keys.html`: how many API keys there are; they have pages of their own."""
    living = keys_of_account(db.session(), reader.account_id, now=reader.now)
    used_at = max((key.last_used_at for key in living if key.last_used_at), default=None)
    return {"reader": reader, "keys": living, "keys_used_at": used_at}


def look(reader: Reader, form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_look.html`: theme, region, style of numbers, time zone; with an example of what is stored."""
    stored = {
        "theme": reader.theme,
        "locale": reader.region,
        "number_style": reader.number_style,
        "time_zone": reader.zone,
    }
    return {
        "reader": reader,
        "look_form": form,
        "look": stored | {name: form.typed.get(name, "") for name in stored if form.refusals},
        "themes": THEMES,
        "locales": locales(reader.region),
        "number_styles": number_styles(reader.region),
        "zones": zones(reader.zone, reader.now),
        "example": example(reader),
    }


def email(reader: Reader, form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_email.html`: the address to sign in with."""
    return {"reader": reader, "email_form": form, "email": form.typed.get("email", reader.email)}


def password(reader: Reader, form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_password.html`: nothing that was typed is ever drawn again.

    Somebody who comes by login links and has none yet is not asked for it.
    """
    return {"reader": reader, "password_form": form, "rule": RULE, "least_characters": LEAST_CHARACTERS}


def browsers(reader: Reader, form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_browsers.html`: how many others are signed in."""
    others = other_browsers(db.session(), reader.user_id, but_secret=carried_secret() or "", now=machine_now())
    return {"reader": reader, "browsers_form": form, "others": others}


def close(reader: Reader, _form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_close.html`: the way to the page that closes the account."""
    return {"reader": reader}


# In the order of the page.
SECTIONS = {
    "balance": balance,
    "limits": limits,
    "spending": spending,
    "alerts": alerts,
    "keys": keys,
    "look": look,
    "email": email,
    "password": password,
    "browsers": browsers,
    "close": close,
}


def locales(chosen: str) -> list[tuple[str, str]]:
    """What is offered as language and region, by its English name; what is chosen is always among it."""
    return sorted({(name, _locale_title(name)) for name in (*OFFERED, chosen)}, key=lambda offered: offered[1])


def number_styles(region: str) -> list[tuple[str, str]]:
    """The styles of numbers, each by its example."""
    own = region_of(region)
    styles = [(name, f"1{group}234{decimal}56") for name, (group, decimal) in STYLES.items()]
    return [("region", f"As in my region (1{own.group}234{own.decimal}56)"), *styles]


def zones(chosen: str, now: dt.datetime) -> list[tuple[str, list[str]]]:
    """Every zone where people live under its present offset from UTC; of several names for one zone the newest.

    One that is chosen is offered too, whatever it is.
    """
    offered = _zones() | {chosen: ZoneInfo(chosen)}
    dated = sorted((now.astimezone(zone).utcoffset() or dt.timedelta(), name) for name, zone in offered.items())
    groups = groupby(dated, key=lambda pair: pair[0])
    return [(offset_text(offset), [name for _, name in group]) for offset, group in groups]


def offset_text(offset: dt.timedelta) -> str:
    """`UTC+05:45`, `UTC−03:00`, `UTC`."""
    minutes = offset // dt.timedelta(minutes=1)
    sign = "+" if minutes > 0 else "\N{MINUS SIGN}"
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}" if minutes else "UTC"


def example(reader: Reader) -> str:
    """Money, a share, and this moment, as the reader has it: `$1,234.50 · 83% · Fri 20 Nov, 14:32 (UTC+01:00)`."""
    offset = offset_text(reader.now.astimezone(ZoneInfo(reader.zone)).utcoffset() or dt.timedelta())
    when = f"{day(reader.now, reader.zone, reader.locale, reader.now)}, {clock(reader.now, reader.zone, reader.locale)}"
    return " · ".join(
        (money(123_450, reader.catalog.unit.currency, reader.locale), percent(83, reader.locale), f"{when} ({offset})")
    )


@lru_cache(maxsize=1)
def _zones() -> dict[str, ZoneInfo]:
    """The zones that are offered. Kept, for each is read from a file of its own."""
    older_names = get_global("zone_aliases")
    names = {name for name in zone_names() if "/" in name and not name.startswith("Etc/") and name not in older_names}
    return {name: ZoneInfo(name) for name in names | {"UTC"}}


@lru_cache(maxsize=256)
def _locale_title(name: str) -> str:
    return str(Locale.parse(name).get_display_name("en"))
