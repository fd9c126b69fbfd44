// In the oldest JavaScript, for browsers that can't read the rest of the page: says so instead of nothing.
var scripts = document.getElementsByTagName("script");
var own = scripts[scripts.length - 1].src.replace(/[^/]*$/, "assets/"); // beside this one, the last so far
addEventListener("error", function (event) {
  var script = event.target === window ? event.filename : event.target.tagName === "SCRIPT" && event.target.src;
  // What a host, a proxy or an extension puts into the page may fail as it likes.
  if (!script || script.indexOf(own) !== 0) return;
  if (document.body && document.body.getAttribute("data-state") === "loading") {
    document.getElementById("notice-title").textContent = "This page can't start here";
    document.getElementById("notice-text").textContent =
      "The browser may be too old: Chrome, Edge, Firefox or Safari from 2023 on is needed. Otherwise load the page again.";
    document.getElementById("start").textContent = "Load the page again";
    document.getElementById("start").onclick = function () { location.reload(); };
    document.getElementById("choose").hidden = true;
    document.body.setAttribute("data-state", "trouble");
  }
}, true); // a script that can't be loaded is told to the window on the way down only
