"""`make audit`: whether a published advisory names a package of `requirements.lock`, as `pip-audit` finds out.

Fails for an advisory that applies. Where the service of the advisories cannot be reached, it says so, since then nothing was audited;
what is no answer of the service is no clean result.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

# In what pip-audit says when the network has failed.
_UNREACHABLE = ("connect", "connection", "resolve", "timed out", "timeout", "unreachable", "proxy")
LOCK = Path(__file__).parents[1] / "requirements.lock"


def judge(text: str, error: str) -> tuple[int, list[str]]:
    """(exit code, lines to print) for what `pip-audit --format json` has printed."""
    try:
        packages = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (error.strip().splitlines() or ["it printed nothing"])[-1]
        if any(word in last.lower() for word in _UNREACHABLE):
            return 0, [
                f"Nothing was audited: the service of the advisories cannot be reached from here. pip-audit says: {last}"
            ]
        return 2, [f"pip-audit failed: {last}"]
    answered = [each for each in packages if "skip_reason" not in each]
    lines = [
        f"{each['name']} {each['version']}: {found['id']}; fixed in {', '.join(found['fix_versions']) or 'no version yet'}"
        for each in answered
        for found in each["vulns"]
    ]
    if lines:
        return 1, lines
    if not answered:
        return 0, [
            f"Nothing was audited: the service of the advisories knows none of the {len(packages)} packages, as one that cannot be reached from here."
        ]
    unknown = [each["name"] for each in packages if "skip_reason" in each]
    lines = [f"No advisory applies to {len(answered)} packages."]
    return 0, [*lines, f"Not audited, since the service does not know them: {', '.join(unknown)}"] if unknown else lines


def main() -> int:
    command = [
        "pip-audit",
        "--requirement",
        str(LOCK),
        "--require-hashes",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    done = subprocess.run(command, text=True, capture_output=True)
    code, lines = judge(done.stdout, done.stderr)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
