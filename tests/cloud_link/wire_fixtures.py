"""Messages and records with the bytes that they must keep, one of each kind at least.

`test_wire` holds our codec to them, `test_reference_msgpack` the reference decoder. A record that a
box in the field has in its spool was written by some earlier version: an entry here is never
changed, only joined by another.
"""

from __future__ import annotations

from cloud_link.records import (
    ClockRecord,
    Column,
    ConfigurationRecord,
    DataRecord,
    EventRecord,
    GapRecord,
    Record,
    Table,
    WireCondition,
    WireIdentity,
    WireSupply,
)
from cloud_link.wire import (
    VERSION,
    Ack,
    AcknowledgedEpoch,
    Batch,
    Lane,
    Online,
    Tables,
)

TABLE = Table("main", (Column("voltage", "l1", -1), Column("energy.import", "", 0)))

GOLDEN_RECORDS: tuple[tuple[Record, str], ...] = (
    (
        DataRecord(b"01234567", 60_000, [2301, None], b"\x03", ((1, 0), (1, 40)), ((1, 2),)),
        "9701c4083031323334353637cdea6092cd08fdc0c401039292010092012891920102",
    ),
    (
        EventRecord(
            "main",
            7,
            "online",
            "running",
            WireIdentity("Eastron", "SDM630", "1234"),
            (
                WireCondition(
                    "phase.lost",
                    "error",
                    "l1",
                    "phase L1 is lost",
                    "holding 7 = 0x2 (bit 1 is set)",
                    None,
                    "condition.placed",
                    {"what": "phase", "place": "L1"},
                    [
                        [
                            "register",
                            "holding 7",
                            "",
                            "0x2",
                            "bit 1 is set",
                            "evidence.register_bit",
                            {"bit": 1},
                            "acme-x1",
                        ]
                    ],
                    "check the fuses",
                    "next_step.phase_lost",
                    {},
                ),
            ),
            (WireSupply("toner", "black", "T", 40, None, "%", "ok"),),
        ),
        (
            "9802a46d61696e07a66f6e6c696e65a772756e6e696e6795a74561737472"
            "6f6ea653444d363330a431323334a0a0919caa70686173652e6c6f7374a5"
            "6572726f72a26c31b07068617365204c31206973206c6f7374be686f6c64"
            "696e672037203d20307832202862697420312069732073657429c0b0636f"
            "6e646974696f6e2e706c6163656482a477686174a57068617365a5706c61"
            "6365a24c319198a87265676973746572a9686f6c64696e672037a0a33078"
            "32ac626974203120697320736574b565766964656e63652e726567697374"
            "65725f62697481a362697401a761636d652d7831af636865636b20746865"
            "206675736573b46e6578745f737465702e70686173655f6c6f7374809197"
            "a5746f6e6572a5626c61636ba15428c0a125a26f6b"
        ),
    ),
    (ClockRecord(0, 1_700_000_000_000, synchronised=True), "940300cf0000018bcfe56800c3"),
    (
        GapRecord(b"epoch-01", 3, 3, ((5, 9),), 5, 250, (b"boot-001", 1), (b"boot-001", 2), "cap"),
        (
            "9a04c40865706f63682d303103039192050905ccfa92c408626f6f742d303031"
            "0192c408626f6f742d30303102a3636170"
        ),
    ),
    (
        ConfigurationRecord(9, b"\x01" * 4, "local", b"x\x9c"),
        "950509c40401010101a56c6f63616cc402789c",
    ),
)

OLDER_RECORDS: tuple[tuple[Record, str], ...] = (
    (
        EventRecord(
            "main",
            7,
            "online",
            "running",
            WireIdentity("Eastron", "SDM630", "1234"),
            (WireCondition("phase.lost", "error", "l1", "m", "s", None),),
            (WireSupply("toner", "black", "T", 40, None, "%", "ok"),),
        ),
        (
            "9802a46d61696e07a66f6e6c696e65a772756e6e696e6795a74561737472"
            "6f6ea653444d363330a431323334a0a09196aa70686173652e6c6f7374a5"
            "6572726f72a26c31a16da173c09197a5746f6e6572a5626c61636ba15428"
            "c0a125a26f6b"
        ),
    ),
)
"""As earlier versions wrote them: structures have gained fields since."""

GOLDEN_MESSAGES: tuple[tuple[Batch | Tables | Online | Ack, str], ...] = (
    (
        Batch(VERSION, b"epoch-01", 3, Lane.DATA, b"boot-001", ((7, b"\x90"),)),
        "9601c40865706f63682d30310303c408626f6f742d303031919207c40190",
    ),
    (
        Ack(VERSION, b"epoch-01", Lane.DATA, ((0, 6),), ((7, "misfit"),), (), (), None),
        "9a01c40865706f63682d30310391920006919207a66d69736669749090c09000",
    ),
    (
        Ack(VERSION, b"epoch-01", Lane.EVENT, resend=((2, 300),), wait_ms=1500),
        "9a01c40865706f63682d30310190909090c0919202cd012ccd05dc",
    ),
    (
        Tables(VERSION, (TABLE,)),
        "92019192a46d61696e9293a7766f6c74616765a26c31ff93ad656e657267792e696d706f7274a000",
    ),
    (
        Online(
            VERSION,
            4,
            True,
            b"boot-001",
            b"epoch-01",
            3,
            {Lane.EVENT: 2, Lane.DATA: 2**40},
            "0.1.0",
            None,
            (
                AcknowledgedEpoch(
                    b"epoch-00", 2, {Lane.GAP: 0, Lane.DATA: 130}, {Lane.GAP: 1, Lane.DATA: 131}
                ),
            ),
            ((0, 3),),
        ),
        (
            "9b0104c3c408626f6f742d303031c40865706f63682d30310382010203cf0000010000000000"
            "a5302e312e30c09194c40865706f63682d30300282000003cc8282000103cc8391920003"
        ),
    ),
    (
        Tables(VERSION, (TABLE,) * 8),
        "78019bc43863d292dcc4ccbc49939797e5e79424a6a72eca31fc3f796d6a5e6a517aa55e666e417e51c9028651450c00f23b897c",
    ),
)

OLDER_MESSAGES: tuple[tuple[Batch | Tables | Online | Ack, str], ...] = (
    (
        Ack(VERSION, b"epoch-01", Lane.DATA, ((0, 6),), ((7, "misfit"),), (), (), None),
        "9801c40865706f63682d30310391920006919207a66d69736669749090c0",
    ),
    (
        Online(VERSION, 4, True, b"boot-001", b"epoch-01", 3, {Lane.EVENT: 2}, "0.1.0", None),
        "990104c3c408626f6f742d303031c40865706f63682d303103810102a5302e312e30c0",
    ),
    (
        Online(
            VERSION,
            4,
            True,
            b"boot-001",
            b"epoch-01",
            3,
            {Lane.EVENT: 2, Lane.DATA: 2**40},
            "0.1.0",
            None,
            (AcknowledgedEpoch(b"epoch-00", 2, {Lane.GAP: 0, Lane.DATA: 130}),),
        ),
        (
            "9a0104c3c408626f6f742d303031c40865706f63682d30310382010203cf0000010000000000"
            "a5302e312e30c09193c40865706f63682d30300282000003cc82"
        ),
    ),
)
"""As earlier versions wrote them: messages have gained fields since."""
