"""What a reference to a resource that is not imported stands for: names and ARNs as AWS forms them.

Region and account are this installation's. A resource without a name of its own is called by its logical id.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gatewayapp.interchange.documents import Document
from gatewayapp.interchange.problems import reject

Resolve = Callable[[Any, str], Any]

_NAMES = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::IAM::Role": "RoleName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
}
"""The property that holds a resource's name."""

_ARNS = {
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::KinesisFirehose::DeliveryStream": "firehose:{region}:{account}:deliverystream/{name}",
}
"""What follows `arn:aws:`."""

_REF_IS_ARN = ("AWS::SNS::Topic",)


def stand_in(
    resources: Mapping[str, Document], name: str, attribute: str, resolve: Resolve, pseudo: Mapping[str, Any]
) -> Any:
    """The value of `Ref` (an empty attribute) or `Fn::GetAtt`. Raises Rejected for what only AWS knows."""
    resource = resources[name]
    kind, properties = resource["Type"], resource.get("Properties") or {}
    place = f"Resources.{name}"
    if kind in ("AWS::Lambda::Alias", "AWS::Lambda::Version") and attribute in ("", "AliasArn", "FunctionArn"):
        return _qualified(kind, properties, place, resolve, pseudo)
    if attribute not in ("", "Arn") or (attribute and kind not in _ARNS):
        raise reject(
            place,
            f"Only AWS knows the {attribute} of this {kind}: give it with the parameter {name}.{attribute}=VALUE.",
        )
    physical = resolve(properties.get(_NAMES.get(kind, ""), name), place)
    return _arn(kind, physical, pseudo) if attribute == "Arn" or kind in _REF_IS_ARN else physical


def _qualified(kind: str, properties: Document, place: str, resolve: Resolve, pseudo: Mapping[str, Any]) -> str:
    """The ARN of an alias. A version's number is AWS's, so a version is the function without one."""
    function = str(resolve(properties.get("FunctionName"), place))
    if not function.startswith("arn:"):
        function = _arn("AWS::Lambda::Function", function, pseudo)
    return function if kind == "AWS::Lambda::Version" else f"{function}:{resolve(properties.get('Name'), place)}"


def _arn(kind: str, name: Any, pseudo: Mapping[str, Any]) -> str:
    located = _ARNS[kind].format(region=pseudo["AWS::Region"], account=pseudo["AWS::AccountId"], name=name)
    return f"arn:{pseudo['AWS::Partition']}:{located}"
