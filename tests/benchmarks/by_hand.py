"""The floor of the local labeller, as short as it can be written; bench_local runs it."""

from __future__ import annotations

import sys

import av
import numpy as np
import onnxruntime
from av.video.reformatter import Interpolation, VideoReformatter


def decode_and_run(model: str, clip: str) -> int:
    """Decode everything, and run the network on two frames a second: nothing else."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options)
    mean = np.array([103.53, 116.28, 123.675], np.float32).reshape(3, 1, 1)
    spread = np.array([57.375, 57.12, 58.395], np.float32).reshape(3, 1, 1)
    canvas = np.zeros((256, 416, 3), np.uint8)
    reformatter, runs, due = VideoReformatter(), 0, 0.0
    with av.open(clip) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            if frame.time + 1e-6 < due:
                continue
            due += 0.5
            small = reformatter.reformat(
                frame, width=416, height=234, format="bgr24", interpolation=Interpolation.AREA
            )
            canvas[:234] = small.to_ndarray()
            values = (canvas.transpose(2, 0, 1).astype(np.float32) - mean) / spread
            session.run(["scores", "dist"], {"image": values[np.newaxis]})
            runs += 1
    return runs


if __name__ == "__main__":
    print(decode_and_run(sys.argv[1], sys.argv[2]))
