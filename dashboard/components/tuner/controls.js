// What is typed and clicked: the entry field, goals, the pinned line, assumptions.

const GOAL_BUTTONS = [
  { id: "incidents_per_day", text: "Incidents/day ≤", start: 10, ask: "incidents per day" },
  { id: "alerts_per_hour", text: "Alerts/hour ≤", start: 20, ask: "alerts per hour" },
  { id: "false_alarms_at_most", text: "False-alarm rate ≤", start: 0.1, unit: "%", ask: "per cent of benign flows" },
  { id: "precision_at_least", text: "Precision ≥", start: 90, unit: "%", ask: "per cent" },
  { id: "recall_at_least", text: "Recall ≥", start: 95, unit: "%", ask: "per cent" },
  { id: "max_f_beta", text: "Best F, beta", start: 1, ask: "beta: above 1 weighs recall more" },
  { id: "min_cost", text: "Lowest cost" },
];
const PERCENT_GOALS = new Set(["false_alarms_at_most", "precision_at_least", "recall_at_least"]);

function readNumber(text) {
  const found = Number(String(text).trim().replace(",", ".").replace("−", "-").replace(/\s*%$/, ""));
  return String(text).trim() === "" ? NaN : found;
}

function buildControls(S) {
  buildEntry(S);
  buildGoals(S);
  buildAssumptions(S);
  const { el } = S;
  el.pin.onclick = () => { pin(S, S.pinned && S.pinned.value === S.value ? null : S.value); S.commit(); };
  el.reset.onclick = () => S.jumpTo(S.inForce, { method: "in_force" });
  for (const button of [el.count, el.density]) button.onclick = () => {
    S.density = button === el.density;
    el.count.setAttribute("aria-pressed", !S.density);
    el.density.setAttribute("aria-pressed", S.density);
    S.redraw();
  };
}

function pin(S, value) {
  if (value === null) S.pinned = null;
  else {
    const at = placeOf(S.sketch, value);
    S.pinned = { k: at.k, value: at.value, found: figuresAt(S.sketch, at.k, S.assumed) };
  }
  movePinned(S);
  movePinnedClasses(S);
  movePinnedLaid(S);
  movePinnedCurve(S);
  S.draw();
}

// A sentence about what was typed, or nothing.
function say(S, problem) {
  S.el.problem.textContent = problem || "";
  S.el.problem.hidden = !problem;
}

function buildEntry(S) {
  const { unit, typed, entry } = S.el;
  const there = UNITS.filter(u => has(S, u.needs));
  unit.replaceChildren();
  for (const u of there) {
    const option = make(unit, "option", "", named(S.sketch, u.text));
    option.value = u.id;
  }
  if (!there.some(u => u.id === S.unit)) S.unit = there[0].id;
  unit.value = S.unit;
  unit.onchange = () => { S.unit = unit.value; showTyped(S, true); };
  unit.onkeydown = typed.onkeydown = event => event.stopPropagation();
  entry.onsubmit = event => { event.preventDefault(); setTyped(S); };
}

function setTyped(S) {
  const value = readNumber(S.el.typed.value);
  if (!Number.isFinite(value)) return say(S, `“${S.el.typed.value}” is no number: type one, such as ${UNITS.find(u => u.id === S.unit).read(S, S.found)}.`);
  if (S.unit === "fixed") {
    if (value < 0) return say(S, "A score is never negative: type 0 or more.");
    return S.jumpTo(value, { method: "fixed", target: value });
  }
  choose(S, S.unit, value);
  S.el.typed.blur();
}

function choose(S, id, value) {
  const found = GOALS[id].choose(S.sketch, S.all, value);
  if (found.error) return say(S, found.error);
  const target = PERCENT_GOALS.has(id) ? value / 100 : id === "min_cost" ? S.assumed.fnCost / S.assumed.fpCost : value;
  S.jump(found.k, { method: id, target });
}

function showTyped(S, always = false) {
  if (!always && isFocused(S.el.typed)) return;
  S.el.typed.value = UNITS.find(u => u.id === S.unit).read(S, S.found);
}

function isFocused(node) {
  return node.getRootNode().activeElement === node;
}

function buildGoals(S) {
  S.el.goals.replaceChildren();
  S.goalForms = [];
  for (const goal of GOAL_BUTTONS) {
    if (!has(S, GOALS[goal.id].needs)) continue;
    const form = make(S.el.goals, "form", "goal");
    const button = make(form, "button", "", named(S.sketch, goal.text));
    button.type = "submit";
    form.dataset.goal = goal.id;
    let input = null;
    if (goal.start !== undefined) {
      input = make(form, "input");
      input.type = "text";
      input.inputMode = "decimal";
      input.value = S.goalValues[goal.id] ?? goal.start;
      input.setAttribute("aria-label", `${goal.text} ${goal.ask}`);
      input.onkeydown = event => event.stopPropagation();
      input.oninput = () => { S.goalValues[goal.id] = input.value; };
      if (goal.unit) make(form, "span", "unit", goal.unit);
    }
    form.onsubmit = event => { event.preventDefault(); askGoal(S, goal, input); };
    S.goalForms.push(form);
  }
}

