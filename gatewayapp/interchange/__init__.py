"""Import and export of API definitions: CloudFormation and SAM templates, Nopal's own documents, and AsyncAPI
(export only).

    plan = read_document(text, {"Stage": "prod"})
    preview(plan).changes           # what would change
    imported = apply(plan)          # a new API; apply(plan, api_id) gives the plan to one that is there

    text = export_api(api_id, "cloudformation", with_secrets=True)

All raise `Rejected`, whose `problems` say what is wrong, where, and what to do. `limits` bounds what a document
may cost.
"""

from gatewayapp.interchange.applying import Imported, apply, preview
from gatewayapp.interchange.changes import Change
from gatewayapp.interchange.exporting import FORMATS, export_api
from gatewayapp.interchange.limits import MAX_DOCUMENT_BYTES
from gatewayapp.interchange.plans import Definition, Part, Plan
from gatewayapp.interchange.problems import Problem, Rejected
from gatewayapp.interchange.reading import read_document

__all__ = [
    "FORMATS",
    "MAX_DOCUMENT_BYTES",
    "Change",
    "Definition",
    "Imported",
    "Part",
    "Plan",
    "Problem",
    "Rejected",
    "apply",
    "export_api",
    "preview",
    "read_document",
]
