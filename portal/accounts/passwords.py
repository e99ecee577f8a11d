"""The one password policy of the portal, for every type of account.

What Django has is Django's, in the settings: the minimum length, the common passwords and the
similarity to the person's own names and addresses. What it does not have is here: the maximum
length and the kinds of characters.

Refused as common is what is in the list that Django is shipped with: the 20,000 passwords that
occur most often in published breaches. A complete list of breached passwords has about a billion
entries and is either asked for over the network or kept in a file of tens of gigabytes; neither is
used.

Source: requirements K-1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

if TYPE_CHECKING:
    from portal.accounts.models import User

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 128
POLICY: Final = gettext_lazy(
    "10 to 128 characters with at least one upper-case letter, one lower-case letter and one "
    "digit; symbols are allowed, and common passwords are refused."
)
"""The policy in one sentence, beside every field for a new password."""


class CharactersValidator:
    """Refuses a password that is too long, or has no upper-case letter, lower-case letter or digit.

    An upper or lower-case letter is one of any alphabet, a digit a decimal digit of any script.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Refuse a password.

        Raises:
            ValidationError: Of code ``password_too_long`` or ``password_characters``.
        """
        if len(password) > MAX_LENGTH:
            raise ValidationError(
                _("The password has more than 128 characters."), code="password_too_long"
            )
        kinds = (str.isupper, str.islower, str.isdecimal)
        if not all(any(map(kind, password)) for kind in kinds):
            raise ValidationError(
                _(
                    "The password needs at least one upper-case letter, one lower-case letter and "
                    "one digit."
                ),
                code="password_characters",
            )

    def get_help_text(self) -> str:
        """The whole policy."""
        return str(POLICY)
