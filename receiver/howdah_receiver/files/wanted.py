"""Which page of which list somebody wants, checked."""

from __future__ import annotations

from dataclasses import dataclass, field

from howdah_common.messages import MOST_PER_PAGE
from howdah_common.problems import ProblemError
from howdah_receiver.catalogue.orders import BadCursor, Order, Page, cursor_of
from howdah_receiver.catalogue.search import MOST_LETTERS

MOST_PAGES = 2**40
NO_CURSOR = "`after` is no `next` of a list of this order."


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page of a list."""

    page: int = 1
    per_page: int = 50
    order: Order = field(default_factory=Order)
    search: str = ""
    """What names shall hold; empty for all."""
    after: str | None = None
    """The `next` of the page before, in place of a number."""

    def cut(self) -> Page:
        """Raises ProblemError: bad_request."""
        if not 1 <= self.page <= MOST_PAGES or not 1 <= self.per_page <= MOST_PER_PAGE:
            raise ProblemError("bad_request", f"page from 1, per_page from 1 to {MOST_PER_PAGE}.")
        if len(self.search) > MOST_LETTERS:
            raise ProblemError("bad_request", f"search of {MOST_LETTERS} letters at most.")
        if self.after is None:
            return Page((self.page - 1) * self.per_page, self.per_page)
        if self.page != 1:
            raise ProblemError("bad_request", "`page` and `after` do not go together.")
        try:
            return Page(0, self.per_page, cursor_of(self.after))
        except BadCursor as error:
            raise ProblemError("bad_request", NO_CURSOR) from error
