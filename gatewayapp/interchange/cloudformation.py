"""CloudFormation templates, JSON or YAML, SAM's included: reading the WebSocket API that one defines.

A resource that is not imported is still referred to: a function becomes an ARN in this installation's region and
account. What is left out is told in a note; what cannot be understood is a problem, and all problems are told at once.
AWS pages: the CloudFormation reference of AWS::ApiGatewayV2.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from gatewayapp.interchange.documents import Document, check_values
from gatewayapp.interchange.intrinsics import Intrinsics, LeftOut, NoValue
from gatewayapp.interchange.kinds import KINDS
from gatewayapp.interchange.limits import MAX_PARAMETERS, Budget, LimitExceeded
from gatewayapp.interchange.plans import ENDPOINT, Definition, Part, Plan, dangling, reference, referred
from gatewayapp.interchange.problems import (
    MAX_MESSAGE_LENGTH,
    MAX_PROBLEMS,
    Problem,
    Problems,
    Rejected,
    listed,
    reject,
    shortened,
)
from gatewayapp.interchange.stand_ins import stand_in

T = TypeVar("T")

_PREFIX = "AWS::ApiGatewayV2::"
_SAM = "AWS::Serverless-2016-10-31"
_KNOWN_TRANSFORMS = (_SAM, "AWS::LanguageExtensions")
_KINDS = {*KINDS, "Deployment"}
_PARENTS = {"RouteResponse": "RouteId", "IntegrationResponse": "IntegrationId"}

_LEFT_OUT = {
    "AWS::Lambda::Function": "run it where NOPAL_LAMBDA_ENDPOINT says, under its FunctionName, or else this name",
    "AWS::Lambda::Permission": "Nopal needs no permission to call a function",
    "AWS::IAM::Role": "Nopal assumes no roles",
    "AWS::ApiGatewayV2::DomainName": "create it with create-domain-name, once its name leads to Nopal",
    "AWS::ApiGatewayV2::ApiMapping": "create it with create-api-mapping, once the domain name exists",
}


def read(template: Document, parameters: Mapping[str, Any], pseudo: Mapping[str, Any], api: str | None = None) -> Plan:
    """The plan of a template's WebSocket API; `api` is its logical id where there are several.

    `pseudo` are the values of the pseudo parameters. Raises Rejected.
    """
    _check_resources(template)
    _check_number_of_parameters(template, parameters)
    transforms = template.get("Transform") or []
    transforms = transforms if isinstance(transforms, list) else [transforms]
    if _SAM in transforms:
        from gatewayapp.interchange import sam  # it takes two seconds to load, and few templates need it

        template = sam.translate(template, {**pseudo, **parameters}, pseudo["AWS::Region"])
        _check_translated(template)
    reader = _Reader(template, parameters, pseudo)
    reader.note_transforms(transforms)
    return reader.read(api)


class _Reader:
    def __init__(self, template: Document, parameters: Mapping[str, Any], pseudo: Mapping[str, Any]) -> None:
        self._template = template
        self._given = parameters
        self._pseudo = pseudo
        self._resources: dict[str, Document] = template["Resources"]
        self._budget = Budget()
        self._intrinsics = Intrinsics(template, parameters, pseudo, self._refer, self._leave_out, self._budget)
        self._resolved: dict[tuple[str, str], Any] = {}
        self._notes: dict[str, None] = {}
        self._problems = Problems()

    def read(self, wanted: str | None) -> Plan:
        _check_circles(self._resources)
        present = [name for name in self._resources if self._is_present(name)]
        api = self._choose_api(present, wanted)
        members = self._members_by_kind(present, api)
        definition = self._definition(api, members)
        self._note_others(present)
        self._check_parameters()
        self._problems.add(*dangling(definition))
        self._problems.raise_any()
        return Plan(definition, tuple(self._notes))

    def note_transforms(self, transforms: list[Any]) -> None:
        for transform in transforms:
            if transform not in _KNOWN_TRANSFORMS:
                self._note(f"Transform {transform} is left out: only AWS can apply it.")

    # which resources

    def _is_present(self, name: str) -> bool:
        condition = self._resources[name].get("Condition")
        if condition is None:
            return True
        place = f"Resources.{name}.Condition"
        return bool(self._try(lambda: self._intrinsics.holds(condition, place), place, False))

    def _choose_api(self, present: list[str], wanted: str | None) -> str:
        apis = [name for name in present if self._kind(name) == "Api"]
        http = [name for name in apis if self._property(name, "ProtocolType", "HTTP") != "WEBSOCKET"]
        for name in http:
            self._note(f"Resources.{name} is left out: it is an HTTP API, and Nopal serves WebSocket APIs.")
        found = [name for name in apis if name not in http]
        if wanted is not None and wanted not in found:
            raise reject("Resources", f"The template has no WebSocket API {wanted!r}; it has: {listed(found)}.")
        if len(found) > 1 and wanted is None:
            raise reject(
                "Resources", f"The template has several WebSocket APIs: {listed(found)}. Choose one by its name."
            )
        if not found:
            self._problems.raise_any()
            raise reject("Resources", f"The template has no WebSocket API (an {_PREFIX}Api of ProtocolType WEBSOCKET).")
        return wanted or found[0]

    def _members_by_kind(self, present: list[str], api: str) -> dict[str, dict[str, Document]]:
        """The API's resources by kind and logical id, with resolved properties."""
        found: dict[str, dict[str, Document]] = defaultdict(dict)
        for name in present:
            kind = self._kind(name)
            if kind not in _KINDS or kind == "Api":
                continue
            owner = self._property(name, "ApiId", None)
            if referred(owner) == ("Api", api):
                found[kind][name] = self._properties(name)
            elif not self._belongs_to_http_api(owner):
                self._note(f"Resources.{name} is left out: its ApiId is not that of {api}.")
        return found

    def _belongs_to_http_api(self, owner: Any) -> bool:
        api = referred(owner)
        return api is not None and self._property(api[1], "ProtocolType", "HTTP") != "WEBSOCKET"

    # their members

    def _definition(self, api: str, found: dict[str, dict[str, Document]]) -> Definition:
        responses = {kind: self._responses(kind, found) for kind in _PARENTS}
        return Definition(
            api=self._part("Api", api, self._properties(api)),
            authorizers=self._parts("Authorizer", found),
            models=self._parts("Model", found),
            integrations=self._parts("Integration", found, responses["IntegrationResponse"]),
            routes=self._parts("Route", found, responses["RouteResponse"]),
            stages=self._stages(found),
        )

    def _parts(
        self,
        kind: str,
        found: dict[str, dict[str, Document]],
        responses: Mapping[str, tuple[Part, ...]] | None = None,
    ) -> tuple[Part, ...]:
        return tuple(
            self._part(kind, name, properties, (responses or {}).get(name, ()))
            for name, properties in found[kind].items()
        )

    def _part(self, kind: str, name: str, properties: Document, responses: tuple[Part, ...] = ()) -> Part:
        place = f"Resources.{name}"
        members = KINDS[kind].read(properties, place, self._leave_out)
        if kind == "Authorizer":
            members.setdefault("identitySource", [])
        return Part(kind, name, members, place, responses)

    def _responses(self, kind: str, found: dict[str, dict[str, Document]]) -> dict[str, tuple[Part, ...]]:
        """Parts of the kind by the logical id of the route or integration that they belong to."""
        parts: dict[str, list[Part]] = defaultdict(list)
        for name, properties in found[kind].items():
            owner = referred(properties.pop(_PARENTS[kind], None))
            if owner is None or owner[1] not in found[owner[0]]:
                self._problem(f"Resources.{name}.{_PARENTS[kind]}", "It names no resource of this API.")
            else:
                parts[owner[1]].append(self._part(kind, name, properties))
        return {owner: tuple(responses) for owner, responses in parts.items()}

    def _stages(self, found: dict[str, dict[str, Document]]) -> tuple[Part, ...]:
        """Stages serve the draft where they point at a deployment, or a deployment names them."""
        names = (properties.get("StageName") for properties in found["Deployment"].values())
        named = {name for name in names if isinstance(name, str)}
        used = set()
        stages = []
        for name, properties in found["Stage"].items():
            deployment = properties.pop("DeploymentId", None)
            used.add(referred(deployment))
            if deployment and referred(deployment) is None:
                self._leave_out(f"Resources.{name}.DeploymentId", "the stage gets a new deployment of this template.")
            part = self._part("Stage", name, properties)
            stage_name = part.members.get("stageName")
            part.members["deployed"] = bool(deployment) or (isinstance(stage_name, str) and stage_name in named)
            part.members.update(self._limits(name))
            stages.append(part)
        for name, properties in found["Deployment"].items():
            if ("Deployment", name) not in used and not properties.get("StageName"):
                self._note(f"Resources.{name} is left out: no stage points at it.")
        return tuple(stages)

    def _limits(self, name: str) -> Document:
        """Nopal's own limits, which CloudFormation has no member for, as our export writes them."""
        metadata = self._resources[name].get("Metadata")
        ours = metadata.get("Nopal") if isinstance(metadata, dict) else None
        return {"limits": ours["limits"]} if isinstance(ours, dict) and "limits" in ours else {}

    def _properties(self, name: str) -> Document:
        """The resource's properties, without ApiId; those that cannot be resolved are missing."""
        properties = self._resources[name].get("Properties") or {}
        return {
            key: value
            for key in properties
            if key != "ApiId" and (value := self._property(name, key, NoValue)) is not NoValue
        }

    def _property(self, name: str, key: str, otherwise: Any) -> Any:
        """The property's value, resolved once; `otherwise` where it is not set or cannot be resolved."""
        properties = self._resources[name].get("Properties") or {}
        if key not in properties:
            return otherwise
        if (name, key) not in self._resolved:
            place = f"Resources.{name}.{key}"
            self._resolved[name, key] = self._try(
                lambda: self._intrinsics.resolve(properties[key], place), place, _UNRESOLVED
            )
        value = self._resolved[name, key]
        return otherwise if value is _UNRESOLVED else value

    # references

    def _refer(self, name: str, attribute: str) -> Any:
        """What `Ref` (an empty attribute) or `Fn::GetAtt` give for a resource. Raises Rejected."""
        place = f"Resources.{name}"
        if name not in self._resources:
            raise reject(
                place, f"The template refers to {name!r}, which it has neither as a parameter nor as a resource."
            )
        kind = self._kind(name)
        if kind not in _KINDS:
            return stand_in(self._resources, name, attribute, self._intrinsics.resolve, self._pseudo)
        condition = self._resources[name].get("Condition")
        if condition is not None and not self._intrinsics.holds(condition, place):
            raise reject(place, f"It is referred to, but its condition {condition} does not hold.")
        if kind == "Stage" and not attribute:
            return self._intrinsics.resolve((self._resources[name].get("Properties") or {}).get("StageName"), place)
        if kind == "Api" and attribute == ENDPOINT:
            return reference(kind, name, ENDPOINT)
        if attribute in ("", "Id", f"{kind}Id"):
            return reference(kind, name)
        raise reject(place, f"{_PREFIX}{kind} has no attribute {attribute}.")

    def _kind(self, name: str) -> str:
        kind: str = self._resources[name]["Type"]
        return kind.removeprefix(_PREFIX) if kind.startswith(_PREFIX) else ""

    # notes and problems

    def _note(self, text: str) -> None:
        """Take down what was left out; beyond the most that are listed, only that there is more."""
        is_last = len(self._notes) >= MAX_PROBLEMS
        self._notes[_MORE_NOTES if is_last else shortened(text, MAX_MESSAGE_LENGTH)] = None

    def _try(self, resolve: Callable[[], T], place: str, otherwise: T) -> T:
        try:
            return resolve()
        except LeftOut as reason:
            self._leave_out(place, str(reason))
        except LimitExceeded:
            raise
        except Rejected as rejection:
            self._problems.add(*rejection.problems)
        return otherwise

    def _leave_out(self, place: str, why: str) -> None:
        self._note(f"{place} is left out: {why}")

    def _problem(self, place: str, message: str) -> None:
        self._problems.add(Problem(place, message))

    def _note_others(self, present: list[str]) -> None:
        """One note for each type of resource that is not a WebSocket API's."""
        others: dict[str, list[str]] = defaultdict(list)
        for name in present:
            if self._kind(name) not in _KINDS:
                others[self._resources[name]["Type"]].append(name)
        for kind, names in others.items():
            why = _LEFT_OUT.get(kind, "it is not part of a WebSocket API")
            self._note(f"{kind} ({listed(names)}) is left out: {why}.")

    def _check_parameters(self) -> None:
        defined = self._template.get("Parameters") or {}
        known = {*defined, *self._pseudo, *self._intrinsics.asked}
        names = listed(defined)
        for name in self._given:
            if name not in known:
                self._problem("Parameters", f"The template has no use for the parameter {name!r}; it has: {names}.")


