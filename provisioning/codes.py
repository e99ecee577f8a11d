"""The failures of enrolment: for each a number, the cause and the next step.

The same texts stand on the box's setup page, on its console and in the portal; an installer reads
the number out on the telephone, so it never changes its meaning and is never used again.

====== ========================= ====== ==========================
11xx   network                   22xx   approval (none yet)
12xx   clock                     23xx   issuing the certificate
13xx   TLS                       24xx   the box's storage
21xx   agent key and consent     25xx   renewal, replacement (none yet)
..     ..                        26xx   offline enrolment (none yet)
====== ========================= ====== ==========================

Source: design section 6; requirement E-28. ``docs/reference/codes.md`` is written from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final


class Code(IntEnum):
    """The number of a failure."""

    NAME_NOT_FOUND = 1101
    NO_CONNECTION = 1102
    NO_ANSWER = 1103
    BROKEN_OFF = 1104
    NOT_THE_PORTAL = 1105
    UNAVAILABLE = 1106
    CLOCK_BEHIND = 1201
    CLOCK_AHEAD = 1202
    OTHER_ROOT = 1301
    OTHER_ISSUER = 1302
    OTHER_HOST = 1303
    NO_TLS = 1304
    KEY_MISTYPED = 2101
    NO_KEY = 2102
    ADDRESS_MISTYPED = 2103
    KEY_UNKNOWN = 2104
    KEY_EXPIRED = 2105
    KEY_USED_UP = 2106
    KEY_REVOKED = 2107
    NO_CONSENT = 2108
    TOO_OFTEN = 2109
    OTHER_TERMS = 2110
    BAD_REQUEST = 2301
    BAD_CSR = 2302
    BOX_TAKEN = 2303
    PLACE_TAKEN = 2304
    BOX_REVOKED = 2305
    NO_AUTHORITY = 2306
    BAD_CERTIFICATE = 2307
    OTHER_REASON = 2308
    NOT_WRITABLE = 2401
    DISK_FULL = 2402
    DAMAGED = 2403
    OTHER_PORTAL = 2404
    KEY_EXPOSED = 2405
    UNTRUSTED_PATH = 2406


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEntry:
    """Cause and next step of a failure, in each of the product's languages."""

    cause_en: str
    cause_ja: str
    next_en: str
    next_ja: str


class CodedError(Exception):
    """A step of enrolment that failed: its ``code``, and the ``detail`` of this case.

    The detail names a group, a file, or what a library said; never a secret.
    """

    def __init__(self, code: Code, detail: str = "") -> None:
        entry = CATALOGUE[code]
        suffix = f" ({detail})" if detail else ""
        super().__init__(f"{code.value}: {entry.cause_en}{suffix} {entry.next_en}")
        self.code = code
        self.detail = detail

    def to_json(self) -> dict[str, Any]:
        """The failure as JSON values, in English and Japanese."""
        entry = CATALOGUE[self.code]
        return {
            "code": self.code.value,
            "cause": {"en": entry.cause_en, "ja": entry.cause_ja},
            "next": {"en": entry.next_en, "ja": entry.next_ja},
            "detail": self.detail,
        }


