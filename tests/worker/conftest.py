from tests.billing.conftest import buying, subscribing

__all__ = ["buying", "subscribing"]
