"""What is said of usage: more or less than before. Pure."""

from webapp.web.display import LOCALE, number, percent


def change_words(used: int, before: int, *, days: int, locale: str = LOCALE) -> str:
    """How what was used compares with as many days before: `12% more than the 30 days before`.

    To the nearest percent; never `0%` where there is a difference, never `100% less` where anything was used.
    """
    then = "the day before" if days == 1 else f"the {number(days, locale)} days before"
    if not before:
        return f"Nothing was used {'on' if days == 1 else 'in'} {then}"
    if used == before:
        return f"The same as {then}"
    share = (200 * abs(used - before) + before) // (2 * before)
    if used < before:
        share = min(share, 99) if used else 100
    words = percent(share, locale) if share else f"Under {percent(1, locale)}"
    return f"{words} {'more' if used > before else 'less'} than {then}"
