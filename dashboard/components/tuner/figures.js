// The figures at a threshold, from counts alone: the same arithmetic as evaluation/operating.py.

const Z95 = 1.959963984540054;
const FEW_FLOWS = 30;
const NOTHING_ASSUMED = { beta: 1, perThousand: null, flowsPerHour: null, fpCost: 1, fnCost: 10, analysts: null, minutes: 10, each: "alert" };

function columnOf(table, name, Kind) {
  const found = table.getChild(name).toArray();
  return found instanceof Kind ? found : Kind.from(found, Number);
}

// Typed arrays of the sketch, and what follows from it for every edge.
function readSketch(data) {
  const { meta } = data;
  const edges = columnOf(data.sketch, "edge", Float32Array);
  const counts = meta.classes.map((_, c) => columnOf(data.sketch, `c${c}`, Uint32Array));
  const attackIndex = meta.classes.map((_, c) => c).filter(c => c !== meta.benign && c !== meta.unlabelled);
  const K = edges.length;
  const sum = list => {
    const total = new Float64Array(K);
    for (const c of list) for (let k = 0; k < K; k++) total[k] += counts[c][k];
    return total;
  };
  const sketch = {
    K, edges, counts, attackIndex,
    caught: sum(attackIndex),
    falseAlarms: meta.benign === null ? new Float64Array(K) : Float64Array.from(counts[meta.benign]),
    unlabelled: meta.unlabelled === null ? new Float64Array(K) : Float64Array.from(counts[meta.unlabelled]),
    incidents: meta.has_incidents ? Float64Array.from(columnOf(data.sketch, "incidents", Uint32Array)) : null,
    nAttacks: attackIndex.reduce((n, c) => n + meta.n[c], 0),
    nBenign: meta.benign === null ? 0 : meta.n[meta.benign],
    nUnlabelled: meta.unlabelled === null ? 0 : meta.n[meta.unlabelled],
    total: meta.n.reduce((a, b) => a + b, 0),
    hours: meta.hours,
    incidentHours: meta.incident_hours,
    complete: meta.complete,
    labelled: meta.labelled,
    laid: readLaid(data),
    hist: ["low", "high", "benign", "attack", "unlabelled"].reduce(
      (all, name) => ({ ...all, [name]: Float64Array.from(columnOf(data.hist, name, Float64Array)) }), {}),
  };
  sketch.alerts = new Float64Array(K);
  for (let k = 0; k < K; k++) sketch.alerts[k] = sketch.caught[k] + sketch.falseAlarms[k] + sketch.unlabelled[k];
  sketch.judged = sketch.labelled && sketch.nAttacks > 0 && sketch.nBenign > 0;
  return sketch;
}

// What an attack and a benign flow count for, where attacks are rarer than in these flows.
function classWeights(sk, perThousand) {
  if (!perThousand || !sk.judged) return [1, 1];
  const share = perThousand / 1000, total = sk.nAttacks + sk.nBenign;
  return [(share * total) / sk.nAttacks, ((1 - share) * total) / sk.nBenign];
}

function hourlyWeight(sk, assumed) {
  if (assumed.flowsPerHour) return sk.total ? assumed.flowsPerHour / sk.total : NaN;
  return sk.hours ? 1 / sk.hours : NaN;
}

function ratio(part, whole) {
  return whole === 0 ? NaN : part / whole;
}

function figuresAt(sk, k, assumed) {
  const caught = sk.caught[k], wrong = sk.falseAlarms[k], missed = sk.nAttacks - caught;
  const [a, b] = classWeights(sk, assumed.perThousand);
  const hourly = hourlyWeight(sk, assumed), squared = assumed.beta ** 2;
  const weighted = (1 + squared) * (a * caught);
  const raised = sk.incidents ? sk.incidents[k] : NaN;
  return {
    alerts: sk.alerts[k], falseAlarms: wrong, caught, missed,
    quiet: sk.nBenign - wrong,
    unlabelled: sk.unlabelled[k],
    precision: sk.judged ? ratio(a * caught, a * caught + b * wrong) : NaN,
    measuredPrecision: sk.judged ? ratio(caught, caught + wrong) : NaN,
    recall: ratio(caught, sk.nAttacks),
    fBeta: sk.judged ? ratio(weighted, weighted + squared * (a * missed) + b * wrong) : NaN,
    falseAlarmRate: ratio(wrong, sk.nBenign),
    alertsPerHour: sk.alerts[k] * hourly,
    falseAlarmsPerHour: sk.nBenign ? wrong * hourly : NaN,
    incidents: raised,
    incidentsPerDay: sk.incidentHours ? raised * ((1 / sk.incidentHours) * 24) : NaN,
    cost: sk.judged ? assumed.fpCost * (b * wrong) + assumed.fnCost * (a * missed) : NaN,
  };
}

// Every figure at every edge, for tracks, curves and goals; made anew when an assumption changes.
function figuresEverywhere(sk, assumed) {
  const names = ["precision", "recall", "fBeta", "falseAlarmRate", "alertsPerHour", "incidentsPerDay", "cost"];
  const all = Object.fromEntries(names.map(name => [name, new Float64Array(sk.K)]));
  for (let k = 0; k < sk.K; k++) {
    const found = figuresAt(sk, k, assumed);
    for (const name of names) all[name][k] = found[name];
  }
  all.lowestCost = Infinity;
  all.cheapest = -1;
  for (let k = 0; k < sk.K; k++) if (all.cost[k] <= all.lowestCost) { all.lowestCost = all.cost[k]; all.cheapest = k; }
  return all;
}

function wilson(hits, trials) {
  if (!trials) return [NaN, NaN];
  const share = hits / trials, square = Z95 * Z95;
  const middle = share + square / (2 * trials);
  const half = Z95 * Math.sqrt((share * (1 - share)) / trials + square / (4 * trials * trials));
  const whole = 1 + square / trials;
  return [Math.max(0, (middle - half) / whole), Math.min(1, (middle + half) / whole)];
}

// The lowest edge at or above a value; K where there is none.
function edgeAtOrAbove(sk, value) {
  const wanted = Math.fround(value);
  let low = 0, high = sk.K;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sk.edges[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Where a value stands: its edge, and whether every verdict there is known.
function placeOf(sk, value) {
  const k = edgeAtOrAbove(sk, value);
  if (k === sk.K) {
    const last = sk.K - 1;
    const exact = sk.alerts[last] === 0 && laidGone(sk);
    return { k: last, value: exact ? Math.fround(value) : sk.edges[last], exact };
  }
  const onEdge = sk.edges[k] === Math.fround(value);
  const same = k > 0 ? sk.counts.every(c => c[k] === c[k - 1]) : sk.alerts[k] === sk.total;
  if (onEdge || ((sk.complete || same) && laidSame(sk, k))) return { k, value: Math.fround(value), exact: true };
  return { k, value: sk.edges[k], exact: false };
}

function capacityPerHour(assumed) {
  return assumed.analysts > 0 && assumed.minutes > 0 ? (assumed.analysts * 60) / assumed.minutes : NaN;
}

// Without labels every flow is taken as benign, and what alerts is no false alarm.
function named(sk, text) {
  if (sk.labelled) return text;
  return text.replace("False-alarm rate", "Alert rate").replace("false-alarm rate", "alert rate")
    .replace("False alarms", "Alert rate").replace(" of benign", "");
}
