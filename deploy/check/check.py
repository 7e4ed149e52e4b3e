"""Validates deploy/: Kubernetes' manifests, compose file and Dockerfile, against the schemas of those who read them.

Each run also breaks what it has validated, in ways that people do, and fails if that is not refused: a validator that lets
everything pass looks just like a good one. Run by `cargo xtask check`; alone: python check.py DEPLOY_FOLDER
"""

import copy
import json
import subprocess
import sys
import warnings
from importlib.metadata import distribution
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml
from cloudcoil.models.keda import v1alpha1 as keda

# The oldest that the manifests are meant for, and the newest that there are schemas of.
KUBERNETES = ["1.30.0", "1.37.0"]
NOT_MANIFESTS = {"kustomization.yaml", "host.yaml"}


def kubernetes(document):
    """What is wrong with a manifest."""
    if document.get("apiVersion", "").startswith("keda.sh/"):
        return keda_resource(document)
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            return f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
        except (kubernetes_validate.InvalidSchemaError, kubernetes_validate.SchemaNotFoundError) as error:
            return str(error)
    return None


def keda_resource(document):
    """The models pass over unknown keys and convert types: so whatever does not come back as it went in is wrong."""
    model = getattr(keda, document.get("kind", ""), None)
    if model is None:
        return f"KEDA has no {document.get('kind')}"
    try:
        read = model.model_validate(document)
    except ValueError as error:
        return str(error)
    back = json.loads(read.model_dump_json(by_alias=True, exclude_unset=True))
    return None if back == document else f"not understood: {difference(document, back)}"


def difference(given, back, at=""):
    """Where two documents differ first."""
    if isinstance(given, dict) and isinstance(back, dict):
        for key in [*given, *back]:
            if key not in given or key not in back or given[key] != back[key]:
                return difference(given.get(key), back.get(key), f"{at}.{key}")
    if isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        for i, (one, other) in enumerate(zip(given, back)):
            if one != other:
                return difference(one, other, f"{at}[{i}]")
    return f"{at}: {given!r}, read as {back!r}"


def compose(document):
    """What is wrong with a compose file."""
    path = distribution("docker-compose").locate_file("compose/config/compose_spec.json")
    schema = json.loads(Path(path).read_text())
    # Came into the specification after this copy of its schema.
    schema["properties"]["name"] = {"type": "string"}
    errors = jsonschema.Draft7Validator(schema).iter_errors(document)
    found = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in errors]
    services = document.get("services", {})
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if not source.startswith(".") and source not in document.get("volumes", {}):
                found.append(f"{name}: there is no volume {source}")
        found += [f"{name}: there is no service {other}" for other in service.get("depends_on", []) if other not in services]
    return "; ".join(found) or None


def dockerfile(text):
    """What hadolint says of a Dockerfile."""
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "--no-color", "-"], input=text, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip() or (None if done.returncode == 0 else "hadolint failed")


