"""Deals groups of records into folds so that every class is spread as evenly as it can be.

Iterative stratification (Sechidis et al. 2011, https://doi.org/10.1007/978-3-642-23808-6_10), with groups in place of
examples: from the rarest class to the commonest, each group that has it goes to the fold that lacks most of it.
"""

__all__ = ["stratify"]

import numpy as np
from jaxtyping import Bool, Float, Int


def stratify(
    counts: Float[np.ndarray, "group column"],
    shares: Float[np.ndarray, " fold"] | Float[np.ndarray, "fold column"],
    rng: np.random.Generator,
    allowed: Bool[np.ndarray, "group fold"] | None = None,
) -> Int[np.ndarray, " group"]:
    """A fold from 1 for each group.

    Arguments:
        counts: What each group holds: records of each class, and in the last column records, which fill up what the
            classes leave open. Each group holds at least one record.
        shares: What fold k is to hold, in proportion to the other folds: one number, or one for each column.
        rng: Settles ties and the order of groups that weigh the same.
        allowed: The folds that a group may go to, at least one; by default all.
    """

    shares = np.broadcast_to(shares.T, (counts.shape[1], len(shares))).T
    sums = shares.sum(axis=0)
    lacking = counts.sum(axis=0) * shares / np.where(sums > 0, sums, 1.0)
    fold = np.zeros(len(counts), dtype=np.int64)
    order = rng.permutation(len(counts))
    while (todo := order[fold[order] == 0]).size:
        left = (counts[todo] > 0).sum(axis=0)
        left[-1] = left[-1] * 2 + 1 if left[:-1].any() else left[-1]  # records come last
        rarest = int(np.where(left > 0, left, np.iinfo(np.int64).max).argmin())
        members = todo[counts[todo, rarest] > 0]
        for group in members[np.argsort(-counts[members, rarest], kind="stable")]:
            barred = False if allowed is None else ~allowed[group]
            first, then = (np.where(barred, np.inf, -lacking[:, column]) for column in (rarest, -1))
            best = np.lexsort((rng.random(len(shares)), then, first))[0]
            fold[group] = best + 1
            lacking[best] -= counts[group]
    return fold
