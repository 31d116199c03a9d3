// The card of a crystal: cut-outs, profile, histogram, numbers, a link that leads back to it.
"use strict";
(function () {
  const CROP_PX = 320; // side of a cut-out
  const SVG = "http://www.w3.org/2000/svg";
  const MAIN = [
    "area_um2", "equivalent_diameter_um", "mg_mean", "mg_core", "mg_rim", "mg_difference", "time_days", "zone_class",
    "kind", "recognised_kind", "aspect_ratio", "session",
  ];
  const pictures = new Map(); // address -> promise of an image

  function loadPicture(url) {
    if (!pictures.has(url)) {
      if (pictures.size > 400) pictures.clear();
      pictures.set(url, new Promise((resolve) => {
        const image = new Image();
        image.onload = () => resolve(image);
        image.onerror = () => resolve(null);
        image.src = url;
      }));
    }
    return pictures.get(url);
  }

  // Draws the surroundings of a crystal from the pictures of a layer, with its outline.
  OLIVINE.drawCutout = async function (canvas, row, layer, underneath) {
    const [x0, y0, x1, y1] = OLIVINE.boxOf(row);
    const side = 1.25 * Math.max(x1 - x0, y1 - y0) + 4, left = (x0 + x1 - side) / 2, top = (y0 + y1 - side) / 2;
    const scale = canvas.width / side, context = canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (underneath) await drawLayer(context, underneath, left, top, side, scale);
    await drawLayer(context, layer, left, top, side, scale);
    const detail = await OLIVINE.detailOf(row);
    context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
    context.lineWidth = 2 / scale;
    context.strokeStyle = OLIVINE.colours[row];
    context.beginPath();
    OLIVINE.trace(context, detail.rings);
    context.stroke();
    context.setTransform(1, 0, 0, 1, 0, 0);
    return { scale, side };
  };

  async function drawLayer(context, layer, left, top, side, scale) {
    const levels = layer.index.length, tile = OLIVINE.section.tilePx;
    const coarser = Math.max(0, Math.min(levels - 1, Math.floor(Math.log2(1 / scale) + 0.3)));
    const level = levels - 1 - coarser, span = tile * Math.pow(2, coarser), waits = [];
    for (let y = Math.max(0, Math.floor(top / span)); y * span < top + side && y < layer.index[level].length; y++) {
      for (let x = Math.max(0, Math.floor(left / span)); x * span < left + side; x++) {
        const digit = layer.index[level][y][x];
        if (digit === undefined || digit === "0") continue;
        waits.push(loadPicture(OLIVINE.pictureOf(layer, level, x, y)).then((image) => [image, x, y]));
      }
    }
    const found = await Promise.all(waits);
    context.imageSmoothingEnabled = scale < 1;
    for (const [image, x, y] of found) {
      if (!image) continue;
      const factor = Math.pow(2, coarser) * scale;
      context.drawImage(
        image, (x * span - left) * scale, (y * span - top) * scale, image.width * factor, image.height * factor
      );
    }
  }

  OLIVINE.select = function (row, options) {
    const { go = false, focus = false } = options || {};
    OLIVINE.state.selected = row;
    OLIVINE.markCrystal(row, go);
    OLIVINE.rememberPlace();
    const card = OLIVINE.byId("card");
    card.hidden = row < 0;
    if (row >= 0) fill(card, row, focus);
  };

  async function fill(card, row, focus) {
    const { ids, columns } = OLIVINE.crystals, element = OLIVINE.element;
    const started = performance.now();
    const detail = await OLIVINE.detailOf(row);
    if (OLIVINE.state.selected !== row) return;
    const values = new Map(columns.map((name, k) => [name, detail.values[k]]));
    const close = element("button", { ariaLabel: "Close", onclick: () => OLIVINE.select(-1) }, "✕");
    const step = (by, label, words) => element("button", { ariaLabel: words, title: words, onclick: () => {
      const next = neighbour(row, by);
      if (next >= 0) OLIVINE.select(next, { go: true, focus: true });
    } }, label);
    const classes = OLIVINE.choiceOf.get("class"), code = classes.codes[row];
    const link = element("a", { href: "#crystal=" + ids[row] }, "Link to this crystal");
    const figures = element("div", { className: "pictures" });
    card.replaceChildren(
      element("div", { className: "head" }, element("h2", {}, "Crystal " + ids[row]), step(-1, "‹", "Previous crystal"),
        step(1, "›", "Next crystal"), close),
      element("div", { className: "row" }, swatch(code < 0 ? OLIVINE.NO_COLOUR : classes.values[code][1]),
        code < 0 ? "no class" : classes.values[code][0]),
      figures, ...[plotProfile(detail), plotHistogram(detail)].filter(Boolean),
      mainTable(row, values), allNumbers(values), element("p", {}, link)
    );
    if (focus) card.focus();
    await drawFigures(figures, row);
    card.dataset.milliseconds = String(Math.round(performance.now() - started));
  }

  async function drawFigures(figures, row) {
    const layers = new Map(OLIVINE.section.layers.map((layer) => [layer.name, layer]));
    const base = layers.get("bse");
    const drawn = ["bse", "mg", "minerals", "elements"].filter((name) => layers.has(name)).slice(0, 2);
    for (const name of drawn) {
      const layer = layers.get(name), canvas = OLIVINE.element("canvas", { width: CROP_PX, height: CROP_PX });
      const caption = OLIVINE.element("figcaption", {}, layer.title);
      figures.append(OLIVINE.element("figure", {}, canvas, caption));
      const { scale } = await OLIVINE.drawCutout(canvas, row, layer, name === "bse" ? null : base);
      scaleBar(canvas, scale);
    }
  }

  function scaleBar(canvas, scale) {
    const context = canvas.getContext("2d"), perUm = scale / OLIVINE.section.pixelUm;
    const length = OLIVINE.niceLength((0.4 * canvas.width) / perUm);
    context.fillStyle = "rgba(0, 0, 0, 0.65)";
    context.fillRect(6, canvas.height - 36, length * perUm + 12, 30);
    context.fillStyle = "#fff";
    context.fillRect(12, canvas.height - 14, length * perUm, 4);
    context.font = "14px system-ui, sans-serif";
    context.fillText(OLIVINE.lengthText(length), 12, canvas.height - 19);
  }

  // The next crystal that is shown, in the order of the table.
  function neighbour(row, by) {
    for (let next = row + by; next >= 0 && next < OLIVINE.count; next += by) if (OLIVINE.visible[next]) return next;
    return -1;
  }

  function swatch(colour) {
    const made = OLIVINE.element("span", { className: "swatch" });
    made.style.background = colour;
    return made;
  }
  OLIVINE.swatch = swatch;

  const unitOf = (name) =>
    name.endsWith("_um2") ? " µm²" : name.endsWith("_um") ? " µm" : name.endsWith("_deg") ? "°" : name.endsWith("_days") ? " d" : "";
  const words = (name) => name.replace(/_(um2|um|deg|days)$/, "").replaceAll("_", " ");

  function tell(name, value, error) {
    if (value === null || value === "") return "–";
    if (typeof value === "boolean") return value ? "yes" : "no";
    return String(value) + (error !== undefined && error !== null ? " ± " + error : "") + unitOf(name);
  }

  const rounded = (choice, value) => (choice && choice.kind === "number" && value ? Number(value.toFixed(choice.decimals)) : value);

  const errorOf = (value) => (value ? Number(value.toPrecision(2)) : undefined);

  function tableOf(rows) {
    return OLIVINE.element("table", {}, ...rows.map(([head, text]) => OLIVINE.element("tr", {},
      OLIVINE.element("th", { scope: "row" }, head), OLIVINE.element("td", {}, text))));
  }

  function mainTable(row, values) {
    const there = MAIN.filter((name) => values.has(name) && values.get(name) !== null && values.get(name) !== "");
    return tableOf(there.map((name) => {
      const choice = OLIVINE.choiceOf.get(name);
      let text = tell(name, rounded(choice, values.get(name)), errorOf(values.get(name + "_se")));
      if (choice && choice.kind === "text" && choice.codes[row] >= 0) text = choice.values[choice.codes[row]][0];
      if (name === "time_days" && values.get("time_days_low") !== null && values.has("time_days_low")) {
        text += " (68 %: " + values.get("time_days_low") + " to " + values.get("time_days_high") + ")";
      }
      return [choice ? choice.title : words(name), text];
    }));
  }

  function allNumbers(values) {
    const rows = [...values].map(([name, value]) => [words(name), tell(name, value)]);
    return OLIVINE.element("details", {}, OLIVINE.element("summary", {}, "All measurements"), tableOf(rows));
  }

  // ------------------------------------------------------------------ small plots
  const PLOT = { width: 340, height: 130, left: 42, right: 8, top: 8, bottom: 30 };

  function svg(tag, attributes, text) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function plot(label, xLabel, xs, ys) {
    const [x0, x1] = xs, [y0, y1] = ys;
    const right = PLOT.width - PLOT.right, bottom = PLOT.height - PLOT.bottom;
    const x = (v) => PLOT.left + ((v - x0) / (x1 - x0 || 1)) * (right - PLOT.left);
    const y = (v) => bottom - ((v - y0) / (y1 - y0 || 1)) * (bottom - PLOT.top);
    const root = svg("svg", { viewBox: "0 0 " + PLOT.width + " " + PLOT.height, role: "img", "aria-label": label });
    root.append(svg("line", { class: "axis", x1: PLOT.left, x2: right, y1: bottom, y2: bottom }),
      svg("line", { class: "axis", x1: PLOT.left, x2: PLOT.left, y1: PLOT.top, y2: bottom }),
      svg("text", { x: (PLOT.left + right) / 2, y: PLOT.height - 4, "text-anchor": "middle" }, xLabel));
    for (const [value, anchor] of [[x0, "start"], [x1, "end"]]) {
      root.append(svg("text", { x: x(value), y: bottom + 13, "text-anchor": anchor }, String(value)));
    }
    return { root, x, y };
  }

  function yTicks(drawn, values) {
    for (const value of values) {
      drawn.root.append(svg("text", { x: PLOT.left - 4, y: drawn.y(value) + 4, "text-anchor": "end" }, value.toFixed(3)));
    }
  }

  function plotProfile(detail) {
    if (!detail.profile) return null;
    const [mg, errors] = detail.profile, count = mg.length;
    const known = mg.map((value, k) => [(k + 1) / (count + 1), value, errors[k] || 0]).filter((one) => one[1] !== null);
    if (known.length < 2) return null;
    const low = Math.min(...known.map((one) => one[1] - 2 * one[2])), high = Math.max(...known.map((one) => one[1] + 2 * one[2]));
    const drawn = plot("Radial profile of mg#", "mg#, outline (0) to centre (1); band: 2 standard errors",
      [0, 1], [low, high]);
    const upper = known.map(([d, v, e]) => drawn.x(d) + "," + drawn.y(v + 2 * e));
    const lower = known.map(([d, v, e]) => drawn.x(d) + "," + drawn.y(v - 2 * e)).reverse();
    drawn.root.append(svg("polygon", { class: "band", points: [...upper, ...lower].join(" ") }),
      svg("polyline", { class: "line", points: known.map(([d, v]) => drawn.x(d) + "," + drawn.y(v)).join(" ") }));
    yTicks(drawn, [low, high]);
    return drawn.root;
  }

  function plotHistogram(detail) {
    if (!detail.histogram) return null;
    const [first, ...counts] = detail.histogram, bin = OLIVINE.crystals.bin;
    const round = (value) => Math.round(value * 1000) / 1000;
    const low = round(first * bin), high = round((first + counts.length) * bin);
    const drawn = plot("Histogram of mg#", "mg# of its pixels", [low, high], [0, Math.max(...counts)]);
    counts.forEach((count, k) => {
      const x = drawn.x(low + k * bin), width = Math.max(1, drawn.x(low + (k + 1) * bin) - x - 0.5);
      drawn.root.append(svg("rect", { class: "bar", x, width, y: drawn.y(count), height: drawn.y(0) - drawn.y(count) }));
    });
    return drawn.root;
  }
})();
