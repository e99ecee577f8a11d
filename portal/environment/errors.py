"""What is wrong with the environment, for the operator who set it; never a secret's value."""

from __future__ import annotations


class SettingsError(ValueError):
    """Settings that cannot be used.

    Attributes:
        messages: Which variable cannot be used, why, and after a semicolon what to write instead;
            one for each such variable.
        names: Those variables; empty where the error is about a file.
    """

    def __init__(self, *messages: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(". ".join(messages))
        self.messages = messages
        self.names = names
