"""Writes a model as OpenVINO IR, the same bytes for the same seed."""

import pathlib
import re
from collections.abc import Sequence

import openvino as ov

from models.layers import DECOMPRESS

CONVERT = re.compile(
    rf'(<layer id="\d+" name="[^"]*{DECOMPRESS}" type="Convert"[^>]*>\s*'
    r'<data destination_type="f32" />)'
)
MARK = '\n\t\t\t<rt_info>\n\t\t\t\t<attribute name="decompression" version="0" />\n\t\t\t</rt_info>'


def name_operations(model: ov.Model) -> None:
    """Numbers nodes without a name: the default numbers continue through the process."""
    for number, node in enumerate(model.get_ordered_ops()):
        if re.fullmatch(rf"{node.get_type_name()}_\d+", node.get_friendly_name()):
            node.set_friendly_name(f"{node.get_type_name()}_{number}")


def write_ir(
    inputs: list[ov.Node],
    outputs: list[ov.Node],
    path: pathlib.Path,
    assigned: Sequence[ov.Node] = (),
    marked: bool = True,
) -> None:
    """The weights are written as they are: save_model would make f16 of f32. If the unpacking of
    f16 is `marked`, the runtime keeps f16; otherwise it folds the unpacking, and compiles f32."""
    model = ov.Model(outputs, list(assigned), inputs, path.stem)
    name_operations(model)
    ov.serialize(model, path)
    if not marked:
        return
    # Marks a Convert that only unpacks a weight: Python cannot do this before the file is written.
    text = path.read_text()
    path.write_text(CONVERT.sub(lambda found: found[1] + MARK, text))
