"""What pages made from code say beside it, in both languages."""

from __future__ import annotations

from typing import Final

HEADINGS: Final = {
    "en": {
        "commands of both": "Commands",
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
ENVIRONMENT: Final = {
    "kanmon": {
        "en": {"KANMON_STATE": "The state folder.", "KANMON_LANG": _LANGUAGE["en"]},
        "ja": {"KANMON_STATE": "状態フォルダー。", "KANMON_LANG": _LANGUAGE["ja"]},
    },
    "kanmon-portal": {
        "en": {
            "KANMON_PORTAL_STATE": "The portal's state folder: database, keys, authority.",
            "KANMON_DATABASE_URL": "PostgreSQL; SQLite in the state folder where it is not set.",
            "KANMON_PORTAL_URL": "How people reach the portal.",
            "KANMON_LANG": _LANGUAGE["en"],
        },
        "ja": {
            "KANMON_PORTAL_STATE": "ポータルの状態フォルダー（データベース、鍵、認証局）。",
            "KANMON_DATABASE_URL": "PostgreSQL。未設定のときは状態フォルダーのSQLiteを使います。",
            "KANMON_PORTAL_URL": "利用者がポータルへ接続するURL。",
            "KANMON_LANG": _LANGUAGE["ja"],
        },
    },
}
FILES: Final = {
    "kanmon": {
        "en": {
            "/var/lib/kanmon/config.yaml": "What runs; `kanmon config apply` replaces it.",
            "/var/lib/kanmon/config.previous.yaml": "The last good one before it.",
            "/var/lib/kanmon/profiles": "Device profiles of this installation.",
            "/var/lib/kanmon/spool": "What waits for the portal.",
            "/var/lib/kanmon/audit.jsonl": "Who wrote what to which device.",
        },
        "ja": {
            "/var/lib/kanmon/config.yaml": "稼働中の設定。`kanmon config apply`で置き換えます。",
            "/var/lib/kanmon/config.previous.yaml": "その前の、正常だった設定。",
            "/var/lib/kanmon/profiles": "この設置場所の機器プロファイル。",
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
