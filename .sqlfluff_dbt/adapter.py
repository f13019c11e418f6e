"""As much of dbt's `adapter` as models use themselves, for the linter."""


def quote(name: str) -> str:
    return f'"{name}"'
