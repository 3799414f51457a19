"""Checks of the OpenID provider."""

from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from time import time

from cli.doctor.finding import Finding, ok, problem, warning
from imaging.errors import TesseraError
from jobs.server_database import has_database, server_database
from jobs.settings import Settings
from service.resources.oidc.group_roles import GroupRoles
from service.resources.oidc.provider import Provider
from service.resources.oidc.token_verifier import CLOCK_SKEW_S
from service.use_cases.openid import client_secret, provider_of, redirect_uri

_PROVIDER = "OpenID provider"
_GROUPS = "groups of the OpenID provider"


def check_openid_provider(settings: Settings) -> Iterator[Finding]:
    """Whether it describes itself and has keys, its clock, and the settings around it."""
    if not settings.oidc_issuer:
        yield ok(_PROVIDER, "None is configured.")
        return
    with closing(provider_of(settings)) as provider:
        try:
            yield from _answers(provider)
        except TesseraError as error:
            yield problem(_PROVIDER, error.detail, "Check TESSERA_OIDC_ISSUER and the network.")
    yield from _client(settings)
    yield from _groups(settings)


def _answers(provider: Provider) -> Iterator[Finding]:
    description = provider.fetched()
    if not description.keys:
        hint = "The provider must sign tokens with RSA, an elliptic curve or EdDSA."
        yield problem(_PROVIDER, "It has no key that may sign tokens.", hint)
        return
    yield ok(_PROVIDER, f"It answers, and has {len(description.keys)} keys.")
    date = provider.http.date(description.address("jwks_uri"))
    difference_s = 0.0 if not date else parsedate_to_datetime(date).timestamp() - time()
    text = f"Its clock differs by {difference_s:+.0f} s from this machine's."
    if abs(difference_s) <= CLOCK_SKEW_S / 2:
        yield ok("clock of the provider", text)
    else:
        hint = f"Synchronise both with NTP: above {CLOCK_SKEW_S} s, tokens are refused."
        yield warning("clock of the provider", text, hint)


def _client(settings: Settings) -> Iterator[Finding]:
    if settings.oidc_client_id:
        client_secret(settings)
        yield ok("client of the provider", f"Its redirect URI is {redirect_uri(settings)}.")
    elif not settings.oidc_audience:
        hint = "Set TESSERA_OIDC_CLIENT_ID, TESSERA_OIDC_AUDIENCE or both."
        yield warning(_PROVIDER, "Neither the page nor API clients use it.", hint)


def _groups(settings: Settings) -> Iterator[Finding]:
    roles = GroupRoles.load(settings.oidc_groups).role
    if not roles:
        hint = "Write the file, and name it in TESSERA_OIDC_GROUPS."
        yield problem(_GROUPS, "No group has a role: nobody may do anything.", hint)
        return
    known: set[str] = set()
    if has_database(settings):
        with server_database(settings) as repository:
            known = {project.name for project in repository.accounts.projects()}
    missing = sorted({one.project for one in roles} - known)
    if missing:
        hint = "Add them with `tessera projects add`, or correct the file of groups."
        yield warning(_GROUPS, f"These projects do not exist: {', '.join(missing)}.", hint)
    else:
        yield ok(_GROUPS, f"{len(roles)} roles of groups, in projects that exist.")
