"""Karpenter makes and ends nodes of its cluster, and touches nobody else's, in either partition.

The rows are asked of the policies of the applied role, under all that AWS asks them with
(estate_permissions.py). What the emulator itself enforces is in test_estate_roles.py.
"""

import copy
from collections.abc import Iterator

import pytest

from tests.integration.applied_estate import AppliedEstate
from tests.integration.estate_karpenter_calls import Surroundings
from tests.integration.estate_karpenter_rows import TABLE, Call
from tests.integration.estate_permissions import (
    Document,
    Permissions,
    Question,
    role_of_pods,
)

pytestmark = pytest.mark.integration


def questions_of(call: Call, at: Surroundings) -> list[Question]:
    asked = call(at)
    return [asked] if isinstance(asked, Question) else list(asked)


@pytest.fixture(scope="module")
def roles() -> dict[str, tuple[Permissions, Surroundings]]:
    """What was read of each region already."""
    return {}


@pytest.fixture
def karpenter(
    estate: AppliedEstate, roles: dict[str, tuple[Permissions, Surroundings]]
) -> tuple[Permissions, Surroundings]:
    if estate.region not in roles:
        name = role_of_pods(estate, "kube-system", "karpenter")
        read = Permissions.of_role(estate.client("iam"), name)
        roles[estate.region] = (read, Surroundings.of(estate))
    return roles[estate.region]


@pytest.mark.parametrize("what", TABLE)
def test_karpenter_may_work_on_its_own_nodes_only(
    karpenter: tuple[Permissions, Surroundings], what: str
) -> None:
    permissions, at = karpenter
    call, allowed = TABLE[what]
    assert permissions.allow_all(questions_of(call, at)) is allowed


def lessened(documents: list[Document]) -> Iterator[tuple[str, list[Document]]]:
    """The documents without one word each: an action, a resource, a condition, a value of one."""
    for number, document in enumerate(documents):
        for place, statement in enumerate(document["Statement"]):
            for words, fewer in shorter(statement):
                changed = copy.deepcopy(documents)
                changed[number]["Statement"][place] = fewer
                yield f"{statement['Sid']}: {words}", changed


def shorter(statement: Document) -> Iterator[tuple[str, Document]]:
    for element in ("Action", "Resource"):
        words = statement[element]
        for word in [words] if isinstance(words, str) else words:
            left = [one for one in words if one != word] if isinstance(words, list) else []
            # A statement without any would be another one.
            yield word, {**statement, element: left or ["none:None"]}
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            fewer = copy.deepcopy(statement)
            del fewer["Condition"][operator][key]
            yield f"{operator} {key}", fewer
            for value in values if isinstance(values, list) else []:
                fewer = copy.deepcopy(statement)
                fewer["Condition"][operator][key] = [one for one in values if one != value]
                yield f"{operator} {key} {value}", fewer


def test_no_word_of_karpenters_policies_goes_untried(
    karpenter: tuple[Permissions, Surroundings],
) -> None:
    permissions, at = karpenter
    asked = (one for call, _ in TABLE.values() for one in questions_of(call, at))
    answers = [(one, permissions.allow(one)) for one in {repr(one): one for one in asked}.values()]
    lesser = {word: Permissions(documents) for word, documents in lessened(permissions.documents)}
    assert len(lesser) > 100
    untried = [
        word
        for word, less in lesser.items()
        if all(less.allow(question) is answer for question, answer in answers)
    ]
    assert untried == []
