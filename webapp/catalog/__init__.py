"""The catalogue: packs, plans and meters read from one TOML file. Standard library only; knows no user, no Stripe."""

from webapp.catalog.faults import CatalogError
from webapp.catalog.reading import load_catalog
from webapp.catalog.shapes import Catalog, CreditUnit, Meter, Pack, Plan, Tier

__all__ = ["Catalog", "CatalogError", "CreditUnit", "Meter", "Pack", "Plan", "Tier", "load_catalog"]
