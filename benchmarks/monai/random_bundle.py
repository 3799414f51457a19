"""A bundle of the model zoo without weights, which gets random ones."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from monai.networks.nets.dints import TopologySearch

from tests.support.monai_home import home_parser, quiet, seeded_network


class RandomBundle:
    """The bundle in the folder `root`, which is changed."""

    def __init__(self, root: Path, patch: int | None) -> None:
        """`patch`: the largest window; None: those of the bundle."""
        self.root = root
        (self.configuration,) = (root / "configs").glob("inference.*")
        self.content: dict[str, Any] = self._read()
        size = self.content["inferer"].get("roi_size")
        self.capped = bool(patch and isinstance(size, list) and max(size) > patch)
        if self.capped:
            self.content["inferer"]["roi_size"] = [min(n, patch or n) for n in size]
            self.configuration.write_text(self._text())
        if "arch_ckpt_path" in self.content:
            self._write_architecture()

    def _read(self) -> dict[str, Any]:
        text = self.configuration.read_text()
        return dict(json.loads(text) if self._is_json else yaml.safe_load(text))

    def _text(self) -> str:
        return json.dumps(self.content) if self._is_json else yaml.safe_dump(self.content)

    @property
    def _is_json(self) -> bool:
        return self.configuration.suffix == ".json"

    @property
    def network_name(self) -> str:
        """The class of its network."""
        return str(self.content["network_def"]["_target_"]).rpartition(".")[2]

    @property
    def window(self) -> tuple[int, ...]:
        """The size of its windows."""
        return tuple(self.content["inferer"].get("roi_size", ()))

    @property
    def is_image(self) -> bool:
        """Whether it segments images, not volumes or their slices."""
        axes = self.content["network_def"].get("spatial_dims")
        return axes == 2 and self.content["inferer"]["_target_"] != "SliceInferer"

    @property
    def channels(self) -> int:
        """Input channels of its network."""
        metadata = json.loads((self.root / "configs" / "metadata.json").read_text())
        stated: Mapping[str, Any] = next(iter(metadata["network_data_format"]["inputs"].values()))
        return int(stated["num_channels"])

    @property
    def spacing_mm(self) -> tuple[float, ...] | None:
        """The voxel size to which it resamples; None: it does not."""
        parser = home_parser(self.root)
        for transform in parser.get_parsed_content("preprocessing").transforms:
            if type(transform).__name__ == "Spacingd":
                return tuple(transform.spacing_transform.pixdim)
        return None

    def write_weights(self, images: list[Path]) -> None:
        """Stores random weights under the name that its loader states."""
        network = seeded_network(self.root, {"image": images[0] if len(images) == 1 else images})
        loaders = [self.content.get("checkpointloader", {}), *self.content.get("handlers", [])]
        stated = [str(one["load_path"]) for one in loaders if "load_path" in one]
        known = re.search(r"models/(\w+\.pt)", stated[0]) if stated else None
        self._store(network.state_dict(), known[1] if known else "model.pt")

    @quiet()
    def _write_architecture(self) -> None:
        """A random result of MONAI's own search for architectures."""
        torch.manual_seed(0)
        space = dict(self.content["dints_space"])
        search = TopologySearch(
            **{name: space[name] for name in ("channel_mul", "num_blocks", "num_depths")},
            use_downsample=space["use_downsample"],
        )
        for weights in (search.log_alpha_a, search.log_alpha_c):
            weights.data.normal_()
        node_a, arch_code_a, arch_code_c, _ = search.decode()
        codes = {"node_a": node_a, "arch_code_a": arch_code_a, "arch_code_c": arch_code_c}
        self._store(codes, "search_code_18590.pt")

    def _store(self, content: Any, name: str) -> None:
        (self.root / "models").mkdir(exist_ok=True)
        torch.save(content, self.root / "models" / name)
