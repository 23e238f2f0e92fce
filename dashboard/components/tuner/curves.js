// PR, ROC, DET and cost over all thresholds, with the operating point and the pinned one.

const PROBIT_TICKS = [0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999];

const CURVES = {
  pr: {
    tab: "PR", x: "recall", y: "precision",
    scales: () => ({ x: [0, 1], y: [0, 1] }),
    point: (S, f) => [f.recall, f.precision],
  },
  roc: {
    tab: "ROC", x: "false-alarm rate, log scale", y: "recall",
    scales: S => ({ x: [Math.min(0.7 / S.sketch.nBenign, 0.1), 1], y: [0, 1], xLog: true }),
    point: (S, f) => [f.falseAlarmRate, f.recall],
  },
  det: {
    tab: "DET", x: "false-alarm rate, probit scale", y: "miss rate, probit scale",
    scales: S => {
      const ends = n => [probit(Math.min(0.5 / Math.max(n, 1), 0.05)), probit(0.99)];
      return { x: ends(S.sketch.nBenign), y: ends(S.sketch.nAttacks), probit: true };
    },
    point: (S, f) => [probit(f.falseAlarmRate), probit(1 - f.recall)],
  },
  cost: {
    tab: "Cost", x: "threshold, log scale", y: "cost of false alarms and misses",
    scales: S => {
      const costs = Array.from(S.all.cost), most = Math.max(...costs), least = Math.min(...costs);
      const yLog = least > 0 && most / least > 20;
      return { x: S.domain, xLog: true, y: yLog ? [least / 1.3, most * 1.2] : [0, most * 1.08 || 1], yLog };
    },
    point: (S, f, value) => [value, f.cost],
  },
};

function buildTabs(S) {
  S.el.tabs.replaceChildren();
  for (const [id, curve] of Object.entries(CURVES)) {
    const tab = make(S.el.tabs, "button", "tab", curve.tab);
    tab.type = "button";
    tab.setAttribute("role", "tab");
    tab.dataset.tab = id;
    tab.onclick = () => { S.tab = id; layoutCurve(S); moveCurve(S, figuresAt(S.sketch, S.k, S.assumed)); };
    tab.onkeydown = event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.stopPropagation();
      const all = [...S.el.tabs.children], next = all[(all.indexOf(tab) + step + all.length) % all.length];
      next.click();
      next.focus();
    };
  }
}

