"""`python -m benchmarks.imports [--size N]`: how the time of each pass over a document grows with the document.

Documents of N and of 10 N routes, with an integration, a model and responses for each, are read, previewed, imported,
compared and exported. What is printed is the CPU time of both and their ratio, which is 10 where the time grows with
the size. Documents that are only read have four times as many routes: an API has at most 300.
"""

import argparse
import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from time import process_time
from typing import Any

LARGER = 10
_RUNS = 3


def nopal_document(size: int, host: str = "backend.example") -> dict[str, Any]:
    """A Nopal document of `size` routes."""
    return {
        "nopal": 1,
        "api": {"name": "large", "routeSelectionExpression": "$request.body.action"},
        "models": {f"model{n}": {"schema": {"type": "object", "required": ["text"]}} for n in range(size)},
        "integrations": {
            f"integration-{n}": {
                "integrationType": "HTTP",
                "integrationMethod": "POST",
                "integrationUri": f"https://{host}/{n}/${{stageVariables.path}}",
                "requestParameters": {"integration.request.header.room": "route.request.body.room"},
                "integrationResponses": {"$default": {}, "/4../": {}},
            }
            for n in range(size)
        },
        "routes": {
            f"route-{n:04}": {"integration": f"integration-{n}", "routeResponses": {"$default": {}}}
            for n in range(size)
        },
        "stages": {"prod": {"routeSettings": {f"route-{n:04}": {"throttlingRateLimit": 9} for n in range(size)}}},
    }


def cloudformation_template(size: int) -> dict[str, Any]:
    """A template of `size` routes that uses the functions of CloudFormation."""
    resources: dict[str, Any] = {
        "Api": _resource(
            "ApiGatewayV2::Api",
            {"Name": "large", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"},
        )
    }
    api = {"ApiId": {"Ref": "Api"}}
    invocation = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function%d.Arn}/invocations"
    for n in range(size):
        function = {"FunctionName": {"Fn::Sub": f"${{Name}}-{n}"}}
        integration = {"IntegrationType": "AWS_PROXY", "IntegrationUri": {"Fn::Sub": invocation % n}}
        target = {"Fn::Join": ["/", ["integrations", {"Ref": f"Integration{n}"}]]}
        resources[f"Function{n}"] = _resource("Lambda::Function", function)
        resources[f"Integration{n}"] = _resource("ApiGatewayV2::Integration", {**api, **integration})
        resources[f"Route{n}"] = _resource("ApiGatewayV2::Route", {**api, "RouteKey": f"route-{n}", "Target": target})
        resources[f"Model{n}"] = _resource(
            "ApiGatewayV2::Model",
            {**api, "Name": f"model{n}", "Schema": {"type": "object", "maxProperties": {"Fn::If": ["Is", 2, 3]}}},
        )
    return {
        "Parameters": {"Name": {"Type": "String", "Default": "chat", "AllowedPattern": "[a-z]+"}},
        "Conditions": {"Is": {"Fn::Equals": [{"Ref": "Name"}, "chat"]}},
        "Resources": resources,
    }


