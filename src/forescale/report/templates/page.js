(function () {
  "use strict";
  var page = JSON.parse(document.getElementById("data").textContent);
  // The interpreter (ast) needs no eval, and the loader refuses: nothing leaves this page.
  var refuse = function () { return Promise.reject(new Error("this page loads nothing")); };
  var options = {
    mode: "vega-lite", renderer: "svg", ast: true, config: page.config,
    loader: { load: refuse, http: refuse, file: refuse, sanitize: refuse },
    actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false }
  };
  page.charts.forEach(function (chart, k) {
    var place = document.getElementById("chart-" + k);
    var spec = chart.spec;
    spec.datasets = {};
    chart.data.forEach(function (name) {
      // Vega marks rows as its own; each chart gets copies.
      spec.datasets[name] = page.data[name].map(function (row) { return Object.assign({}, row); });
    });
    window.vegaEmbed(place, spec, options).then(function () {
      place.style.height = "auto";
    }, function (error) {
      place.textContent = "This chart could not be drawn: " + error.message;
      place.className = "chart failed";
    });
  });
})();
