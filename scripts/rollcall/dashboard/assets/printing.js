// A grid keeps only the rows on the screen in the page: on paper each is a table of all its rows, in its order.
(function () {
    function tableOf(element, grid) {
        const table = document.createElement("table");
        table.className = "printed";
        const columns = grid.getAllDisplayedColumns().filter((column) => column.getColDef().field);
        const head = table.createTHead().insertRow();
        for (const column of columns) {
            const cell = document.createElement("th");
            cell.textContent = column.getColDef().headerName;
            head.append(cell);
        }
        const body = table.createTBody();
        function add(node) {
            const row = body.insertRow();
            for (const column of columns) {
                const cell = row.insertCell();
                cell.textContent = grid.getCellValue({ rowNode: node, colKey: column, useFormatter: true }) ?? "";
                const shade = node.data["q_" + column.getColId()];
                cell.className = shade == null ? "" : "q" + shade;
            }
        }
        for (let n = 0; n < grid.getPinnedTopRowCount(); n += 1) {
            add(grid.getPinnedTopRow(n));
        }
        grid.forEachNodeAfterFilterAndSort(add);
        element.after(table);
    }

    window.addEventListener("beforeprint", function () {
        for (const element of document.querySelectorAll("section:not([hidden]) .grid")) {
            const grid = window.dash_ag_grid.getApi(element.id);
            if (grid) {
                tableOf(element, grid);
            }
        }
    });
    window.addEventListener("afterprint", function () {
        for (const table of document.querySelectorAll("table.printed")) {
            table.remove();
        }
    });
})();