CATALOGUE: Final[dict[Code, CodeEntry]] = {
    Code.NAME_NOT_FOUND: CodeEntry(
        cause_en="The portal's name was not found.",
        cause_ja="ポータルの名前が見つかりませんでした。",
        next_en="Check the network cable and the box's name server (DNS), then try again.",
        next_ja="ネットワークケーブルと本体のDNS設定を確認し、もう一度お試しください。",
    ),
    Code.NO_CONNECTION: CodeEntry(
        cause_en="The portal could not be connected to.",
        cause_ja="ポータルに接続できませんでした。",
        next_en="Check the network settings, and that the firewall lets the box out to the address "
        "after the @ of the key.",
        next_ja="ネットワーク設定と、キーの@以降の宛先への通信がファイアウォールで許可されているかを"
        "確認してください。",
    ),
    Code.NO_ANSWER: CodeEntry(
        cause_en="The portal did not answer in time.",
        cause_ja="ポータルから時間内に応答がありませんでした。",
        next_en="Try again in a few minutes; repeating does no harm.",
        next_ja="数分後にもう一度お試しください。繰り返しても問題はありません。",
    ),
    Code.BROKEN_OFF: CodeEntry(
        cause_en="The connection broke off before the answer was complete.",
        cause_ja="応答の途中で接続が切れました。",
        next_en="Try again; repeating does no harm.",
        next_ja="もう一度お試しください。繰り返しても問題はありません。",
    ),
    Code.NOT_THE_PORTAL: CodeEntry(
        cause_en="Something answered that is not this portal, such as a proxy or a sign-in page of "
        "the network.",
        cause_ja="ポータル以外のもの（プロキシやネットワークの認証画面など）が応答しました。",
        next_en="Let the box reach the portal without a proxy, and check that the key is this "
        "portal's.",
        next_ja="プロキシを経由せずにポータルへ接続できるようにし、キーがこのポータルのものかを"
        "確認してください。",
    ),
    Code.UNAVAILABLE: CodeEntry(
        cause_en="The portal is not available at the moment.",
        cause_ja="ポータルは現在ご利用いただけません。",
        next_en="Try again later; repeating does no harm.",
        next_ja="しばらくしてからもう一度お試しください。繰り返しても問題はありません。",
    ),
    Code.CLOCK_BEHIND: CodeEntry(
        cause_en="The box's clock is behind: by it, the portal's certificate is not valid yet.",
        cause_ja="本体の時計が遅れており、ポータルの証明書がまだ有効になっていません。",
        next_en="Set the box's clock, or let it reach a time server (NTP), then try again.",
        next_ja="本体の時計を合わせるか、時刻サーバー（NTP）に接続できるようにして、もう一度お試し"
        "ください。",
    ),
    Code.CLOCK_AHEAD: CodeEntry(
        cause_en="The portal's certificate has expired at the box's time.",
        cause_ja="本体の時刻では、ポータルの証明書の有効期限が切れています。",
        next_en="Check the box's clock; if it is right, the portal's operator has to restart the "
        "claim service, which renews the certificate.",
        next_ja="本体の時計を確認してください。正しい場合は、ポータルの運用者が登録サービスを再起動して"
        "証明書を更新する必要があります。",
    ),
    Code.OTHER_ROOT: CodeEntry(
        cause_en="What answered does not have the root certificate that the key names.",
        cause_ja="応答した相手は、キーが示すルート証明書を持っていません。",
        next_en="Check that the key is this portal's and newly issued; if it is, somebody stands "
        "between the box and the portal: tell the network's administrator.",
        next_ja="キーがこのポータルで新しく発行されたものかを確認してください。正しい場合は通信が"
        "中継されている疑いがありますので、ネットワーク管理者に連絡してください。",
    ),
    Code.OTHER_ISSUER: CodeEntry(
        cause_en="The certificate of what answered was not issued by the portal's root.",
        cause_ja="応答した相手の証明書は、ポータルのルートから発行されたものではありません。",
        next_en="Let the box reach the portal's claim address without a proxy that opens TLS.",
        next_ja="TLSを復号するプロキシを経由せずに、ポータルの登録用アドレスへ接続できるようにして"
        "ください。",
    ),
    Code.OTHER_HOST: CodeEntry(
        cause_en="The portal's certificate is for another name than the one in the key.",
        cause_ja="ポータルの証明書の名前が、キーに書かれた名前と異なります。",
        next_en="The portal's operator has to set KANMON_CLAIM_URL to the name that boxes use, and "
        "to issue a new key.",
        next_ja="ポータルの運用者が KANMON_CLAIM_URL を本体から使う名前に設定し、新しいキーを発行"
        "する必要があります。",
    ),
    Code.NO_TLS: CodeEntry(
        cause_en="No encrypted connection could be agreed on.",
        cause_ja="暗号化された接続を確立できませんでした。",
        next_en="Check that the address after the @ of the key is the portal's claim address, and "
        "that nothing between changes the connection.",
        next_ja="キーの@以降がポータルの登録用アドレスであること、途中で通信が変更されていないことを"
        "確認してください。",
    ),
    Code.KEY_MISTYPED: CodeEntry(
        cause_en="A group of the agent key is mistyped.",
        cause_ja="エージェントキーの入力に誤りのあるグループがあります。",
        next_en="Compare the named group with the key as issued, and correct it.",
        next_ja="示されたグループを発行されたキーと見比べて、訂正してください。",
    ),
    Code.NO_KEY: CodeEntry(
        cause_en="This is no whole agent key.",
        cause_ja="完全なエージェントキーではありません。",
        next_en="Copy the whole key, from K1 to the end of the address after the @.",
        next_ja="K1から@以降のアドレスの最後まで、キー全体をコピーしてください。",
    ),
    Code.ADDRESS_MISTYPED: CodeEntry(
        cause_en="The address after the @ of the agent key is mistyped.",
        cause_ja="エージェントキーの@以降のアドレスに誤りがあります。",
        next_en="Compare it with the key as issued, letter by letter.",
        next_ja="発行されたキーと一文字ずつ見比べてください。",
    ),
    Code.KEY_UNKNOWN: CodeEntry(
        cause_en="The portal does not know this agent key.",
        cause_ja="このエージェントキーはポータルに登録されていません。",
        next_en="Check that it was copied from the right portal, or have a new one issued.",
        next_ja="正しいポータルからコピーしたものかを確認するか、新しいキーの発行を依頼してください。",
    ),
    Code.KEY_EXPIRED: CodeEntry(
        cause_en="The agent key has expired.",
        cause_ja="エージェントキーの有効期限が切れています。",
        next_en="Have a new one issued; this box keeps what it has done so far.",
        next_ja="新しいキーの発行を依頼してください。この本体の設定は保たれます。",
    ),
    Code.KEY_USED_UP: CodeEntry(
        cause_en="The agent key has already been used for as many boxes as it was issued for.",
        cause_ja="エージェントキーは、発行時に定められた台数まで使用済みです。",
        next_en="Have a new one issued; if nobody of yours used it, have the box that did revoked.",
        next_ja="新しいキーの発行を依頼してください。使用した覚えがない場合は、そのキーを使った本体を"
        "失効させてください。",
    ),
    Code.KEY_REVOKED: CodeEntry(
        cause_en="The agent key was revoked.",
        cause_ja="エージェントキーは失効しています。",
        next_en="Ask who issued it for a new one.",
        next_ja="発行者に新しいキーの発行を依頼してください。",
    ),
    Code.NO_CONSENT: CodeEntry(
        cause_en="Nobody has agreed yet that this box sends its data to the portal.",
        cause_ja="この本体のデータをポータルへ送信することへの同意がまだありません。",
        next_en="Read what is sent, and agree: tick the box on the setup page, or give --consent.",
        next_ja="送信される内容を確認し、同意してください（設定ページのチェックボックス、または"
        "--consent）。",
    ),
    Code.TOO_OFTEN: CodeEntry(
        cause_en="This agent key was tried too often within a minute.",
        cause_ja="このエージェントキーの試行が、1分間の上限を超えました。",
        next_en="Wait a minute, then try again.",
        next_ja="1分待ってから、もう一度お試しください。",
    ),
    Code.OTHER_TERMS: CodeEntry(
        cause_en="What was agreed to on this box is not what the portal asks for.",
        cause_ja="この本体で同意された内容が、ポータルの求めるものと異なります。",
        next_en="Update the box's software (or the portal's), then agree again.",
        next_ja="本体（またはポータル）のソフトウェアを更新し、あらためて同意してください。",
    ),
    Code.BAD_REQUEST: CodeEntry(
        cause_en="The portal cannot read what the box sent.",
        cause_ja="本体から送信された内容をポータルが読み取れませんでした。",
        next_en="Update the box's software (or the portal's), then try again.",
        next_ja="本体（またはポータル）のソフトウェアを更新し、もう一度お試しください。",
    ),
    Code.BAD_CSR: CodeEntry(
        cause_en="The certificate request is not one of this box and its own key.",
        cause_ja="証明書の要求が、この本体とその鍵によるものではありません。",
        next_en="Try again from the box itself; if it repeats, begin as a new box (see 2403).",
        next_ja="本体からもう一度お試しください。繰り返す場合は新しい本体として登録し直して"
        "ください（2403を参照）。",
    ),
    Code.BOX_TAKEN: CodeEntry(
        cause_en="The portal knows a box of this id that has another key, or belongs to somebody "
        "else.",
        cause_ja="同じIDの本体が、別の鍵または別の所有者で既に登録されています。",
        next_en="Move this box's state folder away, so that it begins as a new box, and try again.",
        next_ja="本体の状態フォルダーを退避して新しい本体として開始し、もう一度お試しください。",
    ),
    Code.PLACE_TAKEN: CodeEntry(
        cause_en="The gateway that the key was issued for cannot be given to this box.",
        cause_ja="キーの対象であるゲートウェイを、この本体に割り当てることができません。",
        next_en="Have a key issued for another gateway name, or for the gateway this box has.",
        next_ja="別のゲートウェイ名、またはこの本体のゲートウェイに対するキーの発行を依頼してください。",
    ),
    Code.BOX_REVOKED: CodeEntry(
        cause_en="This box's certificate was revoked.",
        cause_ja="この本体の証明書は失効しています。",
        next_en="If it may serve again, move its state folder away, so that it begins as a new "
        "box, and use a new key.",
        next_ja="再び使用してよい場合は、状態フォルダーを退避して新しい本体として開始し、新しいキーを"
        "使用してください。",
    ),
    Code.NO_AUTHORITY: CodeEntry(
        cause_en="The portal cannot issue certificates: its authority is not set up or readable.",
        cause_ja="ポータルの認証局が未設定か読み取れないため、証明書を発行できません。",
        next_en="The portal's operator runs `kanmon-portal authority init` and looks at its log.",
        next_ja="ポータルの運用者が `kanmon-portal authority init` を実行し、ログを確認して"
        "ください。",
    ),
    Code.BAD_CERTIFICATE: CodeEntry(
        cause_en="The certificate that came back is not for this box's key, or not by this portal.",
        cause_ja="受け取った証明書が、この本体の鍵またはこのポータルのものではありません。",
        next_en="Nothing was stored. Try again; if it repeats, tell the portal's operator.",
        next_ja="何も保存されていません。もう一度お試しください。繰り返す場合はポータルの運用者に"
        "連絡してください。",
    ),
    Code.OTHER_REASON: CodeEntry(
        cause_en="The portal refused for a reason that this box's software does not know.",
        cause_ja="この本体のソフトウェアが知らない理由により、ポータルに拒否されました。",
        next_en="Do as the portal says in its own words; updating the box's software helps too.",
        next_ja="ポータルの説明に従ってください。本体のソフトウェアの更新も有効です。",
    ),
    Code.NOT_WRITABLE: CodeEntry(
        cause_en="The box's state folder cannot be read or written.",
        cause_ja="本体の状態フォルダーを読み書きできません。",
        next_en="Run the command as the user the gateway runs as, or with sudo; all that is in the "
        "folder has to belong to that user.",
        next_ja="ゲートウェイの実行ユーザーまたはsudoで実行してください。フォルダーの中身はすべて"
        "そのユーザーの所有である必要があります。",
    ),
    Code.DISK_FULL: CodeEntry(
        cause_en="The box's disk is full.",
        cause_ja="本体のディスクに空きがありません。",
        next_en="Free some space, then try again; nothing is lost.",
        next_ja="空き容量を確保し、もう一度お試しください。失われたものはありません。",
    ),
    Code.DAMAGED: CodeEntry(
        cause_en="A file of the box's identity is damaged.",
        cause_ja="本体の識別情報のファイルが壊れています。",
        next_en="Restore the named file from a backup; or move the state folder away, to begin as "
        "a new box.",
        next_ja="示されたファイルをバックアップから復元するか、状態フォルダーを退避して新しい本体と"
        "して開始してください。",
    ),
    Code.OTHER_PORTAL: CodeEntry(
        cause_en="This box already belongs to another portal.",
        cause_ja="この本体は既に別のポータルに登録されています。",
        next_en="Use a key of that portal; or move the state folder away, to begin as a new box.",
        next_ja="そのポータルのキーを使用するか、状態フォルダーを退避して新しい本体として開始して"
        "ください。",
    ),
    Code.KEY_EXPOSED: CodeEntry(
        cause_en="Other accounts on the box could read its private key.",
        cause_ja="本体の秘密鍵が、ほかのアカウントから読み取れる状態になっています。",
        next_en="If nobody can have copied it, let it belong to the user the gateway runs as, with "
        "mode 0600, and try again; else have the box revoked and move its state folder away, to "
        "begin as a new box.",
        next_ja="コピーされた可能性がなければ、ゲートウェイの実行ユーザーの所有、モード0600にして、もう"
        "一度お試しください。可能性がある場合は、この本体を失効させ、状態フォルダーを退避して新しい"
        "本体として開始してください。",
    ),
    Code.UNTRUSTED_PATH: CodeEntry(
        cause_en="What holds the box's name is a link, or lies where other accounts can change it.",
        cause_ja="本体の識別情報の場所がリンクであるか、ほかのアカウントが変更できる状態です。",
        next_en="Find out who put the named thing there; remove it, or let it belong to the user "
        "the gateway runs as and nobody else write in it. Then try again.",
        next_ja="示されたものを誰が置いたかを確認し、削除するか、ゲートウェイの実行ユーザーだけが"
        "書き込めるようにして、もう一度お試しください。",
    ),
}
"""The text of every code. A test checks that none is missing and that each has both languages."""


def markdown() -> str:
    """The catalogue as a Markdown page of the documentation."""
    lines = [
        "# Codes",
        "",
        "What a box or the portal says when enrolment fails. Written from `provisioning/codes.py`;",
        "`.venv/bin/python -m provisioning.codes > docs/reference/codes.md` writes it again.",
        "",
        "| Code | Cause | Next step |",
        "| --- | --- | --- |",
    ]
    for code, entry in CATALOGUE.items():
        cause = f"{entry.cause_en}<br>{entry.cause_ja}"
        lines.append(f"| {code.value} | {cause} | {entry.next_en}<br>{entry.next_ja} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
