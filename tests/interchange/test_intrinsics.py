"""CloudFormation's parameters, conditions and functions."""

import pytest

from gatewayapp.interchange import Rejected
from gatewayapp.interchange.documents import parse
from gatewayapp.interchange.intrinsics import Intrinsics, LeftOut, NoValue
from gatewayapp.interchange.problems import reject

TEMPLATE = """
Parameters:
  Name: {Type: String, Default: chat}
  Count: {Type: Number, Default: 3, MinValue: 1, MaxValue: 10}
  Zones: {Type: CommaDelimitedList, Default: "a, b,c"}
  Ports: {Type: List<Number>, Default: "80,443"}
  Stage: {Type: String, AllowedValues: [dev, prod], Default: dev}
  Code: {Type: String, AllowedPattern: "[a-z]{3}", ConstraintDescription: three letters, Default: abc}
  Short: {Type: String, MaxLength: 3, Default: abc}
  Secret: {Type: String}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /key}
Mappings:
  Sizes: {dev: {Rate: 10, Zones: [x, y]}}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsProd: !Not [!Condition IsDev]
  Both: !And [!Condition IsDev, !Condition IsProd]
  Either: !Or [!Condition IsDev, !Condition IsProd]
  Three: !Equals [!Ref Count, 3]
  Circle: !Not [!Condition Elcric]
  Elcric: !Not [!Condition Circle]
  NoTruth: !Ref Name
"""
PSEUDO = {"AWS::Region": "eu-west-1", "AWS::AccountId": "000000000000"}


def intrinsics(left_out: list[str] | None = None, **given: str) -> Intrinsics:
    def refer(name: str, attribute: str) -> str:
        if name != "Function":
            raise reject(f"Resources.{name}", "unknown")
        return f"<{name} {attribute}>"

    told = left_out if left_out is not None else []
    return Intrinsics(parse(TEMPLATE), given, PSEUDO, refer, lambda place, why: told.append(f"{place}: {why}"))


