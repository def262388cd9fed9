"""What is stored: the configuration under AWS's names, who may do what, who did what, and who is connected where."""

from gatewayapp.models.access_keys import AccessKey
from gatewayapp.models.api_mappings import ApiMapping
from gatewayapp.models.api_models import ApiModel
from gatewayapp.models.api_tokens import ApiToken
from gatewayapp.models.apis import Api
from gatewayapp.models.audit_entries import AuditEntry
from gatewayapp.models.authorizers import Authorizer
from gatewayapp.models.configuration import ConfigurationVersion, configuration_changed
from gatewayapp.models.connections import Connection
from gatewayapp.models.deployments import Deployment
from gatewayapp.models.domain_names import DomainName
from gatewayapp.models.installations import Installation
from gatewayapp.models.integration_responses import IntegrationResponse
from gatewayapp.models.integrations import Integration
from gatewayapp.models.layout_positions import LayoutPosition
from gatewayapp.models.nodes import Node
from gatewayapp.models.resources import Document, Resource
from gatewayapp.models.role_assignments import RoleAssignment
from gatewayapp.models.route_responses import RouteResponse
from gatewayapp.models.routes import Route
from gatewayapp.models.sessions import Session, hash_session_key
from gatewayapp.models.stage_deployments import StageDeployment
from gatewayapp.models.stages import Stage
from gatewayapp.models.test_cases import TestCase

__all__ = [
    "AccessKey",
    "Api",
    "ApiMapping",
    "ApiModel",
    "ApiToken",
    "AuditEntry",
    "Authorizer",
    "ConfigurationVersion",
    "Connection",
    "Deployment",
    "Document",
    "DomainName",
    "Installation",
    "Integration",
    "IntegrationResponse",
    "LayoutPosition",
    "Node",
    "Resource",
    "RoleAssignment",
    "Route",
    "RouteResponse",
    "Session",
    "Stage",
    "StageDeployment",
    "TestCase",
    "configuration_changed",
    "hash_session_key",
]
