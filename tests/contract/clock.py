"""A clock that tests turn."""


class Clock:
    """Unix seconds that stand still until a test moves them."""

    def __init__(self, now: int = 1_795_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: int) -> None:
        self.now += seconds
