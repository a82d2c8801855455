"""In Kubernetes, start the retraining that was decided: a Job made from the CronJob that RETRAIN_CRONJOB names.

The same as `kubectl create job --from=cronjob/retrain`, with the rights of the pod's service account: to read that
CronJob and to create Jobs. The Job trains as of the decision's day, and the gate decides as always.
"""

import os
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx
from pydantic import Field

from flights.config import EnvironmentSettings
from monitoring.findings import Findings

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")  # where a pod has its token
SECONDS = 10.0  # that the cluster's API may take
EXISTS = 409


class Settings(EnvironmentSettings):
    """Which job retrains."""

    retrain_cronjob: str = Field("", description="Kubernetes CronJob that a decision to retrain starts; empty: none.")


def write(folder: Path, found: Findings) -> None:
    """Start the Job if the decision is to retrain; a failure is reported on standard error, and the decision stays."""
    name = Settings.read().retrain_cronjob
    if not name or found.decision.action != "retrain":
        return
    try:
        print(f"          {started(name, f'{found.view.today:%F}')}")
    except (httpx.HTTPError, OSError) as error:
        print(f"RETRAIN_CRONJOB={name}: {error}; start it: kubectl create job --from=cronjob/{name}", file=sys.stderr)


def started(name: str, day: str) -> str:
    """Create the Job of a day; one that is there, or still runs, is not started twice."""
    namespace, token = [(ACCOUNT / file).read_text().strip() for file in ("namespace", "token")]
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    url = f"https://{f'[{host}]' if ':' in host else host}:{port}/apis/batch/v1/namespaces/{namespace}"
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, verify=tls_context(), timeout=SECONDS, trust_env=False) as client:
        cronjob = client.get(f"{url}/cronjobs/{name}").raise_for_status().json()
        if cronjob.get("status", {}).get("active"):
            return f"job {name} runs already"
        job = job_of(cronjob, day)
        answer = client.post(f"{url}/jobs", json=job)
        if answer.status_code == EXISTS:
            return f"job {job['metadata']['name']} was started before"
        answer.raise_for_status()
        return f"started job {job['metadata']['name']}"


def tls_context() -> ssl.SSLContext:
    """The cluster's own authority."""
    return ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))


def job_of(cronjob: dict[str, Any], day: str) -> dict[str, Any]:
    """The Job of a CronJob's template, as kubectl makes it, with the day as AS_OF and in its name."""
    name, template = cronjob["metadata"]["name"], cronjob["spec"]["jobTemplate"]
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": name, "uid": cronjob["metadata"]["uid"]}
    labels = template.get("metadata", {}).get("labels", {})
    metadata = {
        "name": f"{name}-{day}",
        "labels": labels,
        "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
        "ownerReferences": [owner | {"controller": True}],
    }
    pod = template["spec"]["template"]["spec"]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        for variable in container.get("env", []):
            if variable["name"] == "AS_OF":
                variable["value"] = day
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