def resolved(text: str, **given: str):
    return intrinsics(**given).resolve(parse(f"v: {text}")["v"], "v")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Name", "chat"),
        ("!Ref Count", "3"),
        ("!Ref Zones", ["a", "b", "c"]),
        ("!Ref Ports", ["80", "443"]),
        ('!Ref "AWS::Region"', "eu-west-1"),
        ("!Ref Function", "<Function >"),
        ("!GetAtt Function.Arn", "<Function Arn>"),
        ("!Sub no variables", "no variables"),
        (
            "!Sub '${Name} in ${AWS::Region}: ${Function.Arn} ${!Literal}'",
            "chat in eu-west-1: <Function Arn> ${Literal}",
        ),
        ("!Sub ['${a}-${Name}', {a: !Ref Stage}]", "dev-chat"),
        ("!Sub 'https://${stageVariables.host}/'", "https://${stageVariables.host}/"),
        ("!Join ['-', [a, !Ref Name, 1, true]]", "a-chat-1-true"),
        ("!Join [',', !Ref Zones]", "a,b,c"),
        ("!Split ['|', 'a|b']", ["a", "b"]),
        ("!Select [1, !Ref Zones]", "b"),
        ("!Select ['2', !Split [',', 'x,y,z']]", "z"),
        ("!FindInMap [Sizes, !Ref Stage, Rate]", 10),
        ("!FindInMap [Sizes, dev, Zones]", ["x", "y"]),
        ("!FindInMap [Sizes, prod, Rate, {DefaultValue: 5}]", 5),
        ("!If [IsDev, a, b]", "a"),
        ("!If [IsProd, a, b]", "b"),
        ("!If [Both, a, b]", "b"),
        ("!If [Either, a, b]", "a"),
        ("!If [Three, a, b]", "a"),
        ("{a: !If [IsProd, 1, !Ref 'AWS::NoValue'], b: 2}", {"b": 2}),
        ("[!If [IsProd, 1, !Ref 'AWS::NoValue'], 2]", [2]),
        ("!If [IsDev, !Ref 'AWS::NoValue', 1]", NoValue),
        ("!Base64 abc", "YWJj"),
        ("!ToJsonString {a: !Ref Name}", '{"a":"chat"}'),
        ("!Length [a, !Ref Zones, c]", 3),
        ("{Ref: {not: a reference}}", {"Ref": {"not": "a reference"}}),
        ("{Condition: {StringEquals: {}}}", {"Condition": {"StringEquals": {}}}),
    ],
)
def test_functions_give_what_cloudformation_gives(text, value):
    assert resolved(text) == value


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("!Ref Name", {"Name": "room"}, "room"),
        ("!If [IsProd, a, b]", {"Stage": "prod"}, "a"),
        ("!Ref Stored", {"Stored": "value"}, "value"),
        ("!Ref Function", {"Function": "arn:of:mine"}, "arn:of:mine"),
        ("!GetAtt Balancer.DNSName", {"Balancer.DNSName": "lb.example"}, "lb.example"),
        ("!Sub 'x${Balancer.DNSName}'", {"Balancer.DNSName": "lb.example"}, "xlb.example"),
        ("!ImportValue other", {"other": "value"}, "value"),
        ('!Ref "AWS::StackName"', {"AWS::StackName": "mine"}, "mine"),
    ],
)
def test_values_given_count_before_all_others(text, given, value):
    assert resolved(text, **given) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!Ref Secret", "Parameters.Secret: The parameter has no value: give it with the parameter Secret=VALUE."),
        ("!Ref Stored", "Parameters.Stored: The parameter has no value: give it with the parameter Stored=VALUE."),
        ("!Ref Nothing", "Resources.Nothing: unknown"),
        ("!If [Nothing, 1, 2]", "v: The template has no condition 'Nothing': add it to Conditions."),
        ("!If [Circle, 1, 2]", "A circle of references, which has no value: Conditions.Circle → Conditions.Elcric → "),
        ("!If [NoTruth, 1, 2]", "Conditions.NoTruth: A condition is made of Fn::Equals, Fn::And, Fn::Or, Fn::Not and"),
        ("!If [IsDev, 1]", "v: Fn::If takes a condition, a value if it holds, and a value if not."),
        ("!Select [3, [a]]", "v: Fn::Select: the list has no item 3; it has 1."),
        ("!Select [0, a]", "v: Fn::Select takes an index and a list."),
        ("!FindInMap [Sizes, prod, Rate]", "v: The template's Mappings have no Sizes.prod.Rate."),
        ("!FindInMap [Sizes, dev]", "v: Fn::FindInMap takes the names of a mapping, of a key and of a key below it."),
        ("!Join [a, b]", "v: Fn::Join takes a delimiter and a list of texts."),
        ("!Join ['', [[a]]]", "v: A text is needed here, not a list, a mapping or nothing."),
        ("!Split ['', a]", "v: Fn::Split takes a delimiter and a text."),
        ("!Sub [a]", "v: Fn::Sub takes a text, or a text and a mapping of its variables."),
        ("!GetAtt Function", "v: Fn::GetAtt takes a logical id and an attribute."),
        ("!Cidr [a, b]", "v: Fn::Cidr is a function that Nopal does not know: write its value out."),
        ("'{{resolve:ssm:x}}'", "v: Only AWS can resolve {{resolve:…}}: replace it by a parameter and give its value."),
    ],
)
def test_what_has_no_value_is_refused_with_what_to_do(text, message):
    with pytest.raises(Rejected) as refused:
        resolved(text)

    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Stage": "test"}, "'test' is not one of its AllowedValues: dev, prod."),
        ({"Count": "x"}, "'x' is not a number."),
        ({"Count": "11"}, "'11' is outside of its MinValue 1 and MaxValue 10."),
        ({"Short": "abcd"}, "'abcd' is outside of its MaxLength 3."),
        ({"Code": "ab1"}, "'ab1' does not match its AllowedPattern: three letters."),
        ({"Ports": "80,x"}, "'x' is not a number."),
    ],
)
def test_parameters_obey_their_types_and_constraints(given, message):
    (name,) = given

    with pytest.raises(Rejected) as refused:
        resolved(f"!Ref {name}", **given)

    assert str(refused.value) == f"Parameters.{name}: {message}"


def test_an_import_of_another_stack_is_left_out_as_a_whole_value():
    with pytest.raises(LeftOut, match="give it with the parameter other=VALUE"):
        resolved("!Join ['', [x, !ImportValue other]]")


def test_an_import_of_another_stack_is_left_out_of_the_mapping_that_holds_it():
    told: list[str] = []

    value = intrinsics(told).resolve(parse("v: {a: !ImportValue other, b: 1}")["v"], "v")

    assert value == {"b": 1}
    assert told == ["v.a: it is the export 'other' of another stack; give it with the parameter other=VALUE."]


def test_texts_that_double_again_and_again_are_refused():
    variables = {f"v{n}": {"Fn::Sub": f"${{v{n - 1}}}${{v{n - 1}}}"} for n in range(1, 40)}
    nested: object = "x" * 1024
    for _ in variables:
        nested = {"Fn::Join": ["", [{"Fn::Sub": ["${a}${a}", {"a": nested}]}]]}

    with pytest.raises(Rejected, match="a text can have at most 524,288"):
        intrinsics().resolve(nested, "v")
