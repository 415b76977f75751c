"""Finds the leaks between the sides of a split, before anyone trains on it.

One file a kind of leak; each holds one check, a function of a `Subject` that answers with a `Verdict`. A check says
*clean* only of what it has looked at: what it could not see, such as the patient of a record that names none, is *could
not look*. A *warning* is a likelihood that a person must judge; a check whose material was not given is *not asked*.
"""

__all__ = [
    "MAKER",
    "SPACES",
    "STATUSES",
    "Finding",
    "Fingerprint",
    "Space",
    "Status",
    "Subject",
    "Verdict",
    "account",
    "audit",
    "begun_with",
    "contracts_of",
    "exit_code",
    "find_pairs",
    "fix",
    "get",
    "keep",
    "learnt",
    "names",
    "open_run",
    "open_subject",
    "summary",
    "with_owners",
]

from collections.abc import Callable, Sequence
from functools import partial

from einthoven import registry
from einthoven.audit._account import MAKER, account, keep
from einthoven.audit._fix import fix, summary
from einthoven.audit._nearness import SPACES, Space
from einthoven.audit._open import begun_with, contracts_of, learnt, open_run, open_subject
from einthoven.audit._owners import with_owners
from einthoven.audit._pairs import find_pairs
from einthoven.audit._subject import STATUSES, Finding, Status, Subject, Verdict, exit_code
from einthoven.store import Fingerprint

Check = Callable[[Subject], Verdict]

names = partial(registry.names, "audit")


def get(name: str) -> Check:
    """A check by its name.

    Raises:
        UnknownName: If there is none.
    """

    check: Check = registry.get("audit", name)
    return check


def audit(
    subject: Subject, checks: Sequence[str] | None = None, on_check: Callable[[str], None] = lambda name: None
) -> list[Verdict]:
    """Looks for every kind of leak.

    Arguments:
        subject: What is audited.
        checks: Which kinds; by default all.
        on_check: Is told the name of each check before it begins.

    Returns:
        One verdict a check, the worst first.
    """

    verdicts = []
    for name in names() if checks is None else checks:
        on_check(name)
        verdicts.append(get(name)(subject))
    return sorted(verdicts, key=lambda verdict: STATUSES.index(verdict.status))
