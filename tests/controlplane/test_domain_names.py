"""Custom domain names, API mappings and tags."""

import pytest

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import BadRequest, Conflict, NotFound
from tests.controlplane.builders import make_api, make_stage

pytestmark = pytest.mark.django_db

DOMAIN = "chat.example.com"
MUTUAL_TLS = {"truststoreUri": "s3://trust/store.pem"}


@pytest.fixture
def domain():
    return operations.create_domain_name(domain_name=DOMAIN)


@pytest.fixture
def api():
    api = make_api()
    make_stage(api)
    return api


def test_a_domain_name_is_available_at_once(domain):
    document = domain.document()
    [configuration] = document.pop("domainNameConfigurations")
    assert document == {
        "apiMappingSelectionExpression": "$request.basepath",
        "domainName": DOMAIN,
        "domainNameArn": f"arn:aws:apigateway:us-east-1::/domainnames/{DOMAIN}",
        "routingMode": "API_MAPPING_ONLY",
        "tags": {},
    }
    assert configuration.pop("apiGatewayDomainName").endswith(".execute-api.us-east-1.amazonaws.com")
    assert configuration.pop("hostedZoneId")
    assert configuration == {
        "domainNameStatus": "AVAILABLE",
        "endpointType": "REGIONAL",
        "ipAddressType": "ipv4",
        "securityPolicy": "TLS_1_2",
    }


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"domain_name": None}, "domainName is required"),
        ({"domain_name": "Chat.example.com"}, "Invalid domainName"),
        ({"domain_name": "chat.example.com:443"}, "Invalid domainName"),
        ({"domain_name": "a.*.example.com"}, "Invalid domainName"),
        ({"domain_name": "-a.example.com"}, "Invalid domainName"),
        (
            {"domain_name_configurations": [{"securityPolicy": "TLS_1_0"}]},
            "TLS_1_0 is not supported for APIGatewayV2 domainName.",
        ),
        ({"domain_name_configurations": [{"endpointType": "EDGE"}]}, "EDGE is not supported"),
        ({"domain_name_configurations": [{}, {}]}, "one configuration"),
        ({"routing_mode": "ROUTING_RULE_ONLY"}, "Invalid routingMode"),
    ],
)
def test_a_domain_name_is_refused(members, message):
    with pytest.raises(BadRequest) as raised:
        operations.create_domain_name(**{"domain_name": DOMAIN, **members})
    assert message in raised.value.message


@pytest.mark.parametrize("name", ["example.com", "*.example.com", "a-b.c1.example", "localhost"])
def test_a_domain_name_is_accepted_once(name):
    operations.create_domain_name(domain_name=name)
    with pytest.raises(Conflict, match=r"^The domain name resource already exists\.$"):
        operations.create_domain_name(domain_name=name)


def test_a_new_configuration_keeps_where_clients_are_sent(domain):
    [before] = domain.domain_name_configurations
    updated = operations.update_domain_name(
        domain_name=DOMAIN, domain_name_configurations=[{"certificateArn": "arn:aws:acm:x"}]
    )
    assert updated.domain_name_configurations == [before | {"certificateArn": "arn:aws:acm:x"}]


def test_an_unknown_domain_name_or_mapping_is_not_found(domain):
    message = r"^The domain name resource specified in the request was not found\.$"
    with pytest.raises(NotFound, match=message):
        operations.get_domain_name(domain_name="nope.example.com")
    with pytest.raises(NotFound, match=message):
        operations.get_api_mappings(domain_name="nope.example.com")
    with pytest.raises(NotFound, match=r"^The api mapping resource specified in the request was not found\.$"):
        operations.get_api_mapping(domain_name=DOMAIN, api_mapping_id="nope")


@pytest.mark.parametrize("key", ["", "chat", "chat/v1", "a$b-_.+!*'()"])
def test_a_mapping_key_is_accepted(domain, api, key):
    mapping = operations.create_api_mapping(domain_name=DOMAIN, api_id=api.pk, stage="prod", api_mapping_key=key)
    assert mapping.document() == {
        "apiId": api.pk,
        "apiMappingId": mapping.pk,
        "apiMappingKey": key,
        "stage": "prod",
    }


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("/chat", "API mapping key should not start with a '/' or have consecutive '/'s."),
        ("chat//v1", "API mapping key should not start with a '/' or have consecutive '/'s."),
        ("chat/", "API mapping key should not end with a '/'."),
        ("chät", "Invalid apiMappingKey"),
        ("x" * 301, "apiMappingKey must have 0-300 characters"),
    ],
)
def test_a_mapping_key_is_refused(domain, api, key, message):
    with pytest.raises(BadRequest) as raised:
        operations.create_api_mapping(domain_name=DOMAIN, api_id=api.pk, stage="prod", api_mapping_key=key)
    assert message in raised.value.message


