"""The manifests keep Kubernetes' schemas and our own rules: probes as meant, no privileges, traffic that arrives."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from flights.registry import Model, load
from tests.deploy.conftest import ROOT, absent, docker, tool, wait_until_ready

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
    """Built by kustomize and validated with Kubernetes' own schemas, strictly."""
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


SHARED = {
    *(("CronJob", name) for name in ("monitor", "retrain")),
    ("NetworkPolicy", "ml-loop"),
    *((kind, "start-retrain") for kind in ("Role", "RoleBinding")),
    ("ServiceAccount", "monitor"),
    ("PersistentVolumeClaim", "ml-loop-data"),
    ("Service", "ml-loop"),
}
TRACKS = {"plain": ("stable",), "canary": ("stable", "canary"), "blue-green": ("blue", "green")}
UNSCALED = {"canary"}  # one replica, which may go


def faults(overlay: str, resources: list[dict[str, Any]]) -> list[str]:
    """What an overlay has that it should not, or lacks; who scales or protects servers that are not its own."""
    scaled = [f"ml-loop-{track}" for track in TRACKS[overlay] if track not in UNSCALED]
    expected = SHARED | {("Deployment", f"ml-loop-{track}") for track in TRACKS[overlay]}
    expected |= {(kind, name) for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget") for name in scaled}
    found = [f"{kind} {name}" for kind, name in expected ^ {(it["kind"], it["metadata"]["name"]) for it in resources}]
    for name, scaler in of_kind(resources, "HorizontalPodAutoscaler").items():
        if scaler["spec"]["scaleTargetRef"] != {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}:
            found.append(f"autoscaler {name} scales {scaler['spec']['scaleTargetRef']['name']}")
    chosen = {
        (kind, name): {
            server
            for server, each in of_kind(resources, "Deployment").items()
            if of_kind(resources, kind)[name]["spec"]["selector"]["matchLabels"].items()
            <= each["spec"]["template"]["metadata"]["labels"].items()
        }
        for kind in ("Deployment", "PodDisruptionBudget")
        for name in of_kind(resources, kind)
    }
    return found + [f"{kind} {name} selects {servers}" for (kind, name), servers in chosen.items() if servers != {name}]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_what_it_should_be(overlay: str):
    """Exactly these resources; each track is scaled, and protected from being drained, by its own and no other's."""
    assert faults(overlay, list(yaml.safe_load_all(built(FOLDER / overlay)))) == []


@pytest.mark.parametrize(
    ("kind", "name", "change", "said"),
    [
        ("HorizontalPodAutoscaler", "ml-loop-stable", {"scaleTargetRef": {"name": "ml-loop-canary"}}, "scales"),
        ("PodDisruptionBudget", "ml-loop-stable", {"selector": {"matchLabels": {"app": "ml-loop"}}}, "selects"),
        ("Deployment", "ml-loop-canary", {"selector": {"matchLabels": {"app": "ml-loop"}}}, "selects"),
        ("PodDisruptionBudget", "ml-loop-stable", None, "PodDisruptionBudget ml-loop-stable"),
        ("CronJob", "monitor", None, "CronJob monitor"),
    ],
)
def test_an_overlay_that_is_not_is_found(kind: str, name: str, change: dict[str, Any] | None, said: str):
    """Planted: another track's autoscaler, selectors that take in every track, a resource left out."""
    resources = list(yaml.safe_load_all(built(FOLDER / "canary")))
    planted = of_kind(resources, kind)[name]
    if change is None:
        resources.remove(planted)
    else:
        planted["spec"] |= change
    assert [fault for fault in faults("canary", resources) if said in fault]


@pytest.mark.parametrize(
    ("overlay", "tracks"), [("plain", {"stable"}), ("canary", {"stable", "canary"}), ("blue-green", {"blue"})]
)
def test_requests_reach_the_tracks_that_are_meant(overlay: str, tracks: set[str]):
    """The service selects one track, both, or of two whole ones the one that it names."""
    resources = list(yaml.safe_load_all(built(FOLDER / overlay)))
    selector = of_kind(resources, "Service")["ml-loop"]["spec"]["selector"].items()
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in of_kind(resources, "Deployment").values()]
    assert {each["track"] for each in labels if selector <= each.items()} == tracks


MONTH = {"name": "AS_OF", "value": "month"}  # or every month would train what the first one did
SETTINGS = [{"configMapRef": {"name": "settings", "optional": True}}]


def test_jobs_run_steps_that_exist(resources: list[dict[str, Any]]):
    """Every step that a job names is a module, in the order of the loop; from the split on, as of this month."""
    jobs = of_kind(resources, "CronJob")
    spec = jobs["retrain"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    containers = [*spec["initContainers"], *spec["containers"]]
    steps = [each["args"][0] for each in containers]
    assert steps == [f"pipelines.{name}" for name in ("collect", "validate", "split", "train", "evaluate", "promote")]
    assert [each["args"][0] for each in containers if MONTH in each.get("env", [])] == steps[2:]
    for job in jobs.values():
        for container in job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]:
            assert (ROOT / container["args"][0].replace(".", "/")).with_suffix(".py").is_file()


