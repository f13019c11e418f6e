// The address follows the filters, and the links keep them. The server has already said what the address is.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.rollcall = {
    follow: function (address, title, path) {
        const outputs = window.dash_clientside.callback_context.outputs_list;
        document.title = title && title !== "Rollcall" ? title + " · Rollcall" : "Rollcall";
        focusHeading(path + "|" + title);
        if (!address) {
            return outputs.map(() => window.dash_clientside.no_update);
        }
        let wanted = address;
        for (const name of path === lastPath ? ["sort", "columns"] : []) {
            const value = new URLSearchParams(window.location.search).get(name);
            wanted += value ? "&" + name + "=" + encodeURIComponent(value) : "";
        }
        lastPath = path;
        if (window.location.search !== wanted) {
            // What the page adds to an address that was opened is no step of its own.
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
        for (const each of document.querySelectorAll(".grid a")) {
            each.href = hrefOf(each);
        }
        showHere();
        document.body.dataset.page = path;
        return outputs.map((output) => output.id.path + kept);
    },
    // The columns of the products that are picked; the name is always there.
    columns: function (picked, options) {
        const grid = gridOf("products");
        if (!grid) {
            return;
        }
        for (const { value } of options) {
            grid.setColumnsVisible([value], picked.includes(value));
        }
        setInAddress("columns", picked.length === options.length ? "" : picked.join("."));
    },
};
function selectionOf(query) {
    return query.replace(/[&](product|measure|at|one|sort|columns)=[^&]*/g, "");
}
let lastPath = window.location.pathname;

// On a phone the links to the pages are a row that scrolls: to the page that is open.
function showHere() {
    const link = document.querySelector("nav a[aria-current]");
    if (link) {
        link.parentElement.scrollLeft = link.offsetLeft - (link.parentElement.clientWidth - link.offsetWidth) / 2;
    }
}

// A screen reader reads the heading of a new page.
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

function addressWith(path, changes) {
    const query = new URLSearchParams(window.location.search);
    query.delete("sort");
    query.delete("columns");
    for (const [name, value] of Object.entries(changes)) {
        query.set(name, value);
    }
    return path + "?" + query;
}

// `Later` of components.py: all pages drawn in one stretch would hold up the browser.
const waiting = [];
const whenIdle = window.requestIdleCallback || ((what) => setTimeout(what, 50));
function next() {
    if (waiting.length) {
        waiting.shift()();
        whenIdle(next);
    }
}
window.rollcall = {
    Later: function ({ children, path, isThere, setProps }) {
        const [isOpen] = React.useState(window.location.pathname === path);
        const isShown = isOpen || isThere;
        React.useEffect(function () {
            // Told to Dash: what is put into the page without its knowing is drawn as it was when the page was opened, empty.
            if (!isShown && waiting.push(() => setProps({ isThere: true })) === 1) {
                whenIdle(next);
            }
        }, []);
        return isShown ? children : null;
    },
};

// A cell that leads to a page. A plain element: a React component a cell makes a grid three times as slow to draw.
class PageCell {
    init(params) {
        const words = params.valueFormatted ?? params.value ?? "";
        const [path, name, key] = params.leadsTo;
        this.element = document.createElement(key && words ? "a" : "span");
        this.element.textContent = words;
        if (key && words) {
            Object.assign(this.element.dataset, { path, name, key });
            this.element.href = hrefOf(this.element);
        }
        if (path === "/product") {
            const tile = document.createElement("span");
            tile.className = "tile";
            tile.ariaHidden = "true";
            tile.dataset.letter = words[0];
            this.element.prepend(tile);
        }
    }
    getGui() {
        return this.element;
    }
    refresh() {
        return false; // made anew
    }
}
function hrefOf(link) {
    return addressWith(link.dataset.path, { [link.dataset.name]: link.dataset.key });
}
function cell(path, name, key) {
    return { component: PageCell, params: { leadsTo: [path, name, key] } };
}

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

// Puts something into the address that is no step of its own.
function setInAddress(name, value) {
    const query = new URLSearchParams(window.location.search);
    if (value) {
        query.set(name, value);
    } else {
        query.delete(name);
    }
    window.history.replaceState({}, "", window.location.pathname + "?" + query);
}

function gridOf(table) {
    return document.querySelector("#" + table + " .ag-root") ? window.dash_ag_grid.getApi(table) : null;
}

// School 9 before School 10; the order of names in the exports (`natural` in heat.py).
const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
var dagfuncs = (window.dashAgGridFunctions = window.dashAgGridFunctions || {});
dagfuncs.natural = (a, b) => names.compare(a ?? "", b ?? "");
const days = new Intl.DateTimeFormat("en-US", { dateStyle: "long", timeZone: "UTC" });
dagfuncs.productCell = (params) => cell("/product", "product", params.data.product_key);
dagfuncs.schoolCell = (params) => cell("/school", "at", params.data.school);
dagfuncs.longDay = (day) => (day ? days.format(new Date(day)) : "–");