_UNRESOLVED = object()
"""The value of a property that cannot be resolved."""

_MORE_NOTES = "There are more notes than are listed."


def _check_translated(template: Document) -> None:
    """The output of another program is checked like the template itself."""
    check_values(template)
    budget = Budget()
    budget.count_size("Resources", budget.measure(template, "Resources"))


def _check_number_of_parameters(template: Document, given: Mapping[str, Any]) -> None:
    for what, parameters in (("The template has", template.get("Parameters")), ("You gave", given)):
        if isinstance(parameters, Mapping) and len(parameters) > MAX_PARAMETERS:
            raise reject(
                "Parameters",
                f"{what} {len(parameters):,} parameters; CloudFormation takes at most {MAX_PARAMETERS}. "
                "Leave out those that no WebSocket API needs.",
            )


def _check_resources(template: Document) -> None:
    resources = template.get("Resources")
    if not isinstance(resources, dict):
        raise reject("Resources", "This section is a mapping of logical ids to resources.")
    problems = Problems()
    for name, resource in resources.items():
        if name.startswith("Fn::"):
            problems.add(Problem(f"Resources.{name}", "Nopal does not expand it: write its resources out."))
        elif not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            problems.add(Problem(f"Resources.{name}", "A resource is a mapping with a Type."))
        elif not isinstance(resource.get("Properties") or {}, dict):
            problems.add(Problem(f"Resources.{name}.Properties", "Properties are a mapping."))
    problems.raise_any()


def _check_circles(resources: Mapping[str, Document]) -> None:
    graph = {
        name: {other for other in _mentions(resource) if other in resources} for name, resource in resources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = " → ".join(error.args[1])
        raise reject("Resources", f"A circle of references, none of which can be made first: {circle}.") from error


def _mentions(resource: Document) -> Iterator[str]:
    """Logical ids that the resource's properties may refer to, and those that it says it depends on."""
    depends_on = resource.get("DependsOn")
    if isinstance(depends_on, str | list):
        yield from _texts_of(depends_on)
    yield from _mentions_in(resource.get("Properties"))


def _mentions_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _mentions_in(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield from _texts_of(item)
            elif key == "Fn::GetAtt":
                yield from (text.split(".")[0] for text in _texts_of(item)[:1])
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)[.}]", "".join(_texts_of(item)[:1]))
            yield from _mentions_in(item)


def _texts_of(value: Any) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]
