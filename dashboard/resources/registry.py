"""Every kind of resource that has pages, what belongs to another after it."""

from dashboard.resources.apis import apis
from dashboard.resources.authorizers import authorizers
from dashboard.resources.deployments import deployments
from dashboard.resources.domains import domains, mappings
from dashboard.resources.integrations import integration_responses, integrations
from dashboard.resources.models import models
from dashboard.resources.routes import route_responses, routes
from dashboard.resources.stages import stages

KINDS = (
    apis,
    routes,
    route_responses,
    integrations,
    integration_responses,
    authorizers,
    models,
    stages,
    deployments,
    domains,
    mappings,
)