// Each grid takes its order and columns from the address, and puts them there.
const narrow = window.matchMedia("(max-width: 700px)");
narrow.addEventListener("change", showHere);
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
            const usual = grid.getColumnState().map((each) => each.colId);
            pin(table, grid, usual);
            const shown = new URLSearchParams(window.location.search).get("columns");
            if (table === "products" && shown !== null) {
                window.dash_clientside.set_props("products-columns", { value: shown.split(".") });
            }
            grid.addEventListener("sortChanged", function (event) {
                if (event.source !== "uiColumnSorted") {
                    return;
                }
                setInAddress("sort", table + "." + sortOf(grid));
                pin(table, grid, usual);
            });
            grid.addEventListener("gridColumnsChanged", () => pin(table, grid, usual));
            grid.addEventListener("selectionChanged", () => offer(table, grid));
            narrow.addEventListener("change", () => pin(table, grid, usual));
        });
    }
}

// What a phone has room for: names that stay, and the measure that the table is sorted by.
const pinned = new WeakSet();
function pin(table, grid, usual) {
    if (!narrow.matches && !pinned.has(grid)) {
        return; // its columns say the same, and saying it again lays the grid out again
    }
    pinned[narrow.matches ? "add" : "delete"](grid);
    const tick = { colId: "ag-Grid-SelectionColumn", hide: narrow.matches };
    if (table === "heat") {
        grid.applyColumnState({ state: [tick, { colId: "school_name", width: narrow.matches ? 140 : 220 }] });
        return;
    }
    const order = usual.slice();
    const sorted = grid.getColumnState().find((column) => column.sort);
    if (narrow.matches && sorted && sorted.colId !== "product_name") {
        order.splice(order.indexOf(sorted.colId), 1);
        order.splice(order.indexOf("product_name") + 1, 0, sorted.colId);
    }
    const room = document.getElementById(table).clientWidth - (sorted ? grid.getColumn(sorted.colId).getActualWidth() : 0) - 2;
    const product = narrow.matches ? { pinned: "left", flex: null, width: Math.max(150, room) } : { pinned: null, flex: 1.3 };
    grid.applyColumnState({
        state: order.map((colId) => ({ colId, ...(colId === "product_name" ? product : colId === tick.colId ? tick : {}) })),
        applyOrder: true,
    });
}

// Two to four rows are compared: the button says how many are selected, and can be used while that many are.
function offer(table, grid) {
    const count = grid.getSelectedRows().length;
    window.dash_clientside.set_props(table + "-compare", {
        disabled: count < 2 || count > 4,
        children: count > 4 ? "Compare (4 at most)" : count ? "Compare " + count : "Compare",
    });
}
// A chart that was drawn while its page was hidden has a width of its own: it gets that of its card.
let isFitting = false;
function fit() {
    isFitting = false;
    for (const chart of document.querySelectorAll("section:not([hidden]) .js-plotly-plot")) {
        const width = chart.clientWidth;
        const drawn = chart._fullLayout && chart._fullLayout.width;
        const tries = chart.dataset.width === String(width) ? Number(chart.dataset.tries) : 0;
        if (!width || !drawn || document.querySelector("style.printed")) {
            continue;
        }
        if (Math.abs(drawn - width) <= 2) {
            chart.dataset.tries = 0;
        } else if (tries < 5) {
            chart.dataset.width = width;
            chart.dataset.tries = tries + 1;
            window.Plotly.Plots.resize(chart);
        }
    }
}
new MutationObserver(function () {
    settle();
    if (!isFitting) {
        isFitting = true;
        window.requestAnimationFrame(fit);
    }
}).observe(document, { subtree: true, childList: true, attributeFilter: ["hidden"] });

document.addEventListener("click", function (event) {
    const inGrid = event.target.closest(".grid a");
    if (inGrid && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
        event.preventDefault();
        go(inGrid.href);
    }
    const exported = event.target.closest("a.export");
    if (exported) {
        const table = exported.dataset.table;
        const query = new URLSearchParams(window.location.search);
        query.delete("sort");
        const grid = gridOf(table);
        if (grid && sortOf(grid)) {
            query.set("sort", sortOf(grid));
        }
        exported.href = "/export/" + table + "." + exported.dataset.kind + "?" + query;
    }
    const copy = event.target.closest("button.copy");
    if (copy) {
        navigator.clipboard.writeText(copy.dataset.copy).then(function () {
            copy.textContent = "Copied";
        });
    }
    const compared = event.target.closest("button.compare");
    if (compared) {
        const query = new URLSearchParams(selectionOf(window.location.search));
        for (const row of gridOf(compared.dataset.table).getSelectedRows()) {
            query.append("one", row.product_key || row.school);
        }
        go("/compare?" + query);
    }
});
