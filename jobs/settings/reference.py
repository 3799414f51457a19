"""The reference of all settings in Markdown, for the documentation."""

from pathlib import Path

from pydantic.fields import FieldInfo

from jobs.settings import SECTIONS
from jobs.settings.secret import file_variable, is_secret
from jobs.settings.section import GIB


def settings_reference(heading: str = "##") -> str:
    """One heading and one table per section: variable, default, description."""
    lines: list[str] = []
    for section in SECTIONS:
        lines += [f"{heading} {section.__doc__}", ""]
        lines += ["| Variable | Default | Meaning |", "|---|---|---|"]
        for name, field in section.model_fields.items():
            meaning = " ".join((field.description or "").split()).replace("|", "\\|")
            if is_secret(field):
                meaning += f" `{file_variable(name)}` names a file with the value instead."
            lines.append(f"| `TESSERA_{name.upper()}` | {_default(name, field)} | {meaning} |")
        lines.append("")
    return "\n".join(lines)


def _default(name: str, field: FieldInfo) -> str:
    """The default as it is written in the environment; whole GiB are also given in GiB."""
    value = field.default
    if value is None or value in ("", ()):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    if name.endswith("_bytes") and value >= GIB and value % GIB == 0:
        return f"`{value}` ({value // GIB} GiB)"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value.as_posix() if isinstance(value, Path) else value}`"
