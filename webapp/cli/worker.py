"""`flask worker`: the sweeps, for ever or once."""

import click
from flask.cli import with_appcontext

from webapp.worker.loop import run_once, run_until_stopped


@click.command("worker")
@click.option("--once", is_flag=True, help="Run every sweep once and end.")
@with_appcontext
def command(*, once: bool) -> None:
    """Settle what is due: open purchases, expired credits, what never came from Stripe; docs/operate.md has all."""
    if not once:
        run_until_stopped()
        return
    runs = run_once()
    for name, swept in runs.items():
        click.echo(f"{name}: {swept.settled} settled, {swept.failed} failed")
    if any(swept.failed for swept in runs.values()):
        raise click.ClickException("A sweep failed; the log says why.")
