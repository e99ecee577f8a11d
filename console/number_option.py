"""An option whose value is a number within limits; its help says the limits in words.

Click writes ``0.1<=x<=3600``; a person reads ``0.1 to 3600``, ``at least 1``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from console.language import tr

if TYPE_CHECKING:
    from click.types import OptionHelpExtra


class NumberOption(click.Option):
    """An option of the type `click.IntRange` or `click.FloatRange`, both limits included."""

    def get_help_extra(self, ctx: click.Context) -> OptionHelpExtra:
        """As `click.Option.get_help_extra`; the limits are words, and follow the default."""
        extra = super().get_help_extra(ctx)
        if extra.pop("range", None) is None:
            return extra
        limits = _limits(self.type)
        if "default" in extra:
            extra["default"] = tr("{default}; {limits}", default=extra["default"], limits=limits)
        else:
            extra["range"] = limits
        return extra


def _limits(kind: click.ParamType[Any]) -> str:
    """The limits of a range in words."""
    least, most = getattr(kind, "min", None), getattr(kind, "max", None)
    if least is None:
        return tr("at most {most}", most=most)
    if most is None:
        return tr("at least {least}", least=least)
    return tr("{least} to {most}", least=least, most=most)
