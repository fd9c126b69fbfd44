"""The parameters that tests start from: params.yaml, with what a search or a person may change as the tests know it."""

from modules import ROOT

from src.config import changed

PARAMS = changed(
    (ROOT / "params.yaml").read_text(),
    {
        "model.architecture": "resnet_flat",
        "model.dropout": 0.1,
        "train.optimizer": "muon",
        "train.learning_rate": 0.01,
        "train.growth": {"side": 32, "share": 0.6},
        "train.warmup_epochs": 3,
        "train.pretrained": True,
        "train.mixup": 0.2,
        "export.max_drop": 0.005,
    },
)
