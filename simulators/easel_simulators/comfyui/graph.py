"""In which order the nodes of a workflow run, and which of them are the same as before."""

import hashlib
import json
from collections.abc import Container, Iterable

from easel_simulators.comfyui.node_types import NodeTypes, Prompt, is_link


def run_order(
    prompt: Prompt, outputs: Iterable[str], cached: Container[str], nodes: NodeTypes
) -> list[str]:
    """The nodes that outputs need, in the order in which ComfyUI runs them.

    Of the nodes that can run, one that gives an output goes first, then one that feeds an output,
    then one two steps before an output, then the one found first, walking back from the outputs,
    the last input of a node first.

    Args:
        prompt: The workflow, validated.
        outputs: The output nodes to run.
        cached: Nodes whose result is known: they and what only they need are not run; of them
            only outputs are listed.
        nodes: The node classes.
    """
    needed = _needed(prompt, outputs, cached)
    feeds: dict[str, list[str]] = {node_id: [] for node_id in needed}
    for node_id, needs in needed.items():
        for other in needs:
            feeds[other].append(node_id)

    def rank(node_id: str) -> int:
        if nodes[prompt[node_id]["class_type"]].output_node:
            return 0
        next_ones = feeds[node_id]
        if any(nodes[prompt[one]["class_type"]].output_node for one in next_ones):
            return 1
        after = [later for one in next_ones for later in feeds[one]]
        if any(nodes[prompt[one]["class_type"]].output_node for one in after):
            return 2
        return 3

    order: list[str] = []
    while len(order) < len(needed):
        done = set(order)
        ready = [one for one, needs in needed.items() if one not in done and needs <= done]
        order.append(min(ready, key=rank))
    return order


def _needed(prompt: Prompt, outputs: Iterable[str], cached: Container[str]) -> dict[str, set[str]]:
    """Each needed node with those that must run before it."""
    found: dict[str, set[str]] = {}
    for output in outputs:
        stack = [output]
        while stack:
            node_id = stack.pop()
            if node_id in found:
                continue
            linked = [] if node_id in cached else _linked(prompt, node_id)
            needs = [other for other in linked if other not in cached]
            found[node_id] = set(needs)
            stack.extend(needs)
    return found


def _linked(prompt: Prompt, node_id: str) -> list[str]:
    # An input that its class does not declare is not judged: it may name a node that is not there.
    # What a real server then does was not recorded; here it is as if that input was not given.
    values = prompt[node_id]["inputs"].values()
    return [value[0] for value in values if is_link(value) and value[0] in prompt]


def signatures(prompt: Prompt, outputs: Iterable[str], nodes: NodeTypes) -> dict[str, str]:
    """What each needed node's result depends on: class, values, files, and the nodes before it.

    Two nodes with the same signature have the same result; ids do not count.
    """
    found: dict[str, str] = {}

    def signature(node_id: str) -> str:
        if node_id not in found:
            node = prompt[node_id]
            node_type = nodes[node["class_type"]]
            values = {
                name: [signature(value[0]), value[1]]
                if is_link(value) and value[0] in prompt
                else {"value": value}
                for name, value in sorted(node["inputs"].items())
            }
            files = node_type.fingerprint(node["inputs"]) if node_type.fingerprint else ""
            text = json.dumps([node_type.name, files, values])
            found[node_id] = hashlib.sha256(text.encode()).hexdigest()
        return found[node_id]

    for output in outputs:
        signature(output)
    return found
