"""The one way to change anything: a keyword-only function for each operation of the management API, under AWS's name.

Functions take snake_case members, nested objects as they stand on the wire, and return models; they raise
`OperationError`s. Both the REST surface and the dashboard are skins over them.
"""

from gatewayapp.controlplane.operations.access_keys import (
    create_access_key,
    get_access_key,
    get_access_keys,
    revoke_access_key,
)
from gatewayapp.controlplane.operations.api_mappings import (
    create_api_mapping,
    delete_api_mapping,
    get_api_mapping,
    get_api_mappings,
    update_api_mapping,
)
from gatewayapp.controlplane.operations.api_models import (
    create_model,
    delete_model,
    get_model,
    get_model_template,
    get_models,
    update_model,
)
from gatewayapp.controlplane.operations.apis import create_api, delete_api, get_api, get_apis, update_api
from gatewayapp.controlplane.operations.audit_entries import get_audit_entries
from gatewayapp.controlplane.operations.authorizers import (
    create_authorizer,
    delete_authorizer,
    get_authorizer,
    get_authorizers,
    update_authorizer,
)
from gatewayapp.controlplane.operations.deployments import (
    create_deployment,
    delete_deployment,
    get_deployment,
    get_deployments,
    update_deployment,
)
from gatewayapp.controlplane.operations.domain_names import (
    create_domain_name,
    delete_domain_name,
    get_domain_name,
    get_domain_names,
    update_domain_name,
)
from gatewayapp.controlplane.operations.errors import (
    AccessDenied,
    BadRequest,
    Conflict,
    NotFound,
    OperationError,
    TooMany,
)
from gatewayapp.controlplane.operations.http_apis import refuse_http_api_operation
from gatewayapp.controlplane.operations.integration_responses import (
    create_integration_response,
    delete_integration_response,
    get_integration_response,
    get_integration_responses,
    update_integration_response,
)
from gatewayapp.controlplane.operations.integrations import (
    create_integration,
    delete_integration,
    get_integration,
    get_integrations,
    update_integration,
)
from gatewayapp.controlplane.operations.route_responses import (
    create_route_response,
    delete_route_response,
    get_route_response,
    get_route_responses,
    update_route_response,
)
from gatewayapp.controlplane.operations.routes import (
    create_route,
    delete_route,
    delete_route_request_parameter,
    get_route,
    get_routes,
    update_route,
)
from gatewayapp.controlplane.operations.stages import (
    create_stage,
    delete_access_log_settings,
    delete_route_settings,
    delete_stage,
    get_stage,
    get_stages,
    reset_authorizers_cache,
    update_stage,
)
from gatewayapp.controlplane.operations.tags import get_tags, tag_resource, untag_resource

__all__ = [
    "AccessDenied",
    "BadRequest",
    "Conflict",
    "NotFound",
    "OperationError",
    "TooMany",
    "create_access_key",
    "create_api",
    "create_api_mapping",
    "create_authorizer",
    "create_deployment",
    "create_domain_name",
    "create_integration",
    "create_integration_response",
    "create_model",
    "create_route",
    "create_route_response",
    "create_stage",
    "delete_access_log_settings",
    "delete_api",
    "delete_api_mapping",
    "delete_authorizer",
    "delete_deployment",
    "delete_domain_name",
    "delete_integration",
    "delete_integration_response",
    "delete_model",
    "delete_route",
    "delete_route_request_parameter",
    "delete_route_response",
    "delete_route_settings",
    "delete_stage",
    "get_access_key",
    "get_access_keys",
    "get_api",
    "get_api_mapping",
    "get_api_mappings",
    "get_apis",
    "get_audit_entries",
    "get_authorizer",
    "get_authorizers",
    "get_deployment",
    "get_deployments",
    "get_domain_name",
    "get_domain_names",
    "get_integration",
    "get_integration_response",
    "get_integration_responses",
    "get_integrations",
    "get_model",
    "get_model_template",
    "get_models",
    "get_route",
    "get_route_response",
    "get_route_responses",
    "get_routes",
    "get_stage",
    "get_stages",
    "get_tags",
    "refuse_http_api_operation",
    "reset_authorizers_cache",
    "revoke_access_key",
    "tag_resource",
    "untag_resource",
    "update_api",
    "update_api_mapping",
    "update_authorizer",
    "update_deployment",
    "update_domain_name",
    "update_integration",
    "update_integration_response",
    "update_model",
    "update_route",
    "update_route_response",
    "update_stage",
]
