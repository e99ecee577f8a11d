"""YAML files: what is wrong with the text of a configuration or a profile."""

from __future__ import annotations

from typing import Final

from console.text import Template

# --- marks ----------------------------------------------------------------------------------------

QUOTE_OPEN: Final = Template(
    "yaml.quote_open", "the quotation mark {mark} that opens here is not closed"
)
CLOSE_QUOTE: Final = Template("yaml.close_quote", "add {mark} where the quoted text ends")
QUOTE_WITHIN: Final = Template(
    "yaml.quote_within", "a text between the quotation marks {mark} contains the same mark"
)
ESCAPE_DOUBLE: Final = Template(
    "yaml.escape_double", 'write \\" for a quotation mark within the text'
)
ESCAPE_SINGLE: Final = Template("yaml.escape_single", "write '' for an apostrophe within the text")
TEXT_AFTER_QUOTE: Final = Template(
    "yaml.text_after_quote", "more text follows the closing quotation mark"
)
QUOTE_ALL: Final = Template(
    "yaml.quote_all", "put the whole value in quotation marks, or remove the text after it"
)
BRACKET_OPEN: Final = Template(
    "yaml.bracket_open", "the bracket {mark} that opens here is not closed"
)
CLOSE_BRACKET: Final = Template("yaml.close_bracket", "add {mark} after the last entry")
BRACKET_MISMATCH: Final = Template(
    "yaml.bracket_mismatch",
    "the bracket {mark} that opens here is not closed before the {found} on line {line}",
)
BRACKET_STRAY: Final = Template(
    "yaml.bracket_stray", "the closing bracket {mark} has no opening bracket"
)
REMOVE_BRACKET: Final = Template(
    "yaml.remove_bracket", "remove it, or add {mark} where the section begins"
)
TEXT_AFTER_BRACKET: Final = Template(
    "yaml.text_after_bracket", "more text follows the closing bracket"
)
NEXT_LINE: Final = Template("yaml.next_line", "write it on a line of its own, or remove it")
COMMA: Final = Template("yaml.comma", "the comma before '{key}' is missing")
ADD_COMMA: Final = Template("yaml.add_comma", "add a comma after the entry before it")
ESCAPE: Final = Template(
    "yaml.escape", "\\{character} has no meaning in a text in double quotation marks"
)
WRITE_BACKSLASH: Final = Template(
    "yaml.write_backslash",
    "write \\\\ for a backslash, or put the text in single quotation marks",
)

# --- settings -------------------------------------------------------------------------------------

COLON: Final = Template("yaml.colon", "the colon after '{key}' is missing")
SPACE: Final = Template("yaml.space", "the space after '{key}:' is missing")
DASH_SPACE: Final = Template("yaml.dash_space", "the space after the dash is missing")
WRITE_SETTING: Final = Template("yaml.write_setting", "write it as '{setting}'")
COLON_IN_VALUE: Final = Template(
    "yaml.colon_in_value", "the value of '{key}' contains a colon and is not in quotation marks"
)
QUOTE_VALUE: Final = Template("yaml.quote_value", "put the value in quotation marks")
FIRST_CHARACTER: Final = Template(
    "yaml.first_character", "a value without quotation marks cannot begin with {mark}"
)
QUESTION_MARK: Final = Template(
    "yaml.question_mark",
    "between brackets, a value that contains a question mark must be in quotation marks",
)
LIST_IN_LINE: Final = Template(
    "yaml.list_in_line", "the list '{key}' begins on the line of its name"
)
ENTRY_LINES: Final = Template(
    "yaml.entry_lines", "write each entry on a line of its own below '{key}:', after a dash"
)
KEY_NOT_TEXT: Final = Template("yaml.key_not_text", "the name of a setting must be a single word")
KEY_REPEATED: Final = Template("yaml.key_repeated", "the setting '{key}' occurs twice")
FIRST_LINE: Final = Template("yaml.first_line", "it first occurs on line {line}")
TAG: Final = Template("yaml.tag", "the YAML tag {tag} is not supported")
REMOVE_TAG: Final = Template("yaml.remove_tag", "remove the tag")
MERGE_KEY: Final = Template("yaml.merge_key", "the YAML merge key << is not supported")
COPY_SETTINGS: Final = Template("yaml.copy_settings", "write the settings themselves in its place")
LONG_NUMBER: Final = Template("yaml.long_number", "a number has more than {limit} digits")
SHORTEN_NUMBER: Final = Template("yaml.shorten_number", "correct the number")
ANCHOR_UNKNOWN: Final = Template(
    "yaml.anchor_unknown", "the anchor '&{name}' is not defined above this place"
)
QUOTE_ASTERISK: Final = Template(
    "yaml.quote_asterisk", "define the anchor first, or put the value in quotation marks"
)
ANCHOR_REPEATED: Final = Template("yaml.anchor_repeated", "the anchor '&{name}' is defined twice")
RENAME_ANCHOR: Final = Template("yaml.rename_anchor", "give one of the two another name")

