"""The API's document, operations and webhooks say the limits and times that the code has.

The Chinese counterparts have the same numbers: test_documents_speak_both_languages.py.
"""

import re
from importlib import import_module
from typing import Any

import pytest

from easel_deploy.runtime_probe import _PROGRESS_SECONDS, ProbeRequest
from tests import instance_ends
from tests.unit.test_architecture_document import (
    CONTEXT_BYTES,
    INLINE_BYTES,
    NUMBER,
    Said,
    default,
    in_file,
    of_agent,
    text_of,
)

pytestmark = pytest.mark.unit

API = "../api.md"
OPERATIONS = "../operations.md"
WEBHOOKS = "../webhooks.md"
KIB, MIB, MEGAPIXELS = 1024, 1024**2, 1024**2
CALLERS = "modules/api-fanout/variables_callers.tf"
VALUES = "charts/sd-runtime/values.yaml"


def of(module: str, name: str) -> Any:
    return getattr(import_module(module), name)


MAX_VALUES = of("easel_contract.json_text", "MAX_VALUES")
KEPT_HOURS = of("easel_records.idempotency", "KEPT_HOURS")
WAITS = of("easel_webhook.schedule", "WAITS")
MOST_PODS = in_file(VALUES, r"\n  maxReplicaCount: (\d+)")
POLL_SECONDS = in_file(VALUES, r"\n  pollingInterval: (\d+)")
NODE_DAYS = in_file(VALUES, r"\n  expireAfter: (\d+)h") / 24
GRACE = instance_ends.POD_GRACE_SECONDS

