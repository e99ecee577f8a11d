"""Sending what is due: each row claimed, rendered, handed over and settled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from portal.logs import event_log
from portal.notifications import claims
from portal.notifications.models import Mail, MailState
from portal.notifications.rendering import kept_subject, rendered
from portal.notifications.smtp import (
    DeferredError,
    RecipientRefusedError,
    ServerUnavailableError,
    SmtpSession,
)

if TYPE_CHECKING:
    from collections.abc import Callable

log = event_log(__name__)


@dataclass(slots=True, kw_only=True)
class Deliveries:
    """What one pass over the outbox did.

    Attributes:
        sent: Mails that the server accepted.
        refused: Mails that it refused for good.
        deferred: Mails that are tried again later.
        expired: Mails that were given up.
        error: Why the pass ended early: the server was not available, or none is set.
    """

    sent: int = 0
    refused: int = 0
    deferred: int = 0
    expired: int = 0
    error: str = ""


def _never() -> bool:
    return False


def deliver_due(stopping: Callable[[], bool] = _never) -> Deliveries:
    """Send all mails that are due, one after the other, over one connection.

    The pass ends with the first mail that shows that no mail can be sent: that one waits for its
    next attempt, and the others stay due.

    Args:
        stopping: Asked before each mail; the pass ends where it is true.
    """
    done = Deliveries()
    # On SQLite whatever follows takes the one write lock: a worker that is idle leaves it alone.
    if not Mail.objects.due(timezone.now()).exists():
        return done
    done.expired = claims.expire(timezone.now())
    if done.expired:
        log.warning("mail_expired", count=done.expired)
    server = settings.MAIL_SERVER
    if server is None:
        return done
    with SmtpSession(server) as session:
        while not (stopping() or done.error):
            mail = claims.claim(timezone.now())
            if mail is None:
                break
            _deliver(mail, session, done)
    return done


def _deliver(mail: Mail, session: SmtpSession, done: Deliveries) -> None:
    try:
        message = rendered(mail)
        mail.subject = kept_subject(str(message.subject), mail.context)
        session.send(message)
    except RecipientRefusedError as error:
        claims.settle(mail, MailState.REFUSED, str(error))
        done.refused += 1
        log.warning("mail_refused", mail=mail.pk, name=mail.name, reply=str(error))
    except (DeferredError, ServerUnavailableError) as error:
        claims.postpone(mail, str(error))
        done.deferred += 1
        log.warning("mail_deferred", mail=mail.pk, attempts=mail.attempts, reply=str(error))
        if isinstance(error, ServerUnavailableError):
            done.error = str(error)
    except Exception as error:
        claims.postpone(mail, f"{type(error).__name__}: {error}")
        done.deferred += 1
        log.exception("mail_failed", mail=mail.pk, name=mail.name)
    else:
        claims.settle(mail, MailState.SENT)
        done.sent += 1
        log.info("mail_sent", mail=mail.pk, name=mail.name, attempts=mail.attempts)
