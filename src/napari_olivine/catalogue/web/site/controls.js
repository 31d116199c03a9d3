// Layers, colours, legend, filters, search and the three views.
"use strict";
(function () {
  const VIEWS = ["map", "gallery", "about"];
  const FILTERS = ["area_um2", "mg_mean", "time_days"];

  OLIVINE.startControls = function () {
    const { section } = OLIVINE;
    OLIVINE.byId("title").textContent = section.name;
    section.layers.forEach(addLayer);
    const by = OLIVINE.byId("colour-by");
    OLIVINE.crystals.choices.forEach((choice) => by.append(OLIVINE.element("option", { value: choice.name }, choice.title)));
    by.onchange = () => OLIVINE.change({ colourBy: by.value });
    for (const name of ["outlines", "filled"]) {
      OLIVINE.byId(name).onchange = (event) => OLIVINE.change({ [name]: event.target.checked });
    }
    OLIVINE.byId("reset").onclick = () => OLIVINE.change({ hidden: {}, ranges: {} });
    FILTERS.filter((name) => OLIVINE.choiceOf.has(name)).forEach(addRange);
    OLIVINE.byId("search").onsubmit = search;
    VIEWS.forEach((name) => { OLIVINE.byId("show-" + name).onclick = () => OLIVINE.showView(name); });
    const fold = OLIVINE.byId("fold");
    const setFold = (open) => fold.setAttribute("aria-expanded", String(open));
    fold.onclick = () => setFold(fold.getAttribute("aria-expanded") !== "true");
    setFold(!matchMedia("(max-width: 760px)").matches);
    OLIVINE.listeners.push(drawLegend);
    drawLegend();
    fillAbout();
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && OLIVINE.state.selected >= 0) OLIVINE.select(-1);
    });
  };

  OLIVINE.showView = function (name) {
    VIEWS.forEach((one) => {
      OLIVINE.byId(one + "-view").hidden = one !== name;
      OLIVINE.byId("show-" + one).setAttribute("aria-pressed", String(one === name));
    });
    if (name === "gallery") OLIVINE.fillGallery();
  };

  function addLayer(layer) {
    const element = OLIVINE.element;
    const box = element("input", { type: "checkbox", checked: layer.shown });
    const slider = element("input", { type: "range", min: "0", max: "100", value: "100", ariaLabel: "Opacity of " + layer.title });
    const apply = () => OLIVINE.setOpacity(layer.name, box.checked ? Number(slider.value) / 100 : 0);
    box.onchange = slider.oninput = () => { key.hidden = !box.checked; apply(); };
    const key = element("div", { hidden: !layer.shown });
    layer.legend.forEach(([words, colour]) => key.append(element("div", { className: "row" }, OLIVINE.swatch(colour), words)));
    if (layer.scale) key.append(ramp(layer.scale.map(String)));
    OLIVINE.byId("layers").append(element("div", { className: "layer" },
      element("label", { className: "row" }, box, layer.title), slider, key));
  }

  function ramp(ends) {
    const bar = OLIVINE.element("div", { className: "ramp" });
    bar.style.background = "linear-gradient(to right, " + OLIVINE.section.ramp.join(", ") + ")";
    return OLIVINE.element("div", {}, bar, OLIVINE.element("div", { className: "ends" },
      ...ends.map((text) => OLIVINE.element("span", {}, text))));
  }

  function drawLegend() {
    const choice = OLIVINE.choiceOf.get(OLIVINE.state.colourBy), legend = OLIVINE.byId("legend");
    legend.replaceChildren();
    OLIVINE.byId("colour-by").value = choice.name;
    if (choice.kind === "text") {
      const numbers = new Map();
      choice.codes.forEach((code) => numbers.set(code, (numbers.get(code) || 0) + 1));
      choice.values.forEach(([title, colour], code) => legend.append(entry(choice, title, colour, code, numbers.get(code) || 0)));
      if (numbers.get(-1)) legend.append(entry(choice, "no value", OLIVINE.NO_COLOUR, -1, numbers.get(-1)));
    } else {
      const digits = (value) => (choice.log ? Number(value.toPrecision(3)) : Number(value.toFixed(choice.decimals)));
      legend.append(ramp([choice.low, choice.high].map((value) => digits(value) + (choice.unit ? " " + choice.unit : ""))));
    }
    for (const input of document.querySelectorAll("#ranges input")) {
      const range = OLIVINE.state.ranges[input.dataset.name];
      const value = range ? range[Number(input.dataset.end)] : null;
      if (document.activeElement !== input) input.value = value === null ? "" : value;
    }
    OLIVINE.byId("count").textContent = OLIVINE.shownCount() + " of " + OLIVINE.count + " crystals shown";
  }

  function entry(choice, title, colour, code, number) {
    const hidden = OLIVINE.state.hidden[choice.name] || new Set();
    const box = OLIVINE.element("input", { type: "checkbox", checked: !hidden.has(code), onchange: () => {
      const changed = new Set(hidden);
      if (box.checked) changed.delete(code); else changed.add(code);
      OLIVINE.change({ hidden: { ...OLIVINE.state.hidden, [choice.name]: changed } });
    } });
    return OLIVINE.element("label", { className: "row" }, box, OLIVINE.swatch(colour), title,
      OLIVINE.element("span", { className: "number" }, String(number)));
  }

  function addRange(name) {
    const choice = OLIVINE.choiceOf.get(name);
    const title = choice.title + (choice.unit ? ", " + choice.unit : "");
    const inputs = ["from", "to"].map((word, end) => {
      const input = OLIVINE.element("input", { type: "number", step: "any", placeholder: word, ariaLabel: title + ", " + word });
      input.dataset.name = name;
      input.dataset.end = String(end);
      input.onchange = () => {
        const range = [...(OLIVINE.state.ranges[name] || [null, null])];
        range[end] = input.value === "" ? null : Number(input.value);
        OLIVINE.change({ ranges: { ...OLIVINE.state.ranges, [name]: range } });
      };
      return input;
    });
    OLIVINE.byId("ranges").append(OLIVINE.element("div", { className: "range" }, OLIVINE.element("span", {}, title), ...inputs));
  }

  function search(event) {
    event.preventDefault();
    const text = OLIVINE.byId("search-id").value.trim(), row = OLIVINE.rowOf.get(Number(text));
    const answer = OLIVINE.byId("search-answer");
    answer.textContent = text && row === undefined ? "There is no crystal " + text + " here." : "";
    if (text === "" || row === undefined) return;
    OLIVINE.showView("map");
    OLIVINE.select(row, { go: true, focus: true });
  }

  function fillAbout() {
    OLIVINE.byId("methods").textContent = OLIVINE.section.methods;
    OLIVINE.section.downloads.forEach(([name, words]) => OLIVINE.byId("downloads").append(OLIVINE.element("li", {},
      OLIVINE.element("a", { href: name.split("/").map(encodeURIComponent).join("/") }, name), ": " + words)));
  }
})();