SAID = [
    Said(API, rf"label: 1 to {NUMBER} letters", of("easel_contract.identifiers", "MAX_ID_LENGTH")),
    Said(API, rf"up to {NUMBER} segments", of("easel_contract.identifiers", "MAX_PREFIX_SEGMENTS")),
    Said(API, rf"anything up to {NUMBER} KiB", CONTEXT_BYTES / KIB),
    Said(
        API,
        rf"\(1 to {NUMBER} visible ASCII",
        of("easel_contract.task", "MAX_IDEMPOTENCY_KEY_LENGTH"),
    ),
    Said(API, rf"within {NUMBER} hours", KEPT_HOURS),
    Said(API, rf"in the last {NUMBER} hours", KEPT_HOURS),
    Said(API, rf"the body is over {NUMBER} MiB", of("easel_http.events", "MAX_BODY_BYTES") / MIB),
    Said(API, rf"the body has over {NUMBER} values", MAX_VALUES),
    Said(API, rf"at most {NUMBER} values", MAX_VALUES),
    Said(API, rf"{NUMBER} texts of", of_agent("picture_sizes", "_MAX_TEXTS")),
    Said(API, rf"texts of {NUMBER} characters", of_agent("picture_sizes", "_SHORTEST_TEXT")),
    Said(API, rf"{NUMBER} places with a URL", default("input_max_urls")),
    Said(API, rf"{NUMBER} MiB a file", default("input_max_bytes") / MIB),
    Said(API, rf"{NUMBER} MiB a task", default("input_max_total_bytes") / MIB),
    Said(API, rf"{NUMBER} s a file", default("input_timeout_seconds")),
    Said(API, rf"{NUMBER} s a task", default("input_total_timeout_seconds")),
    Said(API, rf"a picture of {NUMBER} Mi pixels", default("input_max_pixels") / MEGAPIXELS),
    Said(API, rf"{NUMBER} Mi pixels a task", default("input_max_total_pixels") / MEGAPIXELS),
    Said(API, rf"{NUMBER} redirects", of_agent("fetch", "_MAX_REDIRECTS")),
    Said(API, rf"{NUMBER} characters of a URL", of_agent("fetch", "_MAX_URL_CHARACTERS")),
    Said(
        API, rf"{NUMBER} addresses of a name", of("easel_egress.guarded_session", "MAX_ADDRESSES")
    ),
    Said(
        API,
        rf"fit into {NUMBER} bytes",
        of("easel_agent.runtimes.comfyui.names", "_MAX_NAME_BYTES"),
    ),
    Said(
        API,
        rf"one line of at most {NUMBER} characters",
        of("easel_contract.errors", "MAX_MESSAGE_CHARACTERS"),
    ),
    Said(API, rf"exact up to {NUMBER},", of("easel_contract.tasks_api", "MAX_POSITION")),
    Said(
        API,
        rf"links \(1 to {NUMBER} seconds\)",
        of("easel_contract.tasks_api", "MAX_PRESIGN_SECONDS"),
    ),
    Said(API, rf"&limit={NUMBER}&", of("easel_contract.tasks_api", "DEFAULT_LIMIT")),
    Said(
        API,
        rf"over {NUMBER} requests a second",
        in_file(CALLERS, r"rate_limit_per_second = optional\(number, (\d+)\)"),
    ),
    Said(
        API,
        rf"a burst of {NUMBER},",
        in_file(CALLERS, r"burst_limit +\= optional\(number, (\d+)\)"),
    ),
    Said(
        API,
        rf"`task_retention_days` \({NUMBER}\)",
        in_file(CALLERS, r'"task_retention_days" \{(?:\n  .*)*?\n  default +\= (\d+)'),
    ),
    Said(API, rf"content over {NUMBER} KiB as `content_ref`", INLINE_BYTES),
    Said(OPERATIONS, rf"by the defaults 2 x {NUMBER} nodes", MOST_PODS),
    Said(OPERATIONS, rf"progress every {NUMBER} seconds", _PROGRESS_SECONDS),
    Said(
        OPERATIONS,
        rf"{NUMBER} minutes at most",
        ProbeRequest.model_fields["timeout_seconds"].default / 60,
    ),
    Said(OPERATIONS, rf"pod's grace \({NUMBER} s\)", GRACE),
    Said(OPERATIONS, rf"\(`nodes.expireAfter`, {NUMBER} days\)", NODE_DAYS),
    Said(OPERATIONS, rf"a poll of {NUMBER} s:", POLL_SECONDS),
    Said(
        OPERATIONS,
        rf"for each runtime at {NUMBER} s\)",
        POLL_SECONDS,
    ),
    Said(
        OPERATIONS,
        rf"such groups for {NUMBER} seconds",
        of("easel_deploy.environments.log_groups", "_WATCH_SECONDS"),
    ),
    Said(
        OPERATIONS,
        rf"KMS keys, for {NUMBER} days",
        in_file("modules/api-fanout/encryption.tf", r"deletion_window_in_days = (\d+)"),
    ),
    Said(
        OPERATIONS,
        rf"that of the flow logs for {NUMBER}\)",
        in_file("modules/vpc/flow_logs.tf", r"deletion_window_in_days = (\d+)"),
    ),
    Said(
        WEBHOOKS, rf"2xx, within {NUMBER} seconds", of("easel_webhook.posting", "ATTEMPT_SECONDS")
    ),
    Said(WEBHOOKS, rf"none within {NUMBER} s", of("easel_webhook.posting", "ATTEMPT_SECONDS")),
    Said(WEBHOOKS, rf"Together about {NUMBER} hours", round(sum(WAITS) / 3600)),
]


@pytest.mark.parametrize("said", SAID, ids=lambda said: f"{said.chapter}: {said.sentence}")
def test_numbers_are_those_of_the_code(said: Said) -> None:
    found = re.findall(said.sentence, text_of(said.chapter))
    assert found, "the sentence is not there any more: mend it here, too"
    assert {float(number.replace(",", "")) for number in found} == {said.value}


def test_the_waits_of_a_callback_are_those_of_the_code() -> None:
    [row] = re.findall(r"\| wait \|(.*?)\| dead letter \|", text_of(WEBHOOKS))
    units = {"s": 1, "min": 60, "h": 3600}
    told = [cell.split() for cell in row.split("|")]
    seconds = [int(cell[0]) * units[cell[1]] for cell in told if cell[0].isdigit()]
    assert tuple(seconds) == WAITS
