"""A decision to retrain creates one Job from the CronJob, through the cluster's API; nothing else does."""

import copy
import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from monitoring.extras import retrain_job
from tests.deploy.test_kubernetes import FOLDER, built, of_kind, verdict

ROOT = Path(__file__).parents[3]
MANIFEST = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "shared" / "retrain.yaml").read_text())


class Cluster:
    """The two calls of Kubernetes' API that the monitor may make, over TLS."""

    def __init__(self) -> None:
        self.cronjob: dict[str, Any] = copy.deepcopy(MANIFEST)
        self.cronjob["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
        self.jobs: dict[str, dict[str, Any]] = {}
        self.denied = False

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        prefix = "/apis/batch/v1/namespaces/models"
        if token != "Bearer the-token" or self.denied:
            return 403, {"message": "forbidden"}
        if (method, path) == ("GET", f"{prefix}/cronjobs/retrain"):
            return 200, self.cronjob
        if (method, path) != ("POST", f"{prefix}/jobs"):
            return 404, {}
        if body["metadata"]["name"] in self.jobs:
            return 409, {"reason": "AlreadyExists"}
        self.jobs[body["metadata"]["name"]] = body
        return 201, body


def certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, in one file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now, address = datetime.now(UTC), x509.IPAddress(ip_address("127.0.0.1"))
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "server.pem").write_bytes(private + signed)
    (folder / "ca.crt").write_bytes(signed)
    return folder / "server.pem"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster, and a pod's environment in it."""
    kept = Cluster()

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "null")
            status, content = kept.answer(self.command, self.path, self.headers["Authorization"], body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        do_GET = do_POST = reply  # noqa: N815 - names of http.server

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    (tmp_path / "token").write_text("the-token\n")
    (tmp_path / "namespace").write_text("models")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(retrain_job, "ACCOUNT", tmp_path)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
        monkeypatch.setenv("RETRAIN_CRONJOB", "retrain")
        yield kept
        server.shutdown()


def decide(action: str, day: str = "2013-12-01") -> None:
    found = SimpleNamespace(decision=SimpleNamespace(action=action), view=SimpleNamespace(today=pd.Timestamp(day)))
    retrain_job.write(Path(), found)


def test_a_decision_to_retrain_starts_the_job(cluster: Cluster, capsys: pytest.CaptureFixture[str]):
    """With the template's steps, as of the decision's day, owned by the CronJob, as kubectl makes it."""
    decide("retrain")
    ((name, job),) = cluster.jobs.items()
    assert name == "retrain-2013-12-01"
    assert "started job retrain-2013-12-01" in capsys.readouterr().out
    assert job["metadata"]["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual"}
    assert job["metadata"]["ownerReferences"][0]["uid"] == cluster.cronjob["metadata"]["uid"]
    pod = job["spec"]["template"]["spec"]
    steps = [each["args"][0] for each in [*pod["initContainers"], *pod["containers"]]]
    assert steps[0] == "pipelines.collect"
    assert steps[-1] == "pipelines.promote"
    variables = [each for one in [*pod["initContainers"], *pod["containers"]] for each in one.get("env", [])]
    assert {each["value"] for each in variables if each["name"] == "AS_OF"} == {"2013-12-01"}


@pytest.mark.parametrize(
    "action", ["ok", "watch", "roll back", "fix the feed", "relabel", "recalibrate", "ask a person"]
)
def test_no_other_decision_starts_it(cluster: Cluster, action: str):
    """A model is not the answer to a broken feed."""
    decide(action)
    assert cluster.jobs == {}


def test_a_day_starts_one_job_and_none_next_to_a_running_one(cluster: Cluster, capsys: pytest.CaptureFixture[str]):
    """The monitor may run twice, and the schedule may have been faster."""
    decide("retrain")
    decide("retrain")
    assert "was started before" in capsys.readouterr().out
    cluster.cronjob["status"] = {"active": [{"name": "retrain-1"}]}
    decide("retrain", "2013-12-02")
    assert list(cluster.jobs) == ["retrain-2013-12-01"]
    assert "runs already" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["denied", "no such job", "no cluster", "no account", "another authority"])
def test_a_cluster_that_refuses_is_reported_and_stops_nothing(
    cluster: Cluster, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Planted: missing rights, a wrong name, no API, no token, a foreign certificate. The way by hand is named."""
    if fault == "denied":
        cluster.denied = True
    elif fault == "no such job":
        monkeypatch.setenv("RETRAIN_CRONJOB", "retrian")
    elif fault == "no cluster":
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    elif fault == "no account":
        (tmp_path / "token").unlink()
    else:
        (tmp_path / "other").mkdir()
        certificate(tmp_path / "other")
        (tmp_path / "other" / "ca.crt").rename(tmp_path / "ca.crt")
    decide("retrain")
    said = capsys.readouterr().err
    assert said.startswith("RETRAIN_CRONJOB=")
    assert "kubectl create job --from=cronjob/" in said
    assert "the-token" not in said
    assert cluster.jobs == {}


def test_without_the_setting_no_cluster_is_asked(cluster: Cluster, monkeypatch: pytest.MonkeyPatch):
    """On a laptop nothing of it runs."""
    monkeypatch.delenv("RETRAIN_CRONJOB")
    decide("retrain")
    assert cluster.jobs == {}


@pytest.mark.heavy
def test_the_job_keeps_the_schemas(tmp_path: Path):
    """Made from the manifest's template as kustomize builds it."""
    cronjob = of_kind(list(yaml.safe_load_all(built(FOLDER / "plain"))), "CronJob")["retrain"]
    cronjob["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
    said = verdict(yaml.safe_dump(retrain_job.job_of(cronjob, "2013-12-01")), tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr
