"""Two tabs, or two people, never overwrite each other's edits.

A form carries the values that it was opened with. When it is saved after somebody else has changed
one of them, nothing is stored: the page says what changed, shows the entries that were to be saved,
and saves them when it is asked again.

The view reads what is edited with a lock and stores it in the same transaction, so that two saves
at once wait for each other.

Source: requirements C-2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from django import forms
from django.core import signing
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELD: Final = "revision"
_SALT: Final = "kanmon.revision"


class RevisedForm(forms.Form):
    """A form that edits what is stored already.

    ``initial`` has to hold what is stored now, when the form is shown and when it is saved. A
    request without a revision, which no page of ours sends, is not compared.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[FIELD] = forms.CharField(widget=forms.HiddenInput, required=False)
        self.initial[FIELD] = signing.dumps(self._stored(), salt=_SALT)

    def _stored(self) -> dict[str, str]:
        """What is stored now, by field, as the form shows it."""
        # Not self[name]: that keeps the label and the help text, which a subclass may set later.
        stored = {
            name: self.get_initial_for_field(field, name)
            for name, field in self.fields.items()
            if name != FIELD
        }
        return {name: str(value or "") for name, value in stored.items()}

    def clean(self) -> dict[str, Any]:
        """Refuse to store what was changed since the form was opened, once.

        Raises:
            ValidationError: One error for each field that was changed.
        """
        found = super().clean() or self.cleaned_data
        opened = self._opened(str(found.pop(FIELD, "")))
        stored = self._stored()
        changed = [name for name in stored if opened.get(name, stored[name]) != stored[name]]
        if changed:
            data = cast("Any", self.data).copy()
            data[self.add_prefix(FIELD)] = self.initial[FIELD]
            self.data = data
            raise forms.ValidationError([self._sentence(name, opened, stored) for name in changed])
        return found

    def _opened(self, sealed: str) -> dict[str, str]:
        """What was stored when the form was opened; nothing where the form does not say."""
        try:
            opened = signing.loads(sealed, salt=_SALT)
        except signing.BadSignature:
            return {}
        return {str(name): str(value) for name, value in opened.items()}

    def _sentence(self, name: str, opened: Mapping[str, str], stored: Mapping[str, str]) -> str:
        return _(
            "%(field)s was changed from “%(old)s” to “%(new)s” after you had opened this page. "
            "Check your entries, and save again to replace it."
        ) % {
            "field": self.fields[name].label or name,
            "old": self._shown(name, opened[name]),
            "new": self._shown(name, stored[name]),
        }

    def _shown(self, name: str, value: str) -> str:
        """A value as the form's field shows it: the words of a choice."""
        choices = getattr(self.fields[name], "choices", None) or ()
        words = {str(key): str(label) for key, label in choices if not isinstance(label, list)}
        return words.get(value, value)
