"""Documents of at most 500 KB that once took gigabytes or minutes, with what each is rejected for."""

import json
from typing import Any

from tests.interchange.samples import http_integration, part, route, template

MAX_LENGTH = 500_000

TOO_LONG = "but a text can have at most 524,288. Use fewer or shorter values in it."
TOO_MUCH = "The template's functions return more than 8,388,608 characters. Refer to long values less often"
TOO_MANY_STEPS = "Resolving the template's functions takes more than 1,000,000 steps,"
TOO_LONG_PARAMETER = "CloudFormation takes at most 4,096. Write a longer value where it is used."
TOO_DEEP = "The document is nested more than 64 levels deep."
TOO_MANY_PROBLEMS = "There are more problems than are listed: correct these first."

_SAM = "AWS::Serverless-2016-10-31"


def _described(description: Any, **sections: Any) -> str:
    return template(api={"Description": description}, **sections)


def _nested(innermost: Any, depth: int, sub: str) -> Any:
    for _ in range(depth):
        innermost = {"Fn::Sub": [sub, {"a": innermost}]}
    return innermost


def _parameter(**definition: Any) -> dict[str, Any]:
    return {"P": {"Type": "String", **definition}}


def _mapped(value: Any) -> dict[str, Any]:
    return {"a": {"a": {"a": value}}}


_FIND = {"Fn::FindInMap": ["a", "a", "a"]}


def _model(number: int, schema: Any) -> dict[str, Any]:
    return part("Model", Name=f"m{number}", Schema=schema)


def _sam(**properties: Any) -> str:
    function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    expression = {"RouteSelectionExpression": "$request.body.action"}
    routes = {"Routes": {"$default": {"FunctionArn": function}}}
    api = {"Type": "AWS::Serverless::WebSocketApi", "Properties": {**expression, **routes, **properties}}
    parameters = _parameter(Default="x" * 4000)
    return json.dumps({"Transform": _SAM, "Parameters": parameters, "Resources": {"Chat": api}})


def _nopal(**sections: Any) -> str:
    return json.dumps({"nopal": 1, "api": {"name": "chat", "routeSelectionExpression": "a"}, **sections})


def _doubling_aliases() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    return "\n".join(lines + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)])


