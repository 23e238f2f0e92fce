// The numbers beside the chart: figures with differences, verdicts, recall of each class.

function make(parent, tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

// What each figure was counted on; it gives way to the difference once a line is pinned.
const BASIS = {
  precision: (S, f) => (S.assumed.perThousand ? `${percentText(f.measuredPrecision)} on these flows` : `${countText(f.caught)} of ${countText(f.caught + f.falseAlarms)}`),
  recall: (S, f) => `${countText(f.caught)} of ${countText(S.sketch.nAttacks)}`,
  alerts: S => `of ${countText(S.sketch.total)} flows`,
  falseAlarmRate: (S, f) => `${countText(f.falseAlarms)} of ${countText(S.sketch.nBenign)}`,
  alertsPerHour: (S, f) => (S.assumed.flowsPerHour ? `at ${numberText(S.assumed.flowsPerHour)} flows an hour` : `${countText(f.alerts)} in ${numberText(S.sketch.hours)} h`),
  incidentsPerDay: (S, f) => `${countText(f.incidents)} in ${numberText(S.sketch.incidentHours)} h`,
};
const BIG = [
  { id: "precision", text: "Precision", needs: "labels", show: percentText, better: 1, points: true },
  { id: "recall", text: "Recall", needs: "labels", show: percentText, better: 1, points: true },
  { id: "alerts", text: "Alerts", needs: "noLabels", show: countText, better: -1 },
  { id: "falseAlarmRate", text: "False-alarm rate", needs: "noLabels", show: rateText, better: -1, rate: true },
  { id: "alertsPerHour", text: "Alerts per hour", needs: "time", show: numberText, better: -1 },
  { id: "incidentsPerDay", text: "Incidents per day", needs: "incidents", show: numberText, better: -1 },
].map(figure => ({ ...figure, basis: BASIS[figure.id] }));
const SMALL = [
  { id: "fBeta", text: "F1", needs: "labels", show: percentText, better: 1, points: true },
  { id: "falseAlarmRate", text: "False-alarm rate", needs: "labels", show: rateText, better: -1, rate: true },
  { id: "falseAlarmsPerHour", text: "False alarms per hour", needs: "timedLabels", show: numberText, better: -1 },
  { id: "alerts", text: "Alerts among these flows", needs: "labels", show: countText, better: -1 },
];

function wanted(S, need) {
  if (need === "noLabels") return !has(S, "labels");
  if (need === "timedLabels") return has(S, "labels") && has(S, "time");
  return has(S, need);
}

function layoutPanels(S) {
  const corrected = S.assumed.perThousand && S.sketch.judged;
  S.el.numbers.replaceChildren();
  S.el.small.replaceChildren();
  S.shown = [];
  for (const figure of BIG) {
    if (!wanted(S, figure.needs)) continue;
    const box = make(S.el.numbers, "div", "number");
    const name = make(box, "span", "name", named(S.sketch, figure.text));
    if (figure.id === "precision" && corrected) make(name, "em", "corrected", "corrected");
    const value = make(box, "span", "value");
    value.dataset.figure = figure.id;
    S.shown.push({ ...figure, value, chip: make(box, "span", "chip") });
  }
  for (const figure of SMALL) {
    if (!wanted(S, figure.needs)) continue;
    const name = figure.id === "fBeta" && S.assumed.beta !== 1 ? `F${S.assumed.beta}` : figure.text;
    make(S.el.small, "dt", "", name);
    const cell = make(S.el.small, "dd", "");
    const chip = make(cell, "span", "chip");
    const value = make(cell, "span", "value");
    value.dataset.figure = figure.id;
    S.shown.push({ ...figure, value, chip });
  }
  const judged = S.sketch.judged;
  S.el.attackRow.hidden = !S.sketch.nAttacks;
  S.el.benignRow.hidden = !S.sketch.nBenign;
  S.el.confusionPart.hidden = !S.sketch.labelled;
  S.el.unlabelledRow.hidden = !S.sketch.nUnlabelled;
  S.el.recallPart.hidden = !S.sketch.labelled || !S.sketch.nAttacks;
  S.el.curvesPart.hidden = !judged;
  S.el.noCurves.hidden = judged;
  S.el.noCurves.textContent = S.meta.words.no_curves;
  layoutClasses(S);
  layoutLaid(S);
}

function layoutClasses(S) {
  S.el.classes.replaceChildren();
  S.classRows = S.sketch.attackIndex.map(c => {
    const n = S.meta.n[c], few = n < FEW_FLOWS;
    const row = make(S.el.classes, "div", few ? "class few" : "class");
    row.setAttribute("role", "listitem");
    const name = make(row, "span", "class-name", S.meta.classes[c]);
    name.title = S.meta.classes[c];
    if (few) make(name, "span", "class-few", "few samples");
    const bar = make(row, "span", "class-bar");
    const fill = make(bar, "span", "fill"), whisker = make(bar, "span", "whisker");
    const pinned = make(bar, "span", "pin-mark");
    const share = make(row, "span", "class-share");
    make(row, "span", "class-n", `n ${countText(n)}`);
    return { c, n, row, fill, whisker, pinned, share, place: -1 };
  });
}

function movePanels(S, found) {
  for (const item of S.shown) {
    item.value.textContent = item.show(found[item.id]);
    showChange(item, found[item.id], S.pinned ? S.pinned.found[item.id] : NaN, S.pinned);
    if (item.basis && !S.pinned) item.chip.textContent = item.basis(S, found);
  }
  const { el, sketch } = S;
  el.caught.textContent = countText(found.caught);
  el.missed.textContent = countText(found.missed);
  el.falseAlarms.textContent = countText(found.falseAlarms);
  el.quiet.textContent = countText(found.quiet);
  if (sketch.nUnlabelled) {
    el.unlabelledAlerts.textContent = countText(found.unlabelled);
    el.unlabelledQuiet.textContent = countText(sketch.nUnlabelled - found.unlabelled);
  }
  moveClasses(S);
  moveLaid(S);
}

function showChange(item, now, before, pinned) {
  const { chip } = item;
  const change = now - before;
  if (!pinned || !Number.isFinite(change)) { chip.textContent = ""; chip.className = "chip"; return; }
  const sign = change > 0 ? "+" : change < 0 ? "−" : "±", size = Math.abs(change);
  const text = item.points ? `${(size * 100).toFixed(1)} pt` : item.rate ? `${+(size * 100).toPrecision(2)} pt` : numberText(size);
  chip.textContent = change === 0 ? "same as pinned" : `${change > 0 ? "▲" : "▼"} ${sign}${text}`;
  chip.className = `chip ${change === 0 ? "" : change * item.better > 0 ? "better" : "worse"}`;
}

function moveClasses(S) {
  const { counts } = S.sketch;
  for (const row of S.classRows) {
    const found = counts[row.c][S.k];
    row.recall = row.n ? found / row.n : NaN;
    if (row.found === found) continue;
    row.found = found;
    const [low, high] = wilson(found, row.n);
    row.fill.style.width = `${(row.recall * 100).toFixed(2)}%`;
    row.whisker.style.left = `${(low * 100).toFixed(2)}%`;
    row.whisker.style.width = `${((high - low) * 100).toFixed(2)}%`;
    row.share.textContent = percentText(row.recall);
    row.row.title = `${countText(found)} of ${countText(row.n)} alert; 95 % interval ${percentText(low)} to ${percentText(high)}`;
  }
  const order = [...S.classRows].sort((a, b) => b.recall - a.recall || a.c - b.c);
  order.forEach((row, i) => {
    if (row.place !== i) { row.place = i; row.row.style.order = i; }
  });
}

function movePinnedClasses(S) {
  for (const row of S.classRows) {
    row.pinned.hidden = !S.pinned;
    if (S.pinned) row.pinned.style.left = `${((S.sketch.counts[row.c][S.pinned.k] / row.n) * 100).toFixed(2)}%`;
  }
}

// The outcome in a sentence, and what a screen reader hears at each move.
function verdictText(S, found) {
  const { sketch } = S;
  if (!found.alerts) return sketch.nAttacks ? "0 alerts: every attack is missed." : "0 alerts.";
  const alerts = `${countText(found.alerts)} ${found.alerts === 1 ? "alert" : "alerts"}`;
  const rate = Number.isFinite(found.alertsPerHour) ? ` (${numberText(found.alertsPerHour)} an hour)` : "";
  if (!sketch.judged) return `${alerts}${rate} among ${countText(sketch.total)} flows.${laidVerdict(S)}`;
  const judged = found.caught + found.falseAlarms;
  const wrong = found.falseAlarms === 0 ? "none of them false"
    : found.falseAlarms >= judged / 2 ? `${percentText(found.falseAlarms / judged, 0)} of them false`
    : `1 in ${numberText(Math.round(judged / found.falseAlarms))} false`;
  return `${alerts}${rate}, ${wrong}; ${percentText(found.recall)} of the attack flows are caught.`;
}

function spokenText(S, found) {
  const share = v => (Number.isFinite(v) ? v.toFixed(3) : "unknown");
  const hourly = Number.isFinite(found.alertsPerHour) ? numberText(found.alertsPerHour) : "unknown";
  const words = [`threshold ${S.thresholdText}`, `precision ${share(found.precision)}`, `recall ${share(found.recall)}`, `${hourly} alerts per hour`];
  if (Number.isFinite(found.incidentsPerDay)) words.push(`${numberText(found.incidentsPerDay)} incidents per day`);
  return [...words, ...laidSpoken(S)].join(", ");
}
