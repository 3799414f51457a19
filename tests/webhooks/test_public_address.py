"""Which addresses are public: none of a private network, in whatever notation."""

import pytest

from service.webhooks.public_address import is_host, is_public

PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "0.0.0.0", "192.0.2.1", "198.18.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe"),
    *("64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "2002:a00:1::", "2002:7f00:1::1"),
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo of 10.0.0.1
]
MULTICAST = ["224.0.0.1", "224.0.1.1", "239.255.0.1", "ff02::1", "ff0e::1", "::ffff:224.0.1.1"]
PUBLIC = ["1.1.1.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("text", [*PRIVATE, *MULTICAST])
def test_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    assert is_public(text)
    assert is_host(text)


def test_no_network_has_one_host_with_these() -> None:
    assert not any(map(is_host, (*MULTICAST, "0.0.0.0", "::")))
    assert all(map(is_host, ("127.0.0.1", "10.0.0.1", "fd12::1", "::ffff:10.0.0.1")))
