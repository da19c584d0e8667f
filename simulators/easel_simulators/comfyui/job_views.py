"""Jobs as ``/api/jobs`` tells about them (ComfyUI's comfy_execution/jobs.py, server.py)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from easel_simulators.comfyui.queue import Entry, Job, JobQueue

STATUSES: Final = ("pending", "in_progress", "completed", "failed")
_SORTS: Final = ("created_at", "execution_duration")

_FULL_ONLY: Final = ("outputs", "execution_status", "workflow")
"""What one job's answer has and the list leaves out."""

View = dict[str, Any]


class InvalidQueryError(ValueError):
    """What a 400 says of the query."""


def find(queue: JobQueue, prompt_id: str) -> View | None:
    """One job, or None when it is unknown; an ended one comes before one of the same id."""
    running, waiting, history = queue.snapshot()
    if (entry := history.get(prompt_id)) is not None:
        return _finished(entry)
    if running is not None and running.prompt_id == prompt_id:
        return _unfinished(running, "in_progress")
    for job in waiting:
        if job.prompt_id == prompt_id:
            return _unfinished(job, "pending")
    return None


def listed(queue: JobQueue, query: Mapping[str, str]) -> View:
    """The jobs of a query.

    Args:
        queue: Where they wait, run or ended.
        query: ``status`` (comma-separated), ``workflow_id``, ``sort_by``, ``sort_order``,
            ``limit`` and ``offset``; the latest comes first unless it says otherwise.

    Raises:
        InvalidQueryError: With ComfyUI's own words.
    """
    wanted = _statuses(query.get("status", ""))
    sort_by, reverse = _sorting(query)
    limit, offset = _limit(query), _offset(query)
    found = [one for one in _all(queue) if one["status"] in wanted]
    if query.get("workflow_id"):
        found = [one for one in found if one.get("workflow_id") == query["workflow_id"]]
    found.sort(key=_duration if sort_by == "execution_duration" else _created, reverse=reverse)
    shown = found[offset:] if limit is None else found[offset : offset + limit]
    return {
        "jobs": [{k: v for k, v in one.items() if k not in _FULL_ONLY} for one in shown],
        "pagination": {
            "offset": offset,
            "limit": limit,
            "total": len(found),
            "has_more": offset + len(shown) < len(found),
        },
    }


def _statuses(text: str) -> list[str]:
    found = [word.strip().lower() for word in text.split(",") if word.strip()]
    if wrong := [word for word in found if word not in STATUSES]:
        raise InvalidQueryError(
            f"Invalid status value(s): {', '.join(wrong)}. Valid values: {', '.join(STATUSES)}"
        )
    return found if text else list(STATUSES)


def _sorting(query: Mapping[str, str]) -> tuple[str, bool]:
    sort_by = query.get("sort_by", "created_at").lower()
    if sort_by not in _SORTS:
        raise InvalidQueryError("sort_by must be 'created_at' or 'execution_duration'")
    order = query.get("sort_order", "desc").lower()
    if order not in ("asc", "desc"):
        raise InvalidQueryError("sort_order must be 'asc' or 'desc'")
    return sort_by, order == "desc"


def _limit(query: Mapping[str, str]) -> int | None:
    if "limit" not in query:
        return None
    try:
        limit = int(query["limit"])
    except ValueError:
        raise InvalidQueryError("limit must be an integer") from None
    if limit <= 0:
        raise InvalidQueryError("limit must be a positive integer")
    return limit


def _offset(query: Mapping[str, str]) -> int:
    try:
        return max(int(query.get("offset", "0")), 0)
    except ValueError:
        raise InvalidQueryError("offset must be an integer") from None


def _created(view: View) -> int:
    return int(view["create_time"])


def _duration(view: View) -> int:
    return int(view.get("execution_end_time", 0)) - int(view.get("execution_start_time", 0))


def _all(queue: JobQueue) -> list[View]:
    running, waiting, history = queue.snapshot()
    return [
        *([] if running is None else [_unfinished(running, "in_progress")]),
        *(_unfinished(job, "pending") for job in waiting),
        *map(_finished, history.values()),
    ]


def _unfinished(job: Job, status: str) -> View:
    return {
        "id": job.prompt_id,
        "status": status,
        "priority": job.number,
        "create_time": job.extra_data["create_time"],
        "outputs_count": 0,
    } | _workflow_id(job.extra_data)


def _workflow_id(extra_data: Mapping[str, Any]) -> View:
    """The id that the web page gives a workflow, when the client sent it."""
    found: Any = extra_data
    for name in ("extra_pnginfo", "workflow", "id"):
        found = found.get(name, {}) if isinstance(found, dict) else None
    return {"workflow_id": found} if found else {}


def _finished(entry: Entry) -> View:
    number, prompt_id, prompt, extra_data, _ = entry["prompt"]
    status, outputs = entry["status"], entry["outputs"]
    messages = status["messages"]
    view: View = {
        "id": prompt_id,
        "status": "completed" if status["completed"] else "failed",
        "priority": number,
        "create_time": extra_data["create_time"],
        "execution_start_time": messages[0][1]["timestamp"],
        "execution_end_time": messages[-1][1]["timestamp"],
    }
    kind, data = messages[-1]
    if kind == "execution_error":
        view["execution_error"] = data
    files = list(_files(outputs))
    view["outputs_count"] = len(files)
    if files:
        # A saved file before a preview.
        view["preview_output"] = next((f for f in files if f["type"] == "output"), files[0])
    return (
        view
        | _workflow_id(extra_data)
        | {
            "outputs": outputs,
            "execution_status": status,
            "workflow": {"prompt": prompt, "extra_data": extra_data},
        }
    )


def _files(outputs: Mapping[str, Mapping[str, list[Any]]]) -> Iterable[dict[str, Any]]:
    for node_id, by_key in outputs.items():
        for key, items in by_key.items():
            for item in items:
                if isinstance(item, dict):
                    yield {**item, "nodeId": node_id, "mediaType": key}
