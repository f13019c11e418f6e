// The Deliveries and Members pages show pieces of HTML from /office/, and send their forms there. A file is sent in pieces.
(function () {
    const PAGES = { "/quality": "deliveries", "/members": "members" };
    let shown = "";
    let timer = null;
    let asked = 0;

    function district() {
        return new URLSearchParams(window.location.search).get("district") || "";
    }

    function place() {
        const name = PAGES[window.location.pathname];
        const there = name && document.getElementById("office-" + name);
        // A section stays hidden from those who do not have the page.
        return there && !there.closest("section").hidden ? there : null;
    }

    function ask(path, options) {
        // The token of the session, where people sign on; Dash sends the same one.
        const token = document.cookie.split("; ").find((each) => each.startsWith("_csrf_token="));
        const headers = token ? { "X-CSRFToken": decodeURIComponent(token.slice("_csrf_token=".length)) } : {};
        return fetch(path, Object.assign({ headers: headers, credentials: "same-origin" }, options)).then(function (answer) {
            return answer.text().then(function (text) {
                if (!answer.ok) {
                    const said = new DOMParser().parseFromString(text, "text/html");
                    const words = said.querySelector("p");
                    const error = new Error(words ? words.textContent : text.slice(0, 300) || "The server answered " + answer.status + ".");
                    error.isPassing = answer.status === 429 || answer.status >= 500;
                    throw error;
                }
                return text;
            });
        });
    }

    // Puts in what differs, part by part, so that nobody loses what they are typing. After a form everything is put in.
    function put(text, isWhole) {
        const there = place();
        if (!there) {
            return;
        }
        const fresh = new DOMParser().parseFromString(text, "text/html").querySelector(".office");
        if (!fresh) {
            return;
        }
        // The first version is there: the page has figures now.
        if (fresh.dataset.published && document.querySelector(".empty-page")) {
            window.location.reload();
            return;
        }
        const old = there.firstElementChild;
        const parts = (of) => [...of.querySelectorAll("[data-part]")].map((part) => part.dataset.part).join();
        if (isWhole || !old || old.dataset.district !== fresh.dataset.district || parts(old) !== parts(fresh)) {
            there.replaceChildren(fresh);
        } else {
            for (const part of fresh.querySelectorAll("[data-part]")) {
                const mine = old.querySelector('[data-part="' + part.dataset.part + '"]');
                const isInUse = mine && (mine.contains(document.activeElement) || mine.querySelector("details[open]"));
                if (mine && mine.outerHTML !== part.outerHTML && !(isInUse && !part.dataset.urgent)) {
                    mine.replaceWith(part);
                }
            }
            old.dataset.poll = fresh.dataset.poll;
        }
        const poll = Number(there.firstElementChild.dataset.poll);
        window.clearTimeout(timer);
        if (poll) {
            timer = window.setTimeout(load, poll);
        }
    }

    function say(words, isBad) {
        const there = place();
        const region = there && there.querySelector(".said");
        if (region) {
            region.textContent = words;
            region.className = words ? "said notice" + (isBad ? "" : " done") : "said";
        }
    }

    function load(query) {
        const name = PAGES[window.location.pathname];
        if (!name || !place() || !district()) {
            return;
        }
        const mine = ++asked;
        const more = typeof query === "string" ? query : filtersOf();
        ask("/office/" + name + "?district=" + encodeURIComponent(district()) + more)
            .then(function (text) {
                if (mine === asked) {
                    put(text, typeof query === "string");
                }
            })
            .catch(function (error) {
                if (mine !== asked) {
                    return;
                }
                if (place() && !place().firstElementChild) {
                    place().textContent = error.message;
                }
                window.clearTimeout(timer);
                timer = window.setTimeout(load, 5000);
            });
    }

    function filtersOf() {
        const form = document.querySelector("#office-members form.filter");
        return form && window.location.pathname === "/members" ? "&" + new URLSearchParams(new FormData(form)) : "";
    }

    function follow() {
        const now = place() && district() ? window.location.pathname + "|" + district() : "";
        const version = (document.querySelector("#footer code") || {}).textContent || "";
        if (now && now + version !== shown) {
            shown = now + version;
            load();
        } else if (!now) {
            shown = "";
            window.clearTimeout(timer);
        }
    }

    // Files

    function upload(file) {
        if (!file) {
            return;
        }
        const here = district();
        const head = new URLSearchParams({ district: here, name: file.name, size: String(file.size) });
        say("Uploading " + file.name + "…", false);
        ask("/office/uploads", { method: "POST", body: head })
            .then(function (text) {
                const begun = JSON.parse(text);
                return send(file, begun.id, begun.piece, 0, here, 0);
            })
            .then(function () {
                say("", false);
                load();
            })
            .catch(function (error) {
                say(file.name + ": " + error.message, true);
                load();
            });
    }

    function send(file, id, size, offset, here, failures) {
        bar(offset / file.size);
        if (offset >= file.size) {
            return Promise.resolve();
        }
        const address = "/office/uploads/" + id + "/pieces/" + offset + "?district=" + encodeURIComponent(here);
        return ask(address, { method: "POST", body: file.slice(offset, offset + size) }).then(
            function (text) {
                return send(file, id, size, JSON.parse(text).there, here, 0);
            },
            function (error) {
                // A connection that breaks off is tried again; the server says how much it has.
                if (failures >= 8 || !(error.isPassing || error instanceof TypeError)) {
                    throw error;
                }
                return new Promise((go) => window.setTimeout(go, 2000 * (failures + 1))).then(() => send(file, id, size, offset, here, failures + 1));
            }
        );
    }

    function bar(share) {
        const there = document.querySelector("#office-deliveries progress.upload");
        if (there) {
            there.hidden = share >= 1;
            there.value = share;
        }
    }

    function zone(event) {
        return event.target.closest && event.target.closest(".office .drop");
    }
    for (const name of ["dragover", "dragleave", "drop"]) {
        document.addEventListener(name, function (event) {
            const there = zone(event);
            if (there) {
                event.preventDefault();
                there.classList.toggle("over", name === "dragover");
                if (name === "drop") {
                    upload(event.dataTransfer.files[0]);
                }
            }
        });
    }
    document.addEventListener("change", function (event) {
        if (event.target.matches(".office .drop input[type=file]")) {
            upload(event.target.files[0]);
            event.target.value = "";
        }
        if (event.target.matches(".office form.filter select")) {
            load(filtersOf());
        }
    });

    // Forms

    document.addEventListener("submit", function (event) {
        const form = event.target;
        if (!form.closest(".office")) {
            return;
        }
        event.preventDefault();
        if (form.matches(".filter")) {
            load(filtersOf());
            return;
        }
        const data = new URLSearchParams(new FormData(form, event.submitter));
        data.set("district", district());
        const buttons = form.querySelectorAll("button");
        buttons.forEach((button) => (button.disabled = true));
        ++asked;
        ask((event.submitter && event.submitter.getAttribute("formaction")) || form.getAttribute("action"), { method: "POST", body: data })
            .then(function (text) {
                put(text, true);
                const said = place() && place().querySelector(".said");
                if (said && said.textContent.trim()) {
                    said.tabIndex = -1;
                    said.focus();
                }
            })
            .catch(function (error) {
                say(error.message, true);
                buttons.forEach((button) => (button.disabled = false));
            });
    });

    // Before the first version: the districts that have a landing folder, each with its deliveries.
    function start() {
        const there = document.getElementById("office-start");
        if (there && !there.dataset.asked) {
            there.dataset.asked = "1";
            ask("/office/start").then(
                (text) => there.replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes),
                (error) => (there.textContent = error.message)
            );
        }
    }

    new MutationObserver(follow).observe(document.body, { attributes: true, attributeFilter: ["data-page"] });
    new MutationObserver(function () {
        start();
        // The place is made anew with the page, and the footer says when another version is published.
        if (place() && (!place().firstElementChild || shown)) {
            follow();
        }
    }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["hidden"] });
})();
