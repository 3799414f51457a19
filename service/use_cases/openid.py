"""Builds what the settings of an OpenID provider ask for."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from imaging.errors import BadRequest
from jobs.repository import Repository
from jobs.settings import Settings
from service.auth import SignInSessions
from service.resources.oidc.client import ProviderClient
from service.resources.oidc.group_roles import GroupRoles
from service.resources.oidc.provider import Provider
from service.resources.oidc.provider_http import ProviderHttp, is_safe
from service.resources.oidc.token_verifier import TokenVerifier
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.provider_people import ProviderPeople
from service.use_cases.provider_sessions import ProviderSessions
from service.use_cases.provider_sign_in import ProviderSignIn
from service.use_cases.provider_tokens import ProviderTokens

CALLBACK = "/v1/sign-in/oidc/callback"


@dataclass(frozen=True, slots=True)
class OpenIdPage:
    """Sign-in on the page."""

    name: str
    """Name of the provider for people."""
    sign_in: ProviderSignIn
    sessions: ProviderSessions


@dataclass(frozen=True, slots=True)
class OpenId:
    """What a provider is used for."""

    provider: Provider
    tokens: ProviderTokens | None
    """None: access tokens are not accepted."""
    page: OpenIdPage | None
    """None: people cannot sign in on the page with it."""


def openid_of(
    settings: Settings, repository: Repository, sessions: SignInSessions, recorder: AuditRecorder
) -> OpenId | None:
    """None without a provider. Raises BadRequest for settings that cannot be used."""
    if not settings.oidc_issuer:
        return None
    provider = provider_of(settings)
    verifier = TokenVerifier(provider)
    roles = GroupRoles.load(settings.oidc_groups)
    people = ProviderPeople(repository.identities, roles, settings, recorder)
    tokens = page = None
    if settings.oidc_audience:
        tokens = ProviderTokens(verifier, people, settings.oidc_audience)
    if settings.oidc_client_id:
        client = _client(settings, provider)
        sign_in = ProviderSignIn(client, verifier, people, settings)
        kept = ProviderSessions(repository.provider_sessions, sessions, sign_in, client.secret)
        page = OpenIdPage(settings.oidc_name, sign_in, kept)
    return OpenId(provider, tokens, page)


def provider_of(settings: Settings) -> Provider:
    """The provider of the settings; raises BadRequest."""
    if not is_safe(settings.oidc_issuer):
        raise BadRequest(
            "TESSERA_OIDC_ISSUER is not an HTTPS address.",
            expected="The issuer as the provider writes it, such as https://login.example.org.",
            hint="Correct the setting.",
        )
    return Provider(settings.oidc_issuer, ProviderHttp(settings.oidc_ca))


def client_secret(settings: Settings) -> str:
    """The secret of the gateway's client; raises BadRequest without one."""
    if not settings.oidc_client_secret:
        raise BadRequest(
            "The client of the OpenID provider has no secret.",
            expected="TESSERA_OIDC_CLIENT_SECRET_FILE, or TESSERA_OIDC_CLIENT_SECRET.",
            hint="Register the gateway as a confidential client, and set one of the two.",
        )
    return settings.oidc_client_secret


def redirect_uri(settings: Settings) -> str:
    """Where the provider sends people back; raises BadRequest."""
    parts = urlsplit(settings.public_url)
    if not is_safe(settings.public_url) or parts.path.rstrip("/") or parts.query:
        raise BadRequest(
            "TESSERA_PUBLIC_URL is missing or is not an HTTPS address without a path.",
            expected="The address under which people open the page: https://scans.example.org.",
            hint="Set it: the OpenID provider sends people back to it.",
        )
    return settings.public_url.rstrip("/") + CALLBACK


def _client(settings: Settings, provider: Provider) -> ProviderClient:
    return ProviderClient(
        provider=provider,
        id=settings.oidc_client_id,
        secret=client_secret(settings),
        redirect_uri=redirect_uri(settings),
        scopes=settings.oidc_scopes,
    )
