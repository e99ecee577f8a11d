"""Mail: the outbox that acts write to, and the worker that sends what is in it.

::

    act --one transaction--> Mail (waiting) --claim--> SMTP --> sent
                               ^                        |-----> refused: a hard bounce
                               '----- next attempt -----'-----> expired: given up

`outbox.send` writes a row in the transaction of the act that causes the mail, so that the mail is
sent if and only if the act took place. ``kanmon-portal work`` (`worker`) takes rows that are due,
renders them and hands them to the mail server, at least once, with one Message-ID per row.

Imports no model of another app: people and organizations are ids.

May be imported by `portal.cli`, `portal.accounts` and every app above that.

Source: design section 8.
"""
