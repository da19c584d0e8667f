"""Makes message bodies that an agent may find in its queue: good ones, and what is nearly one."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from easel_contract.plain_text import is_sendable

MAX_BYTES = 256 * 1024
"""Of SNS: no larger message comes to a queue."""
_GOLDEN = Path(__file__).parents[1] / "data" / "contract"
_SEEDS = (
    "task-by-reference",
    "task-published-by-a-user",
    "task-v1alpha1-image-to-image",
    "task-v1alpha1-text-to-image",
    "task-v1alpha2-text-to-image",
)
_TEXTS = (
    "",
    " ",
    "\x00",
    "\x1b]52;c;AAAA\x07",
    "\ufffe",
    "\ud800",
    "\udc00\ud800",
    "../../etc/passwd",
    "_easel/payloads",
    "s3://outputbucket/_easel/payloads/direct/x.json",
    "s3://arn:aws:s3:us-east-1:1:accesspoint/a/b",
    "http://169.254.169.254/latest/meta-data",
    " https://example.com/a b.png ",
    "https://[",
    "data:image/png;base64,iVBORw0KGgo=",
    "iVBORw0KGgoAAAANSUhEUgAA" * 4,
    "[/foo]",
    "%s%n{0}",
    "a" * 129,
    "\u732b" * 5000,
    "text-to-image",
    "pipeline",
    "sdruntime",
    "019a0000-0000-7000-8000-000000000001",
    "2026-11-28T08:00:00Z",
    "9999-12-31T23:59:59+14:00",
)
_NUMBERS = (0, -1, 1, 2**31, 2**63, 2**200, -0.0, 1e308, 1e-320, 0.1)
_CONSTANTS = (None, True, False)
_FIELDS = (
    *(
        "uid",
        "tenant",
        "metadata",
        "content",
        "content_ref",
        "created_at",
        "trace",
        "id",
        "runtime",
    ),
    *("tasktype", "prefix", "context", "deadline_seconds", "callback_url", "notify"),
    *("idempotency_key", "prompt", "init_images", "alwayson_scripts", "override_settings", "mask"),
    *("class_type", "inputs", "image", "Type", "Message", "__proto__", ""),
)
_WORKFLOW = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "https://example.com/a.png"}},
    "2": {"class_type": "KSampler", "inputs": {"seed": 1, "latent_image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "a"}},
}
_PIECES = ("{", "}", "[", "]", '"', ",", ":", "\\u0000", "\\ud800", "NaN", "1e999", "null", "\x00")


class Messages:
    """An endless, repeatable row of bodies."""

    def __init__(self, seed: int) -> None:
        """Begins the row of a seed."""
        self._random = random.Random(seed)
        self._seeds = [json.loads((_GOLDEN / f"{name}.json").read_text()) for name in _SEEDS]
        pipeline = json.loads(json.dumps(self._seeds[-1]))
        pipeline["metadata"]["tasktype"] = "pipeline"
        pipeline["content"] = _WORKFLOW
        self._seeds.append(pipeline)

    def __iter__(self) -> Iterator[str]:
        kinds: tuple[tuple[Callable[[], str], int], ...] = (
            (self._with_other_values, 12),
            (self._with_other_letters, 4),
            (self._in_an_envelope, 2),
            (self._of_nothing, 2),
            (self._deep, 1),
        )
        makers, weights = zip(*kinds, strict=True)
        while True:
            body = self._random.choices(makers, weights)[0]()
            if is_sendable(body) and len(body.encode(errors="replace")) <= MAX_BYTES:
                yield body

    def _task(self) -> dict[str, Any]:
        task: dict[str, Any] = json.loads(json.dumps(self._random.choice(self._seeds)))
        return task

    def _with_other_values(self) -> str:
        task = self._task()
        for _ in range(self._random.choice((0, 1, 1, 1, 2, 3, 8))):
            self._change(task)
        return json.dumps(task, ensure_ascii=self._random.random() < 0.5)

    def _change(self, value: Any) -> None:
        """Changes one place somewhere below an object or array."""
        while True:
            places = list(value) if isinstance(value, dict) else list(range(len(value)))
            if not places or self._random.random() < 0.3:
                break
            below = value[self._random.choice(places)]
            if not isinstance(below, dict | list):
                break
            value = below
        act = self._random.random()
        if isinstance(value, list):
            value.insert(self._random.randint(0, len(value)), self._value())
        elif act < 0.2 and value:
            del value[self._random.choice(list(value))]
        elif act < 0.6 and value:
            value[self._random.choice(list(value))] = self._value()
        else:
            value[self._random.choice(_FIELDS)] = self._value()

    def _value(self) -> Any:
        kind = self._random.random()
        if kind < 0.5:
            return self._random.choice(_TEXTS)
        if kind < 0.65:
            return self._random.choice(_NUMBERS)
        if kind < 0.75:
            return self._random.choice(_CONSTANTS)
        if kind < 0.85:
            return {self._random.choice(_FIELDS): self._value()}
        if kind < 0.95:
            return [self._value() for _ in range(self._random.randint(0, 4))]
        return self._random.choice(("x" * 250_000, [1] * 101_000, {"a": "\x01" * 40_000}))

    def _with_other_letters(self) -> str:
        body = json.dumps(self._task())
        for _ in range(self._random.randint(1, 6)):
            at = self._random.randrange(len(body) + 1)
            end = min(len(body), at + self._random.choice((0, 1, 1, 5, 200)))
            body = body[:at] + self._random.choice(_PIECES) + body[end:]
        return body

    def _in_an_envelope(self) -> str:
        envelope = {
            "Type": "Notification",
            "MessageId": "1",
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:tasks",
            "Message": self._with_other_values(),
        }
        if self._random.random() < 0.5:
            self._change(envelope)
        return json.dumps(envelope)

    def _of_nothing(self) -> str:
        if self._random.random() < 0.5:
            return json.dumps(self._value())
        letters = [chr(self._random.randrange(0xD7FF)) for _ in range(self._random.randint(0, 200))]
        return "".join(letters)

    def _deep(self) -> str:
        depth = self._random.choice((50, 500, 5_000, 100_000))
        opened, closed = self._random.choice((("[", "]"), ('{"a":', "}")))
        nested = opened * depth + "1" + closed * depth
        return json.dumps(self._task())[:-1] + f', "trace": {nested}}}'
