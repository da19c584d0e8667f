"""Judges a workflow before it is queued, with ComfyUI's error types.

As recorded in ``comfy_prompt_errors`` and ``comfy_0.8.0_jobs_uploads_prompts``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from easel_simulators.comfyui.node_types import (
    ANY,
    Input,
    NodeType,
    NodeTypes,
    Prompt,
)

_MAX_LISTED_CHOICES: Final = 20
"""Longer lists are told by their length only."""

_CONVERSIONS: Final[Mapping[str, type]] = {
    "INT": int,
    "FLOAT": float,
    "STRING": str,
    "BOOLEAN": bool,
}

_RAISED: Final = (KeyError, IndexError, TypeError, AttributeError, RecursionError)
"""What a workflow of a wrong form makes Python raise, in ComfyUI and here."""

NodeErrors = dict[str, dict[str, Any]]
Problem = dict[str, Any]


class InvalidPromptError(Exception):
    """A workflow that is refused: the two members of a 400's body."""

    def __init__(
        self, kind: str, message: str, details: str = "", node_errors: NodeErrors | None = None
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.error = {"type": kind, "message": message, "details": details, "extra_info": {}}
        self.node_errors = node_errors or {}


@dataclass(frozen=True)
class Validated:
    """The output nodes that can run, and what is wrong with the others."""

    outputs: list[str]
    node_errors: NodeErrors


def validate(prompt: Prompt, nodes: NodeTypes) -> Validated:
    """Check a workflow; values are converted in place to their input's type.

    Args:
        prompt: The workflow.
        nodes: The node classes there are.

    Raises:
        InvalidPromptError: Nothing of it can run.
        TypeError: A node is not an object, which ComfyUI answers with a 500.
    """
    outputs = list(_output_nodes(prompt, nodes))
    if not outputs:
        raise InvalidPromptError("prompt_no_outputs", "Prompt has no outputs")
    validator = _Validator(prompt, nodes)
    good = [node_id for node_id in outputs if validator.accepts(node_id)]
    if not good:
        summary = [
            f"{problem['message']}: {problem['details']}"
            for node_id in outputs
            for problem in validator.problems.get(node_id, [])
        ]
        raise InvalidPromptError(
            "prompt_outputs_failed_validation",
            "Prompt outputs failed validation",
            "\n".join(summary),
            validator.node_errors,
        )
    return Validated(good, validator.node_errors)


def _output_nodes(prompt: Prompt, nodes: NodeTypes) -> Iterator[str]:
    for node_id, node in prompt.items():
        details = f"Node ID '#{node_id}'"
        if "class_type" not in node:
            message = "Cannot execute because a node is missing the class_type property."
            raise InvalidPromptError("invalid_prompt", message, details)
        found = nodes.get(node["class_type"])
        if found is None:
            message = f"Cannot execute because node {node['class_type']} does not exist."
            raise InvalidPromptError("invalid_prompt", message, details)
        if found.output_node:
            yield node_id


class _Validator:
    """Checks nodes from the outputs backwards, each once."""

    def __init__(self, prompt: Prompt, nodes: NodeTypes) -> None:
        self._prompt = prompt
        self._nodes = nodes
        self._valid: dict[str, bool] = {}
        self._under_way: set[str] = set()
        self.problems: dict[str, list[Problem]] = {}
        self.node_errors: NodeErrors = {}

    def accepts(self, output: str) -> bool:
        """Whether an output node and all that it needs can run."""
        try:
            valid = self._check(output)
        except _RAISED as error:
            valid = False
            self.problems.setdefault(output, []).append(_raised(error))
        if not valid:
            self._blame(output)
        return valid

    def _blame(self, output: str) -> None:
        for node_id, problems in self.problems.items():
            entry = self.node_errors.setdefault(
                node_id,
                {
                    "errors": problems,
                    "dependent_outputs": [],
                    "class_type": self._prompt[node_id]["class_type"],
                },
            )
            entry["dependent_outputs"].append(output)

    def _check(self, node_id: str) -> bool:
        if node_id in self._valid:
            return self._valid[node_id]
        if node_id in self._under_way:
            # ComfyUI follows the circle until Python gives up, and in the end tells no reason.
            return False
        self._under_way.add(node_id)
        node = self._prompt[node_id]
        node_type = self._nodes[node["class_type"]]
        # No generator: every input is looked at, also after one that is wrong.
        accepted = [self._accepts_input(node_id, node, one) for one in node_type.inputs]
        self._valid[node_id] = all(accepted)
        return self._valid[node_id]

    def _accepts_input(self, node_id: str, node: dict[str, Any], expected: Input) -> bool:
        value = node["inputs"].get(expected.name)
        if isinstance(value, list):
            return self._check_link(node_id, expected, value)
        problem = _judged(node["inputs"], expected)
        return problem is None or self._reject(node_id, problem)

    def _check_link(self, node_id: str, expected: Input, link: list[Any]) -> bool:
        if len(link) != 2:  # noqa: PLR2004 - node and slot
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            problem = _problem("bad_linked_input", message, expected.name, expected.name)
            problem["extra_info"] |= {"input_config": expected.config(), "received_value": link}
            return self._reject(node_id, problem)
        other_id, slot = link
        other: NodeType = self._nodes[self._prompt[other_id]["class_type"]]
        received = other.outputs[slot]
        if ANY not in (received, expected.type) and not _fits(received, expected):
            return self._reject(node_id, _mismatch(expected, received, link))
        try:
            return self._check(other_id)
        except _RAISED as error:
            self._valid[other_id] = False
            self.problems[other_id] = [_raised_inside(error, expected, link)]
            return False

    def _reject(self, node_id: str, problem: Problem) -> bool:
        self.problems.setdefault(node_id, []).append(problem)
        return False


def _judged(inputs: dict[str, Any], expected: Input) -> Problem | None:
    """What is wrong with a value; a good one is converted in place to its input's type."""
    name = expected.name
    if name not in inputs:
        missing = _problem("required_input_missing", "Required input is missing", name, name)
        return missing if expected.required else None
    value = inputs[name]
    if expected.check is not None:
        reason = expected.check(value)
        message, details = "Custom validation failed for node", f"{name} - {reason}"
        wrong = _problem("custom_validation_failed", message, details, name)
        return None if reason is None else wrong
    try:
        inputs[name] = value = _converted(expected, value)
    except (ValueError, TypeError) as error:
        return _unconvertible(expected, value, error)
    return _out_of_range(expected, value) or _not_offered(expected, value)


def _fits(received: str, expected: Input) -> bool:
    # A combo box takes a linked text: its value is judged when it is known.
    return received == (expected.type if isinstance(expected.type, str) else "STRING")


def _problem(kind: str, message: str, details: str, input_name: str) -> Problem:
    return {
        "type": kind,
        "message": message,
        "details": details,
        "extra_info": {"input_name": input_name},
    }


def _raised(error: Exception) -> Problem:
    return {
        "type": "exception_during_validation",
        "message": "Exception when validating node",
        "details": str(error),
        "extra_info": {"exception_type": type(error).__name__, "traceback": ["..."]},
    }


def _raised_inside(error: Exception, expected: Input, link: list[Any]) -> Problem:
    """The same of a node before the output: told of that node, with the input that it feeds."""
    return {
        "type": "exception_during_inner_validation",
        "message": "Exception when validating inner node",
        "details": str(error),
        "extra_info": {
            "input_name": expected.name,
            "input_config": expected.config(),
            "exception_message": str(error),
            "exception_type": type(error).__name__,
            "traceback": ["..."],
            "linked_node": link,
        },
    }


def _mismatch(expected: Input, received: str, link: list[Any]) -> Problem:
    problem = _problem(
        "return_type_mismatch",
        "Return type mismatch between linked nodes",
        f"{expected.name}, received_type({received}) mismatch input_type({expected.config()[0]})",
        expected.name,
    )
    problem["extra_info"] |= {
        "input_config": expected.config(),
        "received_type": received,
        "linked_node": link,
    }
    return problem


def _converted(expected: Input, value: Any) -> Any:
    if not isinstance(expected.type, str):
        return value
    conversion = _CONVERSIONS.get(expected.type)
    return value if conversion is None else conversion(value)


def _unconvertible(expected: Input, value: object, error: Exception) -> Problem:
    problem = _problem(
        "invalid_input_type",
        f"Failed to convert an input value to a {expected.type} value",
        f"{expected.name}, {value}, {error}",
        expected.name,
    )
    problem["extra_info"] |= {
        "input_config": expected.config(),
        "received_value": value,
        "exception_message": str(error),
    }
    return problem


def _out_of_range(expected: Input, value: Any) -> Problem | None:
    bounds = expected.options or {}
    minimum, maximum = bounds.get("min"), bounds.get("max")
    if minimum is not None and value < minimum:
        kind, message = "value_smaller_than_min", f"Value {value} smaller than min of {minimum}"
    elif maximum is not None and value > maximum:
        kind, message = "value_bigger_than_max", f"Value {value} bigger than max of {maximum}"
    else:
        return None
    problem = _problem(kind, message, expected.name, expected.name)
    problem["extra_info"] |= {"input_config": expected.config(), "received_value": value}
    return problem


def _not_offered(expected: Input, value: object) -> Problem | None:
    if isinstance(expected.type, str):
        return None
    offered = list(expected.type())
    if value in offered:
        return None
    many = len(offered) > _MAX_LISTED_CHOICES
    shown = f"(list of length {len(offered)})" if many else str(offered)
    details = f"{expected.name}: '{value}' not in {shown}"
    problem = _problem("value_not_in_list", "Value not in list", details, expected.name)
    problem["extra_info"] |= {
        "input_config": None if many else expected.config(),
        "received_value": value,
    }
    return problem
