"""Lists the corpora that can be read, with their cards."""

__all__ = ["datasets"]

import textwrap

from einthoven import datasets as room
from einthoven import registry


def datasets(name: str | None = None) -> None:
    """Lists the corpora that can be read, with their cards.

    Arguments:
        name: Only this one.
    """

    for each in [registry.nearest(name, room.names(), "data set")] if name else room.names():
        card = registry.get("datasets", each).card
        print(f"{card.name}: {card.title}")
        facts = {"what": card.description, "licence": card.licence, "cite": card.citation, "from": card.url}
        if card.contains:
            facts["shares records with"] = "; ".join(card.contains)
        for key, value in facts.items():
            if value:
                print(textwrap.fill(f"{key}: {value}", 100, initial_indent="    ", subsequent_indent="      "))
        print()
