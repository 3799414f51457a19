"""Tokens of a real OpenID provider, genuine and forged, and a provider that does not answer."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from imaging.errors import Unauthenticated
from service.resources.oidc import provider_http
from service.resources.oidc.problems import ProviderUnavailable
from service.resources.oidc.provider import FIRST_PAUSE_S, PAUSE_S, REFRESH_S, Provider
from service.resources.oidc.provider_http import ProviderHttp, is_safe
from service.resources.oidc.token_verifier import CLOCK_SKEW_S, MAX_LENGTH, TokenVerifier
from tests.support.freezing import frozen
from tests.support.openid_provider import (
    AUDIENCE,
    CLIENT,
    ApiClient,
    OpenIdProvider,
    PrivateKey,
)
from tests.support.waiting import until


class Clock:
    """The gateway's clock for waits between fetches."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(openid_provider: OpenIdProvider, clock: Clock) -> Iterator[Provider]:
    """What a gateway knows that has just started."""
    provider = Provider(openid_provider.issuer, ProviderHttp(None), clock)
    yield provider
    provider.close()


@pytest.fixture
def verify(known: Provider) -> Callable[[str], Any]:
    return lambda token: TokenVerifier(known).access_token(token, AUDIENCE)


def refused(verify: Callable[[str], Any], token: str) -> str:
    """What is wrong with the token. The text quotes nothing of it."""
    with pytest.raises(Unauthenticated) as caught:
        verify(token)
    text = str(caught.value)
    assert "r1" not in text
    assert not token or token not in text
    return caught.value.detail.removeprefix("The access token is not valid: ")


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_tokens_of_a_client_that_refreshes_them(
    openid_provider: OpenIdProvider, verify: Callable[[str], Any], clock: Clock
) -> None:
    """Also after the provider has replaced its keys: they are fetched once, when a token has a new
    one."""
    client = ApiClient(openid_provider, "r1")
    client.sign_in()
    assert verify(client.token)["sub"] == "r1"
    clock.now += PAUSE_S
    openid_provider.rotate()
    old = client.token
    client.refresh()
    assert client.token != old
    assert verify(client.token)["sub"] == "r1"
    assert refused(verify, old) == "it is signed with a key that the provider does not have."


def test_forged_tokens(openid_provider: OpenIdProvider, verify: Callable[[str], Any]) -> None:
    key, claims = openid_provider.keys[0], openid_provider.claims("r1")
    good = key.sign(claims)
    assert verify(good)
    head, body, signature = good.split(".")
    none = encoded({"alg": "none", "typ": "at+jwt", "kid": key.id})
    for unsigned in (f"{none}.{body}.", f"{none}.{body}.{signature}"):
        assert refused(verify, unsigned) == "its signature has a form that is not allowed."
    assert "form that is not allowed" in refused(verify, _with_public_key_as_secret(key, body))
    stranger = PrivateKey(key.id, "RS256", PrivateKey.rsa().key)
    assert refused(verify, stranger.sign(claims)) == "its signature is wrong."
    assert "signature is wrong" in refused(
        verify, f"{head}.{encoded(claims | {'x': 1})}.{signature}"
    )
    own_key = {"jwk": {"kty": "RSA"}, "jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/"}
    assert "signature is wrong" in refused(verify, stranger.sign(claims, **own_key))
    assert "key that the provider does not have" in refused(
        verify, PrivateKey.elliptic().sign(claims)
    )
    elliptic = PrivateKey(key.id, "ES256", PrivateKey.elliptic().key)
    assert "key that the provider does not have" in refused(verify, elliptic.sign(claims))
    for rubbish in ("a.b.c", "..", f"{head}.{body}", f"{good}.{body}", f"{none}..", "é.é.é"):
        assert refused(verify, rubbish)
    assert "longer than" in refused(verify, good + "a" * MAX_LENGTH)


def _with_public_key_as_secret(key: PrivateKey, body: str) -> str:
    """HS256 with the text of the public key as the secret (RFC 8725, 2.1)."""
    pem = key.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': key.id})}.{body}"
    mac = hmac.digest(pem, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


LITTLE, MUCH = CLOCK_SKEW_S - 20, CLOCK_SKEW_S + 20


def test_times(openid_provider: OpenIdProvider, verify: Callable[[str], Any]) -> None:
    """Clocks may differ by `CLOCK_SKEW_S`."""

    def token(**seconds: float) -> str:
        times = {name: int(time.time() + value) for name, value in seconds.items()}
        return openid_provider.token("r1", **times)

    for skewed in ({"exp": -LITTLE}, {"nbf": LITTLE}, {"iat": LITTLE}):
        assert verify(token(**skewed))
    assert refused(verify, token(exp=-MUCH)) == "it has expired."
    assert refused(verify, token(nbf=MUCH)) == "it is not valid yet."
    assert refused(verify, token(iat=MUCH)) == "it is not valid yet."


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"iss": "http://127.0.0.1:1"}, "another provider"),
        ({"aud": "https://other.example.org"}, "another service"),
        ({"aud": [CLIENT]}, "another service"),
        ({"aud": {"a": AUDIENCE}}, "another service"),
        *(({name: None}, "lacks a claim") for name in ("iss", "sub", "aud", "exp", "iat")),
        ({"sub": ""}, "names nobody"),
        ({"sub": 7}, "cannot be read"),
        ({"exp": "soon"}, "cannot be read"),
        ({"exp": 1e400}, "cannot be read"),
        ({"cnf": {"jkt": "x"}}, "together with a key"),
        ({"at_hash": "x"}, "no access token"),
        ({"nonce": "x"}, "no access token"),
        ({"typ": "ID"}, "no access token"),
    ],
)
def test_claims(
    openid_provider: OpenIdProvider,
    verify: Callable[[str], Any],
    changes: dict[str, Any],
    problem: str,
) -> None:
    assert problem in refused(verify, openid_provider.token("r1", **changes))


