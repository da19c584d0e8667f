"""What easel says of models and runtimes is what the chart and the documents say."""

import re
from pathlib import Path

import pytest
import yaml

from easel_models.bucket_checks import RUNTIME_MEMORY_GIB
from easel_models.folders import CHECKPOINTS, COMFYUI_EXTENSIONS, FOLDERS
from easel_models.upscalers import UPSCALERS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "sd-runtime"
DOCUMENTS = ("models.md", "models.zh-CN.md")


def comfyui_kinds() -> dict[str, str]:
    """Folders of the bucket and the kinds that the chart gives them for ComfyUI."""
    template = (CHART / "templates" / "_runtime.tpl").read_text()
    found = re.search(
        r'define "sd-runtime.comfyuiModelPaths" -}}\n(.*?){{- end }}', template, re.DOTALL
    )
    assert found
    (paths,) = yaml.safe_load(re.sub(r"{{.*?}}", "x", found[1])).values()
    del paths["base_path"]
    return {folder: kind for kind, folders in paths.items() for folder in folders.split()}


def test_comfyui_finds_the_folders_that_the_chart_names() -> None:
    kinds = {name: folder.comfyui for name, folder in FOLDERS.items() if folder.comfyui}
    assert kinds == comfyui_kinds()


def test_a_runtimes_memory_is_the_charts() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values["runtime"]["resources"]["limits"]["memory"] == f"{RUNTIME_MEMORY_GIB}Gi"


def test_the_chart_wants_the_one_folder_that_must_be_there() -> None:
    preparation = (CHART / "templates" / "_preparation.tpl").read_text()
    assert f"  - {CHECKPOINTS}\n" in preparation


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_documents_tables_are_complete(document: str) -> None:
    text = (ROOT / "docs" / document).read_text()
    # The first row of a name is that of its folder: LDSR is also an upscaler.
    rows = {
        name: set(re.findall(r"`(\.\w+)`", row))
        for row in reversed(re.findall(r"^\| .*", text, re.MULTILINE))
        for name in re.findall(r"`([\w-]+)`", row.split("|")[1])
    }
    for name, folder in FOLDERS.items():
        # Pictures are said in a word.
        pictures = {".png", ".webp", ".jxl", ".avif"} & folder.sdwebui
        assert rows[name] == folder.sdwebui - pictures, name
    for extension in COMFYUI_EXTENSIONS:
        assert re.search(rf"[` ]\{extension}[` ]", text), extension
    for upscaler in UPSCALERS:
        assert f"`{upscaler.name}`" in text
        for file in upscaler.files:
            assert f"`{file.keys[0]}`" in text
