"""The documented set of the portal's metrics: every name once. Pure.

Labels are bounded: routes are the names of `portal.permissions`, the rest closed vocabularies. No
customer's name, and no box, is a label: who watches the portal need not know whose it is.

Source: Prometheus, "Metric and label naming".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric.

    Attributes:
        unit: In words of the documentation; ``""`` for a plain number.
        labels: Their names, in the order of a sample's values.
        buckets: Upper bounds of a histogram.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    unit: str = ""
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


Samples = list[tuple[tuple[str, ...], float]]
"""Of one metric: label values, in the order of `Metric.labels`, and the number."""

REQUESTS: Final = Metric(
    name="kanmon_portal_request_duration_seconds",
    kind="histogram",
    meaning="From a request's arrival to its answer, by route name (other: no address of ours).",
    unit="seconds",
    labels=("route", "method", "status"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
DATABASE_UP: Final = Metric(
    name="kanmon_portal_database_up",
    kind="gauge",
    meaning="Whether the database answered; without it the following have no sample.",
    unit="0 or 1",
)
GATEWAYS: Final = Metric(
    name="kanmon_portal_gateways",
    kind="gauge",
    meaning="Gateways by liveness: connected, silent, or waiting (never heard).",
    labels=("liveness",),
)
CONDITIONS: Final = Metric(
    name="kanmon_portal_open_conditions",
    kind="gauge",
    meaning="Conditions of devices that are open now.",
    labels=("severity",),
)
QUARANTINE: Final = Metric(
    name="kanmon_portal_quarantined_records",
    kind="gauge",
    meaning="Records in quarantine.",
    labels=("code",),
)
LEDGER: Final = Metric(
    name="kanmon_portal_records",
    kind="gauge",
    meaning="Records of all boxes: accepted by their spools; of these stored, quarantined, gapped "
    "(dropped and announced), waiting (not here yet) and holes (lost by the portal, and asked for "
    "again); of those stored, undated. Counted every five minutes.",
    labels=("state",),
)
ALARMS: Final = Metric(
    name="kanmon_portal_ingest_alarms",
    kind="gauge",
    meaning="Alarms that are open: the portal fails to store valid records, and answers nothing "
    "that fails for the same cause.",
)
UNDATED: Final = Metric(
    name="kanmon_portal_undated_readings",
    kind="gauge",
    meaning="Readings that are stored and wait for their gateway's clock to be set.",
)
UNDATED_DEVICES: Final = Metric(
    name="kanmon_portal_undated_devices",
    kind="gauge",
    meaning="Devices of which readings wait for their gateway's clock to be set.",
)
MAIL_WAITING: Final = Metric(
    name="kanmon_portal_mail_waiting",
    kind="gauge",
    meaning="Mails that are not sent yet.",
)
MAIL_OLDEST_DUE: Final = Metric(
    name="kanmon_portal_mail_oldest_due_seconds",
    kind="gauge",
    meaning="For how long the next attempt of a mail has been due; 0 if none is due. It grows "
    "where no worker runs, or no mail server is set.",
    unit="seconds",
)
MAIL_UNDELIVERED: Final = Metric(
    name="kanmon_portal_mail_undelivered",
    kind="gauge",
    meaning="Mails of the last 30 days that were refused by the mail server or given up (expired).",
    labels=("state",),
)
CERTIFICATES: Final = Metric(
    name="kanmon_portal_certificate_remaining_seconds",
    kind="gauge",
    meaning="Until the first certificate in use of that root and purpose (box, worker, publisher, "
    "broker, ...) expires; below 0 once it has.",
    unit="seconds",
    labels=("root", "purpose"),
)
LISTS: Final = Metric(
    name="kanmon_portal_revocation_list_remaining_seconds",
    kind="gauge",
    meaning="Until the newest revocation list expires; from then on the broker refuses every "
    "client.",
    unit="seconds",
    labels=("root",),
)
WEB: Final = (
    REQUESTS,
    DATABASE_UP,
    GATEWAYS,
    CONDITIONS,
    QUARANTINE,
    ALARMS,
    LEDGER,
    UNDATED,
    UNDATED_DEVICES,
    MAIL_WAITING,
    MAIL_OLDEST_DUE,
    MAIL_UNDELIVERED,
    CERTIFICATES,
    LISTS,
)
"""The metrics of a process that serves pages."""

BATCHES: Final = Metric(
    name="kanmon_ingest_batches_total", kind="counter", meaning="Transactions committed."
)
MESSAGES: Final = Metric(
    name="kanmon_ingest_messages_total", kind="counter", meaning="Messages worked off."
)
UNUSABLE: Final = Metric(
    name="kanmon_ingest_unusable_messages_total",
    kind="counter",
    meaning="Of these, messages that were nothing of ours.",
)
THROTTLED: Final = Metric(
    name="kanmon_ingest_throttled_messages_total",
    kind="counter",
    meaning="Messages of boxes over their budget, left unanswered so that they are sent again; by "
    "the resource that was used up. The log names the boxes (over_budget).",
    labels=("resource",),
)
RECEIPTS: Final = Metric(
    name="kanmon_ingest_receipts_total",
    kind="counter",
    meaning="Records received for the first time, the quarantined among them.",
    labels=("lane",),
)
REPEATED: Final = Metric(
    name="kanmon_ingest_repeated_records_total",
    kind="counter",
    meaning="Records that had been received before: nothing is stored twice.",
)
QUARANTINED: Final = Metric(
    name="kanmon_ingest_quarantined_records_total",
    kind="counter",
    meaning="Records rejected into quarantine.",
    labels=("code",),
)
HELD: Final = Metric(
    name="kanmon_ingest_held_records_total",
    kind="counter",
    meaning="Records that failed and were left unanswered, because the portal is at fault.",
)
TABLES_ASKED: Final = Metric(
    name="kanmon_ingest_records_without_table_total",
    kind="counter",
    meaning="Records left until their table is sent.",
)
READINGS: Final = Metric(
    name="kanmon_ingest_readings_total", kind="counter", meaning="Readings stored."
)
ANSWERS: Final = Metric(
    name="kanmon_ingest_acknowledgements_total",
    kind="counter",
    meaning="Acknowledgements made for boxes.",
)
COMMIT: Final = Metric(
    name="kanmon_ingest_commit_duration_seconds",
    kind="histogram",
    meaning="From a batch's first look to its commit.",
    unit="seconds",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
AGE: Final = Metric(
    name="kanmon_ingest_record_age_seconds",
    kind="histogram",
    meaning="From a data record's last reading to its commit; a backlog shows as the high buckets.",
    unit="seconds",
    buckets=(0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3600.0, 21_600.0, 86_400.0, 604_800.0),
)
INGEST: Final = (
    BATCHES,
    MESSAGES,
    UNUSABLE,
    THROTTLED,
    RECEIPTS,
    REPEATED,
    QUARANTINED,
    HELD,
    TABLES_ASKED,
    READINGS,
    ANSWERS,
    COMMIT,
    AGE,
)
"""The metrics of an ingest worker."""
