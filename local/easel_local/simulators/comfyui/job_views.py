"""Jobs as ``/api/jobs`` tells about them."""

from collections.abc import Iterable, Mapping
from typing import Any

from easel_local.simulators.comfyui.queue import Entry, Job, JobQueue

_FULL_ONLY = ("outputs", "execution_status", "workflow")
"""What one job's answer has and the list leaves out."""

View = dict[str, Any]


def find(queue: JobQueue, prompt_id: str) -> View | None:
    """One job, or None when it is unknown."""
    running, waiting, history = queue.snapshot()
    if running is not None and running.prompt_id == prompt_id:
        return _unfinished(running, "in_progress")
    for job in waiting:
        if job.prompt_id == prompt_id:
            return _unfinished(job, "pending")
    entry = history.get(prompt_id)
    return None if entry is None else _finished(entry)


def listed(queue: JobQueue, query: Mapping[str, str]) -> View:
    """The latest jobs first, by ``status`` (comma-separated), ``limit`` and ``offset``.

    Raises:
        ValueError: ``limit`` or ``offset`` is not a whole number of 0 or more.
    """
    wanted = set(query["status"].split(",")) if "status" in query else None
    offset = _whole_number(query.get("offset", "0"))
    limit = _whole_number(query["limit"]) if "limit" in query else None
    found = [one for one in _all(queue) if wanted is None or one["status"] in wanted]
    found.sort(key=lambda one: one["create_time"], reverse=True)
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


def _whole_number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(f"{text} is below 0")
    return value


def _all(queue: JobQueue) -> list[View]:
    running, waiting, history = queue.snapshot()
    return [
        *(_unfinished(job, "pending") for job in reversed(waiting)),
        *([] if running is None else [_unfinished(running, "in_progress")]),
        *(_finished(entry) for entry in reversed(history.values())),
    ]


def _unfinished(job: Job, status: str) -> View:
    return {
        "id": job.prompt_id,
        "status": status,
        "priority": job.number,
        "create_time": job.extra_data["create_time"],
        "outputs_count": 0,
    }


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
    return view | {
        "outputs": outputs,
        "execution_status": status,
        "workflow": {"prompt": prompt, "extra_data": extra_data},
    }


def _files(outputs: Mapping[str, Mapping[str, list[Any]]]) -> Iterable[dict[str, Any]]:
    for node_id, by_key in outputs.items():
        for key, items in by_key.items():
            for item in items:
                if isinstance(item, dict):
                    yield {**item, "nodeId": node_id, "mediaType": key}
