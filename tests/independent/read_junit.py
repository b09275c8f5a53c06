# Reads JUnit's XML by a reader of others (junitparser) and prints its suites as JSON.
import json
import sys

from junitparser import JUnitXml

suites = []
for suite in JUnitXml.fromfile(sys.argv[1]):
    cases = [{"name": case.name, "results": [type(result).__name__ for result in case.result]} for case in suite]
    failed = sum("Failure" in case["results"] for case in cases)
    # As it counts itself, and as its cases say.
    assert (suite.tests, suite.failures) == (len(cases), failed), (suite.name, suite.tests, suite.failures)
    suites.append({"name": suite.name, "tests": suite.tests, "failures": suite.failures, "cases": cases})
print(json.dumps(suites))
