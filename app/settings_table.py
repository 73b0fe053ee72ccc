"""The settings as tables in Markdown, for the documents."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import AliasChoices, SecretStr

from app.settings import Settings

# The settings that most installations change, shown in the README.
COMMON = frozenset({
    "home", "database_url", "host", "port", "base_model", "artefacts", "llm", "openai_api_key",
    "openai_base_url", "chat_upload", "admin_password", "chat_password",
})  # fmt: skip


def settings_table(names: Collection[str] = ()) -> str:
    """
    Settings as a table in Markdown: variable, default, meaning.

    :param names: Only the fields of these names. Empty means all.
    """
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        if names and name not in names:
            continue
        alias = field.validation_alias
        variable = f"ATTUNE_{name.upper()}"
        if alias is not None:
            variable = str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)
        value = field.get_default()
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        shown = "" if value in (None, "") else f"`{value}`"
        if name == "home":
            shown = "user data folder"
        lines.append(f"| `{variable}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"
