"""What image-to-image starts from, and what infotexts tell of its mask."""

from collections.abc import Mapping
from typing import Final, cast

from PIL import Image, ImageOps

from easel_simulators import pictures
from easel_simulators.sdwebui.errors import WebuiError
from easel_simulators.sdwebui.painter import Initial
from easel_simulators.sdwebui.sampling import Sampling

Values = Mapping[str, object]

_MASKED_CONTENT: Final = {0: "fill", 2: "latent noise", 3: "latent nothing"}


def picture_from(text: object) -> Image.Image:
    """Read a picture that a body carries; none is fetched from a URL.

    Raises:
        WebuiError: 500: it cannot be read.
    """
    if str(text).startswith(("http://", "https://")):
        raise WebuiError.refused(500, "Invalid image url")
    try:
        return pictures.decode(str(text))
    except pictures.InvalidPictureError as error:
        raise WebuiError.refused(500, "Invalid encoded image") from error


def initial_of(values: Values, mask: Image.Image | None) -> Initial:
    """What a validated image-to-image body starts from.

    Args:
        values: The body.
        mask: Its mask, read.

    Raises:
        WebuiError: 500: a picture cannot be read.
    """
    init_images = cast("list[object]", values["init_images"])
    opened = [picture_from(one) for one in init_images]
    if mask is not None:
        mask = mask.convert("L")
        mask = ImageOps.invert(mask) if values["inpainting_mask_invert"] else mask
    resize_mode = values["resize_mode"]
    return Initial(
        pictures=opened,
        mask=mask,
        resize_mode=resize_mode if isinstance(resize_mode, int) else 0,
    )


def batch_size(sampling: Sampling, initial: Initial) -> int:
    """One initial picture serves a whole batch; several make a batch of as many.

    Raises:
        WebuiError: 500: there is none, or more than the batch has room for.
    """
    count = len(initial.pictures)
    if count == 0:
        raise WebuiError.raised(
            "RuntimeError",
            "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [0]",
        )
    if count == 1:
        return sampling.batch_size
    if count > sampling.batch_size:
        raise WebuiError.raised(
            "RuntimeError",
            f"bad number of images passed: {count}; expecting {sampling.batch_size} or less",
        )
    return count


def told(values: Values) -> dict[str, object]:
    """Pairs of ``extra_generation_params`` (``StableDiffusionProcessingImg2Img.init``).

    Their lengths are those of a1111_1.10.1_generate_and_errors.json; their order, and that 1.8.0
    tells the same of masks, is not recorded.
    """
    pairs: dict[str, object] = {"Denoising strength": values["denoising_strength"]}
    if not values["mask"]:
        return pairs
    if values["inpainting_mask_invert"]:
        pairs["Mask mode"] = "Inpaint not masked"
    blur = values["mask_blur"] if isinstance(values["mask_blur"], int) else values["mask_blur_x"]
    if blur:
        pairs["Mask blur"] = blur
    if values["inpaint_full_res"]:
        pairs["Inpaint area"] = "Only masked"
        pairs["Masked area padding"] = values["inpaint_full_res_padding"]
    content = _MASKED_CONTENT.get(cast("int", values["inpainting_fill"]))
    if content:
        pairs["Masked content"] = content
    return pairs
