"""What the shop sells."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from sandbox import moments

_CATEGORIES: dict[str, tuple[tuple[str, ...], tuple[int, int]]] = {  # nouns, price range in cents
    "Outdoor": (("Tent", "Backpack", "Lantern", "Sleeping Bag", "Trekking Poles"), (1990, 39900)),
    "Home": (("Kettle", "Pillow", "Desk Lamp", "Blanket", "Vase"), (990, 14900)),
    "Clothing": (("Jacket", "Sweater", "Jeans", "Scarf", "T-Shirt"), (1490, 24900)),
    "Shoes": (("Sneakers", "Hiking Boots", "Sandals", "Slippers"), (2490, 19900)),
    "Electronics": (("Headphones", "Speaker", "Charger", "E-Reader", "Webcam"), (1290, 69900)),
    "Books": (("Cookbook", "Travel Guide", "Novel", "Notebook"), (690, 4900)),
    "Toys": (("Puzzle", "Building Blocks", "Board Game", "Plush Bear"), (890, 8900)),
    "Garden": (("Watering Can", "Pruner", "Planter", "Bird House"), (790, 12900)),
}
_STYLES = ("Nordic", "Classic", "Alpine", "Urban", "Basic", "Pro", "Mini", "Vintage")
_BRANDS = ("Fjällwind", "Casa Lumo", "Oakridge", "Bergquell", "Nimbus", "Petit Jour", "Kibo", "Terra & Co", 'Studio "Eins"')


@dataclass(slots=True)
class Product:
    """A row of `products`; price in euro cents, times in microseconds."""

    product_id: int
    sku: str
    name: str
    category: str
    brand: str
    price: int  # cents, euro
    is_active: bool
    created: int
    updated: int
    is_deleted: bool = False


def catalogue(*, rng: Random, now: int, size: int = 240) -> list[Product]:
    """`size` products, some no longer active."""
    products = []
    categories = list(_CATEGORIES)
    for number in range(size):
        category = categories[number % len(categories)]
        nouns, (low, high) = _CATEGORIES[category]
        price = int(low * (high / low) ** rng.random()) // 100 * 100 + rng.choice((90, 95, 99))
        created = now - int(rng.uniform(30, 1400) * moments.DAY) if number % 12 else now - 1400 * moments.DAY
        updated = moments.between(rng, created, now - moments.HOUR)
        products.append(
            Product(
                1000 + number,
                f"{category[:3].upper()}-{1000 + number}-{rng.choice(('S', 'M', 'L', 'X'))}",
                f"{rng.choice(_STYLES)} {rng.choice(nouns)}",
                category,
                rng.choice(_BRANDS),
                price,
                rng.random() > 0.06,
                created,
                updated,
            )
        )
    return products
