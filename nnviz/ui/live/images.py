"""Which test image comes next."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from nnviz.fields import show
from nnviz.ui.checkpoints import sample
from nnviz.ui.live.pictures import Pictures
from nnviz.ui.live.wish import MOST_IMAGES, WishError, whole, wish_of
from nnviz.ui.subject import ANY, mistakes, of_class

NEXT, RANDOM, MISTAKE = "next", "random", "mistake"


def pick(pictures: Pictures, asked: object) -> int:
    """The number of the test image that `asked` describes: {"how": next, random or mistake, "digit": a class or -1,
    "after": the number of the present one, "wish": the network}. A mistake where there is none is the present one.

    Raises WishError, RunGone, CheckpointError, DataError.
    """
    if not isinstance(asked, Mapping) or asked.get("how") not in (NEXT, RANDOM, MISTAKE):
        raise WishError("an image is the next, a random one or a mistake")
    wish = wish_of(asked.get("wish"))
    state, view = pictures.view(wish)
    test, classes = view.data.test, len(view.data.dataset.classes)
    digit, after = asked.get("digit", ANY), whole("after", asked.get("after", 0), MOST_IMAGES)
    if not isinstance(digit, int) or not -1 <= digit < classes:
        raise WishError(f"digit must be from 0 to {classes - 1}, or -1 for any, not {show(digit)}")
    among: Sequence[int] = range(len(test.labels))
    if asked["how"] == MISTAKE:
        some, _ = sample(view, live=True)
        among = mistakes(wish.run or f"{state} {wish.setup}", view.step_number, len(some.labels), view)
    found = of_class(among, test.labels, digit)
    if not found:
        return after
    if asked["how"] == RANDOM:
        return random.choice(found)
    if after in found:  # the next one in their order, which begins anew at its end
        return found[(found.index(after) + 1) % len(found)]
    return found[0] if asked["how"] == MISTAKE else next((one for one in found if one > after), found[0])
