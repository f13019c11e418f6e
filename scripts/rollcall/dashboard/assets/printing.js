// A grid keeps only the rows on the screen in the page: on paper it is a table of all its rows, in its order.
(function () {
    function isNumber(column) {
        return column.getColDef().type === "rightAligned";
    }

    function tableOf(element, grid) {
        const table = document.createElement("table");
        table.className = "printed";
        const columns = grid.getAllDisplayedColumns().filter((column) => column.getColDef().field);
        const head = table.createTHead().insertRow();
        for (const column of columns) {
            const cell = document.createElement("th");
            cell.textContent = column.getColDef().headerName;
            cell.className = isNumber(column) ? "n" : "";
            head.append(cell);
        }
        const body = table.createTBody();
        function add(node) {
            const row = body.insertRow();
            for (const column of columns) {
                const cell = row.insertCell();
                const words = grid.getCellValue({ rowNode: node, colKey: column, useFormatter: true }) ?? "";
                if (column.getColId() === "status_group" && words) {
                    const chip = document.createElement("span");
                    chip.className = "chip " + node.data.tone;
                    cell.append(chip);
                }
                (cell.firstChild || cell).textContent = words;
                const shade = node.data["q_" + column.getColId()];
                cell.className = (isNumber(column) ? "n" : "") + (shade == null ? "" : " q" + shade);
            }
        }
        for (let n = 0; n < grid.getPinnedTopRowCount(); n += 1) {
            add(grid.getPinnedTopRow(n));
        }
        grid.forEachNodeAfterFilterAndSort(add);
        element.after(table);
    }

    // What stands at the head and foot of each page.
    function running() {
        const words = [...document.querySelectorAll("#district-name, #selection")].map((each) => each.textContent).filter(Boolean);
        const style = document.createElement("style");
        style.className = "printed";
        style.textContent = "@page { @top-left { content: " + JSON.stringify(words.join(" · ")) + "; } @bottom-right { content: 'Page ' counter(page) ' of ' counter(pages); } }";
        document.head.append(style);
    }

    // A chart is drawn anew in the width of the paper, and back.
    function draw(width, height) {
        for (const chart of document.querySelectorAll("section:not([hidden]) .js-plotly-plot")) {
            window.Plotly.relayout(chart, { width, height, autosize: width === null });
        }
    }

    window.addEventListener("beforeprint", function () {
        running();
        draw(660, 240);
        for (const element of document.querySelectorAll("section:not([hidden]) .grid")) {
            const grid = window.dash_ag_grid.getApi(element.id);
            if (grid) {
                tableOf(element, grid);
            }
        }
    });
    window.addEventListener("afterprint", function () {
        for (const each of document.querySelectorAll(".printed:is(table, style)")) {
            each.remove();
        }
        draw(null, null);
    });
})();
