"""The rules on catalogs of products."""

from __future__ import annotations

from rollcall.rules.rule import Check, Rule, Severity, Together, sql

SECTION = "Products"

RULES = (
    Rule(
        "product-header",
        Severity.REJECT,
        SECTION,
        says="columns as in the contract",
        message="{file} {detail} {column:the column *|# columns: *}",
        fix="Correct the header line of {file}: {advice}",
        together=Together.DETAIL,
        checks=(Check("observed_column", sql("header"), kinds=("products",)),),
    ),
    Rule(
        "product-id-unique",
        Severity.REJECT,
        SECTION,
        says="product_id is filled and unique in the file",
        message="{value:product_id * is|product_ids * are} not usable: {detail}",
        fix="Give every product its own product_id",
        checks=(Check("products", sql("id-unique", table="products", id="product_id", with_blank=True)),),
    ),
    Rule(
        "product-url-valid",
        Severity.ERROR,
        SECTION,
        says="at least one host",
        message="{value:The product * has|The products * have} no usable url; {count:# row is|# rows are} set aside",
        fix="Fill in url, such as https://docs.google.com",
        checks=(Check("products", sql("product-url-valid")),),
    ),
    Rule(
        "product-status-known",
        Severity.WARNING,
        SECTION,
        says="the status is one of seeds/product_statuses.csv; others are kept as they are",
        message="{value:* is not a known product status|* are not known product statuses}: kept, and counted as not approved",
        fix="Use one of: {detail}",
        checks=(Check("products", sql("product-status-known")),),
    ),
)
