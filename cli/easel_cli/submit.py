"""`easel submit`: sends a task, waits for it, saves its pictures."""

import json
import os
from typing import Any

import requests

from easel_cli.api_authorization import authorization_of
from easel_cli.api_client import ApiClient
from easel_cli.aws_clients import AwsClients
from easel_cli.download import DownloadError, download_pictures
from easel_cli.progress import Progress
from easel_cli.request_building import build_request, task_id_of
from easel_cli.results import ResultSubscription
from easel_cli.submit_options import API_KEY_VARIABLE, SubmitOptions, WaitingOptions
from easel_cli.target import Target
from easel_contract.plain_text import printable, printable_json
from easel_contract.result import TaskResult
from easel_deploy.exit_status import ExitStatus
from easel_models.upscalers import UPSCALERS


class RefusedError(Exception):
    """The API did not take the request."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__(f"The API answered {answer.status_code}: {_explain(answer)}")


def submit(options: SubmitOptions, target: Target, progress: Progress) -> ExitStatus:
    """Carries out the command.

    Raises:
        RefusedError: the API did not take the request.
        easel_cli.request_building.RequestError: the flags make none.
        TimeoutError: no result came in time.
    """
    version, body = build_request(options, target)
    if options.upscaler and (note := _file_note(options.upscaler)):
        progress.say(note)
    task_id = task_id_of(body)
    clients = AwsClients(target)
    # From the environment or from AWS: an argument would be seen by everyone on the machine.
    authorization = authorization_of(target, clients, os.environ.get(API_KEY_VARIABLE))
    with ApiClient(target.endpoint, authorization) as api:
        headers = _headers(options)
        if options.no_wait:
            accepted = _post(api, version, body, headers)
            _show(options, progress, accepted, _accepted(accepted))
            return ExitStatus.COMPLETED
        # Subscribed before it is sent: the result cannot be missed.
        with ResultSubscription(clients, target.notifications_topic_arn) as subscription:
            accepted = _post(api, version, body, headers)
            progress.say(_accepted(accepted))
            with progress.step(f"task {task_id}"):
                result = subscription.wait_for(accepted["uid"], options.timeout)
    return finish(options, target, progress, clients, result)


def finish(
    options: WaitingOptions,
    target: Target,
    progress: Progress,
    clients: AwsClients,
    result: TaskResult,
) -> ExitStatus:
    """Saves a finished task's pictures and shows what became of it.

    Returns:
        COMPLETED where it completed and its pictures are saved, else FAILED.
    """
    folder = options.out
    try:
        files = download_pictures(clients, target.output_bucket, result.image_url, folder)
    except DownloadError as error:
        progress.say(printable(f"task {result.id} {result.status}, but not saved: {error}"))
        return ExitStatus.FAILED
    shown = json.loads(result.to_json()) | {"files": [str(file) for file in files]}
    if result.result:
        saved = shown["files"] or [f"{result.output_url}"]
        _show(options, progress, shown, "\n".join(map(printable, saved)))
        return ExitStatus.COMPLETED
    reason = f"failed: {result.error.message}" if result.error else str(result.status)
    _show(options, progress, shown, printable(f"task {result.id} {reason}"))
    return ExitStatus.FAILED


def _file_note(upscaler: str) -> str | None:
    """What an upscaler needs that no runtime fetches itself; without it the task fails."""
    for one in UPSCALERS:
        if one.name == upscaler and one.files and not one.is_fetched:
            files = ", ".join(file.keys[0] for file in one.files)
            return (
                f"note: {upscaler} needs {files} in the model bucket; "
                f"`easel models check --upscaler {upscaler}` looks for it"
            )
    return None


def _headers(options: SubmitOptions) -> dict[str, str]:
    key = options.idempotency_key
    return {} if key is None else {"Idempotency-Key": key}


def _post(
    api: ApiClient, version: str, body: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    answer = api.post(version, body, headers)
    if not answer.ok:
        raise RefusedError(answer)
    accepted: dict[str, Any] = answer.json()
    return accepted


def _accepted(answer: dict[str, Any]) -> str:
    return printable(f"accepted: {answer['output_location']}")


def _show(options: WaitingOptions, progress: Progress, value: dict[str, Any], text: str) -> None:
    if options.json:
        print(printable_json(value))
    else:
        progress.say(text)


def _explain(answer: requests.Response) -> str:
    try:
        error = answer.json()["error"]
        problems = [f"{item['field']}: {item['problem']}" for item in error["details"]]
        return "\n  ".join(map(printable, [str(error["message"]), *problems]))
    except (ValueError, KeyError, TypeError):
        return printable(answer.text[:500])
