"""For products that live in this application: views that cost credits, holds around work, limits that credits lift.

A product registers its blueprints on the application that `create_app` gives, and meters them with these three words.
"""

from webapp.integrate.holds import CreditsHold, credits_hold
from webapp.integrate.limited import limited
from webapp.integrate.metered import metered

__all__ = ["CreditsHold", "credits_hold", "limited", "metered"]