def test_settings_reach_every_process_and_the_signing_key_only_one(resources: list[dict[str, Any]]):
    """MODEL_VERIFY_KEY and MLFLOW_TRACKING_URI come from one map; what signs models is nobody's but evaluation's."""
    containers = [
        each
        for pod in pods(resources)
        for each in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
        if each["name"] != "first-champion"
    ]
    assert [each["name"] for each in containers if each.get("envFrom") != SETTINGS] == []
    names = {each["name"]: {variable["name"] for variable in each.get("env", [])} for each in containers}
    assert [name for name, known in names.items() if "MODEL_SIGNING_KEY" in known] == ["evaluate"]
    assert [name for name, known in names.items() if "API_KEYS" in known] == ["server"]
    assert names["monitor"] == {"SERVER_URL", "PREDICTIONS_URL", "RETRAIN_CRONJOB"}


def rights(resources: list[dict[str, Any]]) -> list[tuple[list[str], list[str], list[str]]]:
    """What the monitor's account may do: verbs, resources and names."""
    (binding,) = of_kind(resources, "RoleBinding").values()
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "monitor"}]
    rules = of_kind(resources, "Role")[binding["roleRef"]["name"]]["rules"]
    return [(rule["verbs"], rule["resources"], rule.get("resourceNames", [])) for rule in rules]


def test_only_the_monitor_may_start_the_retraining_and_nothing_else(resources: list[dict[str, Any]]):
    """Its account reads the CronJob that RETRAIN_CRONJOB names and creates jobs; no other pod has an account."""
    assert rights(resources) == [(["get"], ["cronjobs"], ["retrain"]), (["create"], ["jobs"], [])]
    accounts = {pod["spec"].get("serviceAccountName") for pod in pods(resources)}
    assert accounts == {None, "monitor"}
    spec = of_kind(resources, "CronJob")["monitor"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert {"name": "RETRAIN_CRONJOB", "value": "retrain"} in spec["containers"][0]["env"]
    assert "retrain" in of_kind(resources, "CronJob")


@pytest.fixture
def volume(image: str, tmp_path: Path) -> Iterator[Path]:
    """A new volume that the pods' user may write to, as their fsGroup makes it."""
    folder = tmp_path / "volume"
    folder.mkdir()
    folder.chmod(0o777)
    yield folder
    docker("run", "--rm", "--user", "0", "--volume", f"{folder}:/volume", image, "chmod", "-R", "777", "/volume")


def first_champion(image: str, volume: Path) -> list[str]:
    """The command that runs before a server, as the manifest has it, without rights."""
    resources = list(yaml.safe_load_all(built(FOLDER / "plain")))
    (container,) = of_kind(resources, "Deployment")["ml-loop-stable"]["spec"]["template"]["spec"]["initContainers"]
    limits = ("--rm", "--read-only", "--cap-drop", "ALL", "--user", "10001:10001", "--network", "none")
    return ["docker", "run", *limits, "--volume", f"{volume}:/volume", image, *container["command"], *container["args"]]


def test_an_empty_volume_gets_the_images_champion(image: str, served: Model, volume: Path):
    """Servers that start at once on a new claim leave one whole champion there, and a server on it gets ready."""
    servers = [subprocess.Popen(first_champion(image, volume)) for _ in range(3)]
    assert [server.wait(60) for server in servers] == [0, 0, 0]
    assert [path.name for path in (volume / "3_models").iterdir()] == ["flights"]
    assert load(volume / "3_models", 1).digest == served.digest
    mount = f"{volume / '3_models'}:/data/3_models:ro"
    words = (
        "--rm",
        "--detach",
        "--read-only",
        "--env",
        "AUTH=proxy",
        "--publish",
        "127.0.0.1::8000",
        "--volume",
        mount,
    )
    name = docker("run", *words, image)
    try:
        wait_until_ready("http://" + docker("port", name, "8000").splitlines()[0])
    finally:
        docker("kill", name)


def test_a_champion_that_is_there_is_left_alone(image: str, volume: Path):
    """Planted: a history that is not the image's; a server that starts does not go back to its own champion."""
    history = volume / "3_models" / "flights" / "history"
    history.mkdir(parents=True)
    (history / "000001.json").write_text("planted")
    (volume / "3_models").chmod(0o777)
    assert subprocess.run(first_champion(image, volume), check=False).returncode == 0
    assert [path.read_text() for path in volume.rglob("*") if path.is_file()] == ["planted"]
