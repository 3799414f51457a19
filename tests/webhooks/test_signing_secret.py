"""Signatures as Standard Webhooks 1.0 publishes them."""

import pytest

from service.resources.signing_secret import SigningSecret
from tests.support.webhook_receiver import SECRET


def test_the_published_vector() -> None:
    secret = SigningSecret.parse(SECRET)
    signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_new_secret_can_be_read() -> None:
    secret = SigningSecret.new()
    assert SigningSecret.parse(str(secret)) == secret
    assert str(SigningSecret.new()) != str(secret)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_%%%%"]
)
def test_what_is_no_secret_is_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as caught:
        SigningSecret.parse(text)
    assert text == "" or text[6:] == "" or text not in str(caught.value)


def test_a_secret_is_not_shown() -> None:
    assert SECRET[6:] not in repr(SigningSecret.parse(SECRET))
