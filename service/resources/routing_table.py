"""The routing table: a TOML file of DICOM peers, of what happens to received series, and of
webhooks."""

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imaging.errors import BadModel, BadRequest, NotFound
from imaging.formats.dicom.instance_identity import InstanceIdentity
from models.registry import Registry
from service.resources.for_projects import ForProjects
from service.resources.format_names import DeliveryFormatName
from service.resources.peers import Peer, PeerName, Sender
from service.resources.webhook_endpoint import WebhookEndpoint
from service.tls.certificates import CertificateKeys

Pattern = Annotated[str, Field(min_length=1, max_length=200)]
"""A shell pattern of `*`, `?` and `[abc]`; case does not matter."""


class RoutingRule(ForProjects):
    """A `[[rule]]` table: which series it applies to, and which model segments them.

    A series must match all patterns that the rule gives. A rule with `otherwise` applies only to
    series that no rule without it matches.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calling: Pattern = "*"
    """The sender's AE title."""
    modality: Pattern = "*"
    description: Pattern = "*"
    """SeriesDescription."""
    body_part: Pattern = "*"
    """BodyPartExamined."""
    otherwise: bool = False
    model: Annotated[str, Field(min_length=1)] | None = None
    """None, for a rule with `otherwise`: the series becomes a scan without a job."""
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    to: tuple[PeerName, ...] = ()
    formats: Annotated[tuple[DeliveryFormatName, ...], Field(min_length=1)] = ("dicom-seg",)
    deidentify: bool = False
    resample: bool = False
    max_volumes: Annotated[int, Field(ge=1)] = 16
    """A series of more volumes is refused by the rule: each would start a job."""

    def matches(self, series: InstanceIdentity) -> bool:
        """Whether all patterns match the series that one of its images identifies."""
        return not self.mismatches(series)

    def mismatches(self, series: InstanceIdentity) -> list[str]:
        """The keys of the patterns that do not match."""
        values = {
            "calling": series.sender,
            "modality": series.modality,
            "description": series.description,
            "body_part": series.body_part,
        }
        return [
            key
            for key, value in values.items()
            if not fnmatchcase(value.lower(), str(getattr(self, key)).lower())
        ]

    @property
    def digest(self) -> str:
        """Identifies the rule by its content, wherever it stands in the file.

        Jobs of a series stay the rule's where only the limit of volumes or the projects change.
        """
        unset = set() if self.otherwise else {"otherwise"}  # as before there was this key
        text = self.model_dump_json(exclude={"max_volumes", "projects", *unset})
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Caller:
    """An AE title, and the certificate that its callers must present."""

    ae_title: str
    certificate: CertificateKeys


class RoutingTable(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    peer: tuple[Peer, ...] = ()
    sender: tuple[Sender, ...] = ()
    rule: tuple[RoutingRule, ...] = ()
    webhook: tuple[WebhookEndpoint, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        peers = {peer.name: peer for peer in self.peer}
        if len(peers) != len(self.peer):
            raise ValueError("two peers have the same name")
        if len({webhook.name for webhook in self.webhook}) != len(self.webhook):
            raise ValueError("two webhooks have the same name")
        for number, rule in enumerate(self.rule):
            if rule.model is None and not rule.otherwise:
                raise ValueError(f"rule.{number}.model: a rule without `otherwise` needs a model")
            if rule.model is None and rule.to:
                raise ValueError(f"rule.{number}.to: without a model there are no results to send")
            for name in rule.to:
                if name not in peers:
                    raise ValueError(f"rule.{number}.to: there is no peer `{name}`")
                if not peers[name].serves_all_of(rule):
                    raise ValueError(
                        f"rule.{number}.to: the peer `{name}` is not for all projects of the rule"
                    )
        return self

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Reads the file; an empty table for None.

        Raises BadRequest with the line or key that is wrong.
        """
        if path is None:
            return cls()
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise _invalid(f"The routing table is not valid TOML: {error}.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise _invalid("The routing table cannot be read.") from error
        except ValidationError as error:
            raise _invalid(
                f"The routing table is not valid: {'; '.join(_faults(error))}."
            ) from error

    def check(self, registry: Registry) -> None:
        """Raises BadRequest if a rule's model is unknown, lacks a part or takes several scans."""
        for number, rule in enumerate(self.rule):
            if rule.model is None:
                continue
            try:
                card = registry.get(rule.model).card
            except NotFound as error:
                raise _invalid(f"rule.{number}.model: there is no such model.") from error
            except BadModel as error:  # a part of the model is not available
                raise _invalid(f"rule.{number}.model: {error.detail}") from error
            if (count := len(card.requested_channels)) != 1:
                raise _invalid(f"rule.{number}.model: the model takes {count} scans at once.")

    @property
    def callers(self) -> tuple[Caller, ...]:
        """Systems that may call under their AE title only with a certificate that is named."""
        peers = [Caller(str(one.ae_title), one) for one in self.peer if one.names_certificate]
        return *peers, *(Caller(one.ae_title, one) for one in self.sender)

    def of(self, project: str) -> Self:
        """What is for a project: to it, the rest does not exist."""
        own = {
            key: tuple(one for one in tables if one.serves(project))
            for key, tables in self._tables().items()
        }
        return self.model_copy(update=own)

    @property
    def projects(self) -> frozenset[str]:
        """The projects that the tables name."""
        tables = (one for tables in self._tables().values() for one in tables)
        return frozenset(name for one in tables for name in one.projects or ())

    def _tables(self) -> dict[str, tuple[ForProjects, ...]]:
        """Those that may be for some projects only, by their key."""
        return {"peer": self.peer, "rule": self.rule, "webhook": self.webhook}

    def rules_for(self, series: InstanceIdentity) -> list[RoutingRule]:
        """Every rule that applies to a series: those with `otherwise` only if no other does."""
        matching = [rule for rule in self.rule if rule.matches(series)]
        return [rule for rule in matching if not rule.otherwise] or matching

    def peer_named(self, name: str) -> Peer:
        """The peer of this name; raises NotFound."""
        for peer in self.peer:
            if peer.name == name:
                return peer
        raise NotFound("There is no such peer.", hint="GET /v1/peers lists the peers.")

    def webhook_named(self, name: str) -> WebhookEndpoint:
        """The webhook endpoint of this name; raises NotFound."""
        for webhook in self.webhook:
            if webhook.name == name:
                return webhook
        raise NotFound("There is no such webhook.", hint="GET /v1/webhooks lists the webhooks.")


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        yield f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"


def _invalid(detail: str) -> BadRequest:
    return BadRequest(
        detail,
        expected="A TOML file of [[peer]], [[sender]], [[rule]] and [[webhook]] tables as "
        "documented.",
        hint="Correct the file that TESSERA_ROUTING_TABLE names.",
    )
