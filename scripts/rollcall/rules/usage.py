"""The rules on page loads."""

from __future__ import annotations

from rollcall.rules.rule import Check, Rule, Severity, Together, sql

SECTION = "Usage"

RULES = (
    Rule(
        "usage-header",
        Severity.REJECT,
        SECTION,
        says="columns as in the contract",
        message="{file} {detail} {column:the column *|# columns: *}",
        fix="Correct the header line of {file}: {advice}",
        together=Together.DETAIL,
        checks=(Check("observed_column", sql("header"), kinds=("usage",)),),
    ),
    Rule(
        "usage-time-valid",
        Severity.ERROR,
        SECTION,
        says="occurred_at has an offset, is not in the future nor before 2000",
        message="{count:# row has an unusable occurred_at and is|# rows have an unusable occurred_at and are} set aside: {value:*|*}",
        fix="Use ISO 8601 with an offset, such as 2026-11-20T08:15:00-06:00, no earlier than 2000 and not in the future",
        checks=(Check("usage", sql("usage-time-valid")),),
    ),
    Rule(
        "usage-time-ahead",
        Severity.HOLD,
        SECTION,
        says="no more than 1% of the rows, or 10 of them, are later than now, and never all: else this machine's clock may be behind",
        message="{count:# row has|# rows have} an occurred_at later than {detail}, the time on this machine",
        fix="Set this machine's clock if it is behind, then release the delivery with `rollcall release`. Rows that are still in the future then are set aside",
        checks=(Check("usage_counts", sql("usage-time-ahead")),),
    ),
    Rule(
        "usage-url-valid",
        Severity.ERROR,
        SECTION,
        says="url is http(s) with a host",
        message="{count:# row has no usable url and is|# rows have no usable url and are} set aside",
        fix="Enter the whole address, beginning with https://",
        checks=(Check("usage", sql("usage-url-valid")),),
    ),
    Rule(
        "usage-duration-valid",
        Severity.WARNING,
        SECTION,
        says="duration_seconds is a number of seconds between 0 and a day",
        message="{count:# row has|# rows have} a duration_seconds that is not a number between 0 and 86400: counted as page loads without a duration",
        fix="Enter the seconds that the page was active, such as 42.5, or leave duration_seconds empty",
        checks=(Check("usage_counts", sql("usage-duration-valid")),),
    ),
    Rule(
        "usage-user-present",
        Severity.INFO,
        SECTION,
        says="a row names a user, by address or id",
        message="{count:# page load has|# page loads have} no user: counted as unidentified",
        fix="Nothing to do, if the extension does not know the user",
        checks=(Check("usage_counts", sql("usage-user-present")),),
    ),
    Rule(
        "usage-duplicate",
        Severity.INFO,
        SECTION,
        says="an event is delivered once",
        message="{count:# page load repeats one|# page loads repeat others} in this file or an earlier one: counted once",
        fix="Nothing to do",
        checks=(Check("usage_counts", sql("usage-duplicate")),),
    ),
)
