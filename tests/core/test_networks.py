"""Address keys sort as addresses do, across both families."""

import pytest

from gatewayapp.core.networks import address_key, key_range


@pytest.mark.parametrize(
    ("address", "network", "inside"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.8", "192.0.2.7", False),
        ("192.0.2.255", "192.0.2.0/24", True),
        ("192.0.3.0", "192.0.2.0/24", False),
        ("10.1.2.3", "10.1.2.3/8", True),
        ("9.255.255.255", "10.0.0.0/8", False),
        ("::ffff:192.0.2.7", "192.0.2.0/24", True),
        ("192.0.2.7", "::ffff:0:0/96", True),
        ("2001:db8::5", "2001:db8::/32", True),
        ("2001:db9::5", "2001:db8::/32", False),
        ("", "::/0", False),
        ("a socket", "0.0.0.0/0", False),
    ],
)
def test_an_address_of_a_network_lies_between_its_keys(address, network, inside):
    first, last = key_range(network)
    assert (first <= address_key(address) <= last) is inside


@pytest.mark.parametrize("network", ["", "192.0.2.0/33", "example.com", "192.0.2"])
def test_what_is_no_network_is_refused(network):
    with pytest.raises(ValueError, match="does not appear to be"):
        key_range(network)
