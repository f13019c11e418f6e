// The address follows the filters; the links keep them. Asked of nobody: the server has told what the address is.
window.dash_clientside = window.dash_clientside || {};
window.dash_clientside.rollcall = {
    follow: function (address, path) {
        const outputs = window.dash_clientside.callback_context.outputs_list;
        if (!address) {
            return outputs.map(() => window.dash_clientside.no_update);
        }
        if (window.location.search !== address) {
            const first = window.location.search === "";
            window.history[first ? "replaceState" : "pushState"]({}, "", window.location.pathname + address);
        }
        let page = "Product";
        const kept = address.replace(/&product=[^&]*/, "");
        for (const link of document.querySelectorAll("nav a")) {
            const here = new URL(link.href).pathname === path;
            link.toggleAttribute("aria-current", false);
            if (here) {
                link.setAttribute("aria-current", "page");
                page = link.textContent;
            }
        }
        document.title = page + " · Rollcall";
        return outputs.map((output) => output.id.path + kept);
    },
};

var dagcomponentfuncs = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});
dagcomponentfuncs.ProductLink = function (props) {
    function address() {
        const query = new URLSearchParams(window.location.search);
        query.set("product", props.data.product_key);
        return "/product?" + query;
    }
    return React.createElement(
        "a",
        {
            href: address(),
            onClick: function (event) {
                if (event.metaKey || event.ctrlKey || event.shiftKey) {
                    return;
                }
                event.preventDefault();
                window.history.pushState({}, "", address());
                window.dispatchEvent(new PopStateEvent("popstate"));
                window.scrollTo(0, 0);
            },
        },
        React.createElement("span", { className: "tile", "aria-hidden": "true", "data-letter": props.value[0], key: "tile" }),
        props.value
    );
};

// In the grid the keyboard moves from cell to cell, and never into one.
document.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && event.target.matches(".ag-cell[col-id=product_name]")) {
        event.target.querySelector("a").click();
    }
});

// On a narrow screen the names stay while the figures scroll past them.
(function () {
    const narrow = window.matchMedia("(max-width: 700px)");
    function pin() {
        if (document.getElementById("products")) {
            window.dash_ag_grid.getApiAsync("products").then((grid) =>
                grid.applyColumnState({ state: [{ colId: "product_name", pinned: narrow.matches ? "left" : null, width: 190 }] })
            );
        }
    }
    narrow.addEventListener("change", pin);
    new MutationObserver(function (_changes, observer) {
        if (window.dash_ag_grid && document.querySelector("#products .ag-root")) {
            observer.disconnect();
            if (narrow.matches) {
                pin();
            }
        }
    }).observe(document, { subtree: true, childList: true });
})();