def test_kinds_of_tokens(openid_provider: OpenIdProvider, verify: Callable[[str], Any]) -> None:
    key, claims = openid_provider.keys[0], openid_provider.claims("r1")
    for kind in (None, "JWT", "at+jwt", "application/at+jwt"):
        assert verify(key.sign(claims, typ=kind))
    assert "no access token" in refused(verify, key.sign(claims, typ="logout+jwt"))
    assert verify(key.sign(claims | {"aud": ["other", AUDIENCE]}))
    assert refused(verify, key.sign(claims, crit=["b64"], b64=False))
    assert refused(verify, key.sign(claims, crit=["unknown"], unknown=1))


def test_a_token_without_the_id_of_its_key(
    openid_provider: OpenIdProvider, verify: Callable[[str], Any], clock: Clock
) -> None:
    """It counts while the provider has a single key that fits."""
    key, claims = openid_provider.keys[0], openid_provider.claims("r1")
    openid_provider.keys = [key, PrivateKey.elliptic()]
    openid_provider.configure()
    try:
        assert verify(key.sign(claims, kid=None))
        assert verify(openid_provider.keys[1].sign(claims))
        openid_provider.keys.append(PrivateKey.rsa())
        openid_provider.configure()
        clock.now += PAUSE_S
        assert "does not have" in refused(verify, PrivateKey.elliptic().sign(claims))
        assert "does not say with which key" in refused(verify, key.sign(claims, kid=None))
        assert verify(key.sign(claims))
    finally:
        openid_provider.keys = [key]
        openid_provider.configure()


def test_id_tokens(openid_provider: OpenIdProvider, known: Provider) -> None:
    """OpenID Connect Core 1.0, 3.1.3.7."""
    verifier = TokenVerifier(known)

    def check(nonce: str | None = "n", **changes: Any) -> Any:
        values = {"aud": CLIENT, "nonce": "n", "at_hash": "x", **changes}
        return verifier.id_token(openid_provider.token("r1", **values), CLIENT, nonce)

    assert check()["sub"] == "r1"
    assert check(aud=[CLIENT, "other"], azp=CLIENT)
    assert check(nonce=None)
    bad: tuple[dict[str, Any], ...]
    bad = ({"aud": AUDIENCE}, {"aud": [CLIENT, "other"]}, {"azp": "other"})
    for changes in bad:
        with pytest.raises(Unauthenticated):
            check(**changes)
    for nonce in ("other", ""):
        with pytest.raises(Unauthenticated, match="another sign-in"):
            check(nonce=nonce)


def test_unknown_keys_cause_few_fetches(
    openid_provider: OpenIdProvider, known: Provider, verify: Callable[[str], Any], clock: Clock
) -> None:
    fetched = known.description()
    for _ in range(3):
        assert refused(verify, PrivateKey.elliptic().sign(openid_provider.claims("r1")))
    assert known.description() is fetched, "it was fetched a moment ago"
    clock.now += PAUSE_S
    assert refused(verify, PrivateKey.elliptic().sign(openid_provider.claims("r1")))
    assert known.description() is not fetched


@pytest.mark.process
def test_a_provider_that_is_down_or_frozen(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are known count. A token with another key is a 503, at once while others wait."""
    monkeypatch.setattr(provider_http, "TIMEOUT_S", 0.5)
    running = OpenIdProvider()
    known = Provider(running.issuer, ProviderHttp(None), clock)
    verifier = TokenVerifier(known)

    def verify(token: str) -> Any:
        return verifier.access_token(token, AUDIENCE)

    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        verify(running.token("r1"))
    running.start()
    try:
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            verify(running.token("r1"))
        clock.now += FIRST_PAUSE_S
        assert verify(running.token("r1"))
        clock.now += PAUSE_S
        strange = PrivateKey.elliptic().sign(running.claims("r1"))
        with frozen(running.pid):
            with pytest.raises(ProviderUnavailable, match="does not answer within"):
                verify(strange)
            assert verify(running.token("r1"))
            with pytest.raises(ProviderUnavailable, match="does not answer within"):
                verify(strange)
        clock.now += REFRESH_S
        first = known.description()
        assert verify(running.token("r1")), "while keys are fetched again in the background"
        until(lambda: known.description() is not first)
    finally:
        running.stop()
    clock.now += REFRESH_S
    assert verify(running.token("r1"))
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        verify(strange)
    known.close()


def test_addresses_that_are_not_encrypted() -> None:
    for address in (
        "https://a.example",
        "http://127.0.0.1:1",
        "http://[::1]/x",
        "http://localhost",
    ):
        assert is_safe(address)
    for address in ("http://a.example", "ftp://127.0.0.1", "https://", "a", "http://[", ""):
        assert not is_safe(address)
    with pytest.raises(ProviderUnavailable, match="not HTTPS"):
        ProviderHttp(None).get("http://a.example")


def test_what_a_provider_may_answer(openid_provider: OpenIdProvider) -> None:
    """Redirects are not followed, and another issuer's description does not count."""
    http = ProviderHttp(None)
    with pytest.raises(ProviderUnavailable, match="status 404"):
        http.get(f"{openid_provider.issuer}/nothing")
    other = Provider(f"{openid_provider.issuer}/", http)
    with pytest.raises(ProviderUnavailable, match="another issuer"):
        other.description()
    other.close()
    assert jwt.get_unverified_header(openid_provider.token("r1"))["kid"]
