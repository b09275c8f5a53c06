# Validates JSON files against a JSON schema, by a validator of others (jsonschema_rs); formats are checked too.
import json
import sys

import jsonschema_rs

# SARIF's schema has one pattern (of a language, which we write nowhere) with a bracket that closes nothing; this validator refuses it.
STRAY = "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$"


def without_stray(members):
    if members.get("pattern") == STRAY:
        del members["pattern"]
    return members


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file, object_hook=without_stray)
validator = jsonschema_rs.validator_for(schema, validate_formats=True)
# A validator that lets everything through would prove nothing.
assert not validator.is_valid({"version": "2.1.0"}), "the schema refuses nothing"
failed = False
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        for error in validator.iter_errors(json.load(file)):
            failed = True
            print(f"{path}: {error.message} at {list(error.instance_path)}")
sys.exit(1 if failed else 0)