def references(documents, kustomization):
    """Names in manifests that nothing has: no schema knows of them."""
    generated = [("ConfigMap", entry["name"]) for entry in kustomization.get("configMapGenerator", [])]
    there = {(d["kind"], d["metadata"]["name"]) for d in documents} | set(generated)
    wanted = []
    for document in documents:
        spec = document.get("spec", {})
        kind = document["kind"]
        if kind == "StatefulSet":
            pod = spec["template"]["spec"]
            labels = spec["template"]["metadata"]["labels"]
            wanted += [("Service", spec["serviceName"]), ("ServiceAccount", pod["serviceAccountName"])]
            wanted += [("Secret", v["secret"]["secretName"]) for v in pod["volumes"] if "secret" in v]
            wanted += [("ConfigMap", v["configMap"]["name"]) for v in pod["volumes"] if "configMap" in v]
            volumes = {v["name"] for v in pod["volumes"]} | {v["metadata"]["name"] for v in spec["volumeClaimTemplates"]}
            for container in pod["containers"]:
                wanted += [("Secret", source["secretRef"]["name"]) for source in container.get("envFrom", [])]
                yield from (f"no volume {m['name']}" for m in container["volumeMounts"] if m["name"] not in volumes)
                ports = {port["name"] for port in container["ports"]}
                probes = [container[p]["httpGet"]["port"] for p in ("startupProbe", "livenessProbe", "readinessProbe")]
                yield from (f"no port {port}" for port in probes if port not in ports)
            for selector in [spec["selector"]["matchLabels"]] + [
                d["spec"]["selector"].get("matchLabels", d["spec"]["selector"])
                for d in documents
                if d["kind"] in ("Service", "PodDisruptionBudget")
            ]:
                if not selector.items() <= labels.items():
                    yield f"nothing has the labels {selector}"
        elif kind == "ScaledObject":
            wanted.append((spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"]))
            wanted += [("TriggerAuthentication", t["authenticationRef"]["name"]) for t in spec["triggers"]]
        elif kind == "TriggerAuthentication":
            wanted += [("Secret", target["name"]) for target in spec["secretTargetRef"]]
    yield from (f"there is no {kind} {name}" for kind, name in wanted if (kind, name) not in there)


def broken(document, path, value):
    """The document with `value` at `path`."""
    document = copy.deepcopy(document)
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


BREAKAGES = {
    "StatefulSet": [
        (["spec", "replica"], 2),
        (["spec", "replicas"], "two"),
        (["spec", "template", "spec", "containers", 0, "readinesProbe"], {}),
        (["spec", "template", "spec", "containers", 0, "securityContext", "readOnlyRootFilesystem"], "yes"),
        (["spec", "template", "spec", "terminationGracePeriodSeconds"], "90s"),
    ],
    "Service": [(["spec", "ports", 0, "targetport"], "api"), (["spec", "ports"], {})],
    "PodDisruptionBudget": [(["spec", "maxUnavailabel"], 1)],
    "ScaledObject": [
        (["spec", "minReplicas"], 2),
        (["spec", "maxReplicaCount"], "8"),
        (["spec", "triggers", 0, "metadata", "lagThreshold"], 100000),
    ],
    "TriggerAuthentication": [(["spec", "secretTargetRef", 0, "keys"], "x")],
}
COMPOSE_BREAKAGES = [
    (["services", "sluicebox", "port"], ["7070:7070"]),
    (["services", "sluicebox", "restart"], ["always"]),
    (["services", "sluicebox", "volumes"], ["nowhere:/x"]),
]


def main(folder):
    problems = []

    def check(what, wrong):
        if wrong:
            problems.append(f"{what}: {wrong}")

    def refuse(what, wrong):
        if not wrong:
            problems.append(f"{what}: the broken one was not refused, so the check is worth nothing")

    names = sorted(path.name for path in (folder / "kubernetes").glob("*.yaml"))
    kustomization = yaml.safe_load((folder / "kubernetes/kustomization.yaml").read_text())
    for name in kustomization["resources"]:
        check("kustomization.yaml", None if name in names else f"there is no {name}")
    documents = []
    for name in names:
        if name in NOT_MANIFESTS:
            continue
        for document in yaml.safe_load_all((folder / "kubernetes" / name).read_text()):
            documents.append(document)
            check(name, kubernetes(document))
            for path, value in BREAKAGES.get(document["kind"], []):
                refuse(f"{name}, {path[-1]}", kubernetes(broken(document, path, value)))
    for wrong in references(documents, kustomization):
        check("kubernetes/", wrong)
    kinds = {document["kind"] for document in documents}
    check("check.py", f"nothing to break of {BREAKAGES.keys() - kinds}" if BREAKAGES.keys() - kinds else None)
    alone = [copy.deepcopy(d) for d in documents if d["kind"] != "ServiceAccount"]
    refuse("kubernetes/ without ServiceAccount", list(references(alone, kustomization)))

    document = yaml.safe_load((folder / "compose.yaml").read_text())
    check("compose.yaml", compose(document))
    for path, value in COMPOSE_BREAKAGES:
        refuse(f"compose.yaml, {path[-1]}", compose(broken(document, path, value)))

    text = (folder / "Dockerfile").read_text()
    check("Dockerfile", dockerfile(text))
    refuse("Dockerfile, RUNS", dockerfile(text.replace("\nRUN ", "\nRUNS ")))
    refuse("Dockerfile, latest", dockerfile(text.replace("debian:bookworm-slim", "debian:latest")))

    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"deploy/: {len(documents)} manifests, compose.yaml and Dockerfile are valid; broken ones are refused")
    return 1 if problems else 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(Path(sys.argv[1])))