# --- indentation ----------------------------------------------------------------------------------

TAB_INDENTATION: Final = Template("yaml.tab_indentation", "the line is indented with a tab")
TAB: Final = Template("yaml.tab", "the line contains a tab outside quotation marks")
SPACES_ONLY: Final = Template("yaml.spaces_only", "YAML allows only spaces there")
REPLACE_TAB: Final = Template("yaml.replace_tab", "replace the tab with spaces")
INDENTATION: Final = Template(
    "yaml.indentation",
    "'{key}' is indented by {spaces}, but '{other}' on line {line} by {other_spaces}",
)
SPACES: Final = Template("yaml.spaces", "{n} space", "{n} spaces")
INDENT: Final = Template("yaml.indent", "indent both by the same number of spaces")
SETTING_AMONG_ENTRIES: Final = Template(
    "yaml.setting_among_entries", "the line is a setting among the entries of a list"
)
BEGIN_ENTRY: Final = Template(
    "yaml.begin_entry", "indent it below the entry that it belongs to, or begin it with a dash"
)
ENTRY_AMONG_SETTINGS: Final = Template(
    "yaml.entry_among_settings", "the line is an entry of a list among settings"
)
INDENT_ENTRY: Final = Template(
    "yaml.indent_entry", "write it below the name of its list, or remove the dash"
)
UNEXPECTED_INDENTATION: Final = Template(
    "yaml.unexpected_indentation", "the line is indented further than the lines around it allow"
)
CHECK_INDENTATION: Final = Template(
    "yaml.check_indentation", "indent it like the other settings of its section"
)

# --- characters -----------------------------------------------------------------------------------

FULL_WIDTH: Final = Template("yaml.full_width", "'{found}' is a full-width character")
TYPOGRAPHIC_QUOTE: Final = Template(
    "yaml.typographic_quote", "{found} is a typographic quotation mark"
)
OTHER_DASH: Final = Template("yaml.other_dash", "'{found}' is not the hyphen that YAML requires")
WRITE_ASCII: Final = Template("yaml.write_ascii", "write '{ascii}' instead")
WRITE_QUOTE: Final = Template("yaml.write_quote", "write {ascii} instead")
WRITE_COLON: Final = Template("yaml.write_colon", "write ':' and a space instead")
FULL_WIDTH_SPACE: Final = Template("yaml.full_width_space", "the line contains a full-width space")
OTHER_SPACE: Final = Template("yaml.other_space", "the line contains a no-break space")
WRITE_SPACE: Final = Template("yaml.write_space", "replace it with an ordinary space")
INVISIBLE: Final = Template(
    "yaml.invisible", "the line contains the invisible character {character}"
)
REMOVE_CHARACTER: Final = Template("yaml.remove_character", "remove the character")
CHARACTER: Final = Template("yaml.character", "the character {character} is not allowed in YAML")
NOT_UTF8: Final = Template("yaml.not_utf8", "the file is not encoded in UTF-8")
SEEMS: Final = Template("yaml.seems", "its encoding seems to be {encoding}")
NOT_TEXT: Final = Template("yaml.not_text", "the file is not a text file")
GIVE_TEXT: Final = Template("yaml.give_text", "give the path of a YAML file")
SAVE_UTF8: Final = Template("yaml.save_utf8", "save the file as UTF-8")

# --- the whole file -------------------------------------------------------------------------------

SYNTAX: Final = Template("yaml.syntax", "the line does not follow the syntax of YAML")
CHECK_LINE: Final = Template(
    "yaml.check_line",
    "check the indentation, colons, quotation marks and brackets of this line and the one above",
)
EMPTY: Final = Template("yaml.empty", "the file is empty")
NO_SETTINGS: Final = Template("yaml.no_settings", "the file contains no settings")
BEGIN: Final = Template("yaml.begin", "begin it with the line 'version: 1'")
TOO_LARGE: Final = Template("yaml.too_large", "the file has more than {limit} bytes")
SHORTEN: Final = Template("yaml.shorten", "shorten the file")
TOO_DEEP: Final = Template("yaml.too_deep", "the settings are nested too deeply")
TOO_DEEP_BY: Final = Template(
    "yaml.too_deep_by", "the settings are nested more than {limit} levels deep"
)
NEST_LESS: Final = Template("yaml.nest_less", "remove levels, and check the brackets")
TOO_MANY: Final = Template(
    "yaml.too_many",
    "the file has more than {limit} values, with those that its aliases repeat",
)
FEWER_VALUES: Final = Template("yaml.fewer_values", "remove values, or use fewer aliases")
DOCUMENTS: Final = Template("yaml.documents", "the file contains more than one YAML document")
REMOVE_DOCUMENT: Final = Template(
    "yaml.remove_document", "remove the line '---' and everything after it"
)