function layoutCurve(S) {
  if (!S.sketch.judged) return;
  const curve = CURVES[S.tab], svg = S.el.curveSvg;
  for (const tab of S.el.tabs.children) {
    const chosen = tab.dataset.tab === S.tab;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  const width = Math.max(S.el.curve.clientWidth, 280), height = 300;
  const box = { x0: 66, x1: width - 16, y0: 12, y1: height - 46 };
  svg.replaceChildren();
  place(svg, { width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": `${curve.tab}: ${curve.x} against ${curve.y}` });
  const kind = curve.scales(S);
  const x = (kind.xLog ? logScale : linearScale)(...kind.x, box.x0, box.x1);
  const y = (kind.yLog ? logScale : linearScale)(...kind.y, box.y1, box.y0);
  drawCurveAxes(svg, box, curve, kind, x, y);
  const points = [];
  for (let k = 0; k < S.sketch.K; k++) points.push(curvePoint(S, curve, k));
  S.curve = { ...curve, box, x, y, kind, points };
  draw(svg, "path", { d: curvePath(S.curve), class: "curve-line" });
  S.curve.pinned = draw(svg, "path", { d: "M0,-7L7,0L0,7L-7,0z", class: "pinned-dot" });
  S.curve.dot = draw(svg, "circle", { r: 6, class: "dot" });
  if (S.tab === "cost" && S.all.cheapest >= 0) drawCheapest(S, svg, x, y);
  S.curve.hover = draw(svg, "circle", { r: 4, class: "hover-dot", visibility: "hidden" });
  svg.onpointermove = event => hoverCurve(S, event);
  svg.onpointerleave = () => { S.curve.hover.setAttribute("visibility", "hidden"); sayCurve(S); };
  svg.onclick = event => { const k = nearestOnCurve(S, event); if (k >= 0) S.jump(k, { method: "fixed" }); };
  movePinnedCurve(S);
}

function curvePoint(S, curve, k) {
  const { all } = S;
  const f = { recall: all.recall[k], precision: all.precision[k], falseAlarmRate: all.falseAlarmRate[k], cost: all.cost[k] };
  return curve.point(S, f, S.sketch.edges[k]);
}

function drawCurveAxes(svg, box, curve, kind, x, y) {
  const ticks = (log, ends, room) =>
    kind.probit ? PROBIT_TICKS.map(probit).filter(v => v >= ends[0] && v <= ends[1])
      : log ? logTicks(ends[0], ends[1], room) : linearTicks(ends[0], ends[1], 5);
  const text = (v, isShare) =>
    kind.probit ? percentTick(PROBIT_TICKS.find(p => Math.abs(probit(p) - v) < 1e-9)) : isShare ? percentTick(v) : tickText(v);
  for (const v of ticks(kind.xLog, kind.x, 7)) {
    draw(svg, "line", { x1: x(v), x2: x(v), y1: box.y0, y2: box.y1, class: "grid" });
    draw(svg, "text", { x: x(v), y: box.y1 + 17, class: "tick middle" }, text(v, curve.tab !== "Cost"));
  }
  for (const v of ticks(kind.yLog, kind.y, 6)) {
    draw(svg, "line", { x1: box.x0, x2: box.x1, y1: y(v), y2: y(v), class: "grid" });
    draw(svg, "text", { x: box.x0 - 8, y: y(v) + 4, class: "tick end" }, text(v, curve.tab !== "Cost"));
  }
  draw(svg, "text", { x: (box.x0 + box.x1) / 2, y: box.y1 + 36, class: "axis-title middle" }, curve.x);
  const middle = (box.y0 + box.y1) / 2;
  draw(svg, "text", { x: 13, y: middle, class: "axis-title middle", transform: `rotate(-90 13 ${middle})` }, curve.y);
}

function percentTick(share) {
  return `${+(share * 100).toPrecision(3)} %`;
}

function curvePath({ points, x, y, box }) {
  let path = "", open = false;
  const inside = (v, a, b) => Math.min(Math.max(v, a), b);
  for (const [a, b] of points) {
    if (!Number.isFinite(a) || !Number.isFinite(b) || (x.low > 0 && a <= 0)) { open = false; continue; }
    path += `${open ? "L" : "M"}${inside(x(a), box.x0, box.x1).toFixed(1)},${inside(y(b), box.y0, box.y1).toFixed(1)}`;
    open = true;
  }
  return path;
}

function drawCheapest(S, svg, x, y) {
  const k = S.all.cheapest, cx = x(Math.max(S.sketch.edges[k], S.domain[0])), cy = y(S.all.cost[k]);
  draw(svg, "path", { d: `M${cx},${cy - 5}l5,9h-10z`, class: "cheapest" });
}

function moveCurve(S, found) {
  if (!S.curve || !S.sketch.judged) return;
  const { point, x, y, box, dot } = S.curve;
  placeDot(dot, point(S, found, S.value), x, y, box);
  sayCurve(S, found);
}

function placeDot(dot, [a, b], x, y, box) {
  // A rate of 0 has no place on a logarithmic or probit axis: the dot stands at its end.
  const edge = (v, scale, low, high) => (Number.isNaN(v) || v === -Infinity || (scale.low > 0 && v <= 0) ? NaN : Math.min(Math.max(scale(v), low), high));
  let cx = edge(a, x, box.x0, box.x1), cy = edge(b, y, box.y0, box.y1);
  if (Number.isNaN(cx)) cx = box.x0;
  if (Number.isNaN(cy)) cy = box.y1;
  dot.setAttribute("transform", `translate(${cx.toFixed(1)} ${cy.toFixed(1)})`);
}

function movePinnedCurve(S) {
  if (!S.curve) return;
  const { pinned, point, x, y, box } = S.curve;
  pinned.setAttribute("visibility", S.pinned ? "visible" : "hidden");
  if (S.pinned) placeDot(pinned, point(S, S.pinned.found, S.pinned.value), x, y, box);
}

function nearestOnCurve(S, event) {
  const { points, x, y } = S.curve, at = S.el.curveSvg.getBoundingClientRect();
  const px = event.clientX - at.left, py = event.clientY - at.top;
  let best = -1, distance = 60 ** 2;
  points.forEach(([a, b], k) => {
    if (!Number.isFinite(a) || !Number.isFinite(b) || (x.low > 0 && a <= 0)) return;
    const d = (x(a) - px) ** 2 + (y(b) - py) ** 2;
    if (d < distance) { distance = d; best = k; }
  });
  return best;
}

function hoverCurve(S, event) {
  const k = nearestOnCurve(S, event), { hover, points, x, y, box } = S.curve;
  hover.setAttribute("visibility", k < 0 ? "hidden" : "visible");
  if (k < 0) return sayCurve(S);
  placeDot(hover, points[k], x, y, box);
  S.el.curveReadout.textContent = `At threshold ${S.edgeText(k, SHORT)}: ${curveWords(S, figuresAt(S.sketch, k, S.assumed))}. Click to go there.`;
}

function curveWords(S, f) {
  const said = [`precision ${percentText(f.precision)}`, `recall ${percentText(f.recall)}`, `false-alarm rate ${rateText(f.falseAlarmRate)}`];
  if (S.tab === "cost") said.push(`cost ${numberText(f.cost)}`);
  return said.join(", ");
}

function sayCurve(S, found = figuresAt(S.sketch, S.k, S.assumed)) {
  const key = S.pinned ? "● threshold  ◆ pinned" : "● threshold";
  S.el.curveReadout.textContent = `${key}${S.tab === "cost" ? "  ▲ lowest cost" : ""}. Now ${curveWords(S, found)}.`;
}
