"""Functions of Lambda transforms that can be read as data: two forms of them, never run.

lambda x: torch.where(x[[2]] > 0, 4, torch.where(x[[0]] > 0, 1, 0))    regions become labels
lambda x: x[1:]                                                        without the background
"""

import ast

from models.importers.monai_bundle.component import Component
from models.importers.monai_bundle.expressions import NotData, parse
from models.importers.monai_bundle.postprocessing.state import Postprocessing, pred_only
from models.importers.monai_bundle.refusals import is_code


def lambda_function(transform: Component, state: Postprocessing) -> None:
    """Lambda: only the functions above."""
    pred_only(transform)
    transform.expect(overwrite=True, inv_func=None, track_meta=True)
    text = transform.take_text("func")
    argument, body = _lambda(text, transform.item_id)
    if state.kind == "regions" and not state.final:
        painted = _painted(body, argument)
        if painted and all(output < state.outputs for output, _ in painted):
            state.painted, state.final = painted, True
            return
    if state.kind == "labels" and ast.unparse(body) == f"{argument}[1:]":
        state.final = True
        return
    raise is_code(transform.item_id, text)


def _lambda(text: str, item_id: str) -> tuple[str, ast.expr]:
    try:
        node, _ = parse(text.removeprefix("$"))
    except NotData as error:
        raise is_code(item_id, text) from error
    match node:
        case ast.Lambda(args=ast.arguments(args=[ast.arg(arg=name)]), body=body):
            return name, body
    raise is_code(item_id, text)


def _painted(node: ast.expr, argument: str) -> list[tuple[int, int]]:
    """(output, label) in the order in which they are painted: the first condition wins, so it is
    painted last. Empty: the function has another form."""
    regions: list[tuple[int, int]] = []
    while isinstance(node, ast.Call) and len(node.args) == 3 and not node.keywords:
        condition, label, other = node.args
        output = _output(condition, argument)
        if ast.unparse(node.func) != "torch.where" or output is None or not _is_label(label):
            return []
        regions.append((output, ast.literal_eval(label)))
        node = other
    ends = isinstance(node, ast.Constant) and type(node.value) is int and node.value == 0
    return regions[::-1] if ends else []


def _output(node: ast.expr, argument: str) -> int | None:
    """The n of `x[[n]] > 0` or `x[n:n + 1] > 0`."""
    match node:
        case ast.Compare(
            left=ast.Subscript(
                value=ast.Name(id=name), slice=ast.List(elts=[ast.Constant(value=int(output))])
            ),
            ops=[ast.Gt()],
            comparators=[ast.Constant(value=0)],
        ) if name == argument:
            return output
    return None


def _is_label(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value > 0
