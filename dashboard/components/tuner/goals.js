// Ways to choose: the same rules as thresholds/choose.py and choose_labelled.py, edge by edge.
// Each answers {k} or {error}; the name of a goal is that of Python's function.

const SLACK = 1 + 1e-12; // for budgets met exactly: weights such as 1/3 round up

function lowestWhere(sk, meets, otherwise) {
  for (let k = 0; k < sk.K; k++) if (meets(k)) return { k };
  return { error: otherwise };
}

function highestWhere(sk, meets, otherwise) {
  for (let k = sk.K - 1; k >= 0; k--) if (meets(k)) return { k };
  return { error: otherwise };
}

function lastBest(sk, gain) {
  let best = -1;
  for (let k = 0; k < sk.K; k++) if (best < 0 || gain[k] >= gain[best]) best = k;
  return { k: best };
}

function shareOrError(percent, what) {
  const share = percent / 100;
  return share > 0 && share <= 1 ? null : `A ${what} of ${percent} % is none: give one above 0 and up to 100.`;
}

const NO_EDGE = "No threshold of these flows meets that.";

const GOALS = {
  max_f_beta: {
    needs: "labels",
    choose: (sk, all) => lastBest(sk, all.fBeta),
  },
  precision_at_least: {
    needs: "labels",
    choose: (sk, all, percent) => {
      const wrong = shareOrError(percent, "precision");
      if (wrong) return { error: wrong };
      const most = all.precision.reduce((m, v) => (v > m ? v : m), 0);
      return lowestWhere(sk, k => all.precision[k] >= percent / 100,
        `No threshold reaches a precision of ${percent} %; the highest is ${percentText(most)}.`);
    },
  },
  recall_at_least: {
    needs: "labels",
    choose: (sk, all, percent) => {
      const wrong = shareOrError(percent, "recall");
      return wrong ? { error: wrong } : highestWhere(sk, k => all.recall[k] >= percent / 100, NO_EDGE);
    },
  },
  false_alarms_at_most: {
    needs: "benign",
    choose: (sk, all, percent) => {
      const wrong = shareOrError(percent, "false-alarm rate");
      return wrong ? { error: wrong } : lowestWhere(sk, k => all.falseAlarmRate[k] <= percent / 100, NO_EDGE);
    },
  },
  alerts_per_hour: {
    needs: "time",
    choose: (sk, all, budget) => withinBudget(sk, all.alertsPerHour, budget),
  },
  incidents_per_day: {
    needs: "incidents",
    choose: (sk, all, budget) => withinBudget(sk, all.incidentsPerDay, budget),
  },
  min_cost: {
    needs: "labels",
    choose: (sk, all) => (all.cheapest < 0 ? { error: NO_EDGE } : { k: all.cheapest }),
  },
  percentile: {
    needs: "benign",
    choose: (sk, all, q) => {
      if (!(q >= 0 && q <= 100)) return { error: `There is no percentile ${q}: give one between 0 and 100.` };
      const allowed = Math.floor((sk.nBenign * (100 - q)) / 100 + 1e-9);
      return lowestWhere(sk, k => sk.falseAlarms[k] <= allowed && isEdgeOfBenign(sk, k), NO_EDGE);
    },
  },
};

function withinBudget(sk, rates, budget) {
  if (!(budget >= 0)) return { error: "A budget is 0 or more." };
  return lowestWhere(sk, k => rates[k] <= budget * SLACK, NO_EDGE);
}

// On a complete sketch a percentile stands where a benign flow does, or above them all.
function isEdgeOfBenign(sk, k) {
  if (!sk.complete || k === sk.K - 1) return true;
  return sk.falseAlarms[k] > sk.falseAlarms[k + 1];
}

// Units in which a threshold can be typed; each names the goal that finds it.
const UNITS = [
  { id: "incidents_per_day", text: "incidents per day", needs: "incidents", read: (S, f) => numberText(f.incidentsPerDay).replaceAll(",", "") },
  { id: "alerts_per_hour", text: "alerts per hour", needs: "time", read: (S, f) => numberText(f.alertsPerHour).replaceAll(",", "") },
  { id: "false_alarms_at_most", text: "false-alarm rate, %", needs: "benign", read: (S, f) => String(+(100 * f.falseAlarmRate).toPrecision(4)) },
  { id: "percentile", text: "percentile of benign", needs: "benign", read: (S, f) => String(+(100 * (1 - f.falseAlarmRate)).toPrecision(6)) },
  { id: "fixed", text: "raw score", needs: "nothing", read: S => S.thresholdText },
];

function has(S, need) {
  const sk = S.sketch;
  return {
    nothing: true,
    benign: sk.nBenign > 0,
    labels: sk.judged,
    time: Number.isFinite(hourlyWeight(sk, S.assumed)),
    incidents: Boolean(sk.incidents && sk.incidentHours),
  }[need];
}
