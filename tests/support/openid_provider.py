"""A real OpenID provider, the certified `oidc-provider` from npm, and tokens that it would sign."""

import json
import re
import shutil
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.ports import free_port

FOLDER = Path(__file__).parent.parent / "oidc" / "provider"
AUDIENCE = "https://tessera.example.org/api"
CLIENT, SECRET = "tessera", "of the gateway, longer than 32 characters"
API_CLIENT = "laptop"
"""A native application of a user: it has no secret, and a refresh token."""
API_REDIRECT = "http://127.0.0.1:1/done"


@dataclass(frozen=True)
class PrivateKey:
    """A key of a provider."""

    id: str
    algorithm: str
    key: Any

    @classmethod
    def rsa(cls, bits: int = 2048) -> "PrivateKey":
        return cls(uuid4().hex[:8], "RS256", rsa.generate_private_key(65537, bits))

    @classmethod
    def elliptic(cls) -> "PrivateKey":
        return cls(uuid4().hex[:8], "ES256", ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> dict[str, Any]:
        """With the private part."""
        kind = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        values: dict[str, Any] = kind.to_jwk(self.key, as_dict=True)
        return {"kid": self.id, "use": "sig", "alg": self.algorithm, **_plain(values)}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token; a header of None leaves a member out."""
        headers = {"kid": self.id, "typ": "at+jwt", **header}
        kept = {name: value for name, value in headers.items() if value is not None}
        return jwt.encode(dict(claims), self.key, self.algorithm, headers=kept)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "key_ops"}


@dataclass
class OpenIdProvider:
    """A provider on loopback. Its settings may change while it runs."""

    port: int = field(default_factory=free_port)
    keys: list[PrivateKey] = field(default_factory=lambda: [PrivateKey.rsa()])
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Login at the provider, which is the subject, and claims."""
    redirect_uri: str = "http://127.0.0.1:1/v1/sign-in/oidc/callback"
    signed_out_uri: str = "http://127.0.0.1:1/"
    token_s: int = 300
    """Lifetime of access tokens."""
    id_token_claims: bool = False
    """Whether ID tokens have the claims of people, or the userinfo endpoint alone."""
    _process: "subprocess.Popen[str] | None" = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts it; returns when it serves."""
        node = shutil.which("node")
        if node is None or not (FOLDER / "node_modules").is_dir():
            pytest.skip("node or the packages of tests/oidc/provider are missing: use scripts/test")
        self._process = subprocess.Popen(
            [node, "provider.mjs", str(self.port)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.configure()

    def configure(self) -> None:
        """Serves with the present keys, people and times."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._settings()) + "\n")
        self._process.stdin.flush()
        while (line := self._process.stdout.readline()) != "serving\n":
            assert line, "the provider ended"

    def rotate(self) -> None:
        """Replaces the keys."""
        self.keys = [PrivateKey.rsa()]
        self.configure()

    def stop(self) -> None:
        """Ends it; what it issued is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def claims(self, subject: str, **changes: Any) -> dict[str, Any]:
        """Claims of an access token as the provider writes them; None leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": AUDIENCE,
            "client_id": API_CLIENT,
            "iat": now,
            "exp": now + self.token_s,
            "jti": uuid4().hex,
            **self.people.get(subject, {}),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, subject: str, **changes: Any) -> str:
        """An access token as the provider signs it."""
        return self.keys[0].sign(self.claims(subject, **changes))

    def _settings(self) -> dict[str, Any]:
        web = {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [self.redirect_uri],
            "post_logout_redirect_uris": [self.signed_out_uri],
        }
        native = {
            "client_id": API_CLIENT,
            "application_type": "native",
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [API_REDIRECT],
        }
        return {
            "jwks": {"keys": [key.jwk for key in self.keys]},
            "people": self.people,
            "clients": [web, native],
            "audience": AUDIENCE,
            "idTokenClaims": self.id_token_claims,
            "ttl": {
                "AccessToken": self.token_s,
                "IdToken": 300,
                "AuthorizationCode": 60,
                "Session": 3600,
                "Grant": 3600,
                "Interaction": 600,
                "RefreshToken": 3600,
            },
        }


class ApiClient:
    """A program of a user, which signs the user in at the provider and refreshes its tokens."""

    def __init__(self, provider: OpenIdProvider, user: str) -> None:
        self._provider, self._user = provider, user
        self.token = self.refresh_token = ""

    def sign_in(self) -> None:
        """The authorization code flow with the forms that a browser would show."""
        verifier = "v" * 43
        query = {
            "client_id": API_CLIENT,
            "redirect_uri": API_REDIRECT,
            "response_type": "code",
            "scope": "openid profile offline_access",
            "prompt": "consent",
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        back = signed_in(f"{self._provider.issuer}/auth?{httpx.QueryParams(query)}", self._user)
        self._exchange(
            grant_type="authorization_code",
            code=parse_qs(urlsplit(back).query)["code"][0],
            redirect_uri=API_REDIRECT,
            code_verifier=verifier,
        )

    def refresh(self) -> None:
        """Gets a new access token."""
        self._exchange(grant_type="refresh_token", refresh_token=self.refresh_token)

    def _exchange(self, **form: str) -> None:
        answer = httpx.post(
            f"{self._provider.issuer}/token", data={**form, "client_id": API_CLIENT}, timeout=30
        ).json()
        assert "access_token" in answer, answer
        self.token, self.refresh_token = answer["access_token"], answer["refresh_token"]


def signed_in(address: str, user: str, client: httpx.Client | None = None) -> str:
    """Goes through the provider's forms of sign-in and consent as a user, from an address at the
    provider; the address at which the browser arrives elsewhere."""
    origin = urlsplit(address).netloc
    with client or httpx.Client(timeout=30) as browser:
        answer = browser.get(address)
        while True:
            if answer.is_redirect:
                address = urljoin(str(answer.url), answer.headers["location"])
                if urlsplit(address).netloc != origin:
                    return address
                answer = browser.get(address)
                continue
            action = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
            assert action, answer.text
            assert prompt, answer.text
            form = {"prompt": prompt[1], "login": user, "password": "any"}
            answer = browser.post(urljoin(str(answer.url), action[1]), data=form)


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")


@pytest.fixture(scope="module")
def openid_provider() -> Iterator[OpenIdProvider]:
    """A provider that the tests of a module share."""
    provider = OpenIdProvider()
    provider.start()
    yield provider
    provider.stop()