REJECTED: dict[str, tuple[str, str]] = {
    "Sub of one long variable": (_described({"Fn::Sub": ["${a}" * 90_000, {"a": "x" * 90_000}]}), TOO_LONG),
    "Join with a long delimiter": (_described({"Fn::Join": ["x" * 200_000, ["a"] * 50_000]}), TOO_LONG),
    "Sub within Sub": (_described(_nested("x" * 1000, 18, "${a}${a}")), TOO_LONG),
    "Sub of a long default": (
        _described({"Fn::Sub": "${P}" * 60_000}, Parameters=_parameter(Default="x" * 200_000)),
        TOO_LONG_PARAMETER,
    ),
    "Sub of an allowed default": (
        _described({"Fn::Sub": "${P}" * 100_000}, Parameters=_parameter(Default="x" * 4000)),
        TOO_LONG,
    ),
    "Base64 of a long text": (_described({"Fn::Base64": "x" * 400_000}), TOO_LONG),
    "ToJsonString of a mapping": (
        _described({"Fn::ToJsonString": [_FIND] * 20}, Mappings=_mapped(["x"] * 40_000)),
        TOO_LONG,
    ),
    "FindInMap in many models": (
        template({f"M{n}": _model(n, _FIND) for n in range(1500)}, Mappings=_mapped({"description": "x" * 200_000})),
        TOO_MUCH,
    ),
    "GetAtt of a long name": (
        template(
            {"F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "x" * 200_000}}}
            | {f"I{n}": http_integration(IntegrationUri={"Fn::GetAtt": ["F", "Arn"]}) for n in range(1000)}
        ),
        TOO_MUCH,
    ),
    "Split again and again": (
        _described([{"Fn::Split": [",", {"Fn::Join": [",", _FIND]}]}] * 1000, Mappings=_mapped([""] * 100_000)),
        TOO_MANY_STEPS,
    ),
    "a long pattern": (
        _described({"Ref": "P"}, Parameters=_parameter(Default="a" * 4000, AllowedPattern="(a?)" * 100_000)),
        "Its AllowedPattern has more than 4,096 characters: simplify it.",
    ),
    "long lists of what is allowed": (
        _described(
            {"Fn::Join": ["", {"Ref": "P"}]},
            Parameters=_parameter(
                Type="CommaDelimitedList", Default="zz," * 1300 + "zz", AllowedValues=[*map(str, range(40_000)), "zz"]
            ),
        ),
        "description must have 0-1024 characters; it has 2602.",
    ),
    "a parameter that is refused again and again": (
        template(
            {f"R{n}": route({"Ref": "P"}) for n in range(1500)},
            Parameters=_parameter(Default="q", AllowedValues=["x" * 200_000]),
        ),
        "Parameters.P: 'q' is not one of its AllowedValues: xxx",
    ),
    "digits": (
        _described({"Ref": "P"}, Parameters=_parameter(Type="Number", Default="1" * 4000 + "x")),
        "is not a number.",
    ),
    "a bound of many digits": (
        _described({"Ref": "P"}, Parameters=_parameter(Type="Number", Default="1", MinValue=int("1" * 4000))),
        "Its MinValue is no number.",
    ),
    "an index of many digits": (
        _described({"Fn::Select": ["9" * 5000, ["a"]]}),
        "Fn::Select: the list has no item 999",
    ),
    "a chain of conditions": (
        template(
            {"X": {"Type": "X", "Condition": "c0"}},
            Conditions={f"c{n}": {"Fn::Not": [{"Condition": f"c{n + 1}"}]} for n in range(8000)},
        ),
        "The document's references lead too far into one another.",
    ),
    "a long name": (
        template({"M": _model(0, {"k" * 200_000: {f"a{n}": {"Fn::ImportValue": "x"} for n in range(7000)}})}),
        "has 200,000 characters; a name can have at most 1,024.",
    ),
    "problems without end": (
        template({f"R{n}": route({"Ref": f"Missing{n}"}) for n in range(3500)}),
        TOO_MANY_PROBLEMS,
    ),
    "unknown members": (_nopal(**{f"rotes{n}": 1 for n in range(28_000)}), TOO_MANY_PROBLEMS),
    "responses of one integration": (
        _nopal(
            integrations={
                "i": {"integrationType": "MOCK", "integrationResponses": {f"/{n}/": {} for n in range(30_000)}}
            }
        ),
        "together; at most 3,000 can be imported.",
    ),
    "more routes than an API has": (
        _nopal(routes={f"r{n}": None for n in range(28_000)}),
        "routes: The document has 28,000; an API can have at most 300.",
    ),
    "models": (_nopal(models={f"m{n}": {"schema": ""} for n in range(18_000)}), "at most 3,000 can be imported."),
    "a selection of many texts": (
        _nopal(api={"name": "chat", "routeSelectionExpression": "\\" * 240_000}),
        "routeSelectionExpression must have 0-4096 characters; it has 240000.",
    ),
    "a selection of open brackets": (
        _nopal(api={"name": "chat", "routeSelectionExpression": "$request.body.a[" * 30_000}),
        "routeSelectionExpression must have 0-4096 characters; it has 480000.",
    ),
    "a name that stands twice": (
        "{" + ",".join(f'"a{n}":1' for n in range(35_000)) + ',"a34999":1}',
        "'a34999' stands twice in one mapping.",
    ),
    "ForEach of resources": (
        json.dumps({"Resources": {"Fn::ForEach::All": ["n", [*map(str, range(50_000))], {"R${n}": route("${n}")}]}}),
        "Nopal does not expand it: write its resources out.",
    ),
    "ForEach of properties": (
        _described({"Fn::ForEach::All": ["n", [*map(str, range(50_000))], {"${n}": "x" * 1000}]}),
        "Fn::ForEach::All is a function that Nopal does not know: write its value out.",
    ),
    "aliases (billion laughs)": (_doubling_aliases(), "The alias *a0: write the value out instead."),
    "merges": ("a: &a {b: 1}\nc: {<<: *a}", "The alias *a: write the value out instead."),
    "open brackets in YAML": ("a: " + "[" * 480_000, TOO_DEEP),
    "open brackets in JSON": ('{"a":' + "[" * 480_000, TOO_DEEP),
    "many small values": ("a: [" + "1," * 240_000 + "]", "This document is of no format that Nopal knows."),
    "many lists": ('{"a": [' + "[]," * 160_000 + "[]]}", "This document is of no format that Nopal knows."),
    "SAM: Sub of a default": (_sam(Description={"Fn::Sub": "${P}" * 110_000}), TOO_LONG),
    "SAM: routes": (
        _sam(Routes={f"r{n}": {"FunctionArn": "arn:aws:lambda:us-east-1:0:function:f"} for n in range(5000)}),
        "routes: The document has 5,000; an API can have at most 300.",
    ),
}
"""Text and part of the message of each."""

CHEAP = {
    "Sub of an empty text within Sub": _described(_nested("", 15, "${a}" * 5000)),
    "conditions that are asked for again and again": template(
        {"X": {"Type": "X", "Condition": "c0"}},
        Conditions={f"c{n}": {"Fn::And": [{"Condition": f"c{n + 1}"}] * 1000} for n in range(16)}
        | {"c16": {"Fn::Equals": ["1", "1"]}},
    ),
    "a property that all resources depend on": template(
        {"H": {"Type": "Api", "Properties": {"ProtocolType": {"Fn::Join": ["", ["HT", *[""] * 40_000, "TP"]]}}}}
        | {f"R{n}": {"Type": "Route", "Properties": {"ApiId": {"Ref": "H"}}} for n in range(2000)}
    ),
}
"""Documents that are right, and once took more steps than anyone could wait for."""
