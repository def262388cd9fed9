"""Authorizers: Lambda functions that are asked whether a connection may be opened."""

from dashboard.resources.apis import apis
from dashboard.resources.fields import Lines, Number, Text
from dashboard.resources.kinds import Cell, Column, Empty, Group, Kind
from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations.authorizers import AuthorizerMembers
from gatewayapp.models import Authorizer

authorizers = Kind(
    noun="authorizer",
    page="authorizers",
    icon="shield",
    key="authorizer_id",
    model=Authorizer,
    shape=AuthorizerMembers,
    parent=apis,
    address="apis/<str:api_id>/authorizers",
    groups=(
        Group(
            "",
            (
                Text("name", "Name", required=True),
                Text(
                    "authorizer_uri",
                    "URI",
                    "arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION_ARN/invocations.",
                    required=True,
                    mono=True,
                    wide=True,
                ),
                Lines(
                    "identity_source",
                    "Identity sources",
                    "What a client must bring for the function to be asked at all, one a line: "
                    "route.request.header.Authorization or route.request.querystring.token. Without them: 401.",
                    wide=True,
                ),
            ),
        ),
        Group(
            "More settings",
            (
                Text("authorizer_credentials_arn", "Credentials ARN", "Kept for AWS's tools.", mono=True),
                Number("authorizer_result_ttl_in_seconds", "Seconds to keep a result", "WebSocket APIs keep none."),
                Text("identity_validation_expression", "Identity validation expression", mono=True),
            ),
            folded=True,
        ),
    ),
    columns=(
        Column("URI", lambda each, facts: Cell(each.authorizer_uri, "code")),
        Column("Identity sources", lambda each, facts: Cell(each.identity_source, "chips")),
        Column("Id", lambda each, facts: Cell(each.authorizer_id, "code")),
        Column("Created", lambda each, facts: Cell(each.created_date, "moment"), "created_date"),
    ),
    lead="Who decides whether a client may connect. The route $connect names the one that is asked.",
    empty=Empty(
        "No authorizer yet",
        "An authorizer is a Lambda function that is asked when a client connects: it gets the handshake's headers "
        "and query and answers with a policy. Make one, then choose CUSTOM on the route $connect.",
    ),
    name=lambda authorizer: authorizer.name,
    search=("name", "authorizer_id", "authorizer_uri"),
    get_all=operations.get_authorizers,
    get=operations.get_authorizer,
    create=operations.create_authorizer,
    update=operations.update_authorizer,
    delete=operations.delete_authorizer,
    constants={"authorizer_type": "REQUEST", "identity_source": []},
    lost=lambda each: ["Nothing else. While a route names it, it cannot be deleted."],
)
