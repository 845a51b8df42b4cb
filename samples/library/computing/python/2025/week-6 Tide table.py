"""Print when the tide turns, from one known high water."""

from datetime import datetime, timedelta

LUNAR_DAY = timedelta(hours=24, minutes=50)


def high_waters(first: datetime, count: int) -> list[datetime]:
    """Two high waters in each lunar day."""
    return [first + LUNAR_DAY / 2 * n for n in range(count)]


for moment in high_waters(datetime(2025, 2, 3, 6, 40), 4):
    print(f"{moment:%a %H:%M}")
