"""CloudWatch: what an alarm says of itself, and saved queries of Logs Insights."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import AccountRegionScopedDict, new_uuid
from ministack.services import cloudwatch, cloudwatch_logs

from easel_local.emulator.bridges.bridge import Bridge, Response

_Record = dict[str, Any]
_Handle = Callable[..., Response]
_HandleRequest = Callable[..., Awaitable[Response]]
_OK = 200

_OF_A_METRIC = ("MetricName", "Namespace", "Statistic", "Period", "Dimensions")
"""An alarm over metric math has none of them."""
_BOOLEANS = ("ActionsEnabled", "ReturnData")


def alarm_keeps_its_metrics(put_metric_alarm: _Handle) -> _Handle:
    """An alarm over metric math keeps its queries; ministack forgets them.

    Terraform's provider speaks the query protocol, of which ministack reads less than of JSON: the
    request is brought into that form.
    """

    def bridged(
        params: Mapping[str, list[str]], data: _Record, is_cbor: bool, is_json: bool = False
    ) -> Response:
        asked = data if is_cbor or is_json else _parsed(params)
        answer = put_metric_alarm(params, asked, is_cbor, is_json or not is_cbor)
        if answer[0] != _OK:
            return put_metric_alarm(params, data, is_cbor, is_json)
        alarm = cloudwatch._alarms[asked["AlarmName"]]  # noqa: SLF001
        if metrics := asked.get("Metrics"):
            alarm["Metrics"] = metrics
            for name in _OF_A_METRIC:
                alarm.pop(name, None)
        if is_cbor or is_json:
            return answer
        return _xml("PutMetricAlarmResponse", "")

    return bridged


def alarms_are_told_whole(describe_alarms: _Handle) -> _Handle:
    """DescribeAlarms tells all of an alarm in the query protocol, as in the others.

    ministack tells a part: every plan after the first would change each alarm.
    """

    def bridged(
        params: Mapping[str, list[str]], data: _Record, is_cbor: bool, is_json: bool = False
    ) -> Response:
        if is_cbor or is_json:
            return describe_alarms(params, data, is_cbor, is_json)
        answer = describe_alarms(params, _parsed(params), False, True)
        if answer[0] != _OK:
            return describe_alarms(params, data, is_cbor, is_json)
        told = "".join(_elements(json.loads(answer[2])))
        result = f"<DescribeAlarmsResult>{told}</DescribeAlarmsResult>"
        return _xml("DescribeAlarmsResponse", result)

    return bridged


def _xml(root: str, inner: str) -> Response:
    answer: Response = cloudwatch._xml(_OK, root, inner)  # noqa: SLF001
    return answer


def _parsed(params: Mapping[str, list[str]]) -> _Record:
    """A request of the query protocol as the tree that its names spell."""
    root: _Record = {}
    for name, (value, *_) in params.items():
        *folders, last = name.split(".")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value == "true" if last in _BOOLEANS else value
    tree: _Record = _with_lists(root)
    return tree


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {"member"}:
        members = value["member"]
        return [_with_lists(members[number]) for number in sorted(members, key=int)]
    return {name: _with_lists(part) for name, part in value.items()}


def _elements(record: _Record) -> Iterator[str]:
    for name, value in record.items():
        if value is None:
            continue
        if isinstance(value, list):
            members = "".join(f"<member>{_text(one)}</member>" for one in value)
            yield f"<{name}>{members}</{name}>"
        elif name.endswith("Timestamp"):
            yield f"<{name}>{datetime.fromtimestamp(value, UTC).isoformat()}</{name}>"
        else:
            yield f"<{name}>{_text(value)}</{name}>"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(_elements(value))
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


_query_definitions = AccountRegionScopedDict()


def query_definitions(handle_request: _HandleRequest) -> _HandleRequest:
    """Logs Insights keeps saved queries; ministack knows none."""
    operations: dict[str, Callable[[_Record], _Record]] = {
        "PutQueryDefinition": _put_query_definition,
        "DescribeQueryDefinitions": _describe_query_definitions,
        "DeleteQueryDefinition": _delete_query_definition,
    }

    async def bridged(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: _Record
    ) -> Response:
        operation = operations.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if operation is None:
            return await handle_request(method, path, headers, body, query)
        answer: Response = cloudwatch_logs.json_response(operation(json.loads(body or b"{}")))
        return answer

    return bridged


def _put_query_definition(data: _Record) -> _Record:
    identity = data.get("queryDefinitionId") or new_uuid()
    kept = {name: data[name] for name in ("name", "queryString", "logGroupNames") if name in data}
    _query_definitions[identity] = kept | {"queryDefinitionId": identity}
    return {"queryDefinitionId": identity}


def _describe_query_definitions(data: _Record) -> _Record:
    prefix = data.get("queryDefinitionNamePrefix", "")
    found = [one for one in _query_definitions.values() if one["name"].startswith(prefix)]
    return {"queryDefinitions": found}


def _delete_query_definition(data: _Record) -> _Record:
    return {"success": _query_definitions.pop(data["queryDefinitionId"], None) is not None}


def query_definitions_are_kept(get_state: Callable[[], _Record]) -> Callable[[], _Record]:
    """Saved queries live over a restart, as the rest of what is in CloudWatch Logs."""

    def bridged() -> _Record:
        return get_state() | {"query_definitions": _query_definitions}

    return bridged


def query_definitions_come_back(restore: Callable[[_Record], Any]) -> Callable[[_Record], Any]:
    """The other half of `query_definitions_are_kept`."""

    def bridged(data: _Record) -> Any:
        if data and "query_definitions" in data:
            _query_definitions.update(data["query_definitions"])
        return restore(data)

    return bridged


BRIDGES = (
    Bridge(cloudwatch, "_put_metric_alarm", alarm_keeps_its_metrics),
    Bridge(cloudwatch, "_describe_alarms", alarms_are_told_whole),
    Bridge(cloudwatch_logs, "handle_request", query_definitions),
    Bridge(cloudwatch_logs, "get_state", query_definitions_are_kept),
    Bridge(cloudwatch_logs, "_restore_state", query_definitions_come_back),
)
