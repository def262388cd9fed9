"""Operations on test cases: named messages with what is expected of them, tried on the draft or on a deployment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import time
from typing import Annotated, Any, TypedDict, Unpack

import orjson
from django.db.models import QuerySet

from gatewayapp.controlplane.operations.apis import get_api
from gatewayapp.controlplane.operations.changes import change, change_of
from gatewayapp.controlplane.operations.deployments import DRAFT, get_snapshot
from gatewayapp.controlplane.operations.errors import BadRequest, Conflict
from gatewayapp.controlplane.operations.members import Text, checked
from gatewayapp.controlplane.operations.resources import assign, check_quota, find
from gatewayapp.controlplane.operations.route_tests import domain_name, send_message, stage_snapshot, stage_to_try
from gatewayapp.controlplane.operations.secrets import with_stored_secrets
from gatewayapp.core.dry_run import DryRun, dry_run, outcome_of
from gatewayapp.core.expectations import Outcome, compile_expectations, unmet
from gatewayapp.core.snapshot import StageSnapshot
from gatewayapp.models import Document, TestCase
from gatewayapp.models.redaction import redactor

MOST_TEST_CASES = 100

LONGEST_MESSAGE = 131_072

_LONGEST_EXPECTATIONS = 65_536


class _Expectations:
    """Checked by the words of those who judge by them."""

    def check(self, name: str, value: Any) -> Document:
        try:
            compile_expectations(value)
        except ValueError as error:
            raise BadRequest(f"Invalid {name}: {error}") from error
        if len(orjson.dumps(value)) > _LONGEST_EXPECTATIONS:
            raise BadRequest(f"{name} may have at most {_LONGEST_EXPECTATIONS} bytes as JSON.")
        return dict(value)


class TestCaseMembers(TypedDict, total=False):
    name: Annotated[str, Text(1, 128)]
    message: Annotated[str, Text(0, LONGEST_MESSAGE)]
    expectations: Annotated[dict[str, Any], _Expectations()]


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of a test case: the expectations that are not met, in sentences.

    `is_complete` is False where part of what is expected shows only when the backend is called.
    """

    test_case: TestCase
    failures: tuple[str, ...]
    is_complete: bool
    run: DryRun

    @property
    def passed(self) -> bool:
        return not self.failures


@change
def create_test_case(*, api_id: str, **members: Unpack[TestCaseMembers]) -> TestCase:
    api = get_api(api_id=api_id)
    values = checked(TestCaseMembers, with_stored_secrets(members), required=("name", "message"))
    check_quota(api.test_cases.all(), MOST_TEST_CASES, "test cases of an API")
    return _written(TestCase(api=api, **values))


def get_test_cases(*, api_id: str) -> QuerySet[TestCase]:
    return get_api(api_id=api_id).test_cases.all()


def get_test_case(*, api_id: str, test_case_id: str) -> TestCase:
    message = f"Invalid TestCase identifier specified {test_case_id}"
    return find(get_test_cases(api_id=api_id), message, test_case_id=test_case_id)


@change_of(get_test_case)
def update_test_case(*, api_id: str, test_case_id: str, **members: Unpack[TestCaseMembers]) -> TestCase:
    """What is given is replaced as a whole."""
    test_case = get_test_case(api_id=api_id, test_case_id=test_case_id)
    return _written(assign(test_case, checked(TestCaseMembers, with_stored_secrets(members, test_case))))


@change_of(get_test_case)
def delete_test_case(*, api_id: str, test_case_id: str) -> None:
    get_test_case(api_id=api_id, test_case_id=test_case_id).delete()


def run_test_cases(
    *, api_id: str, test_case_ids: Sequence[str] | None = None, stage_name: str = "", deployment_id: str = DRAFT
) -> list[TestResult]:
    """Try test cases (None: all) on the draft or a deployment, with the settings of a stage if one is given."""
    document = get_snapshot(api_id=api_id, deployment_id=deployment_id)
    test_cases: list[TestCase] = list(get_test_cases(api_id=api_id))
    if test_case_ids is not None:
        missing = set(test_case_ids) - {test_case.pk for test_case in test_cases}
        for test_case_id in sorted(missing):
            get_test_case(api_id=api_id, test_case_id=test_case_id)
        test_cases = [test_case for test_case in test_cases if test_case.pk in test_case_ids]
    stage = stage_to_try(api_id, stage_name)
    snapshot = stage_snapshot(document, stage)
    return [_run(test_case, snapshot) for test_case in test_cases]


def send_test_case(*, api_id: str, test_case_id: str, stage_name: str = "", deployment_id: str = DRAFT) -> TestResult:
    """Send a test case's message truly, as `send_route_test` does, and judge all of what came of it."""
    test_case = get_test_case(api_id=api_id, test_case_id=test_case_id)
    stage = stage_to_try(api_id, stage_name)
    snapshot = stage_snapshot(get_snapshot(api_id=api_id, deployment_id=deployment_id), stage)
    run = dry_run(snapshot, test_case.message, domain_name(api_id), int(time() * 1000))
    tried = send_message(api_id, snapshot, test_case.message, deployment_id)
    outcome = replace(outcome_of(run), sent=True, status=tried.status, frame=tried.frame, error=tried.error)
    return TestResult(test_case, _failures(test_case, run, outcome), True, run)


def _run(test_case: TestCase, snapshot: StageSnapshot) -> TestResult:
    run = dry_run(snapshot, test_case.message, domain_name(test_case.api_id), int(time() * 1000))
    expected = compile_expectations(test_case.expectations)
    is_complete = not expected.need_an_answer or run.error is not None
    return TestResult(test_case, _failures(test_case, run, outcome_of(run)), is_complete, run)


def _failures(test_case: TestCase, run: DryRun, outcome: Outcome) -> tuple[str, ...]:
    """The expectations that are not met, in sentences without the secrets of the stage and of the test case."""
    own = redactor().secrets(test_case.document())
    failures = unmet(compile_expectations(test_case.expectations), outcome)
    return tuple(run.secrets.text(own.text(failure)) for failure in failures)


def _written(test_case: TestCase) -> TestCase:
    if test_case.api.test_cases.filter(name=test_case.name).exclude(pk=test_case.pk).exists():
        raise Conflict(f"Test case with name {test_case.name} already exists for this API")
    test_case.save()
    return test_case
