// Dash's drop-downs leave their label out of their name and put check boxes into options, which no screen reader can follow.
// Here a drop-down is named by its label and its value, and what it opens is a dialog with a group of check boxes.
// Of Dash 4.1; drop what a later release does itself.
(function () {
    let isAsked = false;

    function set(element, attributes) {
        for (const [name, value] of Object.entries(attributes)) {
            if (value === null) {
                element.removeAttribute(name);
            } else if (element.getAttribute(name) !== value) {
                element.setAttribute(name, value);
            }
        }
    }

    function name() {
        isAsked = false;
        nameDates();
        nameDropDowns();
    }

    function nameDropDowns() {
        for (const button of document.querySelectorAll("button.dash-dropdown")) {
            const label = document.getElementById(button.id + "-label");
            if (label) {
                set(button, { "aria-labelledby": label.id + " " + button.id + "-value", "aria-haspopup": "dialog" });
            }
        }
        for (const opened of document.querySelectorAll(".dash-dropdown-content")) {
            const button = document.querySelector("button.dash-dropdown[aria-controls='" + opened.id + "']");
            const label = button && document.getElementById(button.id + "-label");
            if (!label) {
                continue;
            }
            set(opened, { "aria-label": label.textContent });
            for (const search of opened.querySelectorAll(".dash-dropdown-search")) {
                set(search, { "aria-label": "Search " + label.textContent.toLowerCase() });
            }
            for (const list of opened.querySelectorAll(".dash-options-list")) {
                set(list, { role: "group", "aria-label": label.textContent });
            }
            for (const option of opened.querySelectorAll(".dash-options-list-option")) {
                set(option, { role: null, "aria-selected": null });
            }
        }
    }

    function nameDates() {
        for (const range of document.querySelectorAll(".dash-datepicker-input-wrapper")) {
            const attributes = { role: "group", "aria-label": "Dates", "aria-expanded": null, "aria-haspopup": null };
            set(range, { ...attributes, "aria-controls": null, "aria-labelledby": null, "aria-disabled": null });
            for (const input of range.querySelectorAll("input")) {
                set(input, { "aria-label": input.classList.contains("dash-datepicker-end-date") ? "Last day" : "First day" });
            }
        }
        for (const opened of document.querySelectorAll(".dash-datepicker-content")) {
            set(opened, { "aria-label": "Dates" });
            for (const year of opened.querySelectorAll("input[type=number]")) {
                set(year, { "aria-label": "Year" });
            }
            for (const month of opened.querySelectorAll("table")) {
                set(month, { role: "grid" });
            }
            for (const button of opened.querySelectorAll("button.dash-dropdown")) {
                set(button, { "aria-label": "Month: " + button.textContent, "aria-labelledby": null });
            }
        }
    }

    // What is typed at a drop-down, or into the list that it opens, is searched for, letter by letter as the keys go down.
    // Dash takes a letter when its key comes up, and loses those that come up elsewhere, because the list has opened meanwhile.
    let typed = "";

    function isText(event) {
        return event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    }

    function searchable(element) {
        const button = element.closest("button.dash-dropdown[id]");
        const drawn = button && window.dash_component_api.getLayout(button.id);
        return drawn && drawn.props.searchable !== false ? button : null;
    }

    function searchFor(opened) {
        const search = opened.querySelector(".dash-dropdown-search");
        if (!search) {
            return;
        }
        search.focus();
        if (typed) {
            document.execCommand("insertText", false, typed);
            typed = "";
        }
    }

    document.addEventListener("keydown", function (event) {
        if (!isText(event)) {
            return;
        }
        const opened = event.target.closest(".dash-dropdown-content");
        const button = opened ? null : searchable(event.target);
        if (opened) {
            searchFor(opened);
        } else if (button) {
            event.preventDefault();
            if (button.getAttribute("aria-expanded") === "false") {
                typed = "";
                button.click();
            }
            typed += event.key;
        }
    });
    window.addEventListener(
        "keyup",
        function (event) {
            if (isText(event) && searchable(event.target)) {
                event.stopPropagation();
            }
        },
        true,
    );
    // Dash moves to the list once it is there.
    document.addEventListener("focusin", function (event) {
        const opened = typed && event.target.closest(".dash-dropdown-content");
        if (opened) {
            searchFor(opened);
        }
    });

    new MutationObserver(function () {
        if (!isAsked) {
            isAsked = true;
            window.requestAnimationFrame(name);
        }
    }).observe(document, { subtree: true, childList: true, attributeFilter: ["aria-labelledby", "aria-selected", "aria-controls"] });
})();
