"""Reads exported inventories by the tools of their own standards: mlcroissant, SPDX's model, CycloneDX's strict schema."""

import json
import logging
import sys

logging.disable(logging.CRITICAL)


def croissant(path):
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=path)
    issues = dataset.metadata.ctx.issues
    files = [node for node in dataset.metadata.distribution]
    return {"problems": sorted(issues.errors), "sha256": [node.sha256 for node in files], "notes": sorted(issues.warnings)}


def spdx(path):
    from spdx_python_model.bindings import v3_0_1 as model

    objects = model.SHACLObjectSet()
    problems = []
    with open(path, "rb") as file:
        model.JSONLDDeserializer().read(file, objects)
    for missing in objects.missing_ids:
        if not missing.startswith("https://spdx.org/rdf/3.0.1/terms/"):
            problems.append(f"missing {missing}")
    # Writing checks every property's type, range and number.
    with open("/dev/null", "wb") as sink:
        model.JSONLDSerializer().write(objects, sink)
    packages = list(objects.foreach_type("dataset_DatasetPackage"))
    if len(packages) != 1 or not packages[0].dataset_datasetType:
        problems.append("not one data set package")
    found = []
    for file in objects.foreach_type("software_File"):
        for digest in file.verifiedUsing:
            if digest.algorithm.endswith("/sha256"):
                found.append(digest.hashValue)
    return {"problems": problems, "sha256": found}


def cyclonedx(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path, encoding="utf-8") as file:
        text = file.read()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    components = json.loads(text)["components"]
    found = [it["content"] for component in components for it in component["hashes"] if it["alg"] == "SHA-256"]
    return {"problems": [] if error is None else [str(error)], "sha256": found}


readers = {"croissant": croissant, "spdx": spdx, "cyclonedx": cyclonedx}
print(json.dumps({name: reader(path) for (name, reader), path in zip(readers.items(), sys.argv[1:4])}))
