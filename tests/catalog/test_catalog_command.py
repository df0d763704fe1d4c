"""`flask catalog check`, as people call it: in a process of its own, where the application refuses to start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.cli.catalog import bare_app, group, is_asked_for

ROOT = Path(__file__).parents[2]
BROKEN = 'currency = "usd"\n[credit]\nworth_minor = 5\n[[packs]]\nslug = "a"\ncredits = true\n'


def run_check(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "catalog", "check", *arguments],
        cwd=ROOT,
        env={**kept, "FLASK_APP": "wsgi", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_groups_command_sums_up_a_good_catalogue() -> None:
    result = bare_app().test_cli_runner().invoke(group, ["check", str(ROOT / "catalog.toml")])
    assert (result.exit_code, result.output) == (0, f"{ROOT / 'catalog.toml'} is fine: 6 packs, 3 plans, 3 meters.\n")


def test_one_of_a_kind_is_not_many() -> None:
    path = ROOT / "examples" / "voice-minutes.toml"
    result = bare_app().test_cli_runner().invoke(group, ["check", str(path)])
    assert result.output == f"{path} is fine: 4 packs, 0 plans, 1 meter.\n"


def test_without_a_path_the_configured_catalogue_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text(BROKEN)
    monkeypatch.setenv("CATALOG", str(tmp_path / "other.toml"))
    result = bare_app().test_cli_runner().invoke(group, ["check"])
    assert result.exit_code == 1
    assert f"{tmp_path / 'other.toml'}:6: " in result.stderr
    monkeypatch.delenv("CATALOG")
    monkeypatch.chdir(ROOT)
    result = bare_app().test_cli_runner().invoke(group, ["check"])
    assert result.output == "catalog.toml is fine: 6 packs, 3 plans, 3 meters.\n"


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["flask", "catalog", "check"], True),
        (["flask", "catalog"], True),
        (["flask", "run"], False),
        (["flask"], False),
        ([], False),
        (["flask", "user", "create", "catalog"], False),
        (["gunicorn", "wsgi:app"], False),
    ],
)
def test_only_this_groups_command_line_does_without_the_application(arguments: list[str], asked: bool) -> None:
    assert is_asked_for(arguments) is asked


def test_the_sample_is_fine_from_the_shell() -> None:
    status, out, err = run_check()
    assert (status, out, err) == (0, "catalog.toml is fine: 6 packs, 3 plans, 3 meters.\n", "")


def test_each_fault_is_a_line_on_standard_error_and_the_exit_status_is_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BROKEN)
    status, out, err = run_check(str(path))
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        f'{path}:4: pack "a": amount_minor is missing.',
        f'{path}:4: pack "a": name is missing.',
        f'{path}:6: pack "a": credits must be a whole number, not true.',
    ]


def test_another_catalogue_can_be_checked_while_the_applications_own_is_broken(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(BROKEN)
    status, out, err = run_check("examples/voice-minutes.toml", CATALOG=str(own))
    assert (status, err) == (0, "")
    assert out == "examples/voice-minutes.toml is fine: 4 packs, 0 plans, 1 meter.\n"
    status, out, err = run_check(CATALOG=str(own))
    assert (status, out) == (1, "")
    assert err.count("\n") == 3


def test_a_catalogue_can_be_checked_where_other_settings_are_missing() -> None:
    status, out, _ = run_check(APP_ENV="production")
    assert (status, out) == (0, "catalog.toml is fine: 6 packs, 3 plans, 3 meters.\n")
