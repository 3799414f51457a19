"""Webhook endpoints: the systems that are told when jobs and batches end."""

import os
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import ConfigDict, Field, model_validator

from jobs.webhook import WebhookEvent
from service.resources.for_projects import ForProjects
from service.resources.signing_secret import SigningSecret

EndpointName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Pattern = Annotated[str, Field(min_length=1, max_length=200)]


class WebhookEndpoint(ForProjects):
    """A `[[webhook]]` table: where messages about which events are sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: EndpointName
    url: Annotated[str, Field(pattern=r"^https?://[\x21\x22\x24-\x7e]+$", max_length=2000)]
    secret_env: str | None = None
    """Name of an environment variable with the signing secret, which keeps it out of the file.
    During a rotation it holds two secrets, separated by a space: messages are signed with both."""
    secret_file: Path | None = None
    """A file with the signing secrets, instead of the variable."""
    events: Annotated[tuple[WebhookEvent, ...], Field(min_length=1)] = tuple(WebhookEvent)
    models: Annotated[tuple[_Pattern, ...], Field(min_length=1)] = ("*",)
    """Names of models as shell patterns; a batch matches if one of its jobs does."""
    private: bool = False
    """Whether the endpoint may have a private or loopback address, and a URL without TLS."""
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 15.0
    """Time for everything from the look-up of the name to the answer's header."""

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if (self.secret_env is None) == (self.secret_file is None):
            raise ValueError("give either secret_env or secret_file")
        if self.secret_env is not None and self.secret_env not in os.environ:
            raise ValueError(f"the environment variable {self.secret_env} is not set")
        if not self.secrets:
            raise ValueError("there is no signing secret; `tessera webhooks secret` makes one")
        if not self.address.hostname or "@" in self.address.netloc:
            raise ValueError("url: give scheme, host and path, without user name and password")
        if self.address.scheme == "http" and not self.private:
            raise ValueError("url: use https, or set private = true for an internal network")
        _ = self.port
        return self

    @cached_property
    def secrets(self) -> tuple[SigningSecret, ...]:
        """The secrets that messages are signed with."""
        if self.secret_file is not None:
            try:
                text = self.secret_file.read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError("secret_file cannot be read") from error
        else:
            text = os.environ[self.secret_env or ""]
        return tuple(SigningSecret.parse(part) for part in text.split())

    @property
    def address(self) -> SplitResult:
        """The parts of the URL."""
        return urlsplit(self.url)

    @property
    def port(self) -> int:
        """The TCP port; raises ValueError if it is not one."""
        return self.address.port or (443 if self.address.scheme == "https" else 80)

    def wants(self, event: WebhookEvent, models: frozenset[str]) -> bool:
        """Whether it is told of this event of jobs of these models."""
        return event in self.events and any(
            fnmatchcase(model.lower(), pattern.lower())
            for model in models
            for pattern in self.models
        )
