// Never old figures under new filters: while an answer is awaited the figures are dimmed, and where none comes a line says so.
(function () {
    const ask = window.fetch;
    let waiting = 0;
    let asked = false; // somebody has chosen Retry

    function say(words) {
        const line = document.getElementById("connection");
        if (!line) {
            return;
        }
        line.hidden = !words;
        document.body.classList.toggle("old", Boolean(words));
        document.getElementById("connection-words").textContent = words;
    }

    function retry() {
        window.dash_clientside.set_props("retry", { data: String(Date.now()) });
    }

    window.fetch = async function (url, options) {
        const isOurs = String(url).includes("_dash-update-component");
        const hasFigures = isOurs && options && String(options.body).includes("cards.children");
        if (!isOurs) {
            return ask.apply(this, arguments);
        }
        if (hasFigures) {
            waiting += 1;
            document.body.classList.add("waiting");
        }
        try {
            const response = await ask.apply(this, arguments);
            const isAnswer = response.status === 204 || (response.ok && (response.headers.get("content-type") || "").includes("json"));
            if (response.status === 401 && asked) {
                // Nobody is signed on: the page itself leads to where one signs on, and comes back to this address.
                window.location.reload();
            }
            if (!isAnswer) {
                const ended = response.redirected || response.ok || [401, 403].includes(response.status);
                say(ended ? "Your session has ended, and these figures are out of date. Sign in again, then choose Retry." : "The server reported an error, and these figures are out of date.");
            } else if (document.body.classList.contains("old")) {
                asked = false;
                if (hasFigures) {
                    say("");
                } else {
                    retry();
                }
            }
            return response;
        } catch (error) {
            say("The server is not responding, and these figures are out of date.");
            throw error;
        } finally {
            if (hasFigures) {
                waiting -= 1;
                document.body.classList.toggle("waiting", waiting > 0);
            }
        }
    };

    document.addEventListener("click", function (event) {
        if (event.target.closest("#retry-now")) {
            asked = true;
            retry();
        }
    });
})();
