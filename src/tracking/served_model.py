"""What `mlflow.pyfunc.load_model("models:/fer-emotion@candidate")` gives: the bundle's own .tflite.

MLflow stores this file with each version, so it imports nothing of this project: a version keeps answering as it did on
the day it was judged.
"""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from ai_edge_litert.interpreter import Interpreter


class EmotionModel(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined]
    """Emotions of 48 x 48 grey faces."""

    def load_context(self, context):
        bundle = Path(context.artifacts["bundle"])
        self.labels = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))["labels"]
        self.interpreter = Interpreter(model_content=(bundle / "emotion.tflite").read_bytes(), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.output = self.interpreter.get_output_details()[0]["index"]

    def predict(self, context, model_input, params=None):
        """Give one row per face: `emotion`, and the probability of each label.

        Args:
            context: Unused.
            model_input: uint8 array (n, 48, 48, 1), grey levels 0..255.
            params: Unused.
        """
        images = np.asarray(model_input)
        if images.ndim != 4 or images.shape[1:] != (48, 48, 1) or images.dtype != np.uint8:
            raise ValueError(
                f"found {images.dtype} of shape {images.shape}, expected uint8 (n, 48, 48, 1), grey levels 0..255; "
                "crop and convert the faces first"
            )
        rows = np.empty((len(images), len(self.labels)), np.float32)
        for image, row in zip(images, rows, strict=True):
            self.interpreter.set_tensor(self.input, image[None])
            self.interpreter.invoke()
            row[:] = self.interpreter.get_tensor(self.output)[0]
        table = pd.DataFrame(rows.astype(float), columns=self.labels)
        table.insert(0, "emotion", [self.labels[index] for index in rows.argmax(axis=1)])
        return table


mlflow.models.set_model(EmotionModel())
