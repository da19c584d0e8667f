"""Writes sd-runtime/instance-types.json from a page of Karpenter's documentation.

    git -C karpenter-provider-aws show v1.14.1:website/content/en/docs/reference/instance-types.md |
      python charts/instance_types.py 1.14.1

The page is made by Karpenter's own code from what EC2 says of each type. Its memory is what is left
to pods: less 7.5 % for the hypervisor (VM_MEMORY_OVERHEAD_PERCENT), the kubelet's reserve of
11 MiB for each pod and 255 MiB, and 100 MiB at which it evicts.
https://karpenter.sh/docs/reference/instance-types/
"""

import json
import re
import sys
from pathlib import Path
from typing import TextIO

TABLE = Path(__file__).parent / "sd-runtime" / "instance-types.json"
# All with GPUs, also those that no pod of easel runs on, so that it can be said why; of those
# without, the general ones.
_FAMILIES = re.compile(r"(g|p)\d.*|gr\d.*|[cmr](5|5a|6a|6i|7a|7i|8a|8i|6g|7g|8g)")
_TYPE = re.compile(r"^### `(?P<family>[a-z0-9-]+)\.(?P<size>[a-z0-9-]+)`$")
_ROW = re.compile(r"^ \|(?P<name>[a-z0-9./-]+)\|(?P<value>[^|]+)\|$")


def families(page: TextIO) -> dict[str, dict[str, object]]:
    """Returns architecture and sizes by family; of a size its whole NVIDIA GPUs and MiB for pods.

    Args:
        page: Karpenter's page in Markdown.

    Raises:
        KeyError: a type lacks its architecture or its memory: the page has another form now.
    """
    types: dict[tuple[str, str], dict[str, str]] = {}
    rows: dict[str, str] = {}
    for line in page:
        if heading := _TYPE.match(line):
            rows = types[heading["family"], heading["size"]] = {}
        elif row := _ROW.match(line):
            rows[row["name"]] = row["value"]
    found: dict[str, dict[str, object]] = {}
    for family in dict.fromkeys(family for family, _ in types if _FAMILIES.fullmatch(family)):
        sizes = {size: rows for (of, size), rows in types.items() if of == family}
        found[family] = {
            "architecture": next(iter(sizes.values()))["kubernetes.io/arch"],
            "sizes": {size: _for_pods(rows) for size, rows in sizes.items()},
        }
    return found


def _for_pods(rows: dict[str, str]) -> dict[str, int]:
    return {
        "gpus": int(rows.get("nvidia.com/gpu", "0")),
        "memoryMi": int(rows["memory"].removesuffix("Mi")),
    }


def text(version: str, page: TextIO) -> str:
    """Returns the table as JSON, one family a line.

    Args:
        version: of Karpenter.
        page: Karpenter's page in Markdown.
    """
    lines = [f"    {json.dumps(name)}: {json.dumps(one)}" for name, one in families(page).items()]
    return (
        f'{{\n  "source": "karpenter-provider-aws v{version}, by charts/instance_types.py",\n'
        '  "families": {\n' + ",\n".join(lines) + "\n  }\n}\n"
    )


if __name__ == "__main__":
    TABLE.write_text(text(sys.argv[1], sys.stdin))
