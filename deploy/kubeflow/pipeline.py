"""The same steps as a Kubeflow pipeline: each a container of the batch image, one after the other, on one volume.

`make kubeflow` compiles it, `--run FOLDER` runs it here with kfp's own runner. The steps are the modules that `make
train` runs; nothing is written twice, and the image needs no kfp.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docker.types import Mount
from kfp import compiler, dsl, kubernetes, local

IMAGE = os.environ.get("BATCH_IMAGE", "ml-loop-batch")
CLAIM = "ml-loop-data"  # the volume of the Kubernetes manifests
STEPS = ("collect", "validate", "split", "train", "evaluate", "promote")


def main() -> None:
    """Compile to a file, and run on a folder if one is given."""
    parser = argparse.ArgumentParser(prog="make kubeflow", description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--run", type=Path, help="run the steps here, on this DATA_DIR")
    parser.add_argument("--steps", nargs="+", default=STEPS, help="some of the steps, for a DATA_DIR that has the rest")
    words = parser.parse_args()
    loop = loop_of(words.steps)
    words.target.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(loop, str(words.target))
    print(f"kubeflow  read {len(words.steps)} steps; wrote {words.target}")
    if words.run:
        data = Mount("/data", str(words.run.resolve()), type="bind")  # the volume's place
        local.init(local.DockerRunner(mounts=[data]), pipeline_root=str(words.target.parent / "runs"))
        loop()


@dsl.container_component
def step(name: str) -> dsl.ContainerSpec:
    """One step of the loop."""
    return dsl.ContainerSpec(image=IMAGE, command=["python", "-m"], args=[f"pipelines.{name}"])


def loop_of(steps: Sequence[str]) -> Any:
    """The pipeline of some steps, each after the one before it; the gate's refusal ends the run."""

    @dsl.pipeline(name="ml-loop", description="From raw data to a champion, or the reasons why not.")
    def loop() -> None:
        before: list[Any] = []
        for name in steps:
            task = step(name=name).after(*before).set_display_name(name)
            task.set_caching_options(False)  # what a step reads is on the volume, where Kubeflow does not look
            kubernetes.mount_pvc(task, pvc_name=CLAIM, mount_path="/data")
            before = [task]

    return loop


if __name__ == "__main__":
    main()