def sam_template(size: int) -> dict[str, Any]:
    """A SAM template of `size` routes and functions."""
    functions = {f"Function{n}": {"Type": "AWS::Serverless::Function", "Properties": {}} for n in range(size)}
    routes = {f"route{n}": {"FunctionArn": {"Fn::GetAtt": [f"Function{n}", "Arn"]}} for n in range(size)}
    properties = {"RouteSelectionExpression": "$request.body.action", "Routes": routes}
    api = {"Type": "AWS::Serverless::WebSocketApi", "Properties": properties}
    return {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Chat": api, **functions}}


def _resource(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imports", description=sys.modules[__name__].__doc__)
    parser.add_argument("--size", type=int, default=20, help="routes of the smaller document (default: %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nopal-") as directory:
        _set_up(directory)
        _report(options.size)


def _set_up(directory: str) -> None:
    """A database of our own, which is gone afterwards."""
    os.environ |= {"NOPAL_DATA_DIR": directory, "DJANGO_SETTINGS_MODULE": "gatewayapp.settings"}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _report(size: int) -> None:
    print(f"load {os.getloadavg()[0]:.1f}; best of {_RUNS} runs\n")
    print(f"{'pass':28} {'size':>6} {'ms':>9} {'size':>6} {'ms':>9} {'ratio':>6}")
    passes = (*_reading(4 * size), *_importing(size))
    small, large = dict(_measured(passes, 1)), dict(_measured(passes, LARGER))
    for name, (count, seconds) in small.items():
        larger, longer = large[name]
        ratio = longer / seconds
        print(f"{name:28} {count:6} {1000 * seconds:9.1f} {larger:6} {1000 * longer:9.1f} {ratio:6.1f}")


Prepared = Callable[[], object]
Pass = tuple[str, int, Callable[[int], Prepared]]
"""Its name, the smaller size, and what makes it ready for a size."""


def _measured(passes: Sequence[Pass], factor: int) -> Iterator[tuple[str, tuple[int, float]]]:
    for name, size, prepare in passes:
        run = prepare(size * factor)
        yield name, (size * factor, min(_seconds(run) for _ in range(_RUNS)))


def _seconds(run: Prepared) -> float:
    gc.collect()
    gc.disable()  # as in the process that reads documents
    started = process_time()
    try:
        run()
        return process_time() - started
    finally:
        gc.enable()


def _reading(size: int) -> Iterator[Pass]:
    from gatewayapp.interchange.documents import dump, parse
    from gatewayapp.interchange.reading import read

    pseudo = {"AWS::AccountId": "000000000000", "AWS::Partition": "aws", "AWS::Region": "us-east-1"}

    def reading(document: Callable[[int], Any]) -> Callable[[int], Prepared]:
        def prepare(size: int) -> Prepared:
            text = json.dumps(document(size))
            return lambda: read(text, {}, None, pseudo)

        return prepare

    def parsing(size: int) -> Prepared:
        text = dump(nopal_document(size))
        return lambda: parse(text)

    yield "parse YAML", size, parsing
    yield "read Nopal", size, reading(nopal_document)
    yield "read CloudFormation", size, reading(cloudformation_template)
    yield "read SAM", size, reading(sam_template)


def _importing(size: int) -> Iterator[Pass]:
    from dashboard.pictures import drawn
    from gatewayapp.controlplane import operations
    from gatewayapp.interchange import FORMATS, apply, export_api, preview, read_document

    @cache
    def api_of(size: int) -> tuple[str, Any]:
        plan = read_document(json.dumps(nopal_document(size)))
        return apply(plan).api_id, plan

    def creation(size: int) -> Prepared:
        plan = read_document(json.dumps(nopal_document(size)))
        return lambda: preview(plan)

    def repetition(size: int) -> Prepared:
        api_id, plan = api_of(size)
        return lambda: preview(plan, api_id)

    def replacement(size: int) -> Prepared:
        api_id, _ = api_of(size)
        plan = read_document(json.dumps(nopal_document(size, host="changed.example")))
        return lambda: preview(plan, api_id)

    def comparison(size: int) -> Prepared:
        api_id = apply(read_document(json.dumps(nopal_document(size)))).api_id
        before = operations.get_deployments(api_id=api_id).get().pk
        apply(read_document(json.dumps(nopal_document(size, host="changed.example"))), api_id)
        return lambda: operations.diff_deployments(api_id=api_id, before=before, after="draft")

    def drawing(size: int) -> Prepared:
        imported = preview(read_document(json.dumps(nopal_document(size))))
        return lambda: drawn(imported.comparison)

    def layout(size: int) -> Prepared:
        api_id, _ = api_of(size)
        return lambda: operations.get_graph(api_id=api_id)

    yield "preview of a new API", size, creation
    yield "preview without a change", size, repetition
    yield "preview of another document", size, replacement
    yield "differences in words", size, comparison
    yield "drawing of a preview", size, drawing
    yield "graph and layout", size, layout
    for name in FORMATS:
        yield f"export as {name}", size, lambda size, name=name: _export(api_of(size)[0], name)

    def _export(api_id: str, name: str) -> Prepared:
        return lambda: export_api(api_id, name)


if __name__ == "__main__":
    main()
