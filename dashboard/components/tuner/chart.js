// The chart that is dragged: histogram, line, pinned line, and tracks on the same x axis.

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 96, RIGHT = 50, TOP = 34, HIST = 270, AXIS = 56, TRACK = 44, GAP = 12;
const KINDS = ["benign", "attack", "unlabelled"];
const KIND_TEXT = { benign: "benign", attack: "attack", unlabelled: "unlabelled" };

function draw(parent, tag, attributes = {}, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

function place(node, attributes) {
  for (const name in attributes) node.setAttribute(name, attributes[name]);
}

const TRACKS = [
  { id: "precision", text: "Precision", needs: "labels", share: true },
  { id: "recall", text: "Recall", needs: "labels", share: true },
  { id: "fBeta", text: "F1", needs: "labels", share: true },
  { id: "falseAlarmRate", text: "False alarms", needs: "onlyBenign", rate: true },
  { id: "alertsPerHour", text: "Alerts/hour", needs: "time" },
  { id: "incidentsPerDay", text: "Incidents/day", needs: "incidents" },
];

// The domain holds every score that matters and the threshold in force.
function scoreDomain(S) {
  const { hist, edges, K } = S.sketch;
  let first = -1, last = 0;
  for (let b = 1; b < hist.low.length; b++)
    if (hist.benign[b] + hist.attack[b] + hist.unlabelled[b] > 0) { if (first < 0) first = b; last = b; }
  let low = first < 0 ? edges[0] || 1e-6 : hist.low[first];
  let high = first < 0 ? edges[K - 1] : Math.max(hist.high[last], edges[K - 1]);
  if (S.inForce > 0) { low = Math.min(low, S.inForce); high = Math.max(high, S.inForce); }
  const pad = Math.max((high / low) ** 0.02, 1.03);
  return [low / pad, high * pad];
}

// Bins of the sketch put together until each is some pixels wide; zeros stand apart at the left.
function barsOf(S, width) {
  const { hist } = S.sketch, [low, high] = S.domain;
  const perBin = (width * Math.log(hist.high[2] / hist.low[2])) / Math.log(high / low);
  const group = Math.max(1, Math.ceil(7 / perBin));
  const bars = [];
  for (let b = 1; b < hist.low.length; b += group) {
    const end = Math.min(b + group, hist.low.length);
    const bar = { low: hist.low[b], high: hist.high[end - 1], benign: 0, attack: 0, unlabelled: 0 };
    for (let i = b; i < end; i++) for (const kind of KINDS) bar[kind] += hist[kind][i];
    bars.push(bar);
  }
  return bars;
}

function layout(S) {
  const width = Math.max(S.el.chart.clientWidth, 320);
  const tracks = TRACKS.filter(t => (t.needs === "onlyBenign" ? !has(S, "labels") && has(S, "benign") : has(S, t.needs)));
  const height = TOP + HIST + AXIS + tracks.length * (TRACK + GAP) + 4;
  const g = (S.geometry = { width, height, x0: LEFT, x1: width - RIGHT, y0: TOP, y1: TOP + HIST });
  S.domain = scoreDomain(S);
  g.x = logScale(S.domain[0], S.domain[1], g.x0, g.x1);
  // Two layers: what stays is painted once, and only what moves is painted at a move.
  for (const layer of [S.el.ground, S.el.svg]) {
    layer.replaceChildren();
    place(layer, { width, height, viewBox: `0 0 ${width} ${height}` });
  }
  S.tint = draw(S.el.svg, "rect", { y: g.y0, height: HIST, class: "tint" });
  drawPatterns(S.el.ground);
  drawHistogram(S);
  S.tracks = tracks.map((track, i) => drawTrack(S, track, g.y1 + AXIS + i * (TRACK + GAP)));
  drawMovingParts(S);
}

function drawPatterns(svg) {
  const defs = draw(svg, "defs");
  const hatch = draw(defs, "pattern", { id: "eg-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  draw(hatch, "rect", { width: 6, height: 6, class: "hatch-ground" });
  draw(hatch, "line", { x1: 1, y1: 0, x2: 1, y2: 6, class: "hatch-line" });
  const dots = draw(defs, "pattern", { id: "eg-dots", width: 5, height: 5, patternUnits: "userSpaceOnUse" });
  draw(dots, "circle", { cx: 1.5, cy: 1.5, r: 0.9, class: "dot-fill" });
}

function drawHistogram(S) {
  const g = S.geometry, { ground: svg } = S.el;
  const bars = barsOf(S, g.x1 - g.x0);
  const totals = { benign: S.sketch.nBenign, attack: S.sketch.nAttacks, unlabelled: S.sketch.nUnlabelled };
  const height = (bar, kind) => (S.density ? bar[kind] / (totals[kind] || 1) : bar[kind]);
  const seen = bars.flatMap(bar => KINDS.map(kind => height(bar, kind))).filter(v => v > 0);
  const most = Math.max(...seen, S.density ? 1e-6 : 1), least = S.density ? Math.min(...seen, 1) : 1;
  const y = logScale(least * 0.7, most * 1.6, g.y1, g.y0);
  drawYAxis(S, y, least * 0.7, most * 1.6);
  drawXAxis(S);
  for (const kind of KINDS) {
    if (!totals[kind]) continue;
    let path = "", open = false;
    for (const bar of bars) {
      const value = height(bar, kind);
      if (!value) { if (open) path += `V${g.y1}`; open = false; continue; }
      const left = Math.max(g.x(bar.low), g.x0), right = Math.min(g.x(bar.high), g.x1);
      path += open ? `V${y(value).toFixed(1)}` : `M${left.toFixed(1)},${g.y1}V${y(value).toFixed(1)}`;
      path += `H${right.toFixed(1)}`;
      open = true;
    }
    draw(svg, "path", { d: path + (open ? `V${g.y1}` : ""), class: `kind ${kind}` });
  }
  drawZeros(S, totals);
  drawLegend(S, totals);
}

// Scores of nothing at all have no place on a logarithmic axis: they are told in words.
function drawZeros(S, totals) {
  const { hist } = S.sketch, g = S.geometry;
  const zeros = hist.benign[0] + hist.attack[0] + hist.unlabelled[0];
  if (!zeros) return;
  draw(S.el.ground, "text", { x: g.x0 + 4, y: g.y1 - 6, class: "note" }, `◂ ${countText(zeros)} near zero`);
}

function drawYAxis(S, y, low, high) {
  const g = S.geometry, { ground: svg } = S.el;
  for (const v of logTicks(low, high, 6)) {
    draw(svg, "line", { x1: g.x0, x2: g.x1, y1: y(v), y2: y(v), class: "grid" });
    const text = S.density ? `${+(v * 100).toPrecision(2)} %` : tickText(v);
    draw(svg, "text", { x: g.x0 - 8, y: y(v) + 4, class: "tick end" }, text);
  }
  const title = S.density ? "share of its kind" : "flows";
  draw(svg, "text", { x: 12, y: (g.y0 + g.y1) / 2, class: "axis-title", transform: `rotate(-90 12 ${(g.y0 + g.y1) / 2})` }, title);
}

function drawXAxis(S) {
  const g = S.geometry, { ground: svg } = S.el;
  draw(svg, "line", { x1: g.x0, x2: g.x1, y1: g.y1 + 0.5, y2: g.y1 + 0.5, class: "axis" });
  for (const v of minorLogTicks(...S.domain))
    draw(svg, "line", { x1: g.x(v), x2: g.x(v), y1: g.y1, y2: g.y1 + 3, class: "axis" });
  for (const v of logTicks(...S.domain, Math.max(3, Math.floor((g.x1 - g.x0) / 70)))) {
    draw(svg, "line", { x1: g.x(v), x2: g.x(v), y1: g.y1, y2: g.y1 + 6, class: "axis" });
    draw(svg, "text", { x: g.x(v), y: g.y1 + 19, class: "tick middle" }, tickText(v));
  }
  draw(svg, "text", { x: g.x1, y: g.y1 + 38, class: "axis-title end" }, "score, higher is more anomalous →");
}

function drawLegend(S, totals) {
  const g = S.geometry;
  const legend = draw(S.el.ground, "g", { class: "legend" });
  let x = g.x0;
  for (const kind of KINDS) {
    if (!totals[kind]) continue;
    draw(legend, "rect", { x, y: g.y1 + 29, width: 14, height: 10, class: `kind ${kind}` });
    const name = kind === "benign" && !S.sketch.labelled ? "all flows" : KIND_TEXT[kind];
    const text = draw(legend, "text", { x: x + 19, y: g.y1 + 38, class: "note" }, `${name}, ${countText(totals[kind])}`);
    x += 19 + (text.getComputedTextLength() || 90) + 18;
  }
}

function drawTrack(S, track, top) {
  const g = S.geometry, { svg, ground } = S.el, values = S.all[track.id], bottom = top + TRACK;
  const finite = Array.from(values).filter(v => Number.isFinite(v) && v > 0);
  const low = Math.min(...finite, 1), high = Math.max(...finite, low * 10);
  const from = Math.max(low, high * 1e-6);
  const y = track.share ? linearScale(0, 1, bottom, top) : logScale(from, high, bottom - 3, top);
  const at = v => (track.share ? y(v) : v > 0 ? y(Math.max(v, from)) : bottom);
  draw(ground, "rect", { x: g.x0, y: top, width: g.x1 - g.x0, height: TRACK, class: "track" });
  const ticks = track.share ? [0, 1] : [from, high];
  ticks.forEach((v, i) => {
    const text = track.share ? (v ? "100 %" : "0 %") : track.rate ? percentTick(+v.toPrecision(1)) : tickText(+v.toPrecision(1));
    draw(ground, "text", { x: g.x1 + 6, y: i ? top + 9 : bottom, class: "tick scale" }, text);
  });
  draw(ground, "path", { d: stepPath(S, values, at), class: `line ${track.id}` });
  const name = track.id === "fBeta" && S.assumed.beta !== 1 ? `F${S.assumed.beta}` : named(S.sketch, track.text);
  draw(ground, "text", { x: g.x0 - 8, y: top + 17, class: "track-name end" }, name);
  const value = draw(svg, "text", { x: g.x0 - 8, y: top + 36, class: "track-value end" });
  const budget = drawBudget(S, track, at, from, high, top);
  const pinned = draw(svg, "circle", { r: 4, class: "pinned-dot", visibility: "hidden" });
  const dot = draw(svg, "circle", { r: 4.5, class: "dot" });
  return { ...track, at, top, bottom, value, dot, pinned, budget };
}

function drawBudget(S, track, at, low, high, top) {
  const capacity = capacityPerHour(S.assumed), g = S.geometry;
  const wanted = S.assumed.each === "alert" ? "alertsPerHour" : "incidentsPerDay";
  if (track.id !== wanted || !Number.isFinite(capacity)) return null;
  const limit = track.id === "incidentsPerDay" ? capacity * 24 : capacity;
  const y = at(Math.min(Math.max(limit, low), high));
  draw(S.el.ground, "line", { x1: g.x0, x2: g.x1, y1: y, y2: y, class: "budget" });
  draw(S.el.ground, "text", { x: g.x0 + 6, y: y - top < 18 ? y + 15 : y - 5, class: "note halo budget-text" }, `capacity ${numberText(limit)}`);
  return limit;
}

// A figure holds from the edge below (exclusive) up to its edge: steps, not slopes.
function stepPath(S, values, at) {
  const g = S.geometry, { edges, K } = S.sketch;
  let path = "", from = g.x0, open = false;
  for (let k = 0; k < K; k++) {
    const to = edges[k] > S.domain[0] ? Math.min(g.x(edges[k]), g.x1) : g.x0;
    if (Number.isFinite(values[k])) {
      const y = at(values[k]).toFixed(1);
      path += open ? `V${y}H${to.toFixed(1)}` : `M${from.toFixed(1)},${y}H${to.toFixed(1)}`;
      open = true;
    } else open = false;
    from = to;
  }
  if (open && from < g.x1) path += `H${g.x1}`;
  return path;
}

function drawMovingParts(S) {
  const g = S.geometry, { svg } = S.el, parts = (S.parts = {});
  // A finger on the histogram drags the line; on the tracks below it scrolls the page.
  draw(svg, "rect", { x: 0, y: 0, width: g.width, height: g.y1 + AXIS, class: "surface" });
  const bottom = g.height - GAP;
  parts.pinned = draw(svg, "g", { class: "pinned", visibility: "hidden" });
  drawCrossing(S, parts.pinned, g.y0, bottom);
  draw(parts.pinned, "text", { y: g.y0 + 34, x: -7, class: "note end halo" }, "pinned");
  parts.line = draw(svg, "g", { class: "threshold" });
  drawCrossing(S, parts.line, g.y0 - 6, bottom);
  parts.grip = draw(parts.line, "g", { class: "grip", role: "slider", tabindex: 0, "aria-label": "Alert threshold", "aria-orientation": "horizontal", "data-eg": "grip" });
  const middle = (g.y0 + g.y1) / 2;
  draw(parts.grip, "rect", { x: -22, y: middle - 32, width: 44, height: 64, class: "reach" });
  draw(parts.grip, "rect", { x: -8, y: middle - 19, width: 16, height: 38, rx: 8, class: "handle" });
  draw(parts.grip, "path", { d: `M-2.5,${middle - 7}v14M2.5,${middle - 7}v14`, class: "ridges" });
  parts.arrow = draw(parts.line, "path", { class: "beyond", visibility: "hidden" });
  parts.label = draw(parts.line, "g", { class: "label" });
  parts.labelBox = draw(parts.label, "rect", { y: 4, height: 24, rx: 4 });
  parts.labelText = draw(parts.label, "text", { y: 20.5 });
  parts.sides = draw(parts.line, "text", { y: g.y0 + 16, x: 10, class: "note halo" }, "alerts →");
}

// A line through histogram and tracks that leaves out the words between them.
function drawCrossing(S, parent, top, bottom) {
  draw(parent, "line", { y1: top, y2: S.geometry.y1 });
  if (S.tracks.length) draw(parent, "line", { y1: S.geometry.y1 + AXIS - 4, y2: bottom });
}

// Everything of the chart that follows the threshold.
function moveChart(S, found) {
  const g = S.geometry, parts = S.parts, raw = S.value > 0 ? g.x(S.value) : g.x0;
  const x = Math.min(Math.max(raw, g.x0), g.x1), beyond = raw > g.x1 + 1 ? 1 : raw < g.x0 - 1 ? -1 : 0;
  parts.line.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
  place(S.tint, { x, width: Math.max(g.x1 - x, 0) });
  parts.arrow.setAttribute("visibility", beyond ? "visible" : "hidden");
  const middle = (g.y0 + g.y1) / 2;
  if (beyond) parts.arrow.setAttribute("d", `M${beyond * 14},${middle - 8}l${beyond * 10},8l${-beyond * 10},8z`);
  parts.labelText.textContent = `threshold ${S.shortText}`;
  const width = 16 + 6.9 * parts.labelText.textContent.length;
  const left = Math.min(Math.max(x - width / 2, g.x0 - 40), g.x1 - width + 10) - x;
  place(parts.labelBox, { x: left, width });
  place(parts.labelText, { x: left + width / 2 });
  const room = g.x1 - x > 70;
  parts.sides.textContent = room ? "alerts →" : "← quiet";
  place(parts.sides, { x: room ? 8 : -8, class: room ? "note halo" : "note halo end" });
  for (const track of S.tracks) {
    const value = found[track.id], there = Number.isFinite(value);
    place(track.dot, { cx: x, cy: there ? track.at(value) : track.bottom, visibility: there ? "visible" : "hidden" });
    track.value.textContent = track.share ? percentText(value) : track.rate ? rateText(value) : numberText(value);
    if (track.budget !== null) track.value.classList.toggle("over", value > track.budget);
  }
}

function movePinned(S) {
  const g = S.geometry, there = Boolean(S.pinned);
  S.parts.pinned.setAttribute("visibility", there ? "visible" : "hidden");
  for (const track of S.tracks) track.pinned.setAttribute("visibility", "hidden");
  if (!there) return;
  const x = Math.min(Math.max(S.pinned.value > 0 ? g.x(S.pinned.value) : g.x0, g.x0), g.x1);
  S.parts.pinned.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
  for (const track of S.tracks) {
    const value = S.pinned.found[track.id];
    if (Number.isFinite(value)) place(track.pinned, { cx: x, cy: track.at(value), visibility: "visible" });
  }
}