def test_a_mapping_key_is_unique_in_its_domain_name(domain, api):
    names = {"domain_name": DOMAIN}
    operations.create_api_mapping(**names, api_id=api.pk, stage="prod")
    other = operations.create_api_mapping(**names, api_id=api.pk, stage="prod", api_mapping_key="v1")
    with pytest.raises(Conflict):
        operations.create_api_mapping(**names, api_id=api.pk, stage="prod", api_mapping_key="")
    with pytest.raises(Conflict):
        operations.update_api_mapping(**names, api_mapping_id=other.pk, api_id=api.pk, api_mapping_key="")


def test_a_mapping_needs_an_api_and_a_stage_that_exist(domain, api):
    with pytest.raises(NotFound, match="Invalid API identifier"):
        operations.create_api_mapping(domain_name=DOMAIN, api_id="nope", stage="prod")
    with pytest.raises(NotFound, match="Invalid stage identifier"):
        operations.create_api_mapping(domain_name=DOMAIN, api_id=api.pk, stage="dev")
    mapping = operations.create_api_mapping(domain_name=DOMAIN, api_id=api.pk, stage="prod")
    with pytest.raises(BadRequest, match="apiId is required"):
        operations.update_api_mapping(domain_name=DOMAIN, api_mapping_id=mapping.pk, stage="prod")


def test_mutual_tls_and_websocket_apis_exclude_each_other(domain, api):
    operations.update_domain_name(domain_name=DOMAIN, mutual_tls_authentication=MUTUAL_TLS)
    with pytest.raises(BadRequest, match="Mutual TLS"):
        operations.create_api_mapping(domain_name=DOMAIN, api_id=api.pk, stage="prod")
    operations.update_domain_name(domain_name=DOMAIN, mutual_tls_authentication={})
    operations.create_api_mapping(domain_name=DOMAIN, api_id=api.pk, stage="prod")
    with pytest.raises(BadRequest, match="Mutual TLS"):
        operations.update_domain_name(domain_name=DOMAIN, mutual_tls_authentication=MUTUAL_TLS)


def test_a_domain_name_is_deleted_with_its_mappings_and_sets_the_api_free(domain, api):
    operations.create_api_mapping(domain_name=DOMAIN, api_id=api.pk, stage="prod")
    operations.delete_domain_name(domain_name=DOMAIN)
    operations.delete_api(api_id=api.pk)


def arns(api):
    prefix = "arn:aws:apigateway:eu-west-1::"
    return [f"{prefix}/apis/{api.pk}", f"{prefix}/apis/{api.pk}/stages/prod", f"{prefix}/domainnames/{DOMAIN}"]


def test_apis_stages_and_domain_names_have_tags(domain, api):
    for arn in arns(api):
        operations.tag_resource(resource_arn=arn, tags={"a": "1", "b": "2"})
        operations.tag_resource(resource_arn=arn, tags={"b": "3"})
        operations.untag_resource(resource_arn=arn, tag_keys=["a", "never there"])
        assert operations.get_tags(resource_arn=arn) == {"b": "3"}


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:apigateway:eu-west-1::/apis/nope",
        "arn:aws:apigateway:eu-west-1::/vpclinks/x",
        "arn:aws:apigateway:eu-west-1::/domainnames/nope",
        "arn:aws:s3:::bucket",
    ],
)
def test_tags_of_an_unknown_resource_are_not_found(arn):
    with pytest.raises(NotFound):
        operations.get_tags(resource_arn=arn)


@pytest.mark.parametrize("tags", [{"aws:a": "1"}, {"a": "x" * 257}, {f"t{number}": "" for number in range(50)}])
def test_tags_are_refused_as_when_they_are_created(tags):
    api = make_api(tags={"first": "1"})
    with pytest.raises(BadRequest):
        operations.tag_resource(resource_arn=arns(api)[0], tags=tags)
    assert operations.get_tags(resource_arn=arns(api)[0]) == {"first": "1"}


def test_untagging_needs_keys():
    api = make_api()
    with pytest.raises(BadRequest, match="tagKeys is required"):
        operations.untag_resource(resource_arn=arns(api)[0], tag_keys=[])
