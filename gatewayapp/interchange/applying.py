"""Carrying out a plan: everything through the operations, as one change, all refusals told at once.

An API that is there already gets the plan's draft. Routes, integrations, authorizers and models that are equal to the
plan's are kept with their ids; the others are deleted and made anew, so that nothing of them stays. Stages hold
connections, so they are never deleted: those that the plan has are updated, the others keep what they serve. Test cases
belong to no draft: those that the plan has are made or updated by their names, the others stay.
"""

import json
import re
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import transaction

from gatewayapp.controlplane import operations
from gatewayapp.controlplane.operations import Conflict, NotFound, OperationError, Outdated
from gatewayapp.controlplane.operations.authorizers import MOST_AUTHORIZERS
from gatewayapp.controlplane.operations.changes import Entry, check_expectation, one_change
from gatewayapp.controlplane.operations.integrations import MOST_INTEGRATIONS
from gatewayapp.controlplane.operations.routes import MOST_ROUTES
from gatewayapp.controlplane.operations.secrets import secrets_of
from gatewayapp.controlplane.operations.snapshots import draft, freeze
from gatewayapp.controlplane.operations.stages import MOST_STAGES
from gatewayapp.controlplane.operations.test_cases import MOST_TEST_CASES
from gatewayapp.core.comparison import Comparison, compared, renamed
from gatewayapp.core.graph import CLIENT, SELECTOR, Graph, graph_of
from gatewayapp.core.policy import management_arn
from gatewayapp.core.redaction import MissingSecret
from gatewayapp.core.told import Told, tell
from gatewayapp.interchange.changes import Change, compare
from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.drafts import Stored, named_as, stored
from gatewayapp.interchange.kinds import KINDS
from gatewayapp.interchange.limits import APPLYING_SECONDS, MAX_PARTS, exceed
from gatewayapp.interchange.plans import ENDPOINT, Definition, Part, Plan, filled
from gatewayapp.interchange.problems import Problem, Problems, reject
from gatewayapp.models import Resource, Stage
from gatewayapp.models.redaction import redactor

