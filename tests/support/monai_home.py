"""What MONAI itself makes of a bundle: its own parser, transforms and inferer, on the processor."""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle.config_parser import ConfigParser
from monai.data.utils import decollate_batch
from monai.transforms.compose import Compose
from monai.utils.module import optional_import
from numpy.typing import NDArray
from torch import nn

DROPPED = {"SwinUNETR": ("img_size",)}
"""Arguments of earlier releases of MONAI that the installed one refuses."""


def for_the_processor(content: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without the name of a GPU. What `torch.load` reads may contain arrays of
    NumPy, as it could when these bundles were made."""
    text = json.dumps(content)
    text = text.replace("torch.device('cuda')", "torch.device('cpu')")
    loaded = "map_location=torch.device('cpu'))"
    result: dict[str, Any] = json.loads(text.replace(loaded, loaded[:-1] + ", weights_only=False)"))
    return result


@contextmanager
def quiet() -> Iterator[None]:
    """MONAI warns of optional packages that are missing and of its own deprecated code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@quiet()
def home_parser(bundle: Path) -> ConfigParser:
    """MONAI's parser with the configuration of the inference. A reader that is not installed is
    left to MONAI's choice."""
    (configuration,) = (bundle / "configs").glob("inference.*")
    parser = ConfigParser(for_the_processor(ConfigParser.load_config_file(str(configuration))))
    parser.read_meta(str(bundle / "configs" / "metadata.json"))
    parser["bundle_root"] = str(bundle)
    if not optional_import("itk")[1]:
        for transform in parser["preprocessing"]["transforms"]:
            transform.pop("reader", None)
    target = str(parser["network_def"]["_target_"]).rpartition(".")[2]
    for argument in DROPPED.get(target, ()):
        parser["network_def"].pop(argument, None)
    return parser


@quiet()
def seeded_network(bundle: Path, images: Mapping[str, Any], seed: int = 0) -> nn.Module:
    """The bundle's network with random weights under which `images` get every label.

    Norms get random weights too, as fresh ones do nothing. The biases of the last layer make the
    median of each output 0: else one output is the largest everywhere.
    """
    torch.manual_seed(seed)
    parser = home_parser(bundle)
    network: nn.Module = parser.get_parsed_content("network_def").eval()
    for module in network.modules():
        weight = getattr(module, "weight", None)
        if "Norm" in type(module).__name__ and weight is not None:
            weight.data.uniform_(0.5, 1.5)
            module.get_parameter("bias").data.normal_(0, 0.2)
    data = parser.get_parsed_content("preprocessing")(_texts(images))
    with torch.inference_mode():
        logits = parser.get_parsed_content("inferer")(data["image"][None], network)
    medians = torch.as_tensor(logits)[0].flatten(1).median(dim=1).values
    biases = [one for name, one in network.named_parameters() if name.endswith("bias")]
    last = next(one for one in reversed(biases) if one.shape == medians.shape)
    last.data -= medians
    return network


@quiet()
def home_mask(
    bundle: Path, images: Mapping[str, Any], network: nn.Module, parser: ConfigParser | None = None
) -> NDArray[Any]:
    """(*spatial) values of the mask on the image's own axes, as MONAI's reader returns them.

    `images`: by the keys of the configuration, a file or a list of files for its channels.
    """
    parser = parser or home_parser(bundle)
    before = parser.get_parsed_content("preprocessing")
    transforms = parser.get_parsed_content("postprocessing").transforms
    after = Compose([one for one in transforms if type(one).__name__ != "SaveImaged"])
    inferer = parser.get_parsed_content("inferer")
    data = before(_texts(images))
    image = data["image"][None]
    with torch.inference_mode():
        batch = inferer(image, network)
    mask = after({**data, "pred": decollate_batch(batch)[0]})["pred"]
    assert mask.shape[0] == 1
    return np.asarray(mask[0])


def _texts(images: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: [str(one) for one in value] if isinstance(value, list) else str(value)
        for key, value in images.items()
    }
