// The component: reads the sketch once, owns line and numbers, and tells Python only what was
// decided. One state for each place it is mounted in.

const MOUNTED = new WeakMap();
const KEY_REST_MS = 250;
const SHORT = 5; // digits of a threshold where people read it in passing
const MEASURE = "edgeguard-studio-draw";

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  if (!data || !data.sketch) return;
  let S = MOUNTED.get(parentElement);
  if (!S) {
    S = mount(parentElement);
    MOUNTED.set(parentElement, S);
  }
  S.send = value => setStateValue("decided", value);
  showTheme(S, parentElement);
  S.latest = data;
  if (!S.dragging && S.timer === null) takeOver(S);
  return () => {
    S.watcher.disconnect();
    clearTimeout(S.timer);
    MOUNTED.delete(parentElement);
  };
}

function mount(parentElement) {
  const el = {};
  for (const node of parentElement.querySelectorAll("[data-eg]")) el[node.dataset.eg] = node;
  const S = {
    el, rev: null, told: null, dragging: false, density: false, tab: "pr", unit: null, how: null,
    pinned: null, goalValues: {}, assumed: { ...NOTHING_ASSUMED }, timer: null, width: 0,
  };
  S.draw = () => drawMove(S);
  S.redraw = () => redraw(S);
  S.jump = (k, how) => { moveTo(S, k, S.sketch.edges[k], how); S.commit(); };
  S.jumpTo = (value, how) => jumpTo(S, value, how);
  S.commit = (more = {}) => commit(S, more);
  S.commitSoon = () => { clearTimeout(S.timer); S.timer = setTimeout(() => S.commit(), KEY_REST_MS); };
  S.edgeText = (k, most) => thresholdText(S.sketch.edges[k], S.sketch.edges[Math.max(k - 1, 0)], S.sketch.edges[Math.min(k + 1, S.sketch.K - 1)], most);
  S.notes = () => showNotes(S);
  S.watcher = new ResizeObserver(() => {
    if (S.sketch && el.studio.clientWidth !== S.width) { S.width = el.studio.clientWidth; S.redraw(); }
  });
  S.watcher.observe(el.studio);
  listen(S);
  return S;
}

// What came from Python since; while the line is held it waits, for nothing may pull at it.
function takeOver(S) {
  const { meta } = S.latest, told = JSON.stringify(meta.init);
  if (S.rev !== meta.rev) begin(S, S.latest);
  if (S.told === told) return;
  S.told = told;
  obey(S, meta.init);
}

// Another sketch: new figures, the same habits (unit, tab, pinned line, assumptions).
function begin(S, data) {
  S.rev = data.meta.rev;
  S.meta = data.meta;
  S.sketch = readSketch(data);
  S.inForce = data.meta.in_force;
  S.all = figuresEverywhere(S.sketch, S.assumed);
  S.k = -1;
  S.told = null;
  buildTabs(S);
}

// What Python wants shown: the threshold of a link, of a policy, of before a change of page.
function obey(S, init) {
  if (init.assumed) S.assumed = { ...NOTHING_ASSUMED, ...init.assumed };
  S.all = figuresEverywhere(S.sketch, S.assumed);
  if (init.unit && !S.unit) S.unit = init.unit;
  const at = placeOf(S.sketch, init.threshold);
  S.k = at.k;
  S.value = at.value;
  S.how = init.how ?? null;
  S.pinned = null;
  if (init.pinned !== null) {
    const there = placeOf(S.sketch, init.pinned);
    S.pinned = { k: there.k, value: there.value, found: figuresAt(S.sketch, there.k, S.assumed) };
  }
  S.width = S.el.studio.clientWidth;
  buildControls(S);
  showNotes(S);
  redraw(S);
}

function redraw(S) {
  layout(S);
  layoutPanels(S);
  layoutCurve(S);
  movePinned(S);
  movePinnedClasses(S);
  movePinnedLaid(S);
  drawMove(S);
}

// One move: everything that depends on where the line stands, and nothing else.
function drawMove(S) {
  const start = performance.now();
  const { sketch, k } = S;
  S.thresholdText = S.value === sketch.edges[k] ? S.edgeText(k) : thresholdText(S.value, sketch.edges[Math.max(k - 1, 0)], sketch.edges[k]);
  S.shortText = S.value === sketch.edges[k] ? S.edgeText(k, SHORT) : plainDigits(S.value, SHORT);
  const found = (S.found = figuresAt(sketch, k, S.assumed));
  moveChart(S, found);
  movePanels(S, found);
  moveCurve(S, found);
  moveRemarks(S, found);
  showTyped(S);
  markGoal(S);
  S.el.verdict.textContent = verdictText(S, found);
  S.el.pin.textContent = S.pinned && S.pinned.value === S.value ? "Unpin" : "Pin";
  S.el.reset.disabled = S.value === Math.fround(S.inForce);
  place(S.parts.grip, {
    "aria-valuemin": sketch.edges[0], "aria-valuemax": sketch.edges[sketch.K - 1], "aria-valuenow": S.value,
    "aria-valuetext": spokenText(S, found),
  });
  performance.measure(MEASURE, { start });
}

function moveTo(S, k, value, how) {
  if (k === S.k && value === S.value && !how) return;
  S.k = k;
  S.value = value;
  S.how = how ?? { method: "fixed" };
  say(S, "");
  drawMove(S);
}

function jumpTo(S, value, how) {
  const at = placeOf(S.sketch, value);
  moveTo(S, at.k, at.value, how);
  if (at.exact) return S.commit();
  if (S.meta.can_refine) return S.commit({ refine: Math.fround(value) });
  say(S, `Nothing was counted at ${numberText(value)}; the next threshold that was is ${S.thresholdText}.`);
  S.commit();
}

function commit(S, more) {
  clearTimeout(S.timer);
  S.timer = null;
  if (S.latest.meta.rev !== S.rev) {
    // A new sketch came while the line was held: it stays where the person put it.
    const { value, how } = S;
    takeOver(S);
    const at = placeOf(S.sketch, value);
    moveTo(S, at.k, at.value, how ?? { method: "fixed" });
  }
  S.told = JSON.stringify(S.latest.meta.init); // whatever was asked meanwhile: the hand had it last
  S.el.spoken.textContent = S.el.verdict.textContent;
  S.send({
    threshold: S.value, index: S.k, rev: S.rev, how: S.how, unit: S.unit,
    pinned: S.pinned ? S.pinned.value : null, assumed: S.assumed, ...more,
  });
}

function showNotes(S) {
  S.el.notes.replaceChildren();
  for (const note of S.meta.notes) {
    if (note.until === "time" && has(S, "time")) continue;
    const box = make(S.el.notes, "p", `remark ${note.kind}`, note.text);
    box.setAttribute("role", "note");
  }
}

function showTheme(S, parentElement) {
  const host = parentElement.host ?? parentElement;
  const ground = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
  S.el.studio.classList.toggle("dark", isDark(ground));
}

function isDark(colour) {
  const hex = /^#([0-9a-f]{6})/i.exec(colour);
  const rgb = hex ? [0, 2, 4].map(i => parseInt(hex[1].slice(i, i + 2), 16)) : (colour.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] < 128;
}
