// The address follows the filters; the links keep them. Asked of nobody: the server has said what the address is.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.rollcall = {
    follow: function (address, title, path) {
        const outputs = window.dash_clientside.callback_context.outputs_list;
        document.title = title && title !== "Rollcall" ? title + " · Rollcall" : "Rollcall";
        focusHeading(path + "|" + title);
        if (!address) {
            return outputs.map(() => window.dash_clientside.no_update);
        }
        const sort = new URLSearchParams(window.location.search).get("sort");
        const wanted = address + (sort && path === lastPath ? "&sort=" + encodeURIComponent(sort) : "");
        lastPath = path;
        if (window.location.search !== wanted) {
            // What the page adds to an address that somebody opened is no step of theirs.
            const first = window.location.search === "" || selectionOf(window.location.search) === selectionOf(wanted);
            window.history[first ? "replaceState" : "pushState"]({}, "", window.location.pathname + wanted);
        }
        const kept = selectionOf(address);
        for (const link of document.querySelectorAll("nav a")) {
            const here = new URL(link.href).pathname === path;
            link.toggleAttribute("aria-current", false);
            if (here) {
                link.setAttribute("aria-current", "page");
            }
        }
        document.body.dataset.page = path;
        return outputs.map((output) => output.id.path + kept);
    },
};
function selectionOf(query) {
    return query.replace(/&(product|measure|at|one|sort)=[^&]*/g, "");
}
let lastPath = window.location.pathname;

// Whoever cannot see that the page is another one hears its heading.
let lastHeading = null;
function focusHeading(page) {
    const isNew = lastHeading !== null && lastHeading !== page;
    lastHeading = page;
    if (!isNew) {
        return;
    }
    window.requestAnimationFrame(function () {
        const heading = document.querySelector("#main section:not([hidden]) h2");
        if (heading && !heading.closest("[hidden]")) {
            heading.tabIndex = -1;
            heading.focus({ preventScroll: true });
        }
    });
}

function go(address) {
    window.history.pushState({}, "", address);
    window.dispatchEvent(new PopStateEvent("popstate"));
    window.scrollTo(0, 0);
}

function link(address, children) {
    return React.createElement(
        "a",
        {
            href: address,
            onClick: function (event) {
                if (event.metaKey || event.ctrlKey || event.shiftKey) {
                    return;
                }
                event.preventDefault();
                go(address);
            },
        },
        children
    );
}

function addressWith(path, changes) {
    const query = new URLSearchParams(window.location.search);
    query.delete("sort");
    for (const [name, value] of Object.entries(changes)) {
        query.set(name, value);
    }
    return path + "?" + query;
}

var dagcomponentfuncs = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
dagcomponentfuncs.ProductLink = function (props) {
    const tile = React.createElement("span", { className: "tile", "aria-hidden": "true", "data-letter": props.value[0], key: "tile" });
    return link(addressWith("/product", { product: props.data.product_key }), [tile, props.value]);
};
dagcomponentfuncs.SchoolLink = function (props) {
    return props.data.school ? link(addressWith("/school", { at: props.data.school }), props.value) : props.value;
};
dagcomponentfuncs.PlaceLink = function (props) {
    return props.data.school && props.valueFormatted ? link(addressWith("/school", { at: props.data.school }), props.valueFormatted) : props.valueFormatted;
};

// In the grid the keyboard moves from cell to cell, and never into one.
document.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && event.target.matches(".ag-cell")) {
        const inside = event.target.querySelector("a");
        if (inside) {
            inside.click();
        }
    }
});

function sortOf(grid) {
    const sorted = grid.getColumnState().filter((column) => column.sort);
    return sorted.length ? sorted[0].colId + ":" + sorted[0].sort : "";
}

function orderOf(table) {
    const query = new URLSearchParams(window.location.search);
    const sort = query.get("sort") || "";
    return sort.startsWith(table + ".") ? sort.slice(table.length + 1) : "";
}

// Each grid takes its order from the address, and puts it there; on a narrow screen names stay while figures scroll past them.
const narrow = window.matchMedia("(max-width: 700px)");
const tables = ["products", "new", "unapproved", "heat"];
const known = new WeakSet();
function settle() {
    for (const table of tables) {
        if (!window.dash_ag_grid || !document.querySelector("#" + table + " .ag-root")) {
            continue;
        }
        window.dash_ag_grid.getApiAsync(table).then(function (grid) {
            if (known.has(grid)) {
                return;
            }
            known.add(grid);
            const [column, direction] = orderOf(table).split(":");
            if (column) {
                grid.applyColumnState({ state: [{ colId: column, sort: direction || "asc" }], defaultState: { sort: null } });
            }
            pin(table, grid);
            grid.addEventListener("sortChanged", function (event) {
                if (event.source !== "uiColumnSorted") {
                    return;
                }
                const query = new URLSearchParams(window.location.search);
                query.set("sort", table + "." + sortOf(grid));
                window.history.replaceState({}, "", window.location.pathname + "?" + query);
            });
            narrow.addEventListener("change", () => pin(table, grid));
        });
    }
}
// What a phone has room for: the name and the measure that the table is sorted by.
function pin(table, grid) {
    if (table === "heat") {
        grid.applyColumnState({ state: [{ colId: "school_name", width: narrow.matches ? 130 : 210 }] });
        return;
    }
    const state = grid.getColumnState();
    const sorted = state.find((column) => column.sort);
    const order = state.map((column) => column.colId);
    if (narrow.matches && sorted) {
        order.splice(1, 0, ...order.splice(order.indexOf(sorted.colId), 1));
    }
    grid.applyColumnState({
        state: order.map((colId) => (colId === "product_name" ? { colId, pinned: narrow.matches ? "left" : null, width: 180 } : { colId })),
        applyOrder: narrow.matches,
    });
}
new MutationObserver(settle).observe(document, { subtree: true, childList: true });

document.addEventListener("click", function (event) {
    const exported = event.target.closest("a.export");
    if (exported) {
        const table = exported.dataset.table;
        const query = new URLSearchParams(window.location.search);
        query.delete("sort");
        const api = window.dash_ag_grid.getApi(table);
        if (sortOf(api)) {
            query.set("sort", sortOf(api));
        }
        exported.href = "/export/" + table + "." + exported.dataset.kind + "?" + query;
    }
    const copy = event.target.closest("button.copy");
    if (copy) {
        navigator.clipboard.writeText(copy.dataset.copy).then(function () {
            copy.textContent = "Copied";
        });
    }
    const compared = event.target.closest("a.compare");
    if (compared) {
        event.preventDefault();
        const table = compared.dataset.table;
        const rows = window.dash_ag_grid.getApi(table).getSelectedRows().slice(0, 4);
        const query = new URLSearchParams(window.location.search);
        query.delete("sort");
        for (const row of rows) {
            query.append("one", row.product_key || row.school);
        }
        go("/compare?" + query);
    }
});
