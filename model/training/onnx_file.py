"""Writes an ensemble as one TreeEnsembleRegressor."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from trees import LEAF, Ensemble

OPSET, ML_OPSET, IR_VERSION = 17, 3, 9
INPUT = "features"


def write_onnx(path: Path, ensemble: Ensemble, columns: int, output: str, metadata: dict[str, object]) -> None:
    """Writes the model with its metadata; the node covers are in `nodes_hitrates`."""
    attributes: dict[str, Any] = {
        name: []
        for name in (
            "nodes_treeids nodes_nodeids nodes_featureids nodes_modes nodes_values nodes_hitrates nodes_truenodeids "
            "nodes_falsenodeids nodes_missing_value_tracks_true target_treeids target_nodeids target_ids target_weights"
        ).split()
    }
    for tree_id, tree in enumerate(ensemble.trees):
        for node in range(len(tree.feature)):
            is_leaf = tree.feature[node] == LEAF
            attributes["nodes_treeids"].append(tree_id)
            attributes["nodes_nodeids"].append(node)
            attributes["nodes_featureids"].append(0 if is_leaf else int(tree.feature[node]))
            attributes["nodes_modes"].append("LEAF" if is_leaf else "BRANCH_LEQ")
            attributes["nodes_values"].append(0.0 if is_leaf else float(np.float32(tree.threshold[node])))
            attributes["nodes_hitrates"].append(float(tree.cover[node]))
            attributes["nodes_truenodeids"].append(0 if is_leaf else int(tree.left[node]))
            attributes["nodes_falsenodeids"].append(0 if is_leaf else int(tree.right[node]))
            attributes["nodes_missing_value_tracks_true"].append(0)
            if is_leaf:
                attributes["target_treeids"].append(tree_id)
                attributes["target_nodeids"].append(node)
                attributes["target_ids"].append(0)
                attributes["target_weights"].append(float(np.float32(tree.value[node])))
    regressor = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [output],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=[float(np.float32(ensemble.base))],
        **attributes,
    )
    graph = helper.make_graph(
        [regressor],
        "lockkeeper",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, 1])],
    )
    imports = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="lockkeeper")
    helper.set_model_props(model, {"lockkeeper": json.dumps(metadata, separators=(",", ":"))})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
