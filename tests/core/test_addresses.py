"""Which URLs are taken, which addresses may be dialled."""

from ipaddress import IPv6Address, ip_network

import pytest

from gatewayapp.core.addresses import ANYWHERE, BAD_PORTS, LOOPBACK, Policy, authority, parse_url, refusal
from gatewayapp.core.messages import Origin

NOTHING = Policy()

PUBLIC = ("8.8.8.8", "198.17.255.255", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")

NOT_PUBLIC = {
    "loopback": ("127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"),
    "private": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12::1", "::ffff:10.0.0.1"),
    "link-local": ("169.254.1.1", "fe80::1", "fe80::1%eth0"),
    "unspecified": ("0.0.0.0", "0.1.2.3", "::"),
    "multicast": ("224.0.0.1", "239.255.255.255", "ff02::1"),
    "carrier": ("100.64.0.1", "100.127.255.255"),
    "benchmarking": ("198.18.0.1", "198.19.255.255", "2001:2::1"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"),
    "reserved": ("240.0.0.1", "255.255.255.255", "::127.0.0.1", "100::1", "4000::1", "fec0::1", "::5efe:a00:1"),
    "6to4": ("2002:7f00:1::", "2002:808:808::1", "192.88.99.1"),
    "Teredo": ("2001:0:4136:e378:8000:63bf:3fff:fdd2",),
    "translated": ("64:ff9b:1::1",),
    "protocol": ("192.0.0.1", "2001:20::1"),
}

METADATA = (
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fe80::a9fe:a9fe",
    "fe80::a9fe:a9fe%eth0",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "64:ff9b:1:a9fe:a9:fe00::",
    "64:ff9b:1:a9:fe:a9fe::",
    "64:ff9b:1:0:a9:fea9:fe00:0",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_dialled(address: str) -> None:
    assert refusal(address, NOTHING) is None


@pytest.mark.parametrize(("kind", "address"), [(kind, each) for kind, many in NOT_PUBLIC.items() for each in many])
def test_an_address_that_is_not_public_is_refused(kind: str, address: str) -> None:
    assert kind in (refusal(address, NOTHING) or "")


@pytest.mark.parametrize("address", [each for many in NOT_PUBLIC.values() for each in many])
def test_an_allowed_network_opens_what_is_not_public(address: str) -> None:
    assert refusal(address, Policy(ANYWHERE)) is None


@pytest.mark.parametrize("policy", [NOTHING, Policy(ANYWHERE)], ids=["nothing allowed", "everything allowed"])
@pytest.mark.parametrize("address", METADATA)
def test_cloud_metadata_is_refused_whatever_is_allowed(address: str, policy: Policy) -> None:
    assert "metadata" in (refusal(address, policy) or "")


def test_an_allowed_network_opens_itself_only() -> None:
    policy = Policy((ip_network("10.1.0.0/16"), *LOOPBACK))
    assert refusal("10.1.2.3", policy) is None
    assert refusal("::ffff:10.1.2.3", policy) is None
    assert refusal("::1", policy) is None
    assert refusal("10.2.0.1", policy) is not None
    assert refusal("192.168.0.1", policy) is not None


@pytest.mark.parametrize("address", ["", "localhost", "127.1", "0x7f000001", "1.2.3.4.5", "１.２.３.４"])
def test_what_is_no_address_is_refused(address: str) -> None:
    assert refusal(address, Policy(ANYWHERE)) == "is not an IP address"


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://example.com", Origin("http", "example.com", 80), "/"),
        ("https://example.com", Origin("https", "example.com", 443), "/"),
        ("HTTPS://Example.COM:8443/Path?Query#fragment", Origin("https", "example.com", 8443), "/Path?Query"),
        ("http://example.com?a=b", Origin("http", "example.com", 80), "/?a=b"),
        ("http://example.com:/", Origin("http", "example.com", 80), "/"),
        ("http://example.com./", Origin("http", "example.com", 80), "/"),
        ("http://my_service-1/", Origin("http", "my_service-1", 80), "/"),
        ("http://bücher.example/", Origin("http", "xn--bcher-kva.example", 80), "/"),
        ("http://[::1]:8080/", Origin("http", "::1", 8080), "/"),
        ("http://[::FFFF:127.0.0.1]/", Origin("http", str(IPv6Address("::ffff:7f00:1")), 80), "/"),
        ("http://a/b c\té\x00%20{x}|\\", Origin("http", "a", 80), "/b%20c%09%C3%A9%00%20%7Bx%7D%7C%5C"),
        ("http://a/x\r\nHost: b", Origin("http", "a", 80), "/x%0D%0AHost:%20b"),
        ("http://a/?q=\ud800", Origin("http", "a", 80), "/?q=?"),
        # A name is judged by what it resolves to, so these are well-formed, and loopback or metadata when dialled.
        ("http://2852039166/", Origin("http", "2852039166", 80), "/"),
        ("http://0x7f.1/", Origin("http", "0x7f.1", 80), "/"),
        ("http://１２７.0.0.1/", Origin("http", "127.0.0.1", 80), "/"),
        ("http://127。0。0。1/", Origin("http", "127.0.0.1", 80), "/"),
    ],
)
def test_a_url_is_an_origin_and_a_target(url: str, origin: Origin, target: str) -> None:
    assert parse_url(url) == (origin, target)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must start with http"),
        ("example.com", "must start with http"),
        ("//example.com/", "must start with http"),
        ("ftp://example.com/", "must start with http"),
        ("file:///etc/passwd", "must start with http"),
        ("gopher://example.com/", "must start with http"),
        (" http://example.com/", "must start with http"),
        ("http:example.com", "must start with http"),
        ("http:///path", "must start with http"),
        ("http://user@example.com/", "user name"),
        ("http://user:secret@example.com/", "user name"),
        ("http://example.com@127.0.0.1/", "user name"),
        ("http://[::1", "not a host"),
        ("http://::1/", "not a host"),
        ("http://[::1]x/", "not a host"),
        ("http://[example.com]/", "not an IPv6 address"),
        ("http://[v1.a]/", "not an IPv6 address"),
        ("http://[fe80::1%eth0]/", "zone"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://a:b/", "not a host"),
        ("http://a:-1/", "not a host"),
        ("http://a:８０/", "not a host"),
        ("http://a:0/", "not between 1 and 65535"),
        ("http://a:65536/", "not between 1 and 65535"),
        ("http://a:999999/", "not a host"),
        ("http://a b/", "not a host name"),
        ("http://a\\b/", "not a host name"),
        ("http://a\r\nb/", "not a host name"),
        ("http://a\0b/", "not a host name"),
        ("http://a%00b/", "not a host name"),
        ("http://%31%32%37.0.0.1/", "not a host name"),
        ("http://a..b/", "not a host name"),
        ("http://.a/", "not a host name"),
        ("http://./", "not a host name"),
        (f"http://{'a' * 64}/", "not a host name"),
        (f"http://{'a.' * 127}a/", "not a host name"),
        (f"http://é{'a' * 63}/", "encoded for the DNS"),
    ],
)
def test_a_url_is_refused_with_the_reason(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_url(url)


@pytest.mark.parametrize("port", sorted(BAD_PORTS))
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"Port {port} belongs to another protocol"):
        parse_url(f"http://example.com:{port}/")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a/", "a"),
        ("http://a:443/", "a:443"),
        ("https://a:443/", "a"),
        ("https://a:8443/", "a:8443"),
        ("http://[::1]/", "[::1]"),
        ("http://[::1]:81/", "[::1]:81"),
    ],
)
def test_the_authority_names_the_port_unless_it_is_the_schemes_own(url: str, expected: str) -> None:
    origin, _ = parse_url(url)
    assert authority(origin) == expected
