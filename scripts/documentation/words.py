"""What pages made from code say beside it, in both languages."""

from __future__ import annotations

from typing import Final

HEADINGS: Final = {
    "en": {
        "commands of both": "Commands",
        "json": "Errors for programs",
        "written": "Written by `scripts/docs` from the commands themselves; "
        "[日本語](cli.ja.md). Every command also takes `--help`.",
        "option": "Option",
        "meaning": "Meaning",
        "code": "Code",
        "manual": "Kanmon manual",
        "NAME": "NAME",
        "SYNOPSIS": "SYNOPSIS",
        "OPTIONS": "OPTIONS",
        "COMMANDS": "COMMANDS",
        "EXIT STATUS": "EXIT STATUS",
        "ENVIRONMENT": "ENVIRONMENT",
        "FILES": "FILES",
        "SEE ALSO": "SEE ALSO",
    },
    "ja": {
        "commands of both": "コマンド",
        "json": "プログラム向けのエラー",
        "written": "`scripts/docs`がコマンド自体から作成しています（[English](cli.md)）。"
        "どのコマンドにも`--help`があります。",
        "option": "オプション",
        "meaning": "説明",
        "code": "コード",
        "manual": "Kanmonマニュアル",
        "NAME": "名前",
        "SYNOPSIS": "書式",
        "OPTIONS": "オプション",
        "COMMANDS": "コマンド",
        "EXIT STATUS": "終了ステータス",
        "ENVIRONMENT": "環境変数",
        "FILES": "ファイル",
        "SEE ALSO": "関連項目",
    },
}
STATUS: Final = {
    "en": {
        "0": "Done.",
        "1": "Partly done; what was not is told.",
        "2": "Failed; what, where, why and the next step are told.",
        "3": "Wrong usage.",
    },
    "ja": {
        "0": "完了しました。",
        "1": "一部だけ完了しました。完了しなかったものが示されます。",
        "2": "失敗しました。内容、場所、原因、対処が示されます。",
        "3": "使い方が正しくありません。",
    },
}
_LANGUAGE: Final = {
    "en": "The language: en or ja. LC_ALL, LC_MESSAGES and LANG choose where it is not set.",
    "ja": "言語（enまたはja）。未設定のときはLC_ALL、LC_MESSAGES、LANGに従います。",
}
_COLOUR: Final = {
    "en": "Set to anything: tables without colours.",
    "ja": "値によらず、設定すると表に色を付けません。",
}
ENVIRONMENT: Final = {
    "kanmon": {
        "en": {
            "KANMON_STATE": "The state folder.",
            "KANMON_LANG": _LANGUAGE["en"],
            "NO_COLOR": _COLOUR["en"],
        },
        "ja": {
            "KANMON_STATE": "状態フォルダー。",
            "KANMON_LANG": _LANGUAGE["ja"],
            "NO_COLOR": _COLOUR["ja"],
        },
    },
    "kanmon-portal": {
        "en": {
            "KANMON_PORTAL_STATE": "The portal's state folder: database, keys, authority; "
            "/var/lib/kanmon-portal where it is not set.",
            "KANMON_DATABASE_URL": "PostgreSQL, postgres://user:secret@host:5432/name; SQLite "
            "in the "
            "state folder where it is not set.",
            "KANMON_PORTAL_URL": "How people reach the portal; http://127.0.0.1:8000 where it "
            "is not "
            "set.",
            "KANMON_CLAIM_URL": "How boxes reach it to claim their place, over TLS; port 8443 "
            "of the "
            "same host where it is not set.",
            "KANMON_BROKER": "The broker: mqtt://HOST:PORT or mqtts://HOST:PORT; "
            "mqtt://127.0.0.1:1883 where it is not set.",
            "KANMON_BROKER_ID": "The folder that `authority issue-worker` made: who the worker "
            "is at "
            "a broker with TLS.",
            "KANMON_BOX_BROKER": "The broker as boxes reach it; KANMON_BROKER where it is not set.",
            "KANMON_MQTT": "5, or 3.1.1 for an old broker.",
            "KANMON_METRICS_TOKEN": "Who shows it may read /metrics; nobody may where it is not "
            "set.",
            "KANMON_INGEST_METRICS": "HOST:PORT of this machine where an ingest worker's "
            "metrics are "
            "read; nowhere where it is not set.",
            "KANMON_PORTAL_DEBUG": "1 shows where a fault happened, in the browser, too: never "
            "on a "
            "portal that others reach.",
            "KANMON_SIMULATION": "The socket of a demonstration's simulated sites.",
            "KANMON_LANG": _LANGUAGE["en"],
            "NO_COLOR": _COLOUR["en"],
        },
        "ja": {
            "KANMON_PORTAL_STATE": "ポータルの状態フォルダー（データベース、鍵、認証局）。"
            "未設定のときは"
            "/var/lib/kanmon-portal。",
            "KANMON_DATABASE_URL": "PostgreSQL（postgres://user:secret@host:5432/name）。"
            "未設定のときは"
            "状態フォルダーのSQLiteを使います。",
            "KANMON_PORTAL_URL": "利用者がポータルへ接続するURL。"
            "未設定のときはhttp://127.0.0.1:8000。",
            "KANMON_CLAIM_URL": "本体が登録のためにTLSで接続するURL。"
            "未設定のときは同じホストのポート"
            "8443。",
            "KANMON_BROKER": "ブローカー（mqtt://HOST:PORTまたはmqtts://HOST:PORT）。未設定のときは"
            "mqtt://127.0.0.1:1883。",
            "KANMON_BROKER_ID": "`authority issue-worker`が作成したフォルダー。"
            "TLSのブローカーに対する"
            "ワーカーの身元です。",
            "KANMON_BOX_BROKER": "本体から見たブローカー。未設定のときはKANMON_BROKER。",
            "KANMON_MQTT": "5。古いブローカーでは3.1.1。",
            "KANMON_METRICS_TOKEN": "これを提示した相手だけが/metricsを読めます。"
            "未設定のときはだれも"
            "読めません。",
            "KANMON_INGEST_METRICS": "取り込みワーカーのメトリクスを読む、この機器のHOST:PORT。"
            "未設定の"
            "ときは待ち受けません。",
            "KANMON_PORTAL_DEBUG": "1にすると不具合の発生箇所を表示します。"
            "ブラウザーにも表示されるため、"
            "他者が接続するポータルでは使わないでください。",
            "KANMON_SIMULATION": "デモの模擬拠点のソケット。",
            "KANMON_LANG": _LANGUAGE["ja"],
            "NO_COLOR": _COLOUR["ja"],
        },
    },
}
JSON_ERROR: Final = {
    "en": "With `--json` a command prints exactly one JSON value, whatever its exit code "
    "(`run`, `device "
    "watch`: one a line). An error is an object with these keys, in English; what is not known is "
    "empty, `code` is a number of [Codes](codes.md) or null:",
    "ja": "`--json`を付けると、終了コードによらず、"
    "ちょうど1つのJSON値を出力します（`run`と`device watch`は1行に"
    "1つ）。エラーは次のキーを持つオブジェクトで、内容は英語です。不明なものは空です。`code`は"
    "[コード一覧](codes.md)の番号かnullです。",
}
JSON_EXAMPLE: Final = (
    '{"error": {"code": null, "what": "...", "where": "...", "why": "...", "next": "..."}}'
)
FILES: Final = {
    "kanmon": {
        "en": {
            "/var/lib/kanmon/config.yaml": "What runs; `kanmon config apply` replaces it.",
            "/var/lib/kanmon/config.previous.yaml": "The last good one before it.",
            "/var/lib/kanmon/profiles": "Device profiles of this installation.",
            "/var/lib/kanmon/secrets": "What `secret:NAME` stands for.",
            "/var/lib/kanmon/identity": "The box's key and certificate, once it is enrolled.",
            "/var/lib/kanmon/spool": "What waits for the portal.",
            "/var/lib/kanmon/audit.jsonl": "Who wrote what to which device.",
        },
        "ja": {
            "/var/lib/kanmon/config.yaml": "稼働中の設定。`kanmon config apply`で置き換えます。",
            "/var/lib/kanmon/config.previous.yaml": "その前の、正常だった設定。",
            "/var/lib/kanmon/profiles": "この設置場所の機器プロファイル。",
            "/var/lib/kanmon/secrets": "`secret:NAME`が指す値。",
            "/var/lib/kanmon/identity": "登録済みの本体の鍵と証明書。",
            "/var/lib/kanmon/spool": "ポータルへの送信待ち。",
            "/var/lib/kanmon/audit.jsonl": "だれがどの機器に何を書き込んだかの記録。",
        },
    },
    "kanmon-portal": {
        "en": {"/var/lib/kanmon-portal": "A usual place for KANMON_PORTAL_STATE."},
        "ja": {"/var/lib/kanmon-portal": "KANMON_PORTAL_STATEの一般的な場所。"},
    },
}
UNITS: Final = {
    "_s": "s",
    "_ms": "ms",
    "_mb": "MB",
    "_percent": "%",
    "_days": "days",
    "_bytes": "bytes",
    "_port": "",
}
"""A setting's unit, by how its name ends."""