_CREATE: Mapping[str, Callable[..., Resource]] = {
    "Authorizer": operations.create_authorizer,
    "Integration": operations.create_integration,
    "IntegrationResponse": operations.create_integration_response,
    "Model": operations.create_model,
    "Route": operations.create_route,
    "RouteResponse": operations.create_route_response,
}
_DELETE: Mapping[str, Callable[..., None]] = {
    "Authorizer": operations.delete_authorizer,
    "Integration": operations.delete_integration,
    "Model": operations.delete_model,
    "Route": operations.delete_route,
}
_ID = {
    "Authorizer": "authorizer_id",
    "Integration": "integration_id",
    "Model": "model_id",
    "Route": "route_id",
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do: the API, the stages that the document has, the changes, what was left out.

    `told` are the changes of the draft in words, `graph` is the picture of the draft that results, and `comparison` the
    same with what goes away, each part by its name.
    """

    api_id: str
    stages: tuple[str, ...]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    told: tuple[Told, ...]
    graph: Graph
    comparison: Comparison

    def document(self) -> Document:
        return {
            "apiId": self.api_id,
            "stages": list(self.stages),
            "changes": [change.document() for change in self.changes],
            "notes": list(self.notes),
            "sentences": [told.sentence for told in self.told],
        }


_QUOTAS = {
    "authorizers": MOST_AUTHORIZERS,
    "integrations": MOST_INTEGRATIONS,
    "routes": MOST_ROUTES,
    "stages": MOST_STAGES,
    "tests": MOST_TEST_CASES,
}
"""How many parts of each section an API may have."""


def apply(plan: Plan, api_id: str | None = None) -> Imported:
    """Make the plan's API, or give the plan to the API `api_id`. Raises Rejected or Outdated, changing nothing."""
    _check_number_of_parts(plan.definition)
    try:
        with one_change("ReimportApi" if api_id else "ImportApi") as entry:
            check_expectation(api_id or "")
            return _carried_out(plan, api_id, entry)
    except Outdated:
        raise
    except Conflict as error:
        raise reject("", error.message) from error


def preview(plan: Plan, api_id: str | None = None) -> Imported:
    """What `apply` would do, by doing it and taking it back; the id of an API that is not there yet is empty."""
    with transaction.atomic():
        imported = apply(plan, api_id)
        transaction.set_rollback(True)
    return replace(imported, api_id=api_id or "")


def endpoint(api_id: str) -> str:
    """Where clients connect to an API: NOPAL_API_ENDPOINT, or the address that `serve` listens on by default."""
    return (settings.NOPAL_API_ENDPOINT or "ws://127.0.0.1:8000/ws/{api_id}").replace("{api_id}", api_id)


def _check_number_of_parts(definition: Definition) -> None:
    """Before anything is made of a plan that cannot be made as a whole."""
    counts = {section: len(getattr(definition, section)) for section in (*_QUOTAS, "models")}
    problems = Problems()
    for section, most in _QUOTAS.items():
        if counts[section] > most:
            message = (
                f"The document has {counts[section]:,}; an API can have at most {most}. Split it into several APIs."
            )
            problems.add(Problem(section, message))
    problems.raise_any()
    total = sum(counts.values()) + sum(len(part.responses) for part in definition.parts)
    if total > MAX_PARTS:
        raise exceed(
            "",
            f"The document has {total:,} routes, integrations, responses, models and others together; at most "
            f"{MAX_PARTS:,} can be imported. Leave some out, and create them one by one.",
        )


def _carried_out(plan: Plan, api_id: str | None, entry: Entry) -> Imported:
    before = _existing(api_id) if api_id else None
    draft_before = draft(operations.get_api(api_id=api_id)) if api_id else None
    work = _Import(_with_stored_secrets(plan.definition, before), before)
    work.make_draft()
    work.raise_problems()
    work.make_stages()
    work.make_tests()
    work.raise_problems()
    after, draft_after = stored(work.api_id), draft(operations.get_api(api_id=work.api_id))
    entry.path = f"/apis/{work.api_id}"
    entry.before = before.definition.document() if before else None
    entry.after = after.definition.document()
    before = named_as(before, after) if before else None
    changes = compare(before.definition if before else None, after.definition)
    graph = graph_of(draft_after, secrets_of(draft_after))
    graph_before = (
        _by_names(graph_of(draft_before, secrets_of(draft_before)), before)
        if before and draft_before
        else _clients_of(graph)
    )
    return Imported(
        work.api_id,
        tuple(str(stage.members["stageName"]) for stage in plan.definition.stages),
        changes,
        (*plan.notes, *work.notes),
        tell(draft_before or _nothing_of(draft_after), draft_after, redactor()),
        graph,
        compared(graph_before, _by_names(graph, after), _changed_nodes(changes)),
    )


def _with_stored_secrets(definition: Definition, before: Stored | None) -> Definition:
    """The definition with the secrets of the API's parts of the same names in place of their placeholders."""
    former = {part.key: part for part in (*before.definition.parts, *before.definition.tests)} if before else {}
    problems = Problems()

    def restore(part: Part, stored: Part | None) -> Part:
        responses = {response.key: response for response in stored.responses} if stored else {}
        try:
            members = redactor().restore(part.members, stored.members if stored else {})
        except MissingSecret as error:
            problems.add(Problem(part.place, str(error)))
            members = part.members
        own = tuple(restore(response, responses.get(response.key)) for response in part.responses)
        return replace(part, members=members, responses=own)

    def restore_all(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(restore(part, former.get(part.key)) for part in parts)

    found = replace(
        definition,
        authorizers=restore_all(definition.authorizers),
        integrations=restore_all(definition.integrations),
        stages=restore_all(definition.stages),
        tests=restore_all(definition.tests),
    )
    problems.raise_any()
    return found


def _nothing_of(draft: Document) -> Document:
    """An API that has no parts yet."""
    return {"api": draft["api"], "routes": [], "integrations": [], "models": [], "authorizers": []}


def _by_names(graph: Graph, api: Stored) -> Graph:
    """The graph with the parts' keys for its nodes: a part that is made anew gets another id, and keeps its name."""
    return renamed(graph, {f"{key.partition('/')[0].lower()}/{part_id}": key for key, part_id in api.ids.items()})


def _clients_of(graph: Graph) -> Graph:
    """What is there before an API is: those who will connect to it."""
    return Graph(tuple(node for node in graph.nodes if node.key == CLIENT), ())


def _changed_nodes(changes: tuple[Change, ...]) -> set[str]:
    """The nodes that are about what is updated, by names; of the API itself, only the expression is in the picture."""
    updated = [change for change in changes if change.action == "update"]
    expressions = {SELECTOR for change in updated if "routeSelectionExpression" in change.members}
    return expressions | {f"{change.kind}/{change.name}" for change in updated}


def _existing(api_id: str) -> Stored:
    try:
        return stored(api_id)
    except NotFound as error:
        raise reject("", f"{error.message}. Leave the API id out to make a new API.") from error


class _Import:
    def __init__(self, definition: Definition, before: Stored | None) -> None:
        self._definition = definition
        self._before = before
        self._ids: dict[str, str] = {}
        self._failed: set[str] = set()
        self._problems = Problems()
        self._names: dict[str, str] = {}
        self._deadline = monotonic() + APPLYING_SECONDS
        self._paused: set[str] = set()
        self.notes: list[str] = []
        self.api_id = ""

    def raise_problems(self) -> None:
        self._problems.raise_any()

    # the draft

    def make_draft(self) -> None:
        self._make_api()
        kept = self._keep_equal_parts()
        for part in self._definition.parts:
            if part.kind in _CREATE and part.key not in kept:
                self._create(part)

    def _make_api(self) -> None:
        api = self._definition.api
        if self._before is None:
            created = self._attempt(api, operations.create_api)
            self.raise_problems()
            self.api_id = str(created.pk)
        else:
            self.api_id = self._before.ids["Api"]
            self._pause_auto_deploy()
            members = self._members(api)
            del members["protocol_type"]
            tags = members.pop("tags", {})
            self._call(api, operations.update_api, {**_cleared("Api"), **members, "api_id": self.api_id})
            self._replace_tags(api, f"/apis/{self.api_id}", tags)
            self.raise_problems()
        self._ids[api.key] = self.api_id

    def _pause_auto_deploy(self) -> None:
        """Else each step of the import would be deployed, and push the deployments of before out."""
        for stage in operations.get_stages(api_id=self.api_id).filter(auto_deploy=True):
            operations.update_stage(api_id=self.api_id, stage_name=stage.stage_name, auto_deploy=False)
            self._paused.add(stage.stage_name)

    def _keep_equal_parts(self) -> set[str]:
        """Keys of the plan's parts that are there already; what is there and equals none of them is deleted."""
        if self._before is None:
            return set()
        kept: set[str] = set()
        present = [part for part in self._before.definition.parts if part.kind in _CREATE]
        unmatched: dict[str, deque[str]] = defaultdict(deque)
        for part in present:
            unmatched[self._comparable(part, self._before.ids)].append(part.key)
        for part in self._definition.parts:
            matches = unmatched.get(self._comparable(part, self._ids)) if part.kind in _CREATE else None
            if matches:
                match = matches.popleft()
                kept.add(part.key)
                self._note_id(part.key, self._before.ids[match])
        deleted = {key for keys in unmatched.values() for key in keys}
        for part in reversed(present):
            if part.key in deleted:
                target = {"api_id": self.api_id, _ID[part.kind]: self._before.ids[part.key]}
                self._call(part, _DELETE[part.kind], target)
        return kept

    def _comparable(self, part: Part, ids: Mapping[str, str]) -> str:
        """A text that two parts have in common if they are the same; equal ids stand for equal parts."""

        def content(part: Part) -> Document:
            members = filled(part.members, lambda key, attribute: _filling(ids.get(key, "\0"), attribute))
            return KINDS[part.kind].without_defaults(members)

        return json.dumps([part.kind, content(part), [content(each) for each in part.responses]], sort_keys=True)

    def _create(self, part: Part) -> None:
        created = self._attempt(part, _CREATE[part.kind], api_id=self.api_id)
        if created is None:
            self._failed.add(part.key)
            return
        self._note_id(part.key, str(created.pk))
        owner = {_ID[part.kind]: str(created.pk)}
        for response in part.responses:
            self._attempt(response, _CREATE[response.kind], api_id=self.api_id, **owner)

    def _note_id(self, key: str, part_id: str) -> None:
        self._ids[key] = part_id
        self._names[part_id] = key.split("/", 1)[-1]

    # stages

    def make_stages(self) -> None:
        present = {stage.stage_name: stage for stage in operations.get_stages(api_id=self.api_id)}
        deployment_id = self._deploy()
        self.raise_problems()
        for part in self._definition.stages:
            self._make_stage(part, present.pop(str(part.members.get("stageName")), None), deployment_id)
        for name, stage in present.items():
            if name in self._paused:
                operations.update_stage(api_id=self.api_id, stage_name=name, auto_deploy=True)
            serving = "deploys the new draft by itself" if name in self._paused else "serves what it served"
            self.notes.append(f"Stage {stage.stage_name} is not in the document: it stays, and {serving}.")

    def _deploy(self) -> str:
        """The id of a deployment of the draft, if a stage needs one; stages that deploy by themselves need a proof."""
        serving = [part for part in self._definition.stages if part.members.get("deployed", True)]
        automatic = [part for part in self._definition.stages if part.members.get("autoDeploy") is True]
        manual = [part for part in serving if part not in automatic]
        if manual:
            members = {"api_id": self.api_id, "description": "Imported"}
            deployment = self._call(manual[0], operations.create_deployment, members)
            return str(deployment.pk) if deployment else ""
        if automatic:
            api = operations.get_api(api_id=self.api_id)
            self._call(automatic[0], freeze, {"api": api})
        return ""

    def _make_stage(self, part: Part, present: Stage | None, deployment_id: str) -> None:
        members = self._members(part)
        deployed = members.pop("deployed", True)
        if not members.get("auto_deploy"):
            members["deployment_id"] = deployment_id if deployed else ""
        if present is None:
            self._call(part, operations.create_stage, {**members, "api_id": self.api_id})
        else:
            self._update_stage(part, present, members)

    def _update_stage(self, part: Part, present: Stage, members: Document) -> None:
        target = {"api_id": self.api_id, "stage_name": members.pop("stage_name")}
        tags = members.pop("tags", {})
        members["stage_variables"] = dict.fromkeys(present.stage_variables, "") | members.get("stage_variables", {})
        if present.route_settings:
            self._call(part, operations.delete_all_route_settings, target)
        self._call(part, operations.update_stage, {**_cleared("Stage"), **members, **target})
        self._replace_tags(part, "/apis/{api_id}/stages/{stage_name}".format(**target), tags)

    # test cases

    def make_tests(self) -> None:
        present = {test.name: test.pk for test in operations.get_test_cases(api_id=self.api_id)}
        for part in self._definition.tests:
            members = {"message": "", "expectations": {}, **self._members(part), "api_id": self.api_id}
            test_case_id = present.get(part.name)
            if test_case_id is None:
                self._call(part, operations.create_test_case, members)
            else:
                self._call(part, operations.update_test_case, {**members, "test_case_id": test_case_id})

    # what they share

    def _replace_tags(self, part: Part, path: str, tags: Mapping[str, str]) -> None:
        arn = management_arn(settings.NOPAL_REGION, path)
        self._call(part, operations.replace_tags, {"resource_arn": arn, "tags": tags})

    def _members(self, part: Part) -> Document:
        """The part's members as an operation takes them, with ids. Raises _Missing."""
        keywords = {**KINDS[part.kind].keywords, "deployed": "deployed"}
        return {keywords[name]: filled(value, self._fill) for name, value in part.members.items()}

    def _fill(self, key: str, attribute: str) -> str:
        if key not in self._ids:
            raise _Missing(key)
        return _filling(self._ids[key], attribute)

    def _attempt(self, part: Part, operation: Callable[..., Any], **target: str) -> Any:
        """What the operation makes of the part, or None where it cannot be made."""
        try:
            members = self._members(part)
        except _Missing as missing:
            # A part that failed has been told already; what needs it is no further problem.
            if missing.key not in self._failed:
                name = missing.key.split("/", 1)[1]
                self._problems.add(Problem(part.place, f"It refers to the id of {name}, which is created after it."))
            return None
        return self._call(part, operation, {**members, **target})

    def _call(self, part: Part, operation: Callable[..., Any], members: Document) -> Any:
        """The operation's result, or None where it refuses, which is a problem of the part's. Raises LimitExceeded."""
        if monotonic() > self._deadline:
            raise exceed(
                part.place,
                f"The import took more than {APPLYING_SECONDS:g} seconds and was undone. Try again when the database "
                "is less busy, or import the API in parts.",
            )
        try:
            return operation(**members)
        except OperationError as error:
            self._problems.add(Problem(part.place, self._in_names(error.message)))
            return None

    def _in_names(self, message: str) -> str:
        """The message with the document's names for ids that nobody will see again."""
        named = re.sub(r"\b[a-z0-9]{7}\b", lambda found: self._names.get(found[0], found[0]), message)
        return _OWN_ID.sub("", named) if named == message else named


_OWN_ID = re.compile("^Integration [a-z0-9]{7}: ")
"""How a message begins that is about the very part that could not be made."""


class _Missing(Exception):
    """A part is needed that has not been made."""

    def __init__(self, key: str) -> None:
        self.key = key


def _filling(part_id: str, attribute: str) -> str:
    return endpoint(part_id) if attribute == ENDPOINT else part_id


def _cleared(kind: str) -> Document:
    """All members of a kind as if nobody had set them, for an update that keeps nothing of before."""
    found = KINDS[kind]
    fixed = ("tags", "deployed", "stageName", "deploymentId", "name", "routeSelectionExpression", "protocolType")
    return {found.keywords[name]: value for name, value in found.defaults.items() if name not in fixed}
