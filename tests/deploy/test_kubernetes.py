"""The manifests keep Kubernetes' schemas and our own rules: probes as meant, no privileges, traffic that arrives."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import ROOT, absent, tool

pytestmark = pytest.mark.heavy

FOLDER = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("plain", "canary", "blue-green")


@cache
def built(overlay: Path) -> str:
    """What kustomize makes of an overlay."""
    if shutil.which("kubectl") is None:
        absent("kubectl")
    done = subprocess.run(["kubectl", "kustomize", overlay], capture_output=True, text=True, check=True)
    return done.stdout


def verdict(text: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What the validator says of some manifests, unknown fields refused."""
    file = tmp_path / "built.yaml"
    file.write_text(text)
    return subprocess.run([tool("kubernetes-validate"), "--strict", file], capture_output=True, text=True, check=False)


@pytest.fixture(params=OVERLAYS)
def resources(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The resources of one overlay."""
    return list(yaml.safe_load_all(built(FOLDER / request.param)))


def of_kind(resources: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """The resources of a kind, by name."""
    return {each["metadata"]["name"]: each for each in resources if each["kind"] == kind}


def pods(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pod templates of servers and jobs."""
    jobs = [each["spec"]["jobTemplate"]["spec"]["template"] for each in of_kind(resources, "CronJob").values()]
    return [*(each["spec"]["template"] for each in of_kind(resources, "Deployment").values()), *jobs]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_keeps_the_schemas(overlay: str, tmp_path: Path):
    """Built by kustomize and held against Kubernetes' own schemas, strictly."""
    said = verdict(built(FOLDER / overlay), tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize(
    ("good", "bad"),
    [("readinessProbe", "readynessProbe"), ("maxReplicas: 10", "maxReplicas: ten"), ("schedule: 0 4 1 * *", "x: y")],
)
def test_a_wrong_field_is_refused(good: str, bad: str, tmp_path: Path):
    """Planted: a misspelt field, a wrong type, and a required field left out."""
    text = built(FOLDER / "plain")
    assert good in text
    assert verdict(text.replace(good, bad), tmp_path).returncode != 0


def test_probes_ask_what_they_are_for(resources: list[dict[str, Any]]):
    """Readiness asks for readiness; liveness only whether the process answers, or a missing log would restart it."""
    for deployment in of_kind(resources, "Deployment").values():
        (server,) = deployment["spec"]["template"]["spec"]["containers"]
        assert server["readinessProbe"]["httpGet"]["path"] == "/health/ready"
        assert server["livenessProbe"]["httpGet"]["path"] == "/health/live"
        assert server["startupProbe"]["httpGet"]["path"] == "/health/live"


def test_nothing_has_privileges_and_everything_has_bounds(resources: list[dict[str, Any]]):
    """Every container: no root, no capability, nothing writable but volumes, requests and limits."""
    for pod in pods(resources):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["automountServiceAccountToken"] is False
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            allowed = container["securityContext"]
            assert allowed["readOnlyRootFilesystem"]
            assert allowed["allowPrivilegeEscalation"] is False
            assert allowed["capabilities"]["drop"] == ["ALL"]
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert {"cpu", "memory"} <= set(container["resources"]["limits"])


def test_every_track_is_scaled_by_its_own(resources: list[dict[str, Any]]):
    """Autoscalers name deployments that exist, and deployments' selectors do not overlap."""
    deployments = of_kind(resources, "Deployment")
    targets = [
        each["spec"]["scaleTargetRef"]["name"] for each in of_kind(resources, "HorizontalPodAutoscaler").values()
    ]
    assert set(targets) <= set(deployments)
    tracks = [each["spec"]["selector"]["matchLabels"]["track"] for each in deployments.values()]
    assert len(tracks) == len(set(tracks))
    for deployment in deployments.values():
        labels = deployment["spec"]["template"]["metadata"]["labels"].items()
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels


@pytest.mark.parametrize(
    ("overlay", "tracks"), [("plain", {"stable"}), ("canary", {"stable", "canary"}), ("blue-green", {"blue"})]
)
def test_requests_reach_the_tracks_that_are_meant(overlay: str, tracks: set[str]):
    """The service selects one track, both, or of two whole ones the one that it names."""
    resources = list(yaml.safe_load_all(built(FOLDER / overlay)))
    selector = of_kind(resources, "Service")["ml-loop"]["spec"]["selector"].items()
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in of_kind(resources, "Deployment").values()]
    assert {each["track"] for each in labels if selector <= each.items()} == tracks


MONTH = [{"name": "AS_OF", "value": "month"}]  # or every month would train what the first one did


def test_jobs_run_steps_that_exist(resources: list[dict[str, Any]]):
    """Every step that a job names is a module, in the order of the loop; from the split on, as of this month."""
    jobs = of_kind(resources, "CronJob")
    spec = jobs["retrain"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    steps = [each["args"][0] for each in [*spec["initContainers"], *spec["containers"]]]
    assert steps == [f"pipelines.{name}" for name in ("collect", "validate", "split", "train", "evaluate", "promote")]
    dated = [each["args"][0] for each in [*spec["initContainers"], *spec["containers"]] if each.get("env") == MONTH]
    assert dated == steps[2:]
    for job in jobs.values():
        for container in job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]:
            assert (ROOT / container["args"][0].replace(".", "/")).with_suffix(".py").is_file()