function askGoal(S, goal, input) {
  const value = input ? readNumber(input.value) : 0;
  if (!Number.isFinite(value)) return say(S, `“${input.value}” is no number: type one, such as ${goal.start}.`);
  if (goal.id === "max_f_beta" && value !== S.assumed.beta) {
    if (value <= 0) return say(S, `F has no beta of ${value}: give one above 0, 1 weighs both equally.`);
    assume(S, { beta: value });
  }
  choose(S, goal.id, value);
}

function markGoal(S) {
  for (const form of S.goalForms) form.classList.toggle("chosen", Boolean(S.how) && form.dataset.goal === S.how.method);
}

const ASSUMPTIONS = [
  { id: "perThousand", text: "Attacks per 1,000 flows in production", hint: "as here", needs: "labels", most: 999.999 },
  { id: "flowsPerHour", text: "Flows per hour in production", hint: "as here", needs: "nothing" },
  { id: "analysts", text: "Analysts on duty", hint: "none", needs: "nothing" },
  { id: "minutes", text: "Minutes they need per", hint: "10", needs: "nothing" },
  { id: "fpCost", text: "Cost of a false alarm", hint: "1", needs: "labels" },
  { id: "fnCost", text: "Cost of a missed attack flow", hint: "10", needs: "labels" },
];

function buildAssumptions(S) {
  S.el.assumptions.replaceChildren();
  for (const field of ASSUMPTIONS) {
    if (!has(S, field.needs)) continue;
    const label = make(S.el.assumptions, "label");
    const text = make(label, "span", "", field.text);
    if (field.id === "minutes") eachChoice(S, text);
    const input = make(label, "input");
    input.type = "text";
    input.inputMode = "decimal";
    input.dataset.assume = field.id;
    input.setAttribute("aria-label", field.text);
    const now = S.assumed[field.id];
    input.value = now === null ? "" : String(now);
    input.placeholder = field.id === "flowsPerHour" ? (S.sketch.hours ? numberText(S.sketch.total / S.sketch.hours) : "not known") : field.hint;
    input.onkeydown = event => event.stopPropagation();
    input.onchange = () => {
      const value = readNumber(input.value), empty = input.value.trim() === "";
      const bad = !empty && !(value >= 0 && value <= (field.most ?? Infinity));
      if (bad) { say(S, `${field.text}: “${input.value}” does not fit, give a number of 0 or more${field.most ? " and below 1,000" : ""}.`); return; }
      say(S, "");
      assume(S, { [field.id]: empty || value === 0 && field.id !== "fnCost" ? NOTHING_ASSUMED[field.id] : value });
      S.commitSoon();
    };
  }
}

function eachChoice(S, text) {
  if (!has(S, "incidents")) { text.append(" alert"); return; }
  const select = make(text, "select");
  select.setAttribute("aria-label", "What an analyst looks at");
  for (const each of ["alert", "incident"]) make(select, "option", "", each).value = each;
  select.value = S.assumed.each;
  select.onchange = () => { assume(S, { each: select.value }); S.commitSoon(); };
}

function assume(S, change) {
  const timeKnown = has(S, "time");
  S.assumed = { ...S.assumed, ...change };
  S.all = figuresEverywhere(S.sketch, S.assumed);
  if (has(S, "time") !== timeKnown) { buildEntry(S); buildGoals(S); S.notes(); }
  if (S.pinned) S.pinned.found = figuresAt(S.sketch, S.pinned.k, S.assumed);
  S.redraw();
}

// What the budget and the costs say at the threshold.
function moveRemarks(S, found) {
  const capacity = capacityPerHour(S.assumed);
  const byIncident = S.assumed.each === "incident" && has(S, "incidents");
  const limit = byIncident ? capacity * 24 : capacity;
  const load = byIncident ? found.incidentsPerDay : found.alertsPerHour;
  const what = byIncident ? "incidents a day" : "alerts an hour";
  let said = "";
  if (Number.isFinite(limit) && Number.isFinite(load)) {
    const over = load - limit;
    said = `Capacity ${numberText(limit)} ${what}: ${over > 0 ? `over by ${numberText(over)}` : `${numberText(-over)} to spare`}.`;
  }
  S.el.budgetSays.textContent = said;
  S.el.budgetSays.classList.toggle("over", load > limit);
  if (!S.sketch.judged || S.all.cheapest < 0) { S.el.costSays.textContent = ""; return; }
  const regret = found.cost - S.all.lowestCost;
  S.el.costSays.textContent = `Cost ${numberText(found.cost)}; lowest ${numberText(S.all.lowestCost)} at threshold ${S.edgeText(S.all.cheapest, SHORT)}; regret ${numberText(regret)}.`;
}
