// Outlines of the crystals: which lie where, drawn into pictures of the map, found under a click.
"use strict";
(function () {
  const GRID_PX = 1024; // side of a cell of the index, in pixels of the section
  const FINE_FROM = 1 / 8; // screen pixels a pixel, from which the fine outlines are drawn
  const DOT_PX = 3; // crystals smaller than this on the screen are squares of their area
  const HALO = 2; // screen pixels that a line may reach over the edge of a picture
  let index = null;

  function buildIndex() {
    const across = Math.ceil(OLIVINE.section.columns / GRID_PX) + 1;
    index = { across, cells: new Map() };
    for (let row = 0; row < OLIVINE.count; row++) {
      const [x0, y0, x1, y1] = OLIVINE.boxOf(row).map((v) => Math.floor(v / GRID_PX));
      for (let y = y0; y <= y1; y++) {
        for (let x = x0; x <= x1; x++) {
          const key = y * across + x;
          if (!index.cells.has(key)) index.cells.set(key, []);
          index.cells.get(key).push(row);
        }
      }
    }
  }

  // Crystals whose box meets a rectangle, in pixels of the section, each once, in their order.
  OLIVINE.rowsIn = function (x0, y0, x1, y1) {
    if (!index) buildIndex();
    const boxes = OLIVINE.crystals.boxes, found = new Set();
    const last = index.across - 1;
    for (let y = Math.max(0, Math.floor(y0 / GRID_PX)); y <= Math.floor(y1 / GRID_PX); y++) {
      for (let x = Math.max(0, Math.floor(x0 / GRID_PX)); x <= Math.min(last, Math.floor(x1 / GRID_PX)); x++) {
        for (const row of index.cells.get(y * index.across + x) || []) {
          const k = 4 * row;
          if (boxes[k] < x1 && boxes[k + 2] > x0 && boxes[k + 1] < y1 && boxes[k + 3] > y0) found.add(row);
        }
      }
    }
    return [...found].sort((a, b) => a - b);
  };

  // Adds the rings of a crystal to a path: first corner, then steps.
  function trace(context, rings) {
    for (const ring of rings) {
      let x = ring[0], y = ring[1];
      context.moveTo(x, y);
      for (let k = 2; k < ring.length; k += 2) context.lineTo((x += ring[k]), (y += ring[k + 1]));
      context.closePath();
    }
  }
  OLIVINE.trace = trace;

  // Draws the part of the section from (x0, y0) on, `scale` screen pixels a pixel.
  OLIVINE.drawOutlines = async function (context, x0, y0, scale) {
    const margin = HALO / scale;
    const rows = OLIVINE.rowsIn(
      x0 - margin, y0 - margin, x0 + context.canvas.width / scale + margin, y0 + context.canvas.height / scale + margin
    ).filter((row) => OLIVINE.visible[row]);
    const { boxes, areas, cells, coarse } = OLIVINE.crystals;
    const fine = scale >= FINE_FROM;
    if (fine) await Promise.all([...new Set(rows.map((row) => cells[row]))].map(OLIVINE.loadCell));
    context.setTransform(scale, 0, 0, scale, -x0 * scale, -y0 * scale);
    context.lineWidth = 1.5 / scale;
    context.lineJoin = "round";
    for (const row of rows) {
      const k = 4 * row, size = Math.max(boxes[k + 2] - boxes[k], boxes[k + 3] - boxes[k + 1]) * scale;
      const rings = fine ? OLIVINE.cells.get(cells[row])[row].rings : coarse[row];
      context.strokeStyle = context.fillStyle = OLIVINE.colours[row];
      if (size < DOT_PX || !rings) {
        const side = Math.max(Math.sqrt(areas[row]), 1 / scale);
        context.globalAlpha = 0.9;
        context.fillRect((boxes[k] + boxes[k + 2] - side) / 2, (boxes[k + 1] + boxes[k + 3] - side) / 2, side, side);
        continue;
      }
      context.beginPath();
      trace(context, rings);
      if (OLIVINE.state.filled) {
        context.globalAlpha = 0.35;
        context.fill("evenodd");
      }
      context.globalAlpha = 1;
      context.stroke();
    }
  };

  // The smallest shown crystal at a place, -1 for none; within `near` pixels where none is hit.
  OLIVINE.crystalAt = async function (x, y, near) {
    const rows = OLIVINE.rowsIn(x - near, y - near, x + near, y + near).filter((row) => OLIVINE.visible[row]);
    const byArea = rows.sort((a, b) => OLIVINE.crystals.areas[a] - OLIVINE.crystals.areas[b]);
    const context = document.createElement("canvas").getContext("2d");
    for (const row of byArea) {
      const detail = await OLIVINE.detailOf(row);
      context.beginPath();
      trace(context, detail.rings);
      context.lineWidth = 2 * near;
      if (context.isPointInPath(x, y, "evenodd") || context.isPointInStroke(x, y)) return row;
    }
    return -1;
  };
})();
