"""Reads settings from environment variables, where every one may instead name a file: ``X_FILE`` for ``X``."""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

FILE_SUFFIX = "_FILE"


class InvalidSettingsError(ValueError):
    """Settings that cannot be used; the message lists every problem with its remedy and holds no value."""


class FileNamedByEnvironment(PydanticBaseSettingsSource):
    """Takes the value of ``X`` from the file that ``X_FILE`` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """As the base class asks."""
        del field  # the signature is the base class's
        path = os.environ.get(field_name.upper() + FILE_SUFFIX)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text().strip(), field_name, False
        except OSError as error:
            raise InvalidSettingsError(
                f"{field_name.upper()}{FILE_SUFFIX} names a file that cannot be read: {error.strerror}"
            ) from None

    def __call__(self) -> dict[str, Any]:
        """The values of all fields that have such a file."""
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


class EnvironmentSettings(BaseSettings):
    """Settings of which empty variables count as absent."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the caller says, then files, then the environment."""
        del dotenv_settings, file_secret_settings
        return init_settings, FileNamedByEnvironment(settings_cls), env_settings


def explain(error: ValidationError) -> str:
    """Every problem on a line, without any value."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"]).upper()
        what = "is required" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        lines.append(f"{name}: {what}" if name else what)
    return "\n".join(lines)
